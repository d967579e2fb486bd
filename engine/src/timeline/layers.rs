//! Items with known times become layers, crossings and sound clips: phase two.

use std::ops::Range;

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::{Effect, FrameBlend, Item, ItemKind, ParamValue, Text, Wrap};
use vfxb_dsl::value::{Animated, Easing, Length, Time};

use super::build::{Builder, Named, Prepared};
use super::lengths::{ItemClock, extent, extents, finish, offset, pixels};
use super::placement::shadow;
use super::resolve::{Resolver, Times};
use super::sound::SoundMix;
use super::{Composition, Content, EffectUse, Layer, Param, Row, ShapeContent, TextContent, TextRun};
use crate::animate::{Extent, Key, Track};
use crate::codes;

/// An item with its exact times and its frames.
pub(super) struct Placed<'a> {
    pub(super) item: &'a Item,
    pub(super) start: Time,
    pub(super) end: Time,
    pub(super) frames: Range<u64>,
    pub(super) clock: ItemClock,
    pub(super) in_sequence: bool,
    /// Whether it is in the main sequence: neither an overlay nor in a track of overlays.
    pub(super) in_timeline: bool,
}

impl Builder<'_> {
    /// Fills `composition` and `mix` with what the resolver's nodes show and sound; the times of ids in groups that waited
    /// for their own, by their nodes.
    pub(super) fn layers(
        &mut self,
        resolver: &Resolver<'_>,
        times: &[Times],
        prepared: Vec<Prepared>,
        composition: &mut Composition,
        mix: &mut SoundMix,
        depth: usize,
    ) -> Vec<(usize, Named)> {
        let mut inner = Vec::new();
        let mut layer_of = vec![None; resolver.nodes.len()];
        let mut clip_of = vec![None; resolver.nodes.len()];
        for (index, (node, what)) in resolver.nodes.iter().zip(prepared).enumerate() {
            let Some((start, end)) = times[index] else { continue };
            let (in_sequence, in_timeline) = (node.slot.is_some(), resolver.in_timeline(node));
            let placed = self.placed(node.item, (start, end), in_sequence, in_timeline, composition);
            let Some(placed) = placed else { continue };
            self.rows.push(row(node.item, start, end, depth + node.depth));
            let mut what = match what {
                Prepared::Waiting => {
                    let (prepared, named) = self.waited(&placed, composition, depth);
                    inner.push((index, named));
                    prepared
                }
                what => what,
            };
            if let Prepared::Group { rows, .. } = &mut what {
                self.rows.append(rows);
            }
            let prepared = self.finish_map(what, &placed);
            if !node.audio {
                match self.clip(&placed, &prepared, mix, &composition.clock, false) {
                    Some(clip) => {
                        clip_of[index] = Some(mix.clips.len());
                        mix.clips.push(clip);
                    }
                    None if !matches!(prepared, Prepared::Broken) => self.check_fades(&placed),
                    None => {}
                }
                if let Some(layer) = self.layer(&placed, prepared, composition) {
                    layer_of[index] = Some(composition.layers.len());
                    composition.layers.push(layer);
                }
            } else if let Some(clip) = self.clip(&placed, &prepared, mix, &composition.clock, true) {
                clip_of[index] = Some(mix.clips.len());
                mix.clips.push(clip);
            }
        }
        for chain in &resolver.chains {
            self.crossings(resolver, chain, times, &layer_of, &clip_of, composition, mix);
        }
        inner
    }

    fn placed<'a>(
        &mut self,
        item: &'a Item,
        (start, end): (Time, Time),
        in_sequence: bool,
        in_timeline: bool,
        composition: &Composition,
    ) -> Option<Placed<'a>> {
        let track = matches!(item.kind, ItemKind::Track(_));
        if start.is_negative() || (end <= start && !track) {
            self.impossible(item, start, end, composition.length);
            return None;
        }
        let bound = |time: Time| composition.clock.ceil(time).min(composition.frames);
        let frames = bound(start)..bound(end);
        let has_picture = !matches!(item.kind, ItemKind::Audio { .. } | ItemKind::Track(_));
        if frames.is_empty() && has_picture {
            self.findings.push(
                Diagnostic::warning(codes::NEVER_SEEN, item.span, "this is never seen").label(format!(
                    "from {start} to {end}; the film ends at {}",
                    composition.frame_time(composition.frames)
                )),
            );
        }
        let clock = ItemClock { duration: end - start, rate: self.counting };
        Some(Placed { item, start, end, frames, clock, in_sequence, in_timeline })
    }

    /// Reports an item that starts before its film, or ends before it starts.
    fn impossible(&mut self, item: &Item, start: Time, end: Time, film: Time) {
        let timing = &item.timing;
        let to_the_end = timing.until.is_none()
            && timing.duration.as_ref().is_none_or(|d| d.value.base != vfxb_dsl::value::TimeBase::Start);
        let (message, at) = if start.is_negative() {
            (format!("this starts at {start}, before its film does"), timing.at.as_ref())
        } else if to_the_end && end == film {
            (format!("this starts at {start}, but the film ends at {film}"), timing.at.as_ref())
        } else {
            (format!("this ends at {end}, which is not after its start at {start}"), None)
        };
        let place = at.or(timing.duration.as_ref()).or(timing.at.as_ref()).map_or(item.span, |t| t.span);
        self.findings.push(
            Diagnostic::error(codes::IMPOSSIBLE_TIME, place, message)
                .help("times count from the start of the timeline that the item is on; those with a minus, from its end"),
        );
    }

    /// Fades act on sound, and on the picture of an overlay: in the main sequence, where there is no sound, on nothing.
    fn check_fades(&mut self, placed: &Placed<'_>) {
        let Some(fade) = placed.item.sound.own_fade.filter(|_| placed.in_timeline) else { return };
        self.findings.push(
            Diagnostic::warning(codes::FADES_NOTHING, fade, "this fades nothing: there is no sound here")
                .label("in the timeline, fades act on sound alone")
                .help("for the picture, put a `transition` beside it, or give it keyframes of `opacity`"),
        );
    }

    /// Puts a ramp's integral in, which needs the item's length.
    fn finish_map(&mut self, mut prepared: Prepared, placed: &Placed<'_>) -> Prepared {
        let written = match &placed.item.kind {
            ItemKind::Video { map, .. }
            | ItemKind::Audio { map, .. }
            | ItemKind::ImageSequence { map, .. }
            | ItemKind::Group { map, .. } => map,
            _ => return prepared,
        };
        if let Prepared::Source { map, .. } | Prepared::Group { map, .. } = &mut prepared {
            finish(map, written, &placed.clock, &mut self.findings);
        }
        prepared
    }

    fn layer(&mut self, placed: &Placed<'_>, prepared: Prepared, composition: &Composition) -> Option<Layer> {
        let item = placed.item;
        let canvas = (composition.width, composition.height);
        let content = self.content(placed, prepared, canvas)?;
        let frames = self.seen(placed, &content, composition);
        let natural = self.natural_size(&content, canvas);
        let mut opacity = vec![placed.clock.track(&item.visual.opacity, &mut self.findings, |v| *v)];
        if !placed.in_timeline {
            opacity.extend(fade_tracks(placed, composition.frame_time(composition.frames)));
        }
        opacity.retain(|track| !track.is(&1.0));
        let effects = item.effects.iter().map(|effect| self.effect(effect, &placed.clock, canvas)).collect();
        let placement = self.placement(placed, &content, natural, canvas);
        let frame = self.decoration(placed, &content, canvas);
        Some(Layer {
            span: item.span,
            frames,
            content,
            effects,
            placement,
            frame,
            opacity,
            blend: item.visual.blend,
        })
    }

    /// The frames in which there is something to see: a source that ends early shows nothing more.
    fn seen(&mut self, placed: &Placed<'_>, content: &Content, composition: &Composition) -> Range<u64> {
        let (Content::Video { map, .. } | Content::Group { map, .. }) = content else {
            return placed.frames.clone();
        };
        let Some(length) = map.ends() else { return placed.frames.clone() };
        let ends = placed.start + length;
        if ends >= placed.end {
            return placed.frames.clone();
        }
        let last = composition.clock.ceil(ends).min(placed.frames.end).max(placed.frames.start);
        if last < placed.frames.end {
            let place = placed.item.timing.duration.as_ref().map_or(placed.item.span, |d| d.span);
            self.findings.push(
                Diagnostic::warning(codes::SHOWS_NOTHING, place, "this lasts longer than its source")
                    .label(format!("nothing is seen from {ends} to {}", placed.end))
                    .help("shorten it, or add `loop:true`, `freeze` or a lower `speed`"),
            );
        }
        placed.frames.start..last
    }

    fn content(&mut self, placed: &Placed<'_>, prepared: Prepared, canvas: (u32, u32)) -> Option<Content> {
        Some(match (&placed.item.kind, prepared) {
            (
                ItemKind::Video { map: written, .. } | ItemKind::ImageSequence { map: written, .. },
                Prepared::Source { source, map },
            ) => Content::Video { source, map, blend_frames: written.frames == FrameBlend::Blend },
            (ItemKind::Image { .. }, Prepared::Source { source, .. }) => Content::Still { source },
            (ItemKind::Group { map: written, .. }, Prepared::Group { composition, map, .. }) => {
                Content::Group { composition, map, blend_frames: written.frames == FrameBlend::Blend }
            }
            (ItemKind::Colour(colour), _) => {
                Content::Colour(placed.clock.track(colour, &mut self.findings, |c| *c))
            }
            (ItemKind::Text(text), _) => Content::Text(self.text(text, placed, canvas)),
            (ItemKind::Shape(shape), _) => Content::Shape(ShapeContent {
                form: shape.form,
                fill: shape.fill.as_ref().map(|fill| placed.clock.track(fill, &mut self.findings, |c| *c)),
                stroke: shape
                    .stroke
                    .as_ref()
                    .map(|(width, colour)| (pixels(width, f64::from(canvas.1), canvas), *colour)),
                radius: match &placed.item.visual.radius {
                    Some(radius) => placed.clock.track(radius, &mut self.findings, |r| extent(r, canvas)),
                    None => Track::Constant(Extent::default()),
                },
            }),
            (ItemKind::Adjust, _) => Content::Adjust,
            _ => return None,
        })
    }

    fn text(&mut self, text: &Text, placed: &Placed<'_>, canvas: (u32, u32)) -> TextContent {
        let (width, height) = (f64::from(canvas.0), f64::from(canvas.1));
        let px = |length: &Length| pixels(length, height, canvas);
        let across = |length: &Length| pixels(length, width, canvas);
        let wrap = match (text.wrap, &placed.item.visual.width) {
            (Wrap::None, _) => None,
            (Wrap::At(length), _) => Some(pixels(&length, width, canvas)),
            (Wrap::Auto, Some(Animated::Constant(length))) => Some(pixels(length, width, canvas)),
            (Wrap::Auto, _) => Some(width * 0.9),
        };
        TextContent {
            runs: text
                .runs
                .iter()
                .map(|run| TextRun {
                    text: run.text.clone(),
                    font: run.font.as_ref().map(|f| f.value.clone()),
                    font_span: run.font.as_ref().map(|f| f.span),
                    size: placed.clock.track(&run.size, &mut self.findings, px),
                    weight: run.weight,
                    italic: run.italic,
                    colour: placed.clock.track(&run.colour, &mut self.findings, |c| *c),
                    letter_spacing: across(&run.letter_spacing),
                })
                .collect(),
            align: text.align,
            line_height: text.line_height,
            wrap,
            background: text.background,
            padding: across(&text.padding),
            background_radius: extent(&text.background_radius, canvas),
            outline: text.outline.as_ref().map(|(w, c)| (px(w), *c)),
            shadow: text.shadow.as_ref().map(|written| shadow(written, canvas)),
        }
    }

    /// The content's upright, square size before `crop`; `None` where it is known only when drawn.
    fn natural_size(&self, content: &Content, canvas: (u32, u32)) -> Option<(u32, u32)> {
        match content {
            Content::Video { source, .. } | Content::Still { source } => {
                self.sources[*source].video.as_ref().map(crate::media::VideoInfo::square_size)
            }
            Content::Group { composition, .. } => Some((composition.width, composition.height)),
            Content::Colour(_) | Content::Shape(_) | Content::Adjust => Some(canvas),
            Content::Text(_) => None,
        }
    }

    /// An effect with its times on the item's clock.
    pub(super) fn effect(&mut self, effect: &Effect, clock: &ItemClock, canvas: (u32, u32)) -> EffectUse {
        let params = effect.params.iter().map(|param| self.param(param, clock, canvas)).collect();
        let written = [&effect.at, &effect.duration, &effect.until];
        let active = written.iter().any(|time| time.is_some()).then(|| {
            let start = effect.at.as_ref().map_or(Time::ZERO, |at| clock.time(&at.value));
            let end = match (&effect.until, &effect.duration) {
                (Some(until), _) => clock.time(&until.value),
                (None, None) => clock.duration,
                (None, Some(d)) if d.value.base == vfxb_dsl::value::TimeBase::Start => {
                    start + offset(&d.value.offset, clock.rate)
                }
                (None, Some(d)) => clock.time(&d.value),
            };
            start..end
        });
        let mix = clock.track(&effect.mix, &mut self.findings, |v| *v);
        EffectUse { name: effect.name.value.clone(), params, mix, active }
    }

    fn param(&mut self, param: &ParamValue, clock: &ItemClock, canvas: (u32, u32)) -> Param {
        match param {
            ParamValue::Number(value) => Param::Number(clock.track(value, &mut self.findings, |v| *v)),
            ParamValue::Colour(value) => Param::Colour(clock.track(value, &mut self.findings, |v| *v)),
            ParamValue::Length(value) => {
                Param::Length(clock.track(value, &mut self.findings, |l| extent(l, canvas)))
            }
            ParamValue::Point(value) => {
                Param::Point(clock.track(value, &mut self.findings, |p| extents(p, canvas)))
            }
            ParamValue::Word(index) => Param::Word(*index),
            ParamValue::Boolean(value) => Param::Boolean(*value),
            ParamValue::Integer(value) => Param::Integer(*value),
            ParamValue::Text(text) => Param::Text(text.clone()),
            ParamValue::Path(source) => Param::Text(source.path.to_string_lossy().into_owned()),
            ParamValue::Time(point) => Param::Number(Track::Constant(clock.time(point).to_f64())),
            ParamValue::Absent => Param::Absent,
        }
    }
}

