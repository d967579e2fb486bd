//! Both ways from text to a tree with places. Knows nodes and lexical values, never a word's meaning.
//!
//! ```text
//! .vfx text  --scan, vfx-->  Document::Nodes
//! YAML, JSON --yaml------->  Document::Map      + Vec<Diagnostic>, in order of place
//! ```

mod findings;
pub mod node;
mod scan;
mod vfx;
mod words;
mod yaml;

use std::path::Path;

use self::findings::Findings;
use self::node::Document;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, SourceMap, Span};

pub use self::findings::MOST_FINDINGS;
pub use self::scan::{MOST_NESTING, MOST_PARTS};
pub use self::words::words;

/// The longest text that is read, in bytes: 8 MiB, some 10⁵ clips.
pub const LONGEST_TEXT: usize = 8 << 20;

/// How a script is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spelling {
    /// `.vfx`.
    Vfx,
    /// YAML, and JSON as a part of it.
    Yaml,
}

impl Spelling {
    /// By the ending: `.vfx`, or `.yaml`, `.yml`, `.json`; `None` for any other. Letter case does not count.
    pub fn of_path(path: &Path) -> Option<Spelling> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "vfx" => Some(Spelling::Vfx),
            "yaml" | "yml" | "json" => Some(Spelling::Yaml),
            _ => None,
        }
    }

    /// By the first line that says something: for standard input. No `.vfx` script begins with `name:`, `{`, `- `,
    /// `#` or a quoted key, and no YAML script with anything else.
    pub fn guess(text: &str) -> Spelling {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let Some(line) = text.lines().map(str::trim).find(|line| !line.is_empty()) else {
            return Spelling::Vfx;
        };
        if line.starts_with(['{', '-', '#', '%', '"', '\'', '[', '?', '&', '!']) {
            return Spelling::Yaml;
        }
        let word =
            line.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '$'))).unwrap_or(line.len());
        let after = line.get(word..).unwrap_or("").trim_start();
        if word > 0 && after.starts_with(':') { Spelling::Yaml } else { Spelling::Vfx }
    }
}

/// Reads one text of `map`. All findings are given at once, in order of place; the document is there whenever
/// something could be read, so that the words can be checked in spite of syntactic mistakes. With no finding of
/// severity error, it is whole.
pub fn parse(map: &SourceMap, file: FileId, spelling: Spelling) -> (Option<Document>, Vec<Diagnostic>) {
    let text = map.file(file).text.as_str();
    let (document, findings) = read(text, file, spelling);
    let wrong = |findings: &[Diagnostic]| findings.iter().any(Diagnostic::is_error);
    if spelling == Spelling::Vfx && wrong(&findings) && Spelling::guess(text) == Spelling::Yaml {
        // Only a text that is right in YAML was certainly meant in it.
        let (meant, faults) = read(text, file, Spelling::Yaml);
        if meant.is_some_and(|document| says_something(&document)) && !wrong(&faults) {
            return (None, vec![misnamed(text, file)]);
        }
    }
    (document, findings)
}

fn says_something(document: &Document) -> bool {
    matches!(document, Document::Map(map) if map.entries.iter().any(|e| e.value.kind != node::ValueKind::Null))
}

/// The one finding about YAML in a file that its name calls `.vfx`.
fn misnamed(text: &str, file: FileId) -> Diagnostic {
    let first = text.len() - text.trim_start_matches('\u{feff}').trim_start().len();
    let line = text.get(first..).and_then(|rest| rest.lines().next()).unwrap_or("").trim_end();
    let span = Span::new(file, first, first + line.len());
    Diagnostic::error(codes::OTHER_SPELLING, span, "this is YAML or JSON, but its name says `.vfx`")
        .help("let its name end in `.yaml` or `.json`; `vfxb convert` then makes `.vfx` of it")
}

fn read(text: &str, file: FileId, spelling: Spelling) -> (Option<Document>, Vec<Diagnostic>) {
    let mut findings = Findings::new(file, text);
    if text.len() > LONGEST_TEXT {
        let message = format!("the script has {} bytes; {LONGEST_TEXT} are allowed", text.len());
        let span = findings.span(LONGEST_TEXT, LONGEST_TEXT);
        findings.error(codes::TEXT_TOO_LARGE, span, message, "split the film into several scripts");
        return (None, findings.finish());
    }
    let document = match spelling {
        Spelling::Vfx => vfx::parse(text, &mut findings).map(Document::Nodes),
        Spelling::Yaml => yaml::parse(text, &mut findings).map(Document::Map),
    };
    (document, findings.finish())
}

/// A piece of the user's text as a message quotes it: on one line, at most 40 characters.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
