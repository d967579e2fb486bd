//! YAML and JSON text to a raw mapping.
//!
//! A text comes in; its top-level mapping, with the byte span of every key and value, and every mistake go out. The
//! YAML reader stops at its first error. So that all mistakes are found, each error is explained ([`trap`]), what
//! caused it is painted over in a copy of the text of the same length, and the copy is read again. Plain scalars are
//! then taken from the text itself, as it was written. Knows no words: which key is a kind, lowering decides.

mod scalar;
mod trap;
mod tree;

use super::findings::Findings;
use super::node::{RawMap, Value, ValueKind};
use super::shown;
use crate::codes;

/// A text is read again after an error as long as not more bytes than this have been read in all.
const MOST_READ: usize = 24 << 20;
/// A text is read again at most so often.
const MOST_ATTEMPTS: usize = 100;

/// The top-level mapping; `None` if there is none or an error could not be passed over.
pub(super) fn parse<'a>(text: &'a str, findings: &mut Findings<'a>) -> Option<RawMap> {
    let mut copy = trap::prepare(text, findings);
    let mut read = 0;
    for attempt in 0.. {
        let outcome = tree::read(text, &copy, findings);
        read += text.len();
        let Some(error) = outcome.error else {
            outcome.findings.into_iter().for_each(|finding| findings.push(finding));
            return match outcome.value {
                Some(value) => top_level(text, value, findings),
                None if outcome.stopped => None,
                None => Some(RawMap { entries: Vec::new(), span: findings.span(0, 0) }),
            };
        };
        let repaired = trap::explain(text, &mut copy, &error, findings);
        if !repaired || attempt >= MOST_ATTEMPTS || read + text.len() > MOST_READ {
            outcome.findings.into_iter().for_each(|finding| findings.push(finding));
            return None;
        }
    }
    None
}

fn top_level(text: &str, value: Value, findings: &mut Findings) -> Option<RawMap> {
    match value.kind {
        ValueKind::Map(map) => Some(map),
        ValueKind::Null => Some(RawMap { entries: Vec::new(), span: value.span }),
        _ => {
            let line =
                text.get(value.span.start as usize..).and_then(|rest| rest.lines().next()).unwrap_or("");
            let first = super::Span { end: value.span.start + line.trim_end().len() as u32, ..value.span };
            findings.error(
                codes::NOT_A_MAPPING,
                first,
                format!("the script begins with `{}`, which is no mapping", shown(line.trim_end())),
                "write `name: value` lines, such as `timeline:` with a list under it; a `.vfx` script needs that ending",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests;
