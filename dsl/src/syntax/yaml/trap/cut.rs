//! Values that YAML cuts short without a word: at ` #`, and at the commas of a call in brackets.

use super::super::super::findings::Findings;
use super::super::super::node::{Field, Value, ValueKind};
use super::super::super::{shown, words};
use super::super::scalar::open_calls;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::{Span, Spanned};

/// The `#` of a comment that may be none, directly behind a plain value that ends at byte `end`. A comment that has
/// a space after its `#` is one.
pub(in super::super) fn comment_after(text: &str, end: usize, empty: bool) -> Option<usize> {
    let rest = text.get(end..).filter(|_| !empty)?;
    let comment = rest.trim_start_matches([' ', '\t']);
    let space = rest.len() - comment.len();
    (space > 0 && is_suspicious(comment)).then_some(end + space)
}

/// Whether a line's rest is a comment such as `#5`, which few people mean.
fn is_suspicious(rest: &str) -> bool {
    rest.strip_prefix('#').and_then(|comment| comment.chars().next()).is_some_and(|c| c.is_alphanumeric())
}

/// Warns that the comment at byte `at` may be a part of the value before.
pub(in super::super) fn cut_by_comment(found: &mut Findings, text: &str, value: &str, at: usize) {
    let comment = text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or("").trim_end();
    let whole = format!("{value} {comment}");
    found.push(
        Diagnostic::warning(
            codes::COMMENT_ATE_TEXT,
            found.span(at, at + comment.len()),
            format!("` #` begins a comment: the value is `{}` alone", shown(value)),
        )
        .label("not part of the value")
        .help(format!("quote it: `\"{}\"`; a comment has a space after its `#`", shown(&whole))),
    );
}

/// The value of a key, as the person meant it where that can be told.
pub(in super::super) fn value_of(
    found: &mut Findings,
    text: &str,
    name: &Spanned<String>,
    value: Value,
) -> Value {
    match &value.kind {
        ValueKind::Null => {
            let end = name.span.end as usize;
            let rest = text.get(end..).unwrap_or("");
            let comment = rest.trim_start_matches(['"', '\'', ' ', '\t', ':']);
            let at = end + rest.len() - comment.len();
            let empty = Value { span: name.span, ..value };
            if !is_suspicious(comment) {
                return empty;
            }
            let word = comment.split([' ', '\t', '\n', '\r', ',', '}', ']']).next().unwrap_or("");
            comment_ate_value(found, at, word, Some(&name.value));
            Value { kind: ValueKind::Plain(word.to_owned()), span: found.span(at, at + word.len()) }
        }
        ValueKind::Plain(plain) => {
            let between = text.get(name.span.end as usize..value.span.start as usize).unwrap_or("");
            if between.contains('\n') && lacks_space(plain) {
                space_after_colon(found, value.span, plain);
            }
            value
        }
        _ => value,
    }
}

/// Reports the value `word` at byte `at`, which is a comment.
pub(super) fn comment_ate_value(found: &mut Findings, at: usize, word: &str, key: Option<&str>) {
    let key = key.map_or_else(String::new, |key| format!("{}: ", shown(key)));
    found.push(
        Diagnostic::error(
            codes::COMMENT_ATE_VALUE,
            found.span(at, at + word.len()),
            format!("`{}` is a comment in YAML, so the value is missing", shown(word)),
        )
        .help(format!("quote it: `{key}\"{}\"`", shown(word))),
    );
}

/// Whether a line is `name:value` without a space after the colon.
pub(super) fn lacks_space(line: &str) -> bool {
    let Some((name, value)) = line.split_once(':') else { return false };
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        && !value.starts_with(char::is_whitespace)
        && !value.is_empty()
}

pub(super) fn space_after_colon(found: &mut Findings, line: Span, text: &str) {
    let colon = line.start as usize + text.find(':').unwrap_or(0);
    let name = text.split(':').next().unwrap_or("");
    found.error(
        codes::YAML_SYNTAX,
        found.span(colon, colon + 1),
        format!("a space is missing after `{}:`", shown(name)),
        "in YAML a value stands behind a colon and a space",
    );
}

/// Puts the elements of a list in brackets together again that are parts of one call.
pub(in super::super) fn join_elements(found: &mut Findings, text: &str, elements: &mut Vec<Vec<Value>>) {
    let mut at = 0;
    while at < elements.len() {
        let Some(start) = elements.get(at).and_then(|element| plain_range(text, element)) else {
            at += 1;
            continue;
        };
        let mut balance = open_calls(start.1);
        let mut last = at;
        while balance > 0 {
            let Some(next) = elements.get(last + 1).and_then(|element| plain_range(text, element)) else {
                break;
            };
            balance += open_calls(next.1);
            last += 1;
        }
        if last > at && balance == 0 {
            let end =
                elements.get(last).and_then(|element| element.last()).map_or(start.0, |value| value.span);
            let span = start.0.to(end);
            let whole = text.get(span.start as usize..span.end as usize).unwrap_or("");
            split_call(found, span, whole);
            let joined = words::split(whole, span.file, span.start as usize);
            elements.splice(at..=last, [joined]);
        }
        at += 1;
    }
}

/// Place and text of an element that is all plain.
fn plain_range<'t>(text: &'t str, element: &[Value]) -> Option<(Span, &'t str)> {
    let plain = element.iter().all(|value| matches!(value.kind, ValueKind::Plain(_)));
    let span = element.first().filter(|_| plain)?.span.to(element.last()?.span);
    Some((span, text.get(span.start as usize..span.end as usize)?))
}

/// Puts the entries of a mapping in brackets together again that are parts of one call: its later arguments came as
/// keys without values.
pub(in super::super) fn join_entries(found: &mut Findings, text: &str, entries: &mut Vec<Field>) {
    let mut at = 0;
    while at < entries.len() {
        let mut last = at;
        let mut span = None;
        if let Some(Field { value: Value { kind: ValueKind::Plain(plain), span: first }, .. }) =
            entries.get(at)
        {
            let mut balance = open_calls(plain);
            while balance > 0 {
                let next = entries.get(last + 1).filter(|next| next.value.kind == ValueKind::Null);
                let Some(next) = next else { break };
                balance += open_calls(&next.name.value);
                span = Some(first.to(next.name.span));
                last += 1;
            }
            span = span.filter(|_| balance == 0);
        }
        if let Some(span) = span {
            let whole = text.get(span.start as usize..span.end as usize).unwrap_or("").to_owned();
            split_call(found, span, &whole);
            entries.drain(at + 1..=last);
            if let Some(field) = entries.get_mut(at) {
                field.value = Value { kind: ValueKind::Plain(whole), span };
            }
        }
        at += 1;
    }
}

fn split_call(found: &mut Findings, span: Span, whole: &str) {
    found.push(
        Diagnostic::error(codes::SPLIT_CALL, span, "the commas of a call in brackets split it in YAML")
            .label("read as several values")
            .help(format!("quote it: `\"{}\"`", shown(whole))),
    );
}
