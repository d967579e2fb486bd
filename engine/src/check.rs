//! What only drawing shows: fonts that are not there, letters that no font has, text that cannot be set.

use std::collections::HashSet;

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::source::Span;
use vfxb_dsl::value::Time;

use crate::codes;
use crate::exec::drawings::Drawings;
use crate::plan::{Plan, fuse::text_spec};
use crate::text::{TextError, TextWarning};
use crate::timeline::{Composition, Content, TextContent};

/// Tries every lettering of a plan, at its first frame.
pub fn texts(plan: &Plan, drawings: &Drawings) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    for render in &plan.renders {
        composition(&render.timeline.film, drawings, &mut findings, &mut seen);
    }
    findings
}

fn composition(
    film: &Composition,
    drawings: &Drawings,
    findings: &mut Vec<Diagnostic>,
    seen: &mut HashSet<(Span, String)>,
) {
    for layer in &film.layers {
        let found = match &layer.content {
            Content::Group { composition: inner, .. } => {
                composition(inner, drawings, findings, seen);
                continue;
            }
            Content::Text(text) => match drawings.check(&text_spec(text, Time::ZERO, 1.0)) {
                Ok(warnings) => warnings.iter().map(|w| warned(warned_at(text, w, layer.span), w)).collect(),
                Err(error) => {
                    vec![
                        Diagnostic::error(
                            codes::MISSING_FONT,
                            failed_at(text, &error, layer.span),
                            error.to_string(),
                        )
                        .help(error.help()),
                    ]
                }
            },
            _ => continue,
        };
        findings.extend(found.into_iter().filter(|f| seen.insert((layer.span, f.message.clone()))));
    }
}

/// Where a text asks for a font that is not there; else all of it.
fn warned_at(text: &TextContent, warning: &TextWarning, whole: Span) -> Span {
    match warning {
        TextWarning::MissingFamily(family) => font_span(text, family).unwrap_or(whole),
        TextWarning::MissingGlyphs { .. } => whole,
    }
}

fn failed_at(text: &TextContent, error: &TextError, whole: Span) -> Span {
    match error {
        TextError::FontUnreadable { path, .. } | TextError::FontDamaged { path, .. } => {
            font_span(text, &path.to_string_lossy()).unwrap_or(whole)
        }
        _ => whole,
    }
}

fn font_span(text: &TextContent, font: &str) -> Option<Span> {
    text.runs.iter().find(|run| run.font.as_deref() == Some(font)).and_then(|run| run.font_span)
}

fn warned(span: Span, warning: &TextWarning) -> Diagnostic {
    let code = match warning {
        TextWarning::MissingFamily(_) => codes::MISSING_FONT,
        TextWarning::MissingGlyphs { .. } => codes::MISSING_LETTERS,
    };
    Diagnostic::warning(code, span, warning.message()).help(warning.help())
}
