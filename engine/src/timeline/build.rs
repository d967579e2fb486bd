//! A script and its media to a [`Timeline`]: canvas, sources, lengths, then layers and sounds.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::{self, FrameRate, Item, ItemKind, Repeat, Script, Sequence, SequenceEntry, Source};
use vfxb_dsl::source::Span;
use vfxb_dsl::value::{Animated, Colour, Rational, Time, TimeBase};

use super::lengths::{ItemClock, freeze_length, holds};
use super::map::{Ramp, Speed, TimeMap};
use super::resolve::{Natural, Node, Resolver, Times};
use super::sound::{SoundMix, sample_of_frame};
use super::{Composition, Timeline};
use crate::codes;
use crate::media::{Media, MediaError, SourceInfo};

/// Longest film: a day.
const LONGEST_FILM: i64 = 24 * 3600;
/// Most items of one film.
const MOST_ITEMS: usize = 50_000;
/// Most layers of one frame.
const MOST_LAYERS: usize = 500;
/// Length of a still, colour, gradient or title in a sequence.
const STILL_SECONDS: i64 = 5;

/// What the caller decides and no script says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Another output clock than the canvas's.
    pub rate: Option<Rational>,
}

/// Resolves a script. Every finding comes back, whether or not there is a timeline.
pub fn build(script: &Script, media: &dyn Media, settings: &Settings) -> (Option<Timeline>, Vec<Diagnostic>) {
    let mut builder = Builder {
        media,
        findings: Vec::new(),
        sources: Vec::new(),
        probed: HashMap::new(),
        told: HashSet::new(),
        rows: Vec::new(),
        sample_rate: 48_000,
        counting: Rational::from_integer(30),
    };
    let timeline = builder.film(script, settings);
    let failed = builder.findings.iter().any(Diagnostic::is_error);
    (timeline.filter(|_| !failed), builder.findings)
}

/// A file as it is probed: its path and, for a run of stills, their rate and first number.
type Probed = (PathBuf, Option<(Rational, u32)>);

pub(super) struct Builder<'m> {
    media: &'m dyn Media,
    pub(super) findings: Vec<Diagnostic>,
    pub(super) sources: Vec<Arc<SourceInfo>>,
    probed: HashMap<Probed, Result<usize, MediaError>>,
    /// Places that name a file that cannot be used, and were told so.
    told: HashSet<Span>,
    pub(super) rows: Vec<super::Row>,
    pub(super) sample_rate: u32,
    /// The canvas's own rate, at which written frames count, whatever clock the film is resolved on.
    pub(super) counting: Rational,
}

/// The parts of a film or group.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    timeline: Option<&'a Sequence>,
    overlays: &'a [Item],
    audio: &'a [Item],
}

/// The canvas of a composition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Canvas {
    pub(super) size: (u32, u32),
    pub(super) rate: Rational,
    pub(super) background: Colour,
}

/// What a node shows, as far as it is known before times are: phase one of two.
#[derive(Debug, Clone)]
pub(super) enum Prepared {
    /// A source with its map (a ramp's speed still to be put in).
    Source { source: usize, map: TimeMap },
    /// A group, resolved.
    Group { composition: Composition, sound: SoundMix, map: TimeMap },
    /// Nothing that needs media.
    Plain,
    /// What is missing has been reported.
    Broken,
}

