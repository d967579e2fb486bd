//! Findings as people and programs read them.
//!
//! Diagnostics and the texts they point into come in; text or JSON goes out. Nothing of the user's text reaches a
//! terminal as a control sequence. Knows no code's meaning, writes nowhere.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::{Diagnostic, Label, Severity};
use crate::source::{FileId, LineColumn, SourceMap};

/// Places of one finding this many lines apart are shown in separate excerpts.
const FAR_APART: usize = 12;
/// Of a longer line only the part around the underlined text is shown, so many bytes to each side.
const WINDOW: usize = 400;

/// Draws findings with the lines they point at, each followed by an empty line; with ANSI colours if `colour`.
pub fn render(findings: &[Diagnostic], map: &SourceMap, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for finding in findings {
        for line in lay_out(&renderer.render(&[group(finding, map)])) {
            text.push_str(&line);
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

/// One line a finding: `holiday.vfx:7:29: error[V0203]: unknown effect `vintge``.
pub fn render_short(findings: &[Diagnostic], map: &SourceMap) -> String {
    let mut text = String::new();
    for finding in findings {
        if let Some(label) = &finding.primary {
            let at = map.line_column(label.span.file, label.span.start);
            let file = visible(&map.file(label.span.file).name);
            // Writing to a string cannot fail.
            let _ = write!(text, "{file}:{}:{}: ", at.line, at.column);
        }
        let _ =
            writeln!(text, "{}[{}]: {}", finding.severity.word(), finding.code.0, visible(&finding.message));
    }
    text
}

/// The object that stands for a finding on the command line with `--json` and in the service's answers:
/// `{"type":"diagnostic","severity","code","message","file","line","column","endLine","endColumn","help"}`.
/// Lines and columns count from 1, columns in characters; the end is exclusive. What is not there is `null`.
pub fn to_json(finding: &Diagnostic, map: &SourceMap) -> Value {
    let place = finding.primary.as_ref().map(|label| {
        let span = label.span;
        (
            map.line_column(span.file, span.start),
            map.line_column(span.file, span.end),
            &map.file(span.file).name,
        )
    });
    let (start, end) = (place.map(|p| p.0), place.map(|p| p.1));
    json!({
        "type": "diagnostic",
        "severity": finding.severity.word(),
        "code": finding.code.0,
        "message": finding.message,
        "file": place.map(|p| p.2),
        "line": start.map(|p: LineColumn| p.line),
        "column": start.map(|p| p.column),
        "endLine": end.map(|p: LineColumn| p.line),
        "endColumn": end.map(|p| p.column),
        "help": finding.help,
    })
}

/// How many of which: `2 errors, 1 warning`; empty if there are none.
pub fn summary(findings: &[Diagnostic]) -> String {
    let count = |severity| findings.iter().filter(|d| d.severity == severity).count();
    [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .map(|severity| (count(severity), severity.word()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}{}", if n == 1 { "" } else { "s" }))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What is told about one finding, as the library wants it.
fn group<'a>(finding: &Diagnostic, map: &'a SourceMap) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(visible(&finding.message)).id(finding.code.0));
    for excerpt in excerpts(finding, map) {
        let name = visible(&map.file(excerpt.file).name);
        group = group
            .element(Origin::path(name).line(excerpt.origin.line).char_column(excerpt.origin.column))
            .element(
                Snippet::source(excerpt.text).line_start(excerpt.first_line).annotations(excerpt.annotations),
            );
    }
    match &finding.help {
        Some(help) => group.element(Level::HELP.message(visible(help))),
        None => group,
    }
}

/// Some lines of one text and what is underlined in them.
struct Excerpt<'a> {
    file: FileId,
    /// Where its first place stands.
    origin: LineColumn,
    first_line: usize,
    text: String,
    annotations: Vec<Annotation<'a>>,
}

/// The lines to show: the main place first, further places with it if they are near, else by themselves.
fn excerpts<'a>(finding: &Diagnostic, map: &SourceMap) -> Vec<Excerpt<'a>> {
    let primary = finding.primary.iter().map(|label| (AnnotationKind::Primary, label));
    let secondary = finding.secondary.iter().map(|label| (AnnotationKind::Context, label));
    let mut places: Vec<Vec<(AnnotationKind, &Label)>> = Vec::new();
    for place in primary.chain(secondary) {
        let near = places.iter_mut().find(|group| group.iter().all(|(_, other)| near(other, place.1, map)));
        match near {
            Some(group) => group.push(place),
            None => places.push(vec![place]),
        }
    }
    places.iter().filter_map(|group| excerpt(group, map)).collect()
}

fn near(a: &Label, b: &Label, map: &SourceMap) -> bool {
    let line = |label: &Label| map.line_column(label.span.file, label.span.start).line;
    a.span.file == b.span.file && line(a).abs_diff(line(b)) < FAR_APART
}

fn excerpt<'a>(places: &[(AnnotationKind, &Label)], map: &SourceMap) -> Option<Excerpt<'a>> {
    let (_, main) = places.first()?;
    let file = main.span.file;
    let line = |label: &Label| map.line_column(file, label.span.start).line;
    let first = places.iter().map(|(_, label)| line(label)).min()?;
    let last = places.iter().map(|(_, label)| line(label)).max()?;
    let mut text = String::new();
    let mut annotations = Vec::new();
    for number in first..=last {
        let range = map.file(file).line(number);
        let here: Vec<_> = places.iter().filter(|(_, label)| line(label) == number).collect();
        let window = window(map.file(file).text.get(range.clone()).unwrap_or(""), range.start, &here);
        for (kind, label) in here {
            let at =
                |offset: u32| (offset as usize).clamp(window.start, window.end) - window.start + text.len();
            let mut annotation = kind.span(at(label.span.start)..at(label.span.end));
            if !label.text.is_empty() {
                annotation = annotation.label(visible(&label.text));
            }
            annotations.push(annotation);
        }
        let shown = map.file(file).text.get(window).unwrap_or("");
        // The library makes the other control characters visible. `¤` has as many bytes as each of these.
        text.extend(shown.chars().map(|c| if matches!(c, '\u{80}'..='\u{9f}') { '¤' } else { c }));
        text.push('\n');
    }
    let origin = map.line_column(file, main.span.start);
    Some(Excerpt { file, origin, first_line: first, text, annotations })
}

/// Which bytes of a line are shown: all of it, or what lies around the places in it.
fn window(line: &str, start: usize, places: &[&(AnnotationKind, &Label)]) -> Range<usize> {
    let end = start + line.len();
    if line.len() <= 4 * WINDOW {
        return start..end;
    }
    let from = places.iter().map(|(_, label)| label.span.start as usize).min().unwrap_or(start);
    let to = places.iter().map(|(_, label)| label.span.end as usize).max().unwrap_or(start);
    let to = to.min(from + 2 * WINDOW);
    let boundary = |offset: usize| (0..=offset.min(line.len())).rev().find(|at| line.is_char_boundary(*at));
    let from = boundary(from.saturating_sub(WINDOW).saturating_sub(start)).unwrap_or(0);
    let to = boundary((to + WINDOW).saturating_sub(start)).unwrap_or(line.len());
    start + from..start + to.max(from)
}

/// The library's lines, one column further right than the title, help directly under the excerpt. The excerpt's own
/// place, which it draws as an empty `:::`, is in the line before already.
fn lay_out(drawn: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (index, line) in drawn.lines().enumerate() {
        if index > 0 && bare(line) == ":::" {
            continue;
        }
        if bare(line).starts_with("= ") && lines.last().is_some_and(|before| bare(before) == "|") {
            lines.pop();
        }
        lines.push(if index == 0 { line.to_owned() } else { format!(" {line}") });
    }
    lines
}

/// A drawn line without colours and without the space around.
fn bare(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(escape) = rest.find('\u{1b}') {
        text.push_str(rest.get(..escape).unwrap_or(""));
        let sequence = rest.get(escape..).unwrap_or("");
        rest = sequence.find('m').and_then(|end| sequence.get(end + 1..)).unwrap_or("");
    }
    text.push_str(rest);
    text.trim().to_owned()
}

/// `text` with control and direction-changing characters made visible, so that a message cannot paint a terminal.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' | '\r' => ' ',
            '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            '\u{80}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            _ => c,
        })
        .collect()
}

#[cfg(test)]
mod tests;
