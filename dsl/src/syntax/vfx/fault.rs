//! What is said about each syntactic mistake of a `.vfx` text.
//!
//! Places and the text at them come in; findings go out. Decides no structure.

use super::super::findings::Findings;
use super::super::shown;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

pub(super) fn node_on_same_line(findings: &mut Findings, node: Span, text: &str) {
    let word = first_word(text);
    let span = Span { end: node.start + word.len() as u32, ..node };
    findings.error(
        codes::NODE_ON_SAME_LINE,
        span,
        format!("`{word}` begins on the line on which the node before it ends"),
        "begin it on a line of its own",
    );
}

pub(super) fn block_without_node(findings: &mut Findings, open: usize, after_node: bool) {
    let (message, help) = if after_node {
        ("this `{` stands on another line than its node", "move it to the end of the line before")
    } else {
        ("this block belongs to no node", "name it, such as `timeline {` or `group {`")
    };
    findings.error(codes::NOTHING_TO_CONTINUE, findings.span(open, open + 1), message, help);
}

pub(super) fn stray(findings: &mut Findings, span: Span) {
    findings.error(
        codes::STRAY_CLOSER,
        span,
        "this `}` closes no block",
        "delete it, or open a block before it",
    );
}

pub(super) fn unclosed_block(findings: &mut Findings, open: usize) {
    findings.push(
        Diagnostic::error(codes::UNCLOSED_BLOCK, findings.span(open, open + 1), "this block is never closed")
            .label("opened here")
            .help("close it with `}`"),
    );
}

pub(super) fn second_block(findings: &mut Findings, open: usize) {
    findings.error(
        codes::SECOND_BLOCK,
        findings.span(open, open + 1),
        "the node has a block already",
        "put everything into one block, or begin another node",
    );
}

pub(super) fn field_after_block(findings: &mut Findings, span: Span, text: &str) {
    let name = first_word(text);
    findings.error(
        codes::FIELD_AFTER_BLOCK,
        Span { end: span.end.min(span.start + text.trim_end().len() as u32), ..span },
        format!("`{name}` stands after its node's block"),
        "move it before the `{`; only effects may follow a block",
    );
}

pub(super) fn space_before_colon(findings: &mut Findings, from: usize, colon: usize) {
    findings.error(
        codes::SPACE_BEFORE_COLON,
        findings.span(from, colon + 1),
        "a colon touches the name before it",
        "delete the white space before the `:`",
    );
}

pub(super) fn missing_value(findings: &mut Findings, span: Span, after: &str) {
    findings.error(
        codes::MISSING_VALUE,
        span,
        format!("a value is missing after {after}"),
        "write it on the same line",
    );
}

pub(super) fn missing_element(findings: &mut Findings, comma: Span) {
    findings.error(
        codes::MISSING_VALUE,
        comma,
        "nothing stands before this comma",
        "delete the comma, or write an entry before it",
    );
}

pub(super) fn missing_effect(findings: &mut Findings, bar: usize) {
    findings.error(
        codes::MISSING_EFFECT,
        findings.span(bar, bar + 1),
        "no effect follows this `|`",
        "write an effect's name after it, such as `| vintage 0.8`",
    );
}

pub(super) fn touching(findings: &mut Findings, span: Span) {
    findings.error(
        codes::UNEXPECTED_TEXT,
        span,
        "this touches the value before it",
        "put a space between them, or close the quotes where the text ends",
    );
}

pub(super) fn unclosed_bracket(findings: &mut Findings, open: usize, what: &str) {
    findings.push(
        Diagnostic::error(
            codes::UNCLOSED_BRACKET,
            findings.span(open, open + 1),
            format!("this {what} is never closed"),
        )
        .label("opened here")
        .help("close it with `]`; a line may end in it only beside a comma or a bracket"),
    );
}

pub(super) fn malformed_trim(findings: &mut Findings, span: Span) {
    findings.error(
        codes::MALFORMED_TRIM,
        span,
        "the brackets after a source hold a range of its time",
        "write `source[10s..20s]`, `source[..20s]` or `source[10s..]`; put a space before a list",
    );
}

pub(super) fn field_in_list(findings: &mut Findings, span: Span, text: &str) {
    findings.error(
        codes::UNEXPECTED_TEXT,
        span,
        format!("`{}` stands in a list, which holds values alone", shown(text)),
        "write keyframes as `[time value easing, …]`",
    );
}

