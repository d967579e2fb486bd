//! One item: what it is, when it is, how it is seen and heard.

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::script::{FrameBlend, Item, ItemKind, Pitch, Repeat, Source, TimeMap, Timing};
use crate::source::{Span, Spanned};
use crate::syntax::node::{Node, Value, ValueKind};
use crate::value::{Animated, Colour, Misread, Rational, TimeBase, TimePoint, TimeRange, number, quantity};
use crate::vocabulary::{NodeSpec, Place};

use super::effects::Senses;
use super::fields::Fields;
use super::keyframes::Width;
use super::parameter::{integer_in, item_point, number_in, point_on, range_on, time_point, word_of};
use super::reading::{Token, span_of_time};
use super::{Lowering, closest, value_of, visual};

/// Most often that `loop` may play a source.
const MOST_LOOPS: i64 = 1_000_000;

/// Fields that only moving pictures have.
const OF_FILMS: [&str; 10] =
    ["in", "out", "speed", "reverse", "loop", "freeze", "pitch", "frames", "fps", "start"];

impl<'a> Lowering<'a> {
    /// An item of `place`. Every fault is reported; `None` if too little is left of it.
    pub(super) fn item(&self, node: &'a Node, place: Place) -> Option<Item> {
        let Some(spec) = place.kind(&node.kind.value) else {
            self.unknown_kind(node, place);
            return None;
        };
        let fields = if spec.children.is_some() {
            self.fields_with_block(node, place)
        } else {
            self.plain_fields(node, place)
        }?;
        let in_sequence = matches!(place, Place::Sequence | Place::AudioSequence);
        let timing = self.timing(&fields, spec, in_sequence);
        let senses = Senses {
            picture: spec.name != "audio",
            sound: matches!(spec.name, "audio" | "video" | "group" | "adjust"),
        };
        let (effects, geometry) = self.effects(&fields.effects, spec, senses);
        let visual = self.visual(&fields, spec, geometry);
        let sound = self.sound(&fields);
        let id = self.id(&fields);
        let kind = self.kind(node, &fields, spec, place)?;
        let span = node.positional.iter().fold(node.kind.span, |span, v| span.to(v.span));
        Some(Item { id, kind, timing, visual, sound, effects, span })
    }

    fn kind(
        &self,
        node: &'a Node,
        fields: &Fields<'a>,
        spec: &'static NodeSpec,
        place: Place,
    ) -> Option<ItemKind> {
        let map = |this: &Self| {
            if spec.field("in").is_some() { this.time_map(fields) } else { TimeMap::plain(node.span) }
        };
        match spec.name {
            "video" => {
                let map = map(self);
                Some(ItemKind::Video { source: self.source(node, fields)?, map })
            }
            "audio" => {
                let map = map(self);
                Some(ItemKind::Audio { source: self.source(node, fields)?, map })
            }
            "image" => self.image(node, fields),
            "color" => {
                if fields.get("color").is_none() {
                    self.missing(node, "color", "write `color #101014`");
                }
                self.animated(fields, "color", Width::One, str::parse::<Colour>).map(ItemKind::Colour)
            }
            "text" => self.text(node, fields, spec).map(ItemKind::Text),
            "shape" => self.shape(node, fields, spec).map(ItemKind::Shape),
            "group" => Some(self.group(node, fields)),
            "adjust" => Some(ItemKind::Adjust),
            _ => {
                let inside = place.kind("track").and_then(|t| t.children).unwrap_or(place);
                Some(ItemKind::Track(self.sequence(node, inside)))
            }
        }
    }

