//! YAML events to a tree of values.
//!
//! The text as written and its repaired copy come in; the top-level value, or the reader's error, goes out, with
//! what is wrong though it is valid YAML: duplicate keys, odd keys, tags, aliases that explode, comments and commas
//! that cut values. Keeps its own stack, so that no nesting can overflow the machine's.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, StructureStyle, options};

use super::super::findings::Findings;
use super::super::node::{Field, RawMap, Value, ValueKind};
use super::super::scan::{MOST_NESTING, MOST_PARTS};
use super::super::words;
use super::scalar::folded;
use super::trap;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::{Span, Spanned};

/// How many values aliases may add to a script.
const MOST_EXPANDED: usize = 100_000;

/// An error of the YAML reader.
pub(super) struct ScanFault {
    /// The byte at which it stopped.
    pub(super) at: usize,
    /// What it is.
    pub(super) kind: ErrorKind,
    /// The byte up to which all is well.
    pub(super) read_to: usize,
    /// The innermost `[` or `{` open there.
    pub(super) open: Option<usize>,
}

/// What came of reading a text once.
pub(super) struct Outcome {
    pub(super) value: Option<Value>,
    pub(super) error: Option<ScanFault>,
    /// Whether a limit was passed, so that what follows is unknown.
    pub(super) stopped: bool,
    pub(super) findings: Vec<Diagnostic>,
}

/// A value that an alias may repeat.
struct Anchored {
    value: Value,
    size: usize,
    depth: usize,
    used: bool,
    /// The `&name`.
    place: Span,
}

/// A collection that is not closed yet.
struct Frame {
    start: usize,
    flow: bool,
    anchor: usize,
    /// Values in it so far, and how deep they nest.
    size: usize,
    depth: usize,
    kind: FrameKind,
}

enum FrameKind {
    List(Vec<Vec<Value>>),
    Map { entries: Vec<Field>, key: Option<Key> },
}

/// The key whose value is awaited; `None` if it is none that a script can have.
type Key = Option<Spanned<String>>;

struct Builder<'a> {
    text: &'a str,
    found: Findings<'a>,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    parts: usize,
    expanded: usize,
    done: Option<Value>,
    documents: usize,
}

/// Reads `copy` once; plain scalars are taken from `text`, which has the same length.
pub(super) fn read<'a>(text: &'a str, copy: &str, findings: &Findings<'a>) -> Outcome {
    let mut builder = Builder {
        text,
        found: findings.another(),
        frames: Vec::new(),
        anchors: HashMap::new(),
        parts: 0,
        expanded: 0,
        done: None,
        documents: 0,
    };
    let options = options! { emit_comments: false };
    let mut parser = Parser::new_from_str_with_options(copy, options);
    // A character that was painted over with several has no place between them.
    let byte = |marker: Marker| text.floor_char_boundary(marker.byte_offset().unwrap_or(text.len()));
    let mut read_to = 0;
    let (mut error, mut stopped) = (None, false);
    while let Some(next) = parser.next_event() {
        match next {
            Ok((event, span)) => {
                let (start, end) = (byte(span.start), byte(span.end));
                read_to = end;
                if !builder.event(event, start, end) {
                    stopped = true;
                    break;
                }
            }
            Err(fault) => {
                let at = byte(*fault.marker());
                let kind = fault.kind().clone();
                // Of a bracket without its end the reader tells the beginning.
                let unclosed = matches!(
                    kind,
                    ErrorKind::UnclosedFlowCollection { .. } | ErrorKind::MismatchedFlowCollectionEnd { .. }
                );
                error = Some(if unclosed {
                    let end = trap::missed_end(copy, at);
                    ScanFault { at: end, kind, read_to: end, open: Some(at) }
                } else {
                    let open = builder.frames.iter().rev().find(|frame| frame.flow);
                    ScanFault { at, kind, read_to, open: open.map(|frame| frame.start) }
                });
                break;
            }
        }
    }
    if error.is_none() && !stopped {
        builder.unused_anchors();
    }
    Outcome { value: builder.done, error, stopped, findings: builder.found.finish() }
}

