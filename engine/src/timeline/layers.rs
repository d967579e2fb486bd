//! Items with known times become layers, crossings and sound clips: phase two.

use std::ops::Range;

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::{
    Anchored, Crop, Effect, Fit, FrameBlend, Item, ItemKind, ParamValue, Pitch, Text, Visual, Wrap,
};
use vfxb_dsl::source::Span;
use vfxb_dsl::value::{Anchor, Animated, Easing, Length, Point, Position, Rational, Time};

use super::build::{Builder, Prepared};
use super::lengths::{ItemClock, extent, extents, freeze_length, holds, offset, pixels};
use super::map::{Ramp, Speed, TimeMap};
use super::resolve::{Chain, Resolver, Side, Times};
use super::sound::{
    CUT_FADE_MS, Fade, FadeShape, SoundClip, SoundContent, SoundMix, sample_of, sample_of_frame,
};
use super::{
    BoxSize, Composition, Content, Crossing, EffectUse, Frame, Layer, Param, Placement, Row, ShapeContent,
    TextContent, TextRun,
};
use crate::animate::{Extent, Key, Track};
use crate::codes;

/// An item with its exact times and its frames.
struct Placed<'a> {
    item: &'a Item,
    start: Time,
    end: Time,
    frames: Range<u64>,
    clock: ItemClock,
    in_sequence: bool,
}