    fn group(&self, node: &'a Node, fields: &Fields<'a>) -> ItemKind {
        let mut blocks: Vec<&Node> = Vec::new();
        let (mut timeline, mut overlays, mut audio) = (None, Vec::new(), Vec::new());
        for child in node.children.as_deref().unwrap_or_default() {
            if Place::Group.kind(&child.kind.value).is_none() {
                self.unknown_kind(child, Place::Group);
                continue;
            }
            if self.is_second(&mut blocks, child) {
                continue;
            }
            match child.kind.value.as_str() {
                "timeline" => timeline = Some(self.main_sequence(child)),
                "overlays" => overlays = self.placed(child, Place::Overlays),
                _ => audio = self.placed(child, Place::Audio),
            }
        }
        if blocks.is_empty() {
            let message = "`group` has nothing in it";
            self.report(
                Diagnostic::error(codes::NO_BLOCK_HERE, node.kind.span, message)
                    .help("put a `timeline`, `overlays` or `audio` into it"),
            );
        }
        let size = self.read(fields, "size", |t| quantity::size(t).map(quantity::Size::on_canvas));
        ItemKind::Group { size: value_of(size), timeline, overlays, audio, map: self.time_map(fields) }
    }

    fn image(&self, node: &'a Node, fields: &Fields<'a>) -> Option<ItemKind> {
        let (fps, start) = self.stills(fields);
        let map = self.time_map(fields);
        let source = self.source(node, fields)?;
        if is_pattern(&source.path.to_string_lossy()) {
            return Some(ItemKind::ImageSequence { source, fps, start, map });
        }
        let trim = fields.trim.map(|v| ("in", v));
        let film_only = OF_FILMS.iter().filter_map(|name| fields.own(name).map(|v| (*name, v))).chain(trim);
        for (name, value) in film_only {
            let message = format!("`{name}` means nothing for a still");
            self.report(
                Diagnostic::error(codes::NOT_APPLICABLE, value.span, message)
                    .help("it is for films and for numbered stills such as `img-%04d.png`"),
            );
        }
        Some(ItemKind::Image { source })
    }

    /// Stills a second of a run of them, and its first number.
    pub(super) fn stills(&self, fields: &Fields<'_>) -> (Rational, u32) {
        let fps = self.read(fields, "fps", quantity::rate);
        let start = self.read(fields, "start", integer_in(0, 1_000_000));
        let first = start.and_then(|start| u32::try_from(start.value).ok());
        (fps.map_or(Rational::from_integer(25), |fps| fps.value), first.unwrap_or(0))
    }

    /// The file of an item: a path, or that of a medium.
    fn source(&self, node: &'a Node, fields: &Fields<'a>) -> Option<Source> {
        let Some(value) = fields.get("file") else {
            self.missing(node, "file", &format!("write `{} \"path\"`", node.kind.value));
            return None;
        };
        if let Some(medium) = self.medium_of(value) {
            let named = medium.fields.iter().find(|f| f.name.value == "file").map(|f| &f.value);
            let path = medium.positional.first().or(named)?;
            return self.path("file", path).map(|s| Source { span: value.span, ..s });
        }
        let token = self.scalar("file", value)?;
        let bare = matches!(&value.kind, ValueKind::Plain(_))
            && !token.value.contains(['.', '/', '\\', '%', '*', '$']);
        if bare {
            let message = format!("unknown medium `{}`", token.value);
            let help = match closest(&token.value, self.bindings.media_names()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!(
                    "bind it at the top, `media {0} = \"path\"`, or write `\"./{0}\"` if it is a file",
                    token.value
                ),
            };
            self.report(Diagnostic::error(codes::UNKNOWN_MEDIUM, value.span, message).help(help));
            return None;
        }
        self.path("file", value)
    }

    pub(super) fn timing(&self, fields: &Fields<'a>, spec: &NodeSpec, in_sequence: bool) -> Timing {
        let duration =
            if spec.field("duration").is_some() { self.read(fields, "duration", duration) } else { None };
        let Some(value) = fields.get("at") else { return Timing { at: None, duration, until: None } };
        if in_sequence {
            // A style's `at` is for those of its items that are placed.
            let Some(own) = fields.own("at") else { return Timing { at: None, duration, until: None } };
            self.report(
                Diagnostic::error(codes::AT_IN_SEQUENCE, own.span, "`at` is given to an item of a sequence")
                    .label("its place follows from the items before it")
                    .help("leave it out, put a `gap` before the item, or move the item to `overlays`"),
            );
            return Timing { at: None, duration, until: None };
        }
        let Some(at) = self.scalar("at", value) else { return Timing { at: None, duration, until: None } };
        self.placed_at(&at, duration, fields.own("duration"), time_point, str::parse)
    }

