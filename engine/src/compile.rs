//! From a text to a plan, with every finding of all phases.
//!
//! A text of a [`SourceMap`], media and fonts come in; the script, its plan and what draws its lettering go out, if
//! nothing is wrong. It shows nothing and decides nothing: each way into the engine (command line, service) does that.

use std::sync::Arc;

use vfxb_dsl::diagnostic::{Diagnostic, tidy};
use vfxb_dsl::script::Script;
use vfxb_dsl::source::{FileId, SourceMap, Span};
use vfxb_dsl::syntax::Spelling;

use crate::exec::drawings::Drawings;
use crate::media::Media;
use crate::plan::{Plan, Request};
use crate::text::Fonts;
use crate::timeline::{self, Timeline};

/// A text, and how it is read.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// Every text, this one among them.
    pub map: &'a SourceMap,
    /// Which one.
    pub file: FileId,
    /// How it is written.
    pub spelling: Spelling,
    /// Values for variables, name and value.
    pub sets: &'a [(String, String)],
}

/// A script that can be rendered.
pub struct Compiled {
    /// What was written.
    pub script: Script,
    /// What a render does.
    pub plan: Plan,
    /// Draws the plan's lettering and shapes.
    pub drawings: Arc<Drawings>,
}

impl Compiled {
    /// What is seen and heard when; a script without outputs has a timetable all the same.
    pub fn timeline(&self, media: &dyn Media) -> Option<Timeline> {
        match self.plan.renders.first() {
            Some(render) => Some(render.timeline.clone()),
            None => timeline::build(&self.script, media, &timeline::Settings::default()).0,
        }
    }
}

/// Reads and plans a text. Every finding comes back, in order; the script is there if none of them is an error.
pub fn compile(
    text: &Text<'_>,
    media: &dyn Media,
    fonts: Fonts,
    request: &Request,
) -> (Option<Compiled>, Vec<Diagnostic>) {
    let parsed = crate::parse(text.map, text.file, text.spelling, text.sets);
    let (compiled, findings) = planned(parsed, media, &Arc::new(Drawings::new(fonts)), request);
    let wrong = findings.iter().any(Diagnostic::is_error);
    (compiled.filter(|_| !wrong), in_order(findings))
}

/// Plans what [`crate::parse`] gave, as far as that goes: what comes back may be wrong all the same, as the findings say.
pub fn planned(
    (script, mut findings): (Option<Script>, Vec<Diagnostic>),
    media: &dyn Media,
    drawings: &Arc<Drawings>,
    request: &Request,
) -> (Option<Compiled>, Vec<Diagnostic>) {
    let compiled = script.and_then(|script| {
        let (plan, more) = crate::plan::plan(&script, media, request);
        findings.extend(more);
        let plan = plan?;
        findings.extend(crate::check::texts(&plan, drawings));
        Some(Compiled { script, plan, drawings: Arc::clone(drawings) })
    });
    (compiled, findings)
}

/// Findings as they are shown: in order, and what comes from the caller's request without a place in the text.
pub fn in_order(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut findings = tidy(findings);
    for finding in &mut findings {
        if finding.primary.as_ref().is_some_and(|label| label.span == Span::default()) {
            finding.primary = None;
        }
    }
    findings
}
