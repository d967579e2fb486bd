//! What people write that YAML takes for something else.
//!
//! Some of it stops the YAML reader: [`explain`] says what it was and paints it over in the copy that is read again.
//! Some of it is valid YAML that means another thing: the tree asks about each value. Painting keeps every byte's
//! place.

mod cut;
mod fault;

use std::ops::Range;

use granit_parser::ErrorKind;

use super::super::findings::Findings;
use super::tree::ScanFault;
use crate::codes;

pub(super) use self::cut::{comment_after, cut_by_comment, join_elements, join_entries, value_of};

/// The copy of a text that is read: without what YAML forbids and JSON or people use all the same.
pub(super) fn prepare(text: &str, findings: &mut Findings) -> String {
    let mut copy = text.to_owned();
    let hidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    for (at, c) in text.char_indices().filter(|(_, c)| hidden(*c)) {
        findings.error(
            codes::CONTROL_CHARACTER,
            findings.span(at, at + c.len_utf8()),
            format!("a control character (U+{:04X}) stands here", u32::from(c)),
            "delete it; in double quotes it is written `\\x` with two hexadecimal digits",
        );
        paint(&mut copy, at..at + c.len_utf8(), 'x');
    }
    copy
}

/// Where `mark` stands last before byte `at`.
pub(super) fn before(text: &str, at: usize, mark: char) -> usize {
    text.get(..at).and_then(|head| head.rfind(mark)).unwrap_or(at)
}

/// Replaces the characters of `range` by `by`, byte for byte; line ends stay.
fn paint(copy: &mut String, range: Range<usize>, by: char) {
    let Some(old) = copy.get(range.clone()) else { return };
    let new: String =
        old.bytes().map(|b| if matches!(b, b'\n' | b'\r') { char::from(b) } else { by }).collect();
    copy.replace_range(range, &new);
}

/// Replaces the tabs that lines are indented with by spaces.
fn paint_tabs(copy: &mut String) {
    let mut indenting = true;
    *copy = copy
        .chars()
        .map(|c| {
            indenting = c == '\n' || indenting && matches!(c, ' ' | '\t');
            if indenting && c == '\t' { ' ' } else { c }
        })
        .collect();
}

/// The line around byte `at`, without its end.
fn line_at(text: &str, at: usize) -> Range<usize> {
    let at = at.min(text.len());
    let start = text.get(..at).and_then(|head| head.rfind('\n')).map_or(0, |end| end + 1);
    let end = text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| at + end);
    start..end
}

/// Says what stopped the reader and paints it over; `false` if reading again would not go further.
pub(super) fn explain(text: &str, copy: &mut String, fault: &ScanFault, findings: &mut Findings) -> bool {
    let case = Case {
        text,
        copy: copy.as_str(),
        at: fault.at.min(text.len()),
        kind: &fault.kind,
        open: open_bracket(copy, fault),
    };
    let painted =
        case.reserved(findings).or_else(|| case.in_brackets(findings)).or_else(|| case.quoted(findings));
    let painted = match painted {
        Some(painted) => painted,
        None => match case.line(findings).or_else(|| case.unclosed(findings)) {
            Some(painted) => painted,
            None => case.anything(findings),
        },
    };
    if painted.tabs {
        paint_tabs(copy);
        return true;
    }
    let before = copy.clone();
    for range in painted.ranges {
        paint(copy, range, painted.by);
    }
    *copy != before
}

/// An error of the YAML reader, ready to be explained.
struct Case<'a> {
    /// As it was written: for what is said.
    text: &'a str,
    /// As it was read: for what is looked at.
    copy: &'a str,
    at: usize,
    kind: &'a ErrorKind,
    /// The innermost bracket open at the error.
    open: Option<usize>,
}

/// What to paint over.
struct Painted {
    ranges: Vec<Range<usize>>,
    by: char,
    tabs: bool,
}

impl Painted {
    /// Letters, so that the value is a plain one.
    fn letters(ranges: Vec<Range<usize>>) -> Painted {
        Painted { ranges, by: 'x', tabs: false }
    }

    fn letter(range: Range<usize>) -> Painted {
        Painted::letters(Vec::from_iter(std::iter::once(range)))
    }

    /// Nothing at all.
    fn blank(range: Range<usize>) -> Painted {
        Painted { by: ' ', ..Painted::letter(range) }
    }
}

/// The innermost bracket that is open where the reader stopped. It may have read far beyond the last thing that it
/// told of.
fn open_bracket(copy: &str, fault: &ScanFault) -> Option<usize> {
    let from = fault.read_to.min(fault.at);
    let mut open: Vec<usize> = fault.open.into_iter().collect();
    for (at, c, token_start) in brackets(copy.get(from..fault.at).unwrap_or("")) {
        match c {
            '[' | '{' if token_start || !open.is_empty() => open.push(from + at),
            ']' | '}' => drop(open.pop()),
            _ => {}
        }
    }
    open.last().copied()
}

/// Where the bracket at byte `open` should have been closed: at the end of another, or the text's.
pub(super) fn missed_end(copy: &str, open: usize) -> usize {
    let mut inside = Vec::new();
    for (at, c, _) in brackets(copy.get(open..).unwrap_or("")) {
        match c {
            '[' => inside.push(']'),
            '{' => inside.push('}'),
            _ if inside.pop() == Some(c) => {}
            _ => return open + at,
        }
    }
    copy.len()
}

/// The brackets of a text outside quotes and comments, and whether a value may begin there.
fn brackets(text: &str) -> impl Iterator<Item = (usize, char, bool)> {
    let mut token_start = true;
    let mut chars = text.char_indices();
    std::iter::from_fn(move || {
        loop {
            let (at, c) = chars.next()?;
            let begins = token_start;
            match c {
                '"' | '\'' if begins => drop(chars.by_ref().find(|(_, end)| *end == c)),
                '#' if begins => drop(chars.by_ref().find(|(_, end)| *end == '\n')),
                _ => {}
            }
            token_start = c.is_whitespace() || matches!(c, '[' | '{' | ',' | ':' | '#');
            if matches!(c, '[' | ']' | '{' | '}') {
                return Some((at, c, begins));
            }
        }
    })
}
