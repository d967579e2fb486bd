//! The findings of one lowering: so many are kept, the rest are counted, so that a hostile text costs no more than a
//! long one.

use std::cell::{Cell, RefCell};

use crate::codes;
use crate::diagnostic::{Diagnostic, Severity};
use crate::syntax::MOST_FINDINGS;

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings {
    kept: RefCell<Vec<Diagnostic>>,
    left_out: Cell<usize>,
    /// Whether an error was left out.
    error: Cell<bool>,
}

impl Findings {
    pub(super) fn push(&self, finding: Diagnostic) {
        if self.is_full() {
            self.left_out.set(self.left_out.get() + 1);
            self.error.set(self.error.get() || finding.is_error());
            return;
        }
        self.kept.borrow_mut().push(finding);
    }

    /// Whether nothing more is kept, so that a suggestion is not worth looking for.
    pub(super) fn is_full(&self) -> bool {
        self.kept.borrow().len() >= MOST_FINDINGS
    }

    pub(super) fn finish(self) -> Vec<Diagnostic> {
        let mut kept = self.kept.into_inner();
        let place = kept.iter().rev().find_map(|d| d.primary.as_ref()).map(|l| l.span);
        if let (Some(place), 1..) = (place, self.left_out.get()) {
            let severity = if self.error.get() { Severity::Error } else { Severity::Warning };
            let message = format!("{} further findings are not shown", self.left_out.get());
            let finding = Diagnostic::new(severity, codes::TOO_MANY_FINDINGS, place, message);
            kept.push(finding.help("mend those above first"));
        }
        kept
    }
}
