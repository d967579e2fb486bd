//! From the tree back to text, in either spelling: `fmt` and `convert`.
//!
//! Nodes come in, text goes out that gives the same nodes when it is read. Layout is lost; comments are lost between
//! the spellings and kept when a text is formatted. What a text of the other spelling cannot say is an error, never
//! left out.

mod comments;
mod layout;
mod vfx;
mod yaml;

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lower;
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::Spelling;
use crate::syntax::node::{Document, Node};
use crate::vocabulary::Catalogue;

/// Lines longer than this are broken.
const WIDTH: usize = 110;

/// The text of a document in the spelling `to`. The findings are errors: what that spelling cannot say, or what
/// makes it unclear what a YAML mapping is.
///
/// # Errors
/// If there is any such finding.
pub fn convert(doc: &Document, to: Spelling, catalogue: &Catalogue) -> Result<String, Vec<Diagnostic>> {
    let (nodes, findings) = lower::nodes(doc, catalogue);
    if !findings.is_empty() {
        return Err(findings);
    }
    match to {
        Spelling::Vfx => vfx::print(&nodes, None),
        Spelling::Yaml => yaml::print(&nodes, catalogue).map(layout::tidy),
    }
}

/// The text of `file`, which gave `doc`, in the form that we write. Comments and single blank lines are kept.
///
/// # Errors
/// If the text holds what cannot be written in that form: the findings say where.
pub fn format(doc: &Document, sources: &SourceMap, file: FileId) -> Result<String, Vec<Diagnostic>> {
    match doc {
        Document::Nodes(nodes) => vfx::print(nodes, Some(&sources.file(file).text)),
        Document::Map(map) => layout::lay_out(map, sources, file),
    }
}

/// The finding for what a spelling has no words for.
fn inexpressible(span: Span, message: &str, help: &str) -> Diagnostic {
    Diagnostic::error(codes::INEXPRESSIBLE, span, message).help(help)
}

/// The first of a script's nodes.
fn first_kinds(nodes: &[Node]) -> Vec<&str> {
    let mut kinds: Vec<&str> = Vec::new();
    for node in nodes {
        if !kinds.contains(&node.kind.value.as_str()) {
            kinds.push(&node.kind.value);
        }
    }
    kinds
}

#[cfg(test)]
mod tests;
