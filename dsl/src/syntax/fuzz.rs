//! Any text whatsoever, in both spellings: no panic, bounded time, places that lie in the text; what is right stays so
//! when it is formatted.
//!
//! `VFXB_FUZZ_CASES` sets how many texts of each of the three sorts are tried.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::node::{Document, Field, Node, RawMap, Value, ValueKind};
use super::tests::worked;
use super::*;
use crate::diagnostic::{render, render_short, tidy, to_json};
use crate::print;

/// What both spellings are made of.
const TOKENS: &[&str] = &[
    "video",
    "text",
    "timeline",
    "var",
    "media",
    "style",
    "x",
    "é",
    "\"",
    "'",
    "\"a b\"",
    "\\",
    "\\u{",
    "\\n",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "|",
    ":",
    ": ",
    "=",
    ",",
    "..",
    ".",
    "-",
    "- ",
    "+",
    "@",
    "@a.start",
    "@a.end+1s",
    "end",
    "end-1s",
    "#",
    "#fff",
    " #5",
    "# ",
    "//",
    "/*",
    "*/",
    "${",
    "${x}",
    "$$",
    "1",
    "10.5s",
    "5.",
    "50%",
    "1:02.5",
    "01:02:03;12",
    "16:9",
    "1920x1080",
    "30000/1001",
    "rgb(",
    "rgb(1,2,3)",
    "cubic-bezier(0.4,0,0.2,1)",
    " ",
    "  ",
    "\n",
    "\n  ",
    "\n    ",
    "\r\n",
    "\t",
    "\n\t",
    "\0",
    "\u{feff}",
    "\u{a0}",
    "\u{202e}",
    "\u{1b}[31m",
    "&a ",
    "*a",
    "*",
    "&",
    "!",
    "!!str ",
    "<<: *a",
    "---\n",
    "...\n",
    "%",
    "%YAML 1.2",
    "? ",
    "|\n",
    ">\n",
    "~",
    "null",
    "`",
    "😀",
    "\u{301}",
    "a: ",
    "b: ",
    "at:",
    "in:2s",
    "at : 1",
    "key: value\n",
    "- a\n",
    "- video: a\n",
];

const SAMPLES: &[&str] = &[include_str!("samples/holiday.vfx"), include_str!("samples/holiday.yaml")];

fn cases() -> u32 {
    std::env::var("VFXB_FUZZ_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000)
}

fn fuzz(texts: impl Strategy<Value = String>) {
    let config = Config { cases: cases(), failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&texts, |text| check(&text)).unwrap();
}

fn check(text: &str) -> Result<(), TestCaseError> {
    for spelling in [Spelling::Vfx, Spelling::Yaml] {
        let mut map = SourceMap::new();
        let file = map.add("fuzz", "", text);
        let start = worked();
        let (document, mut findings) = parse(&map, file, spelling);
        prop_assert!(document.is_some() || findings.iter().any(Diagnostic::is_error), "nothing said");
        if let Some(document) = document.as_ref().filter(|_| !findings.iter().any(Diagnostic::is_error)) {
            match print::format(document, &map, file) {
                Ok(formatted) => {
                    let again = map.add("formatted", "", formatted);
                    prop_assert!(!parse(&map, again, spelling).1.iter().any(Diagnostic::is_error));
                }
                Err(said) => findings.extend(said),
            }
        }
        let took = worked() - start;
        prop_assert!(took < Duration::from_secs(2), "{spelling:?} took {took:?}");
        let mut places = Places { text: &map.file(file).text, wrong: Vec::new() };
        match &document {
            Some(Document::Nodes(nodes)) => nodes.iter().for_each(|node| places.node(node)),
            Some(Document::Map(raw)) => places.map(raw),
            None => {}
        }
        for finding in &findings {
            finding.primary.iter().chain(&finding.secondary).for_each(|label| places.span(label.span));
            prop_assert!(to_json(finding, &map)["line"].is_u64());
        }
        prop_assert!(places.wrong.is_empty(), "{spelling:?}: {:?}", places.wrong);
        let first = tidy(findings.into_iter().take(4).collect());
        let drawn = render(&first, &map, false) + &render_short(&first, &map);
        prop_assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?}");
    }
    Ok(())
}

/// Looks whether spans lie in the text, on character boundaries.
struct Places<'a> {
    text: &'a str,
    wrong: Vec<Span>,
}

impl Places<'_> {
    fn span(&mut self, span: Span) {
        if self.text.get(span.start as usize..span.end as usize).is_none() {
            self.wrong.push(span);
        }
    }

    fn node(&mut self, node: &Node) {
        self.span(node.span);
        self.span(node.kind.span);
        node.positional.iter().for_each(|value| self.value(value));
        node.fields.iter().for_each(|field| self.field(field));
        node.effects.iter().chain(node.children.iter().flatten()).for_each(|node| self.node(node));
    }

    fn field(&mut self, field: &Field) {
        self.span(field.name.span);
        self.value(&field.value);
    }

    fn map(&mut self, map: &RawMap) {
        self.span(map.span);
        map.entries.iter().for_each(|field| self.field(field));
    }

    fn value(&mut self, value: &Value) {
        self.span(value.span);
        match &value.kind {
            ValueKind::List(elements) => elements.iter().flatten().for_each(|value| self.value(value)),
            ValueKind::Trimmed(source, range) => {
                self.value(source);
                self.value(range);
            }
            ValueKind::Map(map) => self.map(map),
            _ => {}
        }
    }
}

/// One change to a text: at a share of its length, so many characters are replaced by something.
fn mutate(text: &str, edits: &[(f64, usize, usize, String)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (share, cut, copy, new) in edits {
        let at = ((chars.len() as f64 * share) as usize).min(chars.len());
        let copied: Vec<char> = chars[at..(at + copy).min(chars.len())].to_vec();
        let end = (at + cut).min(chars.len());
        chars.splice(at..end, new.chars().chain(copied));
    }
    chars.into_iter().collect()
}

#[test]
fn arbitrary_bytes() {
    fuzz(
        prop::collection::vec(any::<u8>(), 0..300)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    );
}

#[test]
fn soup_of_tokens() {
    fuzz(prop::collection::vec(prop::sample::select(TOKENS), 0..60).prop_map(|tokens| tokens.concat()));
}

#[test]
fn mutated_scripts() {
    let token = prop_oneof![prop::sample::select(TOKENS).prop_map(str::to_owned), Just(String::new())];
    let edit = (
        0.0..1.0f64,
        prop_oneof![Just(0usize), 0..5usize, 0..200usize],
        prop_oneof![Just(0usize), 0..100usize],
        token,
    );
    fuzz(
        (prop::sample::select(SAMPLES), prop::collection::vec(edit, 1..8))
            .prop_map(|(text, edits)| mutate(text, &edits)),
    );
}
