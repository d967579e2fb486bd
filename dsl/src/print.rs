//! From the tree back to text, in either spelling: `fmt` and `convert`.
//!
//! Nodes come in, text goes out that gives the same nodes when it is read. Layout is lost; comments are lost between
//! the spellings and kept when a `.vfx` text is formatted. What a text of the other spelling cannot say is an error,
//! never left out.

mod comments;
mod vfx;
mod yaml;

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lower;
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::Spelling;
use crate::syntax::node::{Document, Node};
use crate::vocabulary::Catalogue;

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
        Spelling::Yaml => yaml::print(&nodes, catalogue),
    }
}

/// The text of `file`, which gave `doc`, in the form that we write. Comments and single blank lines of a `.vfx` text
/// are kept. A YAML text that holds comments loses them; see [`loses_comments`].
///
/// # Errors
/// As [`convert`].
pub fn format(
    doc: &Document,
    map: &SourceMap,
    file: FileId,
    catalogue: &Catalogue,
) -> Result<String, Vec<Diagnostic>> {
    match doc {
        Document::Nodes(nodes) => vfx::print(nodes, Some(&map.file(file).text)),
        Document::Map(_) => convert(doc, Spelling::Yaml, catalogue),
    }
}

/// Whether [`format()`] would lose comments of this YAML text. It may say so where `#` stands at a line's start or
/// behind white space inside a quoted text that runs over lines; never the other way round.
pub fn loses_comments(text: &str) -> bool {
    text.lines().any(|line| {
        let mut quote: Option<char> = None;
        let mut before = ' ';
        for c in line.chars() {
            match quote {
                Some(q) if c == q => quote = None,
                Some(_) => {}
                None if c == '#' && before.is_whitespace() => return true,
                None if matches!(c, '"' | '\'') && !before.is_alphanumeric() => quote = Some(c),
                None => {}
            }
            before = c;
        }
        false
    })
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