impl Builder<'_> {
    /// Fills `composition` and `mix` with what the resolver's nodes show and sound.
    pub(super) fn layers(
        &mut self,
        resolver: &Resolver<'_>,
        times: &[Times],
        prepared: Vec<Prepared>,
        composition: &mut Composition,
        mix: &mut SoundMix,
        depth: usize,
    ) {
        let mut layer_of = vec![None; resolver.nodes.len()];
        let mut clip_of = vec![None; resolver.nodes.len()];
        for (index, (node, what)) in resolver.nodes.iter().zip(prepared).enumerate() {
            let Some((start, end)) = times[index] else { continue };
            let Some(placed) = self.placed(node.item, start, end, node.slot.is_some(), composition) else {
                continue;
            };
            self.rows.push(row(node.item, start, end, depth + node.depth));
            let prepared = self.finish_map(what, &placed);
            if !node.audio {
                if let Some(clip) = self.clip(&placed, &prepared, mix, composition.rate, false) {
                    clip_of[index] = Some(mix.clips.len());
                    mix.clips.push(clip);
                }
                if let Some(layer) = self.layer(&placed, prepared, composition) {
                    layer_of[index] = Some(composition.layers.len());
                    composition.layers.push(layer);
                }
            } else if let Some(clip) = self.clip(&placed, &prepared, mix, composition.rate, true) {
                clip_of[index] = Some(mix.clips.len());
                mix.clips.push(clip);
            }
        }
        for chain in &resolver.chains {
            self.crossings(resolver, chain, times, &layer_of, &clip_of, composition, mix);
        }
    }

    fn placed<'a>(
        &mut self,
        item: &'a Item,
        start: Time,
        end: Time,
        in_sequence: bool,
        composition: &Composition,
    ) -> Option<Placed<'a>> {
        let rate = composition.rate;
        let track = matches!(item.kind, ItemKind::Track(_));
        if start.is_negative() || (end <= start && !track) {
            let message = if start.is_negative() {
                format!("this starts at {start}, before its film does")
            } else {
                format!("this ends at {end}, which is not after its start at {start}")
            };
            let place =
                item.timing.duration.as_ref().or(item.timing.at.as_ref()).map_or(item.span, |t| t.span);
            self.findings.push(
                Diagnostic::error(codes::IMPOSSIBLE_TIME, place, message)
                    .help("times are counted from the start of the timeline that the item is on"),
            );
            return None;
        }
        let bound = |time: Time| (time.frame_ceil(rate).max(0) as u64).min(composition.frames);
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
        Some(Placed { item, start, end, frames, clock, in_sequence })
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
            if let Animated::Keyframes(_) = &written.speed.value {
                let track = placed.clock.track(&written.speed.value, &mut self.findings, |v| *v);
                map.speed = Speed::Ramp(Ramp::integrate(&track, placed.clock.duration, placed.clock.rate));
            }
            if map.holds.is_empty() {
                let held = freeze_length(written, placed.clock.rate);
                map.holds = holds(written, placed.clock.duration - held, placed.clock.rate);
            }
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
        if !placed.in_sequence {
            opacity.extend(self.fade_tracks(placed));
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
        let last =
            (ends.frame_ceil(composition.rate).max(0) as u64).min(placed.frames.end).max(placed.frames.start);
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
            (ItemKind::Group { .. }, Prepared::Group { composition, map, .. }) => {
                Content::Group { composition: Box::new(composition), map }
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
                    size: placed.clock.track(&run.size, &mut self.findings, px),
                    weight: run.weight,
                    italic: run.italic,
                    colour: placed.clock.track(&run.colour, &mut self.findings, |c| *c),
                    letter_spacing: px(&run.letter_spacing),
                })
                .collect(),
            align: text.align,
            line_height: text.line_height,
            wrap,
            background: text.background,
            padding: px(&text.padding),
            background_radius: px(&text.background_radius),
            outline: text.outline.as_ref().map(|(w, c)| (px(w), *c)),
            shadow: text.shadow.as_ref().map(|(offset, blur, colour)| {
                (pixels(&offset.x, width, canvas), px(&offset.y), px(blur), *colour)
            }),
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

    fn placement(
        &mut self,
        placed: &Placed<'_>,
        content: &Content,
        natural: Option<(u32, u32)>,
        canvas: (u32, u32),
    ) -> Placement {
        let visual = &placed.item.visual;
        let clock = placed.clock;
        let crop = match (&visual.crop, natural) {
            (Some(crop), Some(size)) => self.crop(crop, size),
            _ => None,
        };
        let point = |p: &Point| extents(p, canvas);
        let none = Track::Constant([Extent::default(); 2]);
        let (position, anchor) = self.position(visual, &clock, canvas);
        let (fit, frame) = self.frame(placed, content, canvas);
        let mut track = |value: &Option<Animated<Point>>| match value {
            Some(value) => clock.track(value, &mut self.findings, point),
            None => none.clone(),
        };
        let (offset, pan) = (track(&visual.offset), track(&visual.pan));
        let zoom_origin = match &visual.zoom_origin {
            Some(value) => clock.track(value, &mut self.findings, point),
            None => Track::Constant(shares([0.5, 0.5])),
        };
        Placement {
            crop,
            flip: (visual.flip.horizontal, visual.flip.vertical),
            fit,
            frame,
            position,
            anchor,
            offset,
            scale: clock.track(&visual.scale, &mut self.findings, |v| *v),
            rotate: clock.track(&visual.rotate, &mut self.findings, |v| *v),
            zoom: clock.track(&visual.zoom, &mut self.findings, |v| *v),
            zoom_origin,
            pan,
        }
    }

    /// Shapes round their own corners, lettering has none.
    fn decoration(&mut self, placed: &Placed<'_>, content: &Content, canvas: (u32, u32)) -> Frame {
        let visual = &placed.item.visual;
        let has_box = !matches!(content, Content::Shape(_) | Content::Text(_) | Content::Adjust);
        let radius = match visual.radius.as_ref().filter(|_| has_box) {
            Some(radius) => placed.clock.track(radius, &mut self.findings, |r| extent(r, canvas)),
            None => Track::Constant(Extent::default()),
        };
        let width = |length: &Length| pixels(length, f64::from(canvas.1), canvas);
        let border = visual.border.as_ref().filter(|_| has_box).map(|(line, colour)| (width(line), *colour));
        Frame { radius, border }
    }

    fn frame(&mut self, placed: &Placed<'_>, content: &Content, canvas: (u32, u32)) -> (Fit, BoxSize) {
        let visual = &placed.item.visual;
        if matches!(content, Content::Text(_)) {
            return (Fit::None, BoxSize::Natural);
        }
        let drawn = matches!(content, Content::Colour(_) | Content::Shape(_));
        let default = match (placed.in_sequence, drawn) {
            (_, true) => Fit::Fill,
            (true, false) => Fit::Cover,
            (false, false) => Fit::Contain,
        };
        let mut track =
            |length: &Animated<Length>| placed.clock.track(length, &mut self.findings, |l| extent(l, canvas));
        let frame = match (&visual.width, &visual.height) {
            (Some(width), Some(height)) => BoxSize::Both(track(width), track(height)),
            (Some(width), None) => BoxSize::Width(track(width)),
            (None, Some(height)) => BoxSize::Height(track(height)),
            (None, None) if placed.in_sequence || drawn || visual.fit.is_some() => BoxSize::Canvas,
            (None, None) => BoxSize::Natural,
        };
        (visual.fit.unwrap_or(default), frame)
    }

    fn position(
        &mut self,
        visual: &Visual,
        clock: &ItemClock,
        canvas: (u32, u32),
    ) -> (Track<[Extent; 2]>, [Extent; 2]) {
        let centre = Position::Anchor(Anchor { x: 0.5, y: 0.5 });
        let (position, own) = match visual.position.as_ref().unwrap_or(&centre) {
            Position::Anchor(anchor) => {
                let at = shares([anchor.x, anchor.y]);
                (Track::Constant(at), at)
            }
            Position::Point(point) => {
                (clock.track(point, &mut self.findings, |p| extents(p, canvas)), shares([0.0, 0.0]))
            }
        };
        let anchor = match &visual.anchor {
            None => own,
            Some(Anchored::Anchor(anchor)) => shares([anchor.x, anchor.y]),
            Some(Anchored::Point(point)) => extents(point, canvas),
        };
        (position, anchor)
    }

    fn crop(&mut self, crop: &Crop, size: (u32, u32)) -> Option<[f64; 4]> {
        let (source_width, source_height) = (f64::from(size.0), f64::from(size.1));
        let px = |length: &Length, reference: f64| length.pixels(reference, size);
        let (width, height) = (px(&crop.width, source_width), px(&crop.height, source_height));
        let x = crop.x.as_ref().map_or((source_width - width) / 2.0, |x| px(x, source_width));
        let y = crop.y.as_ref().map_or((source_height - height) / 2.0, |y| px(y, source_height));
        let inside = x >= 0.0 && y >= 0.0 && width >= 1.0 && height >= 1.0;
        let slack = 1e-6;
        if !inside || x + width > source_width + slack || y + height > source_height + slack {
            self.findings.push(
                Diagnostic::error(
                    codes::CROP_OUTSIDE,
                    crop.span,
                    format!(
                        "the crop {width}x{height} at {x}, {y} is not inside its source, which is {}x{}",
                        size.0, size.1
                    ),
                )
                .help(format!("keep x + width within {} and y + height within {}", size.0, size.1)),
            );
            return None;
        }
        Some([x, y, width, height])
    }

    /// An effect with its times on the item's clock.
    fn effect(&mut self, effect: &Effect, clock: &ItemClock, canvas: (u32, u32)) -> EffectUse {
        let params = effect.params.iter().map(|param| self.param(param, clock, canvas)).collect();
        let active = (effect.at.is_some() || effect.duration.is_some()).then(|| {
            let start = effect.at.as_ref().map_or(Time::ZERO, |at| clock.time(&at.value));
            let end = match &effect.duration {
                None => clock.duration,
                Some(d) if d.value.base == vfxb_dsl::value::TimeBase::Start => {
                    start + offset(&d.value.offset, clock.rate)
                }
                Some(d) => clock.time(&d.value),
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

    fn fade_tracks(&mut self, placed: &Placed<'_>) -> Vec<Track<f64>> {
        let key = |at: Time, value: f64| Key { at, value, easing: Easing::Linear };
        let length = placed.clock.duration;
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

    /// The sound of an item, if it has some that is heard.
    fn clip(
        &mut self,
        placed: &Placed<'_>,
        prepared: &Prepared,
        mix: &SoundMix,
        rate: Rational,
        alone: bool,
    ) -> Option<SoundClip> {
        let sound = &placed.item.sound;
        let (content, map) = match prepared {
            Prepared::Source { source, map } => {
                let stream = sound.stream.as_ref().map_or(0, |s| s.value as usize);
                self.sources[*source].audio.get(stream)?;
                (SoundContent::Stream { source: *source, stream }, map.clone())
            }
            Prepared::Group { sound, map, .. } if !sound.clips.is_empty() => {
                (SoundContent::Mix(Box::new(sound.clone())), map.clone())
            }
            _ => return None,
        };
        if sound.mute || map.span() <= Time::ZERO {
            return None;
        }
        let (start, wanted) = self.sound_edges((placed.start, placed.end), alone, rate);
        let end = wanted.min(mix.length);
        if wanted > mix.length && alone {
            self.findings.push(
                Diagnostic::note(codes::SOUND_CUT, placed.item.span, "this sound is cut at the film's end")
                    .label(format!("it would end at {}", placed.end)),
            );
        }
        if end <= start {
            return None;
        }
        let fades = self.fades(placed, &map, end - start, end < wanted);
        let keep_pitch = match &placed.item.kind {
            ItemKind::Video { map, .. } | ItemKind::Audio { map, .. } | ItemKind::Group { map, .. } => {
                map.pitch == Pitch::Keep
            }
            _ => true,
        };
        let canvas = (1, 1);
        let effects = if alone {
            placed.item.effects.iter().map(|e| self.effect(e, &placed.clock, canvas)).collect()
        } else {
            Vec::new()
        };
        Some(SoundClip {
            content,
            samples: start..end,
            map,
            keep_pitch,
            gain: placed.clock.track(&sound.volume, &mut self.findings, |v| *v),
            pan: placed.clock.track(&sound.pan, &mut self.findings, |v| *v),
            fades,
            effects,
        })
    }

    /// The fades that are written, anchored at the clip's own (perhaps cut) end, and short ones where a cut would click.
    fn fades(&self, placed: &Placed<'_>, map: &TimeMap, length: i64, cut: bool) -> Vec<Fade> {
        let samples = |t: &vfxb_dsl::source::Spanned<vfxb_dsl::value::TimePoint>| {
            sample_of(placed.clock.time(&t.value), self.sample_rate).clamp(0, length)
        };
        let click = (i64::from(self.sample_rate) * CUT_FADE_MS / 1000).min(length / 2);
        let natural = map.duration().is_some_and(|d| d <= placed.clock.duration);
        let begins_inside = map.start > Time::ZERO || map.reverse;
        let rise = match &placed.item.sound.fade_in {
            Some(fade) => samples(fade),
            None if begins_inside => click,
            None => 0,
        };
        let fall = match &placed.item.sound.fade_out {
            Some(fade) => samples(fade),
            None if cut || !natural || map.reverse || self.ends_inside(placed, map) => click,
            None => 0,
        };
        let fade = |samples: Range<i64>, rising| Fade { samples, rising, shape: FadeShape::Linear };
        let mut fades = Vec::new();
        if rise > 0 {
            fades.push(fade(0..rise, true));
        }
        if fall > 0 {
            fades.push(fade(length - fall..length, false));
        }
        fades
    }

    fn ends_inside(&self, placed: &Placed<'_>, _map: &TimeMap) -> bool {
        match &placed.item.kind {
            ItemKind::Video { map, .. } | ItemKind::Audio { map, .. } | ItemKind::Group { map, .. } => {
                map.end.is_some()
            }
            _ => false,
        }
    }

    /// The transitions of one sequence.
    #[expect(clippy::too_many_arguments, reason = "two tables of indices and what they point into")]
    fn crossings(
        &mut self,
        resolver: &Resolver<'_>,
        chain: &Chain<'_>,
        times: &[Times],
        layer_of: &[Option<usize>],
        clip_of: &[Option<usize>],
        composition: &mut Composition,
        mix: &mut SoundMix,
    ) {
        for (position, slot) in chain.slots.iter().enumerate() {
            let Some((start, end)) = times[slot.node] else { continue };
            let length = |side: &Option<Side<'_>>| {
                side.map_or(Time::ZERO, |side| resolver.transition_length(side.transition))
            };
            let (incoming, outgoing) = (length(&slot.before), length(&slot.after));
            let alone = resolver.nodes[slot.node].audio;
            if incoming + outgoing > end - start {
                self.too_long(resolver.nodes[slot.node].item.span, slot, incoming, outgoing, end - start);
                continue;
            }
            if let Some(side) = slot.before {
                let previous = position.checked_sub(1).filter(|_| side.shared).map(|p| chain.slots[p].node);
                let from = previous.and_then(|n| layer_of[n]);
                self.crossing(side, (start, start + incoming), from, layer_of[slot.node], composition);
                let clips = (previous.and_then(|n| clip_of[n]), clip_of[slot.node]);
                let edges = self.sound_edges((start, start + incoming), alone, composition.rate);
                cross_sounds(edges, clips, self.sample_rate, mix);
            }
            if let Some(side) = slot.after.filter(|side| !side.shared) {
                self.crossing(side, (end - outgoing, end), layer_of[slot.node], None, composition);
                let edges = self.sound_edges((end - outgoing, end), alone, composition.rate);
                cross_sounds(edges, (clip_of[slot.node], None), self.sample_rate, mix);
            }
        }
    }

    fn too_long(
        &mut self,
        span: Span,
        slot: &super::resolve::Slot<'_>,
        incoming: Time,
        outgoing: Time,
        has: Time,
    ) {
        let message = format!(
            "the transitions here take {}, but the item between them lasts only {has}",
            incoming + outgoing
        );
        let mut finding = Diagnostic::error(codes::TRANSITION_TOO_LONG, span, message)
            .help("shorten the transitions or lengthen the item");
        for (side, length) in [(slot.before, incoming), (slot.after, outgoing)] {
            if let Some(side) = side {
                finding = finding.also(side.transition.span, format!("{length}"));
            }
        }
        self.findings.push(finding);
    }

    fn crossing(
        &mut self,
        side: Side<'_>,
        (start, end): (Time, Time),
        from: Option<usize>,
        to: Option<usize>,
        composition: &mut Composition,
    ) {
        let bound = |time: Time| (time.frame_ceil(composition.rate).max(0) as u64).min(composition.frames);
        let frames = bound(start)..bound(end);
        if frames.is_empty() || (from.is_none() && to.is_none()) {
            return;
        }
        let clock = ItemClock { duration: end - start, rate: self.counting };
        let effect = self.effect(&side.transition.effect, &clock, (composition.width, composition.height));
        composition.crossings.push(Crossing { frames, from, to, effect, easing: side.transition.easing });
    }

    /// The samples between two instants: sound alone lies where it is written, sound with a picture where the picture's
    /// frames do.
    fn sound_edges(&self, (start, end): (Time, Time), alone: bool, rate: Rational) -> (i64, i64) {
        let edge = |time: Time| {
            if alone {
                sample_of(time, self.sample_rate)
            } else {
                sample_of_frame(time.frame_ceil(rate).max(0) as u64, rate, self.sample_rate)
            }
        };
        (edge(start), edge(end))
    }
}

/// Sound crosses with equal power; the short fades of the cut go.
fn cross_sounds(
    (start, end): (i64, i64),
    clips: (Option<usize>, Option<usize>),
    sample_rate: u32,
    mix: &mut SoundMix,
) {
    let click = i64::from(sample_rate) * CUT_FADE_MS / 1000;
    for (clip, rising) in [(clips.0, false), (clips.1, true)] {
        let Some(clip) = clip.and_then(|i| mix.clips.get_mut(i)) else { continue };
        clip.fades.retain(|f| f.rising != rising || f.samples.end - f.samples.start > click);
        let samples = start - clip.samples.start..end - clip.samples.start;
        clip.fades.push(Fade { samples, rising, shape: FadeShape::EqualPower });
    }
}

fn shares([x, y]: [f64; 2]) -> [Extent; 2] {
    [Extent { pixels: 0.0, share: x }, Extent { pixels: 0.0, share: y }]
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
