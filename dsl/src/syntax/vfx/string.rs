//! The inside of a quoted `.vfx` string.
//!
//! Source text with its quotes comes in, what it means goes out. `${…}` and `$${` are left for substitution, which
//! happens after parsing.

use super::super::findings::Findings;
use crate::codes;

/// What `quoted`, which begins at byte `at` of the text, means. Reports unknown escapes and a missing end.
pub(super) fn read(findings: &mut Findings, at: usize, quoted: &str) -> String {
    let inner = quoted.strip_prefix('"').unwrap_or(quoted);
    let (inner, closed) = match closing_quote(inner) {
        Some(end) => (inner.get(..end).unwrap_or(inner), true),
        None => (inner.trim_end_matches('\r'), false),
    };
    if !closed {
        let span = findings.span(at, at + 1 + inner.len());
        findings.error(
            codes::UNCLOSED_STRING,
            span,
            "this string does not end on its line",
            "close it with `\"`; a new line inside it is written `\\n`",
        );
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(backslash) = rest.find('\\') {
        let (before, escape) = rest.split_at(backslash);
        text.push_str(before);
        let place = at + 1 + inner.len() - escape.len();
        let length = unescape(findings, place, escape, closed, &mut text);
        rest = escape.get(length..).unwrap_or("");
    }
    text.push_str(rest);
    text
}

/// Where the quote stands that closes the string, if it is closed.
fn closing_quote(inner: &str) -> Option<usize> {
    let end = inner.len().checked_sub(1).filter(|_| inner.ends_with('"'))?;
    let backslashes = inner.get(..end)?.bytes().rev().take_while(|b| *b == b'\\').count();
    (backslashes % 2 == 0).then_some(end)
}

/// Reads the escape that `source` begins with; its length in bytes.
fn unescape(findings: &mut Findings, place: usize, source: &str, closed: bool, text: &mut String) -> usize {
    let plain = match source.as_bytes().get(1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'u') => return unicode(findings, place, source, text),
        None if !closed => return source.len(),
        _ => {
            let next = source.chars().nth(1).unwrap_or(' ');
            let help = if next == '$' {
                "a literal `${` is written `$${`; a single `$` needs nothing".to_owned()
            } else {
                "the escapes are `\\\"`, `\\\\`, `\\n`, `\\t` and `\\u{…}`; a literal `\\` is written `\\\\`"
                    .to_owned()
            };
            let span = findings.span(place, place + 1 + next.len_utf8().min(source.len() - 1));
            findings.error(codes::UNKNOWN_ESCAPE, span, format!("`\\{next}` is no escape"), help);
            text.push('\\');
            return 1;
        }
    };
    text.push(plain);
    2
}

/// Reads `\u{…}`; its length in bytes.
fn unicode(findings: &mut Findings, place: usize, source: &str, text: &mut String) -> usize {
    let digits = source.get(2..).and_then(|s| s.strip_prefix('{')).and_then(|s| Some((s, s.find('}')?)));
    let (length, scalar) = match digits {
        Some((s, end)) => {
            let digits = s.get(..end).unwrap_or("");
            let valid = digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            let scalar = u32::from_str_radix(digits, 16).ok().filter(|_| valid).and_then(char::from_u32);
            (if scalar.is_some() { 3 + end + 1 } else { 2 }, scalar)
        }
        None => (2, None),
    };
    match scalar {
        // A `$` that was written as an escape never begins a variable.
        Some('$') if source.get(length..).is_some_and(|s| s.starts_with('{')) => text.push_str("$$"),
        Some(c) => text.push(c),
        None => {
            let span = findings.span(place, place + length);
            findings.error(
                codes::UNKNOWN_ESCAPE,
                span,
                "`\\u` is not followed by a character's number in braces",
                "write it in hexadecimal, such as `\\u{e9}` for é",
            );
            text.push_str("\\u");
        }
    }
    length
}
