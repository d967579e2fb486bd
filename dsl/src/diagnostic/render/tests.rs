use super::super::{Code, tidy};
use super::*;
use crate::source::Span;

const TEXT: &str = "a\nvideo beach[10.5s..60s] | vintge 0.8\r\n\ttab \u{1b}[31mred \u{202e}rtl 日本語 bad\n";

fn map(text: &str) -> (SourceMap, FileId) {
    let mut map = SourceMap::new();
    let file = map.add("holiday.vfx", "", text);
    (map, file)
}

fn at(file: FileId, text: &str, what: &str) -> Span {
    let start = text.find(what).unwrap();
    Span::new(file, start, start + what.len())
}

#[test]
fn the_look_of_the_reference() {
    let text = format!("{}  video beach[10.5s..60s] | vintge 0.8\n", "\n".repeat(6));
    let (map, file) = map(&text);
    let finding = Diagnostic::error(Code("V0203"), at(file, &text, "vintge"), "unknown effect `vintge`")
        .label("no effect has this name")
        .help("did you mean `vintage`?");
    let expected = "\
error[V0203]: unknown effect `vintge`
  --> holiday.vfx:7:29
   |
 7 |   video beach[10.5s..60s] | vintge 0.8
   |                             ^^^^^^ no effect has this name
   = help: did you mean `vintage`?

";
    assert_eq!(render(std::slice::from_ref(&finding), &map, false), expected);
    let coloured = render(&[finding], &map, true);
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    assert_eq!(
        coloured.lines().map(bare).collect::<Vec<_>>(),
        expected.lines().map(bare).collect::<Vec<_>>()
    );
}

#[test]
fn odd_places_and_characters() {
    let (map, file) = map(TEXT);
    let end = Span::new(file, TEXT.len(), TEXT.len());
    let long = format!("{}OOPS{}", "é".repeat(5_000), "x".repeat(5_000));
    let mut map = map;
    let other = map.add("evil\u{1b}[2J.vfx", "", long.clone());
    let findings = vec![
        Diagnostic::warning(Code("V0901"), at(file, TEXT, "bad"), "wide \u{1b}[31m").label("here\u{7}"),
        Diagnostic::error(Code("V0902"), end, "at the end").help("more"),
        Diagnostic::error(Code("V0903"), at(file, TEXT, "a"), "two").also(at(file, TEXT, "60s"), "the other"),
        Diagnostic::error(Code("V0904"), at(file, TEXT, "0.8\r\n\ttab"), "several lines"),
        Diagnostic::error(Code("V0905"), at(other, &long, "OOPS"), "long line"),
        Diagnostic::error(Code("V0906"), Span::new(other, 0, long.len()), "all of a long line"),
        Diagnostic {
            primary: None,
            ..Diagnostic::note(Code("V0907"), Span::default(), "no place").help("none needed")
        },
    ];
    let text = render(&findings, &map, false);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    insta::assert_snapshot!(text);
    insta::assert_snapshot!(render_short(&findings, &map));
    assert_eq!(summary(&findings), "5 errors, 1 warning, 1 note");
}

#[test]
fn places_far_apart_have_their_own_excerpts() {
    let text = format!("first\n{}second\n", "\n".repeat(98));
    let (map, file) = map(&text);
    let finding = Diagnostic::error(Code("V0401"), at(file, &text, "second"), "id twice")
        .also(at(file, &text, "first"), "here before")
        .help("rename one");
    insta::assert_snapshot!(render(&[finding], &map, false));
}

#[test]
fn json_has_every_key() {
    let (map, file) = map(TEXT);
    let finding = Diagnostic::error(Code("V0902"), at(file, TEXT, "日本語"), "m").help("h");
    assert_eq!(
        to_json(&finding, &map).to_string(),
        r#"{"type":"diagnostic","severity":"error","code":"V0902","message":"m","file":"holiday.vfx","line":3,"column":20,"endLine":3,"endColumn":23,"help":"h"}"#
    );
    let nowhere = Diagnostic { primary: None, ..Diagnostic::note(Code("V0907"), Span::default(), "m") };
    assert_eq!(
        to_json(&nowhere, &map).to_string(),
        r#"{"type":"diagnostic","severity":"note","code":"V0907","message":"m","file":null,"line":null,"column":null,"endLine":null,"endColumn":null,"help":null}"#
    );
}

#[test]
fn tidy_sorts_and_drops_echoes() {
    let (_, file) = map(TEXT);
    let span = at(file, TEXT, "vintge");
    let findings = vec![
        Diagnostic::error(Code("V0301"), span, "echo"),
        Diagnostic::error(Code("V0202"), at(file, TEXT, "0.8"), "own"),
        Diagnostic::error(Code("V0202"), at(file, TEXT, "0.8"), "own"),
        Diagnostic::error(Code("V0120"), span, "syntax"),
        Diagnostic::error(Code("V0202"), at(file, TEXT, "a"), "first"),
    ];
    let messages: Vec<_> = tidy(findings).into_iter().map(|d| d.message).collect();
    assert_eq!(messages, ["first", "syntax", "own"]);
}