    /// A timing by a written `at`, a point or a range, read by these; `second` is a `duration` that a range contradicts.
    pub(super) fn placed_at(
        &self,
        at: &Token,
        duration: Option<Spanned<TimePoint>>,
        second: Option<&Value>,
        point: impl FnOnce(&str) -> Result<TimePoint, Misread>,
        range: impl FnOnce(&str) -> Result<TimeRange, Misread>,
    ) -> Timing {
        if !at.value.contains("..") {
            return Timing { at: self.read_token("at", at, point), duration, until: None };
        }
        if let Some(second) = second {
            let message = "`at:a..b` says how long, and `duration` too";
            self.report(
                Diagnostic::error(codes::TIME_CONFLICT, second.span, message)
                    .also(at.span, "from where to where")
                    .help("leave one out"),
            );
        }
        let range = self.read_token("at", at, range).map(|r| r.value);
        let place = |point: Option<TimePoint>| point.map(|p| Spanned::new(p, at.span));
        let (from, to) = range.map_or((None, None), |r| (r.from, r.to));
        Timing { at: place(from), duration: None, until: place(to) }
    }

    pub(super) fn time_map(&self, fields: &Fields<'a>) -> TimeMap {
        let (start, end) = self.in_and_out(fields);
        let plain = TimeMap::plain(Span::default());
        let speed_value = fields.get("speed");
        let speed = speed_value.and_then(|value| {
            self.animated_value("speed", value, Width::One, &number_in(0.001, 1000.0))
                .map(|s| Spanned::new(s, value.span))
        });
        let exact = match &speed {
            Some(Spanned { value: Animated::Constant(_), .. }) => {
                let text = speed_value.and_then(|v| self.lexeme(v)).and_then(|l| self.text_of(l));
                text.and_then(|t| number::share(t.trim()).ok())
            }
            _ => None,
        };
        let word = |name: &str, index: usize| {
            let words = Place::Sequence.kind("video").map_or(&[][..], |video| visual::words(video, name));
            self.read(fields, name, word_of(words)).is_some_and(|w| w.value == index)
        };
        TimeMap {
            start,
            end,
            reverse: value_of(self.read(fields, "reverse", quantity::boolean)).unwrap_or(false),
            repeat: value_of(self.read(fields, "loop", repeat)).unwrap_or(Repeat::Times(1)),
            speed: speed.unwrap_or(plain.speed),
            exact_speed: exact.unwrap_or(plain.exact_speed),
            freeze: fields.get("freeze").map_or_else(Vec::new, |v| self.freeze(v)),
            pitch: if word("pitch", 1) { Pitch::Follow } else { Pitch::Keep },
            frames: if word("frames", 1) { FrameBlend::Blend } else { FrameBlend::Nearest },
        }
    }

    /// `in` and `out`, or the range of `source[a..b]`.
    fn in_and_out(&self, fields: &Fields<'a>) -> (Option<Spanned<TimePoint>>, Option<Spanned<TimePoint>>) {
        let mut start = self.read(fields, "in", source_point);
        let mut end = self.read(fields, "out", source_point);
        if let Some(trim) = fields.trim {
            for name in ["in", "out"] {
                if let Some(value) = fields.own(name) {
                    let message = format!("`[a..b]` sets `{name}`, and so does the field");
                    self.report(
                        Diagnostic::error(codes::TIME_CONFLICT, value.span, message)
                            .also(trim.span, "set here")
                            .help("leave one out"),
                    );
                }
            }
            let range = self.read_value("[a..b]", trim, source_range);
            if let Some(Spanned { value, span }) = range {
                start = value.from.map(|p| Spanned::new(p, span)).or(start);
                end = value.to.map(|p| Spanned::new(p, span)).or(end);
            }
        } else if let (Some(a), Some(b)) = (&start, &end)
            && a.value.is_not_before(&b.value)
        {
            let message = format!("`out` at {} is not after `in` at {}", b.value, a.value);
            self.report(
                Diagnostic::error(codes::EMPTY_SPAN, b.span, message)
                    .also(a.span, "`in` is here")
                    .help("the used span of the source ends after it starts"),
            );
        }
        (start, end)
    }

