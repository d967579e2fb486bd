//! Findings: what is wrong with a script, where, and how to mend it.
//!
//! A [`Diagnostic`] is data; it is drawn for people or written as JSON at the edge of the program.

mod render;

use serde::{Deserialize, Serialize};

use crate::source::Span;

pub use self::render::{render, render_short, summary, to_json};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Probably not what was meant; renders all the same.
    Warning,
    /// Nothing renders.
    Error,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// A stable code such as `V0203`. The first two digits are the phase: `01` syntax, `02` words, `03` values,
/// `04` times and ids, `05` media, `06` outputs and limits, `07` rendering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Code(pub &'static str);

/// A place and what to say under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// What is underlined.
    pub span: Span,
    /// What stands beside the underline; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Its stable code.
    pub code: Code,
    /// What is wrong, in the user's words, in one line.
    pub message: String,
    /// The main place and what to say there; absent only where no text is to blame (a command-line value).
    pub primary: Option<Label>,
    /// Further places, such as the other of two items with one id.
    pub secondary: Vec<Label>,
    /// How to mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A finding at `span`.
    pub fn new(severity: Severity, code: Code, span: Span, message: impl Into<String>) -> Self {
        Diagnostic {
            severity,
            code,
            message: message.into(),
            primary: Some(Label { span, text: String::new() }),
            secondary: Vec::new(),
            help: None,
        }
    }

    /// An error at `span`.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, span, message)
    }

    /// A warning at `span`.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, span, message)
    }

    /// A note at `span`.
    pub fn note(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, span, message)
    }

    /// Says `text` beside the underline.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(primary) = &mut self.primary {
            primary.text = text.into();
        }
        self
    }

    /// Shows a further place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Says how to mend it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Whether it stops the render.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// All findings about one script as they are shown: in order of file and place, nothing twice, and without echoes. An
/// echo is what a later phase says about a text that is wrong already by its syntax.
pub fn tidy(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let place = |d: &Diagnostic| d.primary.as_ref().map(|label| label.span);
    let is_syntax = |d: &Diagnostic| d.code.0.starts_with("V01");
    let wrong: Vec<Span> =
        findings.iter().filter(|d| is_syntax(d) && d.is_error()).filter_map(place).collect();
    findings.retain(|d| {
        is_syntax(d) || place(d).is_none_or(|span| !wrong.iter().any(|outer| outer.contains(span)))
    });
    findings.sort_by_key(|d| (place(d), d.code));
    findings.dedup();
    findings
}