impl Builder<'_> {
    fn film(&mut self, script: &Script, settings: &Settings) -> Option<Timeline> {
        let parts =
            Parts { timeline: script.timeline.as_ref(), overlays: &script.overlays, audio: &script.audio };
        let canvas = self.canvas(script, parts, settings)?;
        self.sample_rate = script.canvas.sample_rate.as_ref().map_or(48_000, |r| r.value);
        let (film, sound, _) = self.composition(parts, canvas, 0)?;
        Some(Timeline {
            film,
            sound,
            sample_rate: self.sample_rate,
            sources: std::mem::take(&mut self.sources),
            table: std::mem::take(&mut self.rows),
        })
    }

    /// What the canvas leaves out comes from the first video.
    fn canvas(&mut self, script: &Script, parts: Parts<'_>, settings: &Settings) -> Option<Canvas> {
        let canvas = &script.canvas;
        let written_rate = canvas.fps.as_ref().map(|fps| fps.value);
        let mut first = None;
        if canvas.size.is_none() || !matches!(written_rate, Some(FrameRate::Constant(_))) {
            first = first_video(parts).and_then(|source| self.probe(source, None));
        }
        let video = first.and_then(|i| self.sources[i].video.clone());
        if let (Some(FrameRate::Source), Some(fps), Some(video)) = (written_rate, &canvas.fps, &video)
            && matches!(video.times, crate::media::FrameTimes::Variable { .. })
        {
            self.findings.push(
                Diagnostic::error(
                    codes::NOT_YET,
                    fps.span,
                    "a film cannot yet keep a source's variable frame times",
                )
                .help(format!("give a constant rate, such as `fps:{}`", show_rate(video.rate))),
            );
            return None;
        }
        let size = canvas.size.as_ref().map(|s| s.value);
        let rate = match written_rate {
            Some(FrameRate::Constant(rate)) => Some(rate),
            _ => None,
        };
        self.counting =
            rate.or_else(|| video.as_ref().map(|v| v.rate)).unwrap_or_else(|| Rational::from_integer(30));
        Some(Canvas {
            size: size
                .or_else(|| video.as_ref().map(crate::media::VideoInfo::square_size))
                .unwrap_or((1920, 1080)),
            rate: settings.rate.unwrap_or(self.counting),
            background: canvas.background.unwrap_or(Colour::BLACK),
        })
    }

    /// Resolves a film or a group; also the times of its ids.
    #[expect(clippy::type_complexity, reason = "one caller inside, one outside; a name would say no more")]
    pub(super) fn composition(
        &mut self,
        parts: Parts<'_>,
        canvas: Canvas,
        depth: usize,
    ) -> Option<(Composition, SoundMix, HashMap<Vec<String>, (Time, Time)>)> {
        let mut resolver = Resolver::new(self.counting);
        let mut prepared = Vec::new();
        let mut make = |item, in_sequence| {
            let (node, what) = self.node(item, in_sequence, canvas, depth);
            prepared.push(what);
            node
        };
        if let Some(sequence) = parts.timeline {
            resolver.timeline(sequence, &mut make);
        }
        for item in parts.overlays {
            resolver.placed(item, false, &mut make);
        }
        for item in parts.audio {
            resolver.placed(item, true, &mut make);
        }
        if resolver.nodes.len() > MOST_ITEMS {
            let span = resolver.nodes[MOST_ITEMS].item.span;
            self.limit(
                span,
                format!("a film may have at most {MOST_ITEMS} items; this one has {}", resolver.nodes.len()),
            );
            return None;
        }
        let (times, length, findings) = resolver.solve();
        self.findings.extend(findings);
        let length = self.check_length(length, &resolver)?;
        let frames = length.frame_ceil(canvas.rate).max(0) as u64;
        let samples = sample_of_frame(frames, canvas.rate, self.sample_rate);
        let mut composition = Composition {
            width: canvas.size.0,
            height: canvas.size.1,
            rate: canvas.rate,
            background: canvas.background,
            frames,
            length,
            layers: Vec::new(),
            crossings: Vec::new(),
        };
        let mut mix = SoundMix { clips: Vec::new(), length: samples };
        self.layers(&resolver, &times, prepared, &mut composition, &mut mix, depth);
        self.check_layers(&composition, &resolver);
        Some((composition, mix, named_times(&resolver, &times)))
    }

    fn check_length(&mut self, length: Option<Time>, resolver: &Resolver<'_>) -> Option<Time> {
        let span = resolver.nodes.first().map_or_else(Span::default, |n| n.item.span);
        let Some(length) = length else {
            if !self.findings.iter().any(Diagnostic::is_error) {
                self.findings.push(
                    Diagnostic::error(codes::EMPTY_FILM, span, "nothing here says how long the film is").help(
                        "add a `timeline`, or give an overlay or a sound a `duration` of its own, such as `duration:5s`",
                    ),
                );
            }
            return None;
        };
        if length <= Time::ZERO {
            if !self.findings.iter().any(Diagnostic::is_error) {
                self.findings.push(
                    Diagnostic::error(codes::EMPTY_FILM, span, "the film has no length")
                        .help("give it an item that lasts"),
                );
            }
            return None;
        }
        if length > Time::seconds(LONGEST_FILM) {
            self.limit(span, format!("a film may be at most 24 hours long; this one is {length}"));
            return None;
        }
        Some(length)
    }

    fn check_layers(&mut self, composition: &Composition, resolver: &Resolver<'_>) {
        let mut edges: Vec<(u64, i64)> = Vec::new();
        for layer in &composition.layers {
            edges.push((layer.frames.start, 1));
            edges.push((layer.frames.end, -1));
        }
        edges.sort_unstable();
        let mut open = 0;
        for (_, change) in edges {
            open += change;
            if open > MOST_LAYERS as i64 {
                let span = resolver.nodes.last().map_or_else(Span::default, |n| n.item.span);
                self.limit(span, format!("more than {MOST_LAYERS} layers are seen at once"));
                return;
            }
        }
    }

    pub(super) fn limit(&mut self, span: Span, message: String) {
        self.findings.push(
            Diagnostic::error(codes::FILM_LIMIT, span, message)
                .help("split it into several films, or shorten it"),
        );
    }

    /// Phase one: what an item shows and how long that is by itself.
    fn node<'a>(
        &mut self,
        item: &'a Item,
        in_sequence: bool,
        canvas: Canvas,
        depth: usize,
    ) -> (Node<'a>, Prepared) {
        let mut inner = HashMap::new();
        let still =
            if in_sequence { Natural::Known(Time::seconds(STILL_SECONDS)) } else { Natural::ToTheEnd };
        let (natural, prepared) = match &item.kind {
            ItemKind::Video { source, map } => self.source_node(item, source, None, map, in_sequence, false),
            ItemKind::Audio { source, map } => self.source_node(item, source, None, map, in_sequence, true),
            ItemKind::ImageSequence { source, fps, start, map } => {
                self.source_node(item, source, Some((*fps, *start)), map, in_sequence, false)
            }
            ItemKind::Image { source } => match self.probe(source, None) {
                Some(index) => self.still_node(index, source, still),
                None => (still, Prepared::Broken),
            },
            ItemKind::Group { size, timeline, overlays, audio, map } => {
                let parts = Parts { timeline: timeline.as_ref(), overlays, audio };
                let background = Colour::TRANSPARENT;
                let canvas = Canvas { size: size.unwrap_or(canvas.size), background, ..canvas };
                let row = self.rows.len();
                match self.composition(parts, canvas, depth + 1) {
                    Some((composition, sound, named)) => {
                        inner = named;
                        let (natural, map) = self.map(map, composition.length, self.counting, in_sequence);
                        (natural, Prepared::Group { composition, sound, map })
                    }
                    None => {
                        self.rows.truncate(row);
                        (still, Prepared::Broken)
                    }
                }
            }
            ItemKind::Track(_)
            | ItemKind::Colour(_)
            | ItemKind::Text(_)
            | ItemKind::Shape(_)
            | ItemKind::Adjust => (still, Prepared::Plain),
        };
        (Node { item, slot: None, depth, natural, audio: false, inner }, prepared)
    }

    fn still_node(&mut self, index: usize, source: &Source, still: Natural) -> (Natural, Prepared) {
        if self.sources[index].video.is_none() {
            self.no_stream(source, "picture");
            return (still, Prepared::Broken);
        }
        (still, Prepared::Source { source: index, map: TimeMap::plain(Time::ZERO, Time::ZERO) })
    }

    fn source_node(
        &mut self,
        item: &Item,
        source: &Source,
        stills: Option<(Rational, u32)>,
        map: &script::TimeMap,
        in_sequence: bool,
        audio: bool,
    ) -> (Natural, Prepared) {
        let unknown = (Natural::Known(Time::seconds(STILL_SECONDS)), Prepared::Broken);
        let Some(index) = self.probe(source, stills) else { return unknown };
        let info = Arc::clone(&self.sources[index]);
        if audio && info.audio.is_empty() {
            self.no_stream(source, "sound");
            return unknown;
        }
        if !audio && info.video.is_none() {
            self.no_stream(source, "picture");
            return unknown;
        }
        let stream = item.sound.stream.as_ref().map_or(0, |s| s.value as usize);
        if let Some(written) = item.sound.stream.as_ref().filter(|_| stream >= info.audio.len()) {
            self.findings.push(
                Diagnostic::error(
                    codes::NO_SUCH_STREAM,
                    written.span,
                    format!("`{}` has no sound stream {stream}", source.path.display()),
                )
                .help(format!("it has {}; the first is 0", count(info.audio.len(), "sound stream"))),
            );
            return unknown;
        }
        let (length, rate) = match (&info.video, info.audio.get(stream)) {
            (Some(video), _) if !audio => (video.times.duration(), video.rate),
            (_, Some(sound)) => {
                (sound.start + sound.duration, info.video.as_ref().map_or(self.counting, |v| v.rate))
            }
            _ => return unknown,
        };
        let (natural, map) = self.map(map, length, rate, in_sequence);
        (natural, Prepared::Source { source: index, map })
    }

    fn no_stream(&mut self, source: &Source, what: &str) {
        let message = format!("`{}` has no {what}", source.path.display());
        let help = if what == "sound" { "name a file with sound" } else { "use `audio` for sound alone" };
        self.findings.push(Diagnostic::error(codes::NO_SUCH_STREAM, source.span, message).help(help));
    }

    /// A written map on a source of a length and rate, and how long it makes the item.
    fn map(
        &mut self,
        map: &script::TimeMap,
        length: Time,
        rate: Rational,
        in_sequence: bool,
    ) -> (Natural, TimeMap) {
        let clock = ItemClock { duration: length, rate };
        let start = map.start.as_ref().map_or(Time::ZERO, |t| clock.time(&t.value));
        let mut end = map.end.as_ref().map_or(length, |t| clock.time(&t.value));
        let frame = Time::new(Rational::from_integer(1) / rate);
        if let Some(written) = map.start.as_ref().filter(|_| start.is_negative() || start >= length) {
            self.outside(written.span, format!("`in` is at {start}, but the source is only {length} long"));
        }
        if let Some(written) = &map.end {
            if end > length + frame {
                self.outside(
                    written.span,
                    format!("`out` is at {end}, but the source is only {length} long"),
                );
            } else if end <= start {
                self.outside(written.span, format!("`out` ({end}) is not after `in` ({start})"));
            }
            end = end.min(length);
        }
        let repeat = match map.repeat {
            Repeat::Times(n) => Some(n),
            Repeat::Forever => None,
        };
        let mut resolved = TimeMap {
            start,
            end,
            reverse: map.reverse,
            repeat,
            speed: Speed::Constant(map.exact_speed),
            holds: Vec::new(),
        };
        let animated = matches!(map.speed.value, Animated::Keyframes(_));
        let natural = if repeat.is_none() {
            if in_sequence { Natural::Unknown } else { Natural::ToTheEnd }
        } else if animated {
            self.ramp_length(map, &resolved, self.counting)
        } else {
            let played = resolved.duration().unwrap_or(Time::ZERO);
            resolved.holds = holds(map, played, self.counting);
            resolved.duration().map_or(Natural::Unknown, Natural::Known)
        };
        (natural, resolved)
    }

    /// How long a ramp takes to play its span, if no keyframe waits for the item's end.
    fn ramp_length(&mut self, map: &script::TimeMap, resolved: &TimeMap, rate: Rational) -> Natural {
        let Animated::Keyframes(keys) = &map.speed.value else { return Natural::Unknown };
        if keys.iter().any(|k| k.at.base != TimeBase::Start) {
            return Natural::Unknown;
        }
        let last = ItemClock { duration: Time::ZERO, rate };
        let mut ignored = Vec::new();
        let track = last.track(&map.speed.value, &mut ignored, |v| *v);
        let wanted = resolved.span().times(Rational::from_integer(i128::from(resolved.repeat.unwrap_or(1))));
        let mut length = wanted;
        for _ in 0..64 {
            let ramp = Ramp::integrate(&track, length, rate);
            if ramp.at(length) >= wanted {
                let frames = (0..ramp.passed.len()).find(|i| {
                    Time::ratio(i128::from(ramp.passed[*i]), vfxb_dsl::value::time::FLICKS) >= wanted
                });
                let steps = Rational::from_integer(frames.unwrap_or(0) as i128);
                return Natural::Known(Time::new(steps / ramp.steps) + freeze_length(map, rate));
            }
            length = length.times(Rational::from_integer(2));
            if length > Time::seconds(LONGEST_FILM) {
                break;
            }
        }
        Natural::Unknown
    }

    fn outside(&mut self, span: Span, message: String) {
        self.findings.push(
            Diagnostic::error(codes::OUTSIDE_SOURCE, span, message)
                .help("`in` and `out` are times of the source, counted from its first frame"),
        );
    }

    /// The index of a source, probed once; what is wrong with it is reported at each place that names it.
    pub(super) fn probe(&mut self, source: &Source, stills: Option<(Rational, u32)>) -> Option<usize> {
        let key = (source.path.clone(), stills);
        let (media, sources) = (self.media, &mut self.sources);
        let known = self.probed.entry(key).or_insert_with(|| {
            let info = match stills {
                Some((fps, start)) => media.probe_sequence(&source.path, fps, start)?,
                None => media.probe(&source.path)?,
            };
            sources.push(info);
            Ok(sources.len() - 1)
        });
        match known {
            Ok(index) => Some(*index),
            Err(error) => {
                if self.told.insert(source.span) {
                    let mut finding = Diagnostic::error(codes::MEDIA, source.span, error.message.clone());
                    finding.help.clone_from(&error.help);
                    self.findings.push(finding);
                }
                None
            }
        }
    }
}