/// The fades of an overlay's picture, the last of them before its end, or the film's if that comes first.
fn fade_tracks(placed: &Placed<'_>, film: Time) -> Vec<Track<f64>> {
    let key = |at: Time, value: f64| Key { at, value, easing: Easing::Linear };
    let length = placed.end.min(film) - placed.start;
    let written = |t: &Option<vfxb_dsl::source::Spanned<vfxb_dsl::value::TimePoint>>| {
        t.as_ref().map(|t| placed.clock.time(&t.value)).filter(|t| *t > Time::ZERO)
    };
    let mut tracks = Vec::new();
    if let Some(fade) = written(&placed.item.sound.fade_in) {
        tracks.push(Track::Keys(vec![key(Time::ZERO, 0.0), key(fade, 1.0)]));
    }
    if let Some(fade) = written(&placed.item.sound.fade_out) {
        tracks.push(Track::Keys(vec![key(length - fade, 1.0), key(length, 0.0)]));
    }
    tracks
}

fn row(item: &Item, start: Time, end: Time, depth: usize) -> Row {
    let file = |source: &vfxb_dsl::script::Source| {
        source.path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
    };
    let (kind, name) = match &item.kind {
        ItemKind::Video { source, .. } => ("video", file(source)),
        ItemKind::Image { source } | ItemKind::ImageSequence { source, .. } => ("image", file(source)),
        ItemKind::Audio { source, .. } => ("audio", file(source)),
        ItemKind::Colour(colour) => {
            ("color", colour.constant().map_or_else(String::new, ToString::to_string))
        }
        ItemKind::Text(text) => ("text", text.runs.iter().map(|r| r.text.as_str()).collect::<String>()),
        ItemKind::Shape(shape) => ("shape", format!("{:?}", shape.form).to_lowercase()),
        ItemKind::Group { .. } => ("group", String::new()),
        ItemKind::Track(_) => ("track", String::new()),
        ItemKind::Adjust => ("adjust", String::new()),
    };
    let name = item.id.as_ref().map_or(name, |id| id.value.clone());
    Row { kind: kind.into(), name, depth, start, end }
}