impl Builder<'_> {
    fn at(&self, start: usize, end: usize) -> Span {
        self.found.span(start, end)
    }

    /// Takes one event; `false` if nothing more is to be read.
    fn event(&mut self, event: Event<'_>, start: usize, end: usize) -> bool {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.found.error(
                        codes::SEVERAL_DOCUMENTS,
                        self.at(start, end),
                        "a second YAML document begins here",
                        "a script is one document: delete the `---`, or put what follows into a file of its own",
                    );
                    return false;
                }
            }
            Event::Scalar(value, style, anchor, tag) => {
                let start = self.behind_properties(start, end, anchor, tag.is_some());
                let value = self.scalar(&value, style, start, end);
                return self.complete(value, style == ScalarStyle::Plain, anchor, 1, 0, start);
            }
            Event::SequenceStart(style, anchor, tag) => {
                let start = self.behind_properties(start, self.text.len(), anchor, tag.is_some());
                return self.open(FrameKind::List(Vec::new()), anchor, start, style);
            }
            Event::MappingStart(style, anchor, tag) => {
                let start = self.behind_properties(start, self.text.len(), anchor, tag.is_some());
                return self.open(FrameKind::Map { entries: Vec::new(), key: None }, anchor, start, style);
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(end),
            Event::Alias(anchor) => return self.alias(anchor, start, end),
            _ => {}
        }
        true
    }

    /// Where a value itself begins that begins at `start` with its anchor and tag, if it has any.
    fn behind_properties(&mut self, start: usize, end: usize, anchor: usize, tagged: bool) -> usize {
        if anchor == 0 && !tagged {
            return start;
        }
        let mut rest = self.text.get(start..end).unwrap_or("");
        while rest.starts_with(['&', '!']) {
            let ends = |c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}');
            rest = rest.find(ends).and_then(|end| rest.get(end..)).unwrap_or("").trim_start();
        }
        let value = end - rest.len();
        self.tag(tagged, value);
        value
    }

    fn tag(&mut self, tagged: bool, value: usize) {
        if tagged {
            let at = trap::before(self.text, value, '!');
            let end =
                self.text.get(at..).and_then(|s| s.find(char::is_whitespace)).map_or(at + 1, |n| at + n);
            self.found.error(
                codes::TAG,
                self.at(at, end),
                "`!` begins a YAML tag, which means nothing in a script",
                "delete it; if it is text, quote the whole value",
            );
        }
    }

    fn scalar(&mut self, value: &str, style: ScalarStyle, start: usize, end: usize) -> Value {
        // The reader gives `~` for a scalar with nothing in it, at the place of whatever follows.
        let written = self.text.get(start..end).is_some_and(|source| source.starts_with('~'));
        let nothing = style == ScalarStyle::Plain && (value.is_empty() || value == "~" && !written);
        let end = if nothing { start } else { end };
        let source = self.text.get(start..end).unwrap_or("").trim_end();
        let span = self.at(start, start + source.len());
        let kind = match style {
            _ if nothing => ValueKind::Null,
            ScalarStyle::Plain => ValueKind::Plain(folded(source)),
            _ => ValueKind::Quoted(value.to_owned()),
        };
        if style == ScalarStyle::Plain
            && let Some(comment) = trap::comment_after(self.text, span.end as usize, nothing)
        {
            trap::cut_by_comment(&mut self.found, self.text, source, comment);
        }
        Value { kind, span }
    }

    fn open(&mut self, kind: FrameKind, anchor: usize, start: usize, style: StructureStyle) -> bool {
        let flow = style == StructureStyle::Flow;
        self.frames.push(Frame { start, flow, anchor, size: 1, depth: 0, kind });
        let fits = self.frames.len() <= MOST_NESTING;
        if !fits {
            self.found.error(
                codes::TOO_DEEP,
                self.at(start, start + 1),
                format!("lists and mappings are nested more than {MOST_NESTING} deep here"),
                "close the brackets before, or move inner groups out",
            );
        }
        fits
    }

    fn close(&mut self, end: usize) -> bool {
        let Some(frame) = self.frames.pop() else { return true };
        let (kind, last) = match frame.kind {
            FrameKind::List(mut elements) => {
                let last = elements.iter().flatten().last().map(|value| value.span.end as usize);
                if frame.flow {
                    trap::join_elements(&mut self.found, self.text, &mut elements);
                }
                (ValueKind::List(elements), last)
            }
            FrameKind::Map { mut entries, .. } => {
                let last = entries.last().map(|field| field.value.span.end.max(field.name.span.end) as usize);
                if frame.flow {
                    trap::join_entries(&mut self.found, self.text, &mut entries);
                }
                let entries = self.without_duplicates(entries);
                let entries = self.merged(entries);
                (ValueKind::Map(RawMap { entries, span: Span::default() }), last)
            }
        };
        let end = if frame.flow { end } else { last.unwrap_or(frame.start) };
        let span = self.at(frame.start, end);
        let kind = match kind {
            ValueKind::Map(map) => ValueKind::Map(RawMap { span, ..map }),
            other => other,
        };
        self.complete(Value { kind, span }, false, frame.anchor, frame.size, frame.depth, frame.start)
    }

    /// Puts a finished value where it belongs; `false` if a limit is passed.
    fn complete(
        &mut self,
        value: Value,
        plain: bool,
        anchor: usize,
        size: usize,
        depth: usize,
        start: usize,
    ) -> bool {
        self.parts += 1;
        if anchor > 0 {
            let at = trap::before(self.text, start, '&');
            let name = self.text.get(at..).and_then(|s| s.find(char::is_whitespace)).unwrap_or(1);
            let place = self.at(at, at + name);
            self.parts += size;
            self.anchors.insert(anchor, Anchored { value: value.clone(), size, depth, used: false, place });
        }
        if self.parts > MOST_PARTS {
            self.found.error(
                codes::TOO_MANY_PARTS,
                value.span,
                format!("the script has more than {MOST_PARTS} values"),
                "split the film into several scripts",
            );
            return false;
        }
        let file = value.span.file;
        let Some(frame) = self.frames.last_mut() else {
            self.done = Some(value);
            return true;
        };
        frame.size += size;
        frame.depth = frame.depth.max(depth + 1);
        match &mut frame.kind {
            FrameKind::List(elements) => elements.push(match &value.kind {
                ValueKind::Plain(_) if plain => {
                    let range = value.span.start as usize..value.span.end as usize;
                    words::split(self.text.get(range).unwrap_or(""), file, value.span.start as usize)
                }
                _ => vec![value],
            }),
            FrameKind::Map { key: slot @ None, .. } => {
                let key = match value.kind {
                    ValueKind::Plain(text) | ValueKind::Quoted(text) => Some(Spanned::new(text, value.span)),
                    _ => {
                        odd_key(&mut self.found, value.span);
                        None
                    }
                };
                *slot = Some(key);
            }
            FrameKind::Map { entries, key } => {
                if let Some(Some(name)) = key.take() {
                    let value = trap::value_of(&mut self.found, self.text, &name, value);
                    entries.push(Field { name, value });
                }
            }
        }
        true
    }

    fn alias(&mut self, anchor: usize, start: usize, end: usize) -> bool {
        let Some(anchored) = self.anchors.get_mut(&anchor) else {
            // An alias inside the value that it names: there is nothing to repeat yet.
            self.found.error(
                codes::ALIAS_EXPANSION,
                self.at(start, end),
                "this alias stands inside the value that it repeats",
                "name a value with `&name` before repeating it with `*name`",
            );
            return false;
        };
        anchored.used = true;
        self.expanded += anchored.size;
        let (size, depth) = (anchored.size, anchored.depth);
        if self.expanded > MOST_EXPANDED || self.frames.len() + depth > MOST_NESTING {
            self.found.error(
                codes::ALIAS_EXPANSION,
                self.at(start, end),
                format!("aliases up to here expand to more than {MOST_EXPANDED} values, or nest too deeply"),
                "write the values out where they are needed",
            );
            return false;
        }
        let value = anchored.value.clone();
        let plain = matches!(value.kind, ValueKind::Plain(_));
        self.complete(value, plain, 0, size, depth, start)
    }

    /// Reports keys that stand twice and keeps the first of each.
    fn without_duplicates(&mut self, entries: Vec<Field>) -> Vec<Field> {
        let mut seen: HashMap<String, Span> = HashMap::with_capacity(entries.len());
        let mut kept = Vec::with_capacity(entries.len());
        for field in entries {
            match seen.get(&field.name.value) {
                Some(first) => self.found.push(
                    Diagnostic::error(
                        codes::DUPLICATE_KEY,
                        field.name.span,
                        format!("`{}` stands twice in this mapping", super::shown(&field.name.value)),
                    )
                    .also(*first, "first here")
                    .help("delete one of them; several nodes of one kind stand in a list"),
                ),
                None => {
                    seen.insert(field.name.value.clone(), field.name.span);
                    kept.push(field);
                }
            }
        }
        kept
    }

    /// Puts what `<<` brings in behind the mapping's own entries, which win.
    fn merged(&mut self, mut entries: Vec<Field>) -> Vec<Field> {
        let Some(at) = entries.iter().position(|field| field.name.value == "<<") else { return entries };
        let merge = entries.remove(at);
        let maps: Vec<Value> = match merge.value.kind {
            ValueKind::List(elements) => elements.into_iter().flatten().collect(),
            _ => vec![merge.value],
        };
        for value in maps {
            let ValueKind::Map(map) = value.kind else {
                self.found.error(
                    codes::MERGE_KEY,
                    merge.name.span,
                    "`<<` takes in the fields of a mapping, and this is none",
                    "write `<<: *name`, where `&name` stands before a mapping",
                );
                continue;
            };
            for field in map.entries {
                if !entries.iter().any(|own| own.name.value == field.name.value) {
                    entries.push(field);
                }
            }
        }
        entries
    }

    /// `text: &more fun` names a value without anybody wanting it.
    fn unused_anchors(&mut self) {
        let mut unused: Vec<Span> =
            self.anchors.values().filter(|anchored| !anchored.used).map(|anchored| anchored.place).collect();
        unused.sort();
        for place in unused {
            self.found.push(
                Diagnostic::warning(
                    codes::RESERVED_CHARACTER,
                    place,
                    "`&` names the value that follows, and nothing repeats it",
                )
                .help("if it is text, quote the whole value; else delete it"),
            );
        }
    }
}

fn odd_key(found: &mut Findings, span: Span) {
    found.error(
        codes::COMPLEX_KEY,
        span,
        "a key is one word",
        "write `name: value`; quote a value that begins with `{` or `[`, or that holds `${…}` in brackets",
    );
}