/// `3 sound streams`, `1 sound stream`, `no sound streams`.
fn count(n: usize, what: &str) -> String {
    match n {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

fn show_rate(rate: Rational) -> String {
    rate.to_string()
}

/// The first video that is named, timeline first.
fn first_video(parts: Parts<'_>) -> Option<&Source> {
    let sequence = parts.timeline.into_iter().flat_map(items);
    sequence.chain(parts.overlays).find_map(video_of)
}

fn items(sequence: &Sequence) -> impl Iterator<Item = &Item> {
    sequence.entries.iter().filter_map(|entry| match entry {
        SequenceEntry::Item(item) => Some(&**item),
        _ => None,
    })
}

fn video_of(item: &Item) -> Option<&Source> {
    match &item.kind {
        ItemKind::Video { source, .. } => Some(source),
        ItemKind::Track(sequence) => items(sequence).find_map(video_of),
        ItemKind::Group { timeline, overlays, audio, .. } => {
            first_video(Parts { timeline: timeline.as_ref(), overlays, audio })
        }
        _ => None,
    }
}

/// Start and end of everything that has an id, by its path.
fn named_times(resolver: &Resolver<'_>, times: &[Times]) -> HashMap<Vec<String>, (Time, Time)> {
    let mut named = HashMap::new();
    for (node, time) in resolver.nodes.iter().zip(times) {
        let (Some(id), Some((start, end))) = (&node.item.id, time) else { continue };
        named.insert(vec![id.value.clone()], (*start, *end));
        for (path, (inner_start, inner_end)) in &node.inner {
            let path = std::iter::once(id.value.clone()).chain(path.iter().cloned()).collect();
            named.insert(path, (*start + *inner_start, *start + *inner_end));
        }
    }
    named
}
