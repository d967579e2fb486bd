//! Collects the diagnostics of one text, at most so many of them.
//!
//! A text can hold millions of mistakes; nobody reads more than the first few hundred, and all of them would not
//! fit into memory. Knows nothing of what is wrong.

use crate::codes;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};

/// Findings of one text beyond this many are counted, not kept.
pub const MOST_FINDINGS: usize = 200;

/// The findings of one text.
pub(super) struct Findings<'a> {
    file: FileId,
    text: &'a str,
    kept: Vec<Diagnostic>,
    left_out: usize,
}

impl<'a> Findings<'a> {
    pub(super) fn new(file: FileId, text: &'a str) -> Self {
        Findings { file, text, kept: Vec::new(), left_out: 0 }
    }

    /// An empty collection for the same text.
    pub(super) fn another(&self) -> Self {
        Findings::new(self.file, self.text)
    }

    /// The span of bytes `start..end` of the text, and never one that lies beyond it or splits a character.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let boundary = |at: usize| {
            let at = at.min(self.text.len());
            (0..=at).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
        };
        let start = boundary(start);
        Span::new(self.file, start, boundary(end).max(start))
    }

    pub(super) fn push(&mut self, finding: Diagnostic) {
        if self.kept.len() < MOST_FINDINGS {
            self.kept.push(finding);
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn error(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::error(code, span, message).help(help));
    }

    /// All that was kept, in order of place, and how many were not.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.kept.sort_by_key(|d| d.primary.as_ref().map(|label| label.span));
        if self.left_out > 0 {
            let place = self.kept.last().and_then(|d| d.primary.as_ref()).map_or(self.span(0, 0), |l| l.span);
            let message = format!("{} further findings are not shown", self.left_out);
            self.kept.push(
                Diagnostic::error(codes::TOO_MANY_FINDINGS, place, message).help("mend those above first"),
            );
        }
        self.kept
    }
}
