//! A script and its media to a [`Timeline`]: canvas, sources, lengths, then layers and sounds.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::{FrameRate, Item, ItemKind, Script, Sequence, SequenceEntry, Source};
use vfxb_dsl::source::{Span, Spanned};
use vfxb_dsl::value::{Colour, Rational, Time};

use super::map::{Lost, TimeMap};
use super::resolve::{Natural, Node, Resolver, Times};
use super::sound::{SoundMix, sample_of};
use super::{Composition, Timeline};
use crate::clock::Clock;
use crate::codes;
use crate::media::{Media, MediaError, SourceInfo};

/// Longest film: a day.
pub(super) const LONGEST_FILM: i64 = 24 * 3600;
/// Most items of one film.
const MOST_ITEMS: usize = 50_000;
/// Most layers of one frame.
const MOST_LAYERS: usize = 500;
/// Length of a still, colour, gradient or title in a sequence.
pub(super) const STILL_SECONDS: i64 = 5;

/// What the caller decides and no script says.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Another output clock than the canvas's.
    pub fps: Option<Spanned<FrameRate>>,
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
pub(super) type Probed = (PathBuf, Option<(Rational, u32)>);

pub(super) struct Builder<'m> {
    pub(super) media: &'m dyn Media,
    pub(super) findings: Vec<Diagnostic>,
    pub(super) sources: Vec<Arc<SourceInfo>>,
    pub(super) probed: HashMap<Probed, Result<usize, MediaError>>,
    /// Places that name a file that cannot be used, and were told so.
    pub(super) told: HashSet<Span>,
    pub(super) rows: Vec<super::Row>,
    pub(super) sample_rate: u32,
    /// The canvas's own rate, at which written frames count, whatever clock the film is resolved on.
    pub(super) counting: Rational,
}

/// The parts of a film or group.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) timeline: Option<&'a Sequence>,
    pub(super) overlays: &'a [Item],
    pub(super) audio: &'a [Item],
}

/// The canvas of a composition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Canvas {
    pub(super) size: (u32, u32),
    pub(super) rate: Rational,
    pub(super) background: Colour,
    /// Where it was asked that its clock be that of its one source.
    pub(super) asked: Option<Span>,
}

/// What a node shows, as far as it is known before times are: phase one of two.
#[derive(Debug, Clone)]
pub(super) enum Prepared {
    /// A source with its map (a ramp's speed still to be put in).
    Source { source: usize, map: TimeMap },
    /// A group, resolved, with its own part of the timetable.
    Group { composition: Box<Composition>, sound: SoundMix, map: TimeMap, rows: Vec<super::Row> },
    /// A group that lasts as long as its parent says.
    Waiting,
    /// Nothing that needs media.
    Plain,
    /// What is missing has been reported.
    Broken,
}

/// Start and end of everything in a composition that has an id, by its path.
pub(super) type Named = HashMap<Vec<String>, (Lost<Time>, Lost<Time>)>;

/// What has become of the items of a film or group.
pub(super) enum Composed {
    /// Its pictures, its sound, and the times of its ids.
    Whole(Box<Composition>, SoundMix, Named),
    /// Nothing in it says how long it is; that is not reported yet.
    Lengthless,
    /// What is wrong with it has been reported.
    Broken,
}

