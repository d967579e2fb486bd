//! The layout of a YAML or JSON text: indentation, white space, where lines break.
//!
//! A text that has been read comes in; the same text in the form that we write goes out, with its comments, anchors,
//! order and quotes. That it still says the same is seen by reading it again: what would change or be lost is an error.

use granit_parser::{Event, Parser, options};
use pretty_yaml::config::{FormatOptions, LanguageOptions, LayoutOptions};

use crate::diagnostic::Diagnostic;
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::node::{Document, RawMap, Value, ValueKind};
use crate::syntax::{self, Spelling};

use super::{WIDTH, inexpressible};

/// The formatter holds columns in which a block may begin as bits of 64.
const MOST_INDENT: usize = 63;

/// The text of `file`, which gave `map`, laid out anew.
pub(super) fn lay_out(map: &RawMap, sources: &SourceMap, file: FileId) -> Result<String, Vec<Diagnostic>> {
    let source = sources.file(file);
    if let Some(line) = source.text.lines().find(|line| indent(line) > MOST_INDENT) {
        let start = line.as_ptr() as usize - source.text.as_ptr() as usize;
        let message = format!("more than {MOST_INDENT} columns of indentation are not formatted");
        let place = Span::new(file, start, start + indent(line));
        return Err(vec![inexpressible(place, &message, "indent by two spaces a level")]);
    }
    let laid = pretty_yaml::format_text(&source.text, &settings()).map_err(|error| {
        let place = Span::new(file, error.offset(), error.offset());
        vec![inexpressible(
            place,
            "what begins here cannot be formatted",
            "write it in a plainer form of YAML",
        )]
    })?;
    if let Some(place) = changed(map, &laid) {
        return Err(vec![inexpressible(
            place,
            "this would say something else in another layout",
            "put the text in double quotes, with `\\n` for a line's end",
        )]);
    }
    let (before, after) = (comments(&source.text), comments(&laid));
    let kept = before.iter().zip(&after).take_while(|((_, before), (_, after))| before == after).count();
    let Some((start, lost)) = before.get(kept) else { return Ok(laid) };
    Err(vec![inexpressible(
        Span::new(file, *start, start + lost.len()),
        "this comment would be lost",
        "put it on a line of its own, above what it is about",
    )])
}

/// A text that was printed, laid out; as it is where that cannot be.
pub(super) fn tidy(printed: String) -> String {
    let mut sources = SourceMap::new();
    let file = sources.add("", "", printed);
    let laid = match syntax::parse(&sources, file, Spelling::Yaml).0 {
        Some(Document::Map(map)) => lay_out(&map, &sources, file).ok(),
        _ => None,
    };
    laid.unwrap_or_else(|| sources.file(file).text.to_string())
}

/// The comments of a text and where they begin.
fn comments(text: &str) -> Vec<(usize, String)> {
    let options = options! { emit_comments: true, max_buffered_comment_events: usize::MAX };
    let events = Parser::new_from_str_with_options(text, options).map_while(Result::ok);
    events
        .filter_map(|(event, span)| match event {
            Event::Comment(..) => {
                let range = span.byte_range()?;
                Some((range.start, text.get(range)?.trim_end().to_owned()))
            }
            _ => None,
        })
        .collect()
}

fn settings() -> FormatOptions {
    FormatOptions {
        layout: LayoutOptions { print_width: WIDTH, ..LayoutOptions::default() },
        // JSON stays JSON: no comma behind the last entry.
        language: LanguageOptions {
            trailing_comma: false,
            brace_spacing: false,
            ..LanguageOptions::default()
        },
    }
}

/// How many columns stand before what a line says, the dashes of lists among them.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '-']).len()
}

/// The first place of `map` where `text` says something else.
fn changed(map: &RawMap, text: &str) -> Option<Span> {
    let mut sources = SourceMap::new();
    let file = sources.add("", "", text);
    match syntax::parse(&sources, file, Spelling::Yaml) {
        (Some(Document::Map(again)), found) if !found.iter().any(Diagnostic::is_error) => {
            map_difference(map, &again)
        }
        _ => Some(map.span),
    }
}

fn map_difference(a: &RawMap, b: &RawMap) -> Option<Span> {
    difference(&a.entries, &b.entries, a.span, |a, b| {
        if a.name.value == b.name.value { value_difference(&a.value, &b.value) } else { Some(a.name.span) }
    })
}

fn value_difference(a: &Value, b: &Value) -> Option<Span> {
    match (&a.kind, &b.kind) {
        (ValueKind::Map(x), ValueKind::Map(y)) => map_difference(x, y),
        (ValueKind::List(x), ValueKind::List(y)) => {
            difference(x, y, a.span, |x, y| difference(x, y, a.span, value_difference))
        }
        (x, y) => (x != y).then_some(a.span),
    }
}

/// The place of the first of `a` that is another in `b`; `whole` if one of the two only goes on.
fn difference<T>(a: &[T], b: &[T], whole: Span, of: impl Fn(&T, &T) -> Option<Span>) -> Option<Span> {
    let inside = a.iter().zip(b).find_map(|(a, b)| of(a, b));
    inside.or_else(|| (a.len() != b.len()).then_some(whole))
}