    /// `2s for 1s`, or a list of such.
    fn freeze(&self, value: &Value) -> Vec<(Spanned<TimePoint>, Spanned<TimePoint>)> {
        let Some(lexeme) = self.lexeme(value) else { return Vec::new() };
        let rows = match lexeme.kind {
            ValueKind::List(rows) => rows.iter().map(|row| self.row("freeze", row, lexeme.literal)).collect(),
            _ => vec![self.tokens("freeze", value)],
        };
        let hold = |tokens: Vec<super::reading::Token>| match tokens.as_slice() {
            [at, word, length] if word.value == "for" => {
                let at = self.read_token("freeze", at, item_point);
                let length = self.read_token("freeze", length, span_of_time);
                Some((at?, length?))
            }
            _ => {
                let fault = Misread::form("this does not say when and for how long", "write `\"2s for 1s\"`");
                self.misread("freeze", value.span, fault);
                None
            }
        };
        rows.into_iter().flatten().filter_map(hold).collect()
    }
}

impl TimeMap {
    /// The whole source as it is; `span` is where its speed would stand.
    pub fn plain(span: Span) -> TimeMap {
        TimeMap {
            start: None,
            end: None,
            reverse: false,
            repeat: Repeat::Times(1),
            speed: Spanned::new(Animated::Constant(1.0), span),
            exact_speed: Rational::from_integer(1),
            freeze: Vec::new(),
            pitch: Pitch::Keep,
            frames: FrameBlend::Nearest,
        }
    }
}

/// Whether a path names numbered or globbed stills.
fn is_pattern(path: &str) -> bool {
    let numbered = path
        .split('%')
        .skip(1)
        .any(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('d'));
    numbered || path.contains(['*', '?'])
}

/// `duration`: longer than 0, or a point.
fn duration(text: &str) -> Result<TimePoint, Misread> {
    let time: TimePoint = text.parse()?;
    if time.base == TimeBase::Start { span_of_time(text) } else { Ok(time) }
}

/// What stands for an anchor in `in` and `out`.
const SOURCE_CLOCK: &str =
    "`in` and `out` are on the source's own clock: write a time, such as `10.5s` or `end-2s`";

/// A point on the source's clock, which knows no anchors.
fn source_point(text: &str) -> Result<TimePoint, Misread> {
    if let Some((from, to)) = text.split_once("..") {
        let fields = [("in", from), ("out", to)].into_iter().filter(|(_, time)| !time.is_empty());
        let fields: Vec<_> = fields.map(|(name, time)| format!("`{name}:{time}`")).collect();
        let help =
            if fields.is_empty() { "write a time".into() } else { format!("write {}", fields.join(" and ")) };
        return Err(Misread::form(format!("`{text}` is a range, where one time is wanted"), help));
    }
    point_on(text, SOURCE_CLOCK)
}

fn source_range(text: &str) -> Result<TimeRange, Misread> {
    range_on(text, SOURCE_CLOCK)
}

/// `true`, `false`, or how many times in all.
fn repeat(text: &str) -> Result<Repeat, Misread> {
    match text {
        "true" => Ok(Repeat::Forever),
        "false" => Ok(Repeat::Times(1)),
        _ => {
            let wrong = |fault: Misread| Misread {
                help: format!("write `true`, `false`, or how many times in all, 1 to {MOST_LOOPS}"),
                ..fault
            };
            integer_in(1, MOST_LOOPS)(text)
                .map_err(wrong)
                .map(|n| Repeat::Times(u32::try_from(n).unwrap_or(1)))
        }
    }
}