impl Builder<'_> {
    fn film(&mut self, script: &Script, settings: &Settings) -> Option<Timeline> {
        let parts =
            Parts { timeline: script.timeline.as_ref(), overlays: &script.overlays, audio: &script.audio };
        let canvas = self.canvas(script, parts, settings)?;
        self.sample_rate = script.canvas.sample_rate.as_ref().map_or(48_000, |r| r.value);
        let (film, sound, named) = match self.composition(parts, canvas, 0, None) {
            Composed::Whole(film, sound, named) => (film, sound, named),
            Composed::Lengthless => {
                self.lengthless_film(parts);
                return None;
            }
            Composed::Broken => return None,
        };
        Some(Timeline {
            film: *film,
            sound,
            sample_rate: self.sample_rate,
            sources: std::mem::take(&mut self.sources),
            table: std::mem::take(&mut self.rows),
            ids: named.into_iter().map(|(path, times)| (path.join("."), times)).collect(),
        })
    }

    /// What the canvas leaves out comes from the first video.
    fn canvas(&mut self, script: &Script, parts: Parts<'_>, settings: &Settings) -> Option<Canvas> {
        let canvas = &script.canvas;
        let constant = |fps: &Option<Spanned<FrameRate>>| match fps.as_ref()?.value {
            FrameRate::Constant(rate) => Some(rate),
            FrameRate::Source => None,
        };
        let wanted = settings.fps.as_ref().or(canvas.fps.as_ref());
        let asked = wanted.filter(|fps| fps.value == FrameRate::Source).map(|fps| fps.span);
        let written = constant(&canvas.fps);
        let mut first = None;
        if canvas.size.is_none() || written.is_none() || asked.is_some() {
            first = first_video(parts).and_then(|source| self.probe(source, None, true));
        }
        let video = first.and_then(|i| self.sources[i].video.clone());
        let usual = || video.as_ref().map_or(Rational::from_integer(30), |video| video.rate);
        self.counting = written.unwrap_or_else(usual);
        let size = canvas.size.as_ref().map(|s| s.value);
        Some(Canvas {
            size: size
                .or_else(|| video.as_ref().map(crate::media::VideoInfo::square_size))
                .unwrap_or((1920, 1080)),
            rate: match asked {
                Some(_) => usual(),
                None => constant(&settings.fps).unwrap_or(self.counting),
            },
            background: canvas.background.unwrap_or(Colour::BLACK),
            asked,
        })
    }

    /// Resolves a film or a group; `given` is how long it is if nothing in it says so.
    pub(super) fn composition(
        &mut self,
        parts: Parts<'_>,
        canvas: Canvas,
        depth: usize,
        given: Option<Time>,
    ) -> Composed {
        let before = self.findings.len();
        let mut resolver = Resolver::new(self.counting, given);
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
            return Composed::Broken;
        }
        let (times, length, findings) = resolver.solve();
        self.findings.extend(findings);
        self.check_transitions(&resolver, &times);
        let wrong = self.findings.iter().skip(before).any(Diagnostic::is_error);
        let length = match length {
            Some(length) if self.check_length(length, &resolver) => length,
            None if !wrong => return Composed::Lengthless,
            _ => return Composed::Broken,
        };
        let clock = match canvas.asked {
            None => Some(Clock::constant(canvas.rate)),
            // What is wrong with a source is wrong enough.
            Some(_) if wrong => None,
            Some(asked) => self.source_clock(asked, parts, &resolver, &prepared, &times, length),
        };
        let Some(clock) = clock else { return Composed::Broken };
        let frames = clock.ceil(length);
        let samples = sample_of(clock.time(frames), self.sample_rate);
        let mut composition = Composition {
            width: canvas.size.0,
            height: canvas.size.1,
            clock,
            background: canvas.background,
            frames,
            length,
            layers: Vec::new(),
            crossings: Vec::new(),
        };
        let mut mix = SoundMix { clips: Vec::new(), length: samples };
        for (index, inner) in self.layers(&resolver, &times, prepared, &mut composition, &mut mix, depth) {
            resolver.nodes[index].inner = Some(inner);
        }
        self.check_layers(&composition, &resolver);
        Composed::Whole(Box::new(composition), mix, named_times(&resolver, &times))
    }

    fn lengthless_film(&mut self, parts: Parts<'_>) {
        let sequence = parts.timeline.into_iter().flat_map(items);
        let first = sequence.chain(parts.overlays).chain(parts.audio).next();
        let span = first.map_or_else(Span::default, |item| item.span);
        self.findings
            .push(Diagnostic::error(codes::EMPTY_FILM, span, "nothing here says how long the film is").help(
            "add a `timeline`, or give an overlay or a sound a `duration` of its own, such as `duration:5s`",
        ));
    }

    /// Whether a film or group can be so long.
    fn check_length(&mut self, length: Time, resolver: &Resolver<'_>) -> bool {
        let span = resolver.nodes.first().map_or_else(Span::default, |n| n.item.span);
        if length <= Time::ZERO {
            if !self.findings.iter().any(Diagnostic::is_error) {
                self.findings.push(
                    Diagnostic::error(codes::EMPTY_FILM, span, "the film has no length")
                        .help("give it an item that lasts"),
                );
            }
            return false;
        }
        if length > Time::seconds(LONGEST_FILM) {
            self.limit(span, format!("a film may be at most 24 hours long; this one is {length}"));
            return false;
        }
        true
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
        let mut inner = Some(HashMap::new());
        let still =
            if in_sequence { Natural::Known(Time::seconds(STILL_SECONDS)) } else { Natural::ToTheEnd };
        let (natural, prepared) = match &item.kind {
            ItemKind::Video { source, map } => self.source_node(item, source, None, map, in_sequence, false),
            ItemKind::Audio { source, map } => self.source_node(item, source, None, map, in_sequence, true),
            ItemKind::ImageSequence { source, fps, start, map } => {
                self.source_node(item, source, Some((*fps, *start)), map, in_sequence, false)
            }
            ItemKind::Image { source } => match self.probe(source, None, true) {
                Some(index) => self.still_node(index, source, still),
                None => (still, Prepared::Broken),
            },
            ItemKind::Group { .. } => {
                let (natural, prepared, named) = self.group_node(item, in_sequence, canvas, depth);
                inner = named;
                (natural, prepared)
            }
            ItemKind::Track(_)
            | ItemKind::Colour(_)
            | ItemKind::Text(_)
            | ItemKind::Shape(_)
            | ItemKind::Adjust => (still, Prepared::Plain),
        };
        (Node { item, slot: None, depth, natural, audio: false, inner }, prepared)
    }
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
fn named_times(resolver: &Resolver<'_>, times: &[Times]) -> Named {
    let mut named = HashMap::new();
    for (node, time) in resolver.nodes.iter().zip(times) {
        let (Some(id), Some((start, end))) = (&node.item.id, time) else { continue };
        named.insert(vec![id.value.clone()], (Ok(*start), Ok(*end)));
        for (path, (inner_start, inner_end)) in node.inner.iter().flatten() {
            let path = std::iter::once(id.value.clone()).chain(path.iter().cloned()).collect();
            let here = |time: Lost<Time>| time.map(|time| *start + time);
            named.insert(path, (here(*inner_start), here(*inner_end)));
        }
    }
    named
}