pub(super) fn junk(findings: &mut Findings, at: usize, text: &str) {
    let span = findings.span(at, at + text.len());
    let (code, message, help) = match text.as_bytes().first() {
        Some(b',') => (
            codes::UNEXPECTED_TEXT,
            "a comma stands between values only in a list".to_owned(),
            "separate values and fields by spaces",
        ),
        Some(b'=') => (
            codes::MISPLACED_BINDING,
            "an `=` stands only after the name of a binding".to_owned(),
            "write a field as `name:value`, a variable as `var name = value`",
        ),
        Some(b'(') => (
            codes::UNEXPECTED_TEXT,
            "a `(` stands only directly after a word, as in `rgb(…)`".to_owned(),
            "write an effect's values without brackets: `blur 5px`",
        ),
        _ => (codes::STRAY_CLOSER, format!("this `{}` closes nothing", shown(text)), "delete it"),
    };
    findings.error(code, span, message, help);
}

/// A line that begins with something else than a word.
pub(super) fn lost(findings: &mut Findings, span: Span, first: &str, continues: bool) {
    let start = first.trim_end();
    let span = Span { end: span.start + start.len() as u32, ..span };
    if continues {
        findings.error(
            codes::NOTHING_TO_CONTINUE,
            span,
            format!("`{}` belongs to no node", shown(start)),
            "a field or an effect stands after its node: on the same line or on the lines that follow",
        );
    } else if start.starts_with('#') {
        findings.error(
            codes::UNEXPECTED_TEXT,
            span,
            "`#` begins no comment here",
            "write a comment as `// …`",
        );
    } else {
        findings.error(
            codes::UNEXPECTED_TEXT,
            span,
            format!("`{}` begins no node", shown(start)),
            "a line begins with what it makes, such as `video`, `text` or `output`",
        );
    }
}

/// What looks like a value and is none.
pub(super) fn malformed(findings: &mut Findings, span: Span, text: &str) {
    if let Some(open) = unclosed(text) {
        let at = span.start as usize + open;
        let length = if text.as_bytes().get(open) == Some(&b'$') { 2 } else { 1 };
        let (bracket, close) = if length == 2 { ("${", '}') } else { ("(", ')') };
        findings.push(
            Diagnostic::error(
                codes::UNCLOSED_BRACKET,
                findings.span(at, at + length),
                format!("this `{bracket}` is never closed"),
            )
            .label("opened here")
            .help(format!("close it with `{close}`")),
        );
        return;
    }
    let (message, help) = explain(text);
    let message = message.unwrap_or_else(|| format!("`{}` is no value", shown(text)));
    findings.error(codes::MALFORMED_VALUE, span, message, help);
}

/// Where the bracket of a call or a variable stands that is not closed.
fn unclosed(text: &str) -> Option<usize> {
    if let Some(at) = text.find("${")
        && !text.get(at..)?.contains('}')
    {
        return Some(at);
    }
    text.find('(').filter(|_| !text.ends_with(')'))
}

fn explain(text: &str) -> (Option<String>, String) {
    let first = text.chars().next().unwrap_or(' ');
    let said = |message: &str, help: &str| (Some(message.to_owned()), help.to_owned());
    if text.contains("${") {
        return said(
            "`${…}` holds the name of a variable and stands for one whole value",
            "write `${name}`, or put text and variables together in quotes",
        );
    }
    if first == '@' {
        return (
            Some(format!("`{}` is no anchor", shown(text))),
            "write `@id.start` or `@id.end`, with an offset that touches it: `@id.start+1s`".to_owned(),
        );
    }
    if text == "#" {
        return said("`#` begins no comment here", "write a comment as `// …`");
    }
    if first == '#' {
        return (
            Some(format!("`{}` is no colour", shown(text))),
            "after `#` stand 3, 4, 6 or 8 hexadecimal digits".to_owned(),
        );
    }
    if text.contains(['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}', '\u{ab}', '\u{bb}', '\'']) {
        return said("text is quoted with `\"` and nothing else", "replace the quotation marks by `\"`");
    }
    if let Some(value) = text.strip_suffix(';') {
        return said(
            "nothing ends with `;`",
            &format!("write `{}`: the line's end ends the node", shown(value)),
        );
    }
    if matches!(text, "+" | "-") {
        return said("a sign touches what it belongs to", "write `end-1s` or `@id.start+1s` without spaces");
    }
    if text == ".." {
        return said("a range has at least one end", "write `5s..15s`, `..20s` or `3s..`");
    }
    if let Some(number) = text.strip_suffix('.').filter(|n| n.ends_with(|c: char| c.is_ascii_digit())) {
        return (
            Some(format!("`{}` ends with a dot", shown(text))),
            format!("write `{0}` or `{0}.0`", shown(number)),
        );
    }
    (None, format!("if it is text, quote it: `\"{}\"`", shown(text)))
}

fn first_word(text: &str) -> String {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(text.len());
    text.get(..end.max(text.chars().next().map_or(0, char::len_utf8))).unwrap_or("").to_owned()
}
