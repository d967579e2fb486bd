//! Text to lexical words, for what stands in one piece where `.vfx` has several values: the entries of YAML lists and
//! quoted keyframes.

use super::node::{Value, ValueKind};
use crate::source::{FileId, SourceMap, Span};

/// The lexical values in the text of a quoted value, as an entry of a list has them: for `"0s 1"` where `0s 1` is
/// meant. Each word has its own place if the text stands in the file as it is, and the whole value's if it holds
/// escapes.
pub fn words(map: &SourceMap, text: &str, span: Span) -> Vec<Value> {
    let source = map.text(span);
    let inside = source
        .get(1..)
        .filter(|_| source.starts_with(['"', '\'']) && source.get(1..1 + text.len()) == Some(text));
    match inside {
        Some(_) => split(text, span.file, span.start as usize + 1),
        None => {
            let mut values = split(text, span.file, 0);
            values.iter_mut().for_each(|value| value.span = span);
            values
        }
    }
}

/// The words of an entry, as `.vfx` tells them apart: at white space that is in no call, variable or quotes. `at`
/// is the byte of `text` in the file.
pub(super) fn split(text: &str, file: FileId, at: usize) -> Vec<Value> {
    let mut words = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, first)) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        let (end, quoted) = if first == '"' {
            match quoted_end(text, start) {
                Some(end) => (end, true),
                None => (plain_end(text, start), false),
            }
        } else {
            (plain_end(text, start), false)
        };
        while chars.next_if(|(i, _)| *i < end).is_some() {}
        let word = text.get(start..end).unwrap_or("");
        let kind = match quoted {
            true => ValueKind::Quoted(word.trim_matches('"').to_owned()),
            false => ValueKind::Plain(word.to_owned()),
        };
        words.push(Value { kind, span: Span::new(file, at + start, at + end) });
    }
    words
}

/// End of a quoted word without escapes.
fn quoted_end(text: &str, start: usize) -> Option<usize> {
    let inner = text.get(start + 1..)?;
    let end = inner.find(['"', '\\']).filter(|end| inner.as_bytes().get(*end) == Some(&b'"'))?;
    let after = start + 1 + end + 1;
    text.get(after..)?.chars().next().is_none_or(char::is_whitespace).then_some(after)
}

fn plain_end(text: &str, start: usize) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.get(start..).unwrap_or("").char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            _ if c.is_whitespace() && depth == 0 => return start + at,
            _ => {}
        }
    }
    // An unclosed bracket holds nothing together.
    match depth {
        0 => text.len(),
        _ => {
            text.get(start..).and_then(|s| s.find(char::is_whitespace)).map_or(text.len(), |end| start + end)
        }
    }
}
