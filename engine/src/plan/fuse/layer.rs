//! One layer on the canvas: its content, its effects at its own pixels, its geometry.
//!
//! The shortest way that gives the right pixels is taken: a picture that lies pixel on pixel is loaded where it lies; one
//! that only needs scaling is resampled in its own planes, affine colour after it, which commutes; only effects that do
//! not commute make a picture of their own before the geometry.

use vfxb_dsl::script::Fit;
use vfxb_dsl::value::{Colour, Rational, Time};

use super::chain::{self, Link};
use super::paint::{AlphaState, Paint, Place, Rect, intersect};
use super::{Drawing, Fuser, InputRef, Scene, rgb, rgba};
use crate::effect::step::Alpha;
use crate::exec::job::{Axis, Filter, ResampleJob, Slot, Stage, TransformJob};
use crate::media::{FrameTimes, Orientation, Rotation, VideoInfo};
use crate::picture::{PictureSpec, PixelFormat, Sample};
use crate::shape::ShapeSpec;
use crate::text::{FontRef, Outline, RunSpec, Shadow, TextSpec};
use crate::timeline::geometry::Geometry;
use crate::timeline::{Content, Layer, ShapeContent, TextContent, TimeMap};

/// A picture before its geometry: in a slot, as decoded or drawn.
pub(super) struct Raw {
    slot: Slot,
    /// Upright and square: what geometry and effects speak of.
    size: (u32, u32),
    orientation: Orientation,
    /// What is kept of it: x, y, width, height of `size`.
    pub(super) crop: [f64; 4],
}

impl Raw {
    pub(super) fn upright(slot: Slot, size: (u32, u32)) -> Raw {
        let crop = [0.0, 0.0, f64::from(size.0), f64::from(size.1)];
        Raw { slot, size, orientation: Orientation::UPRIGHT, crop }
    }
}

impl Fuser<'_> {
    /// What a layer leaves on the canvas at a frame; `None` if nothing.
    pub(super) fn layer(
        &mut self,
        scene: &Scene<'_>,
        index: usize,
        fit: Option<Fit>,
        blurred: bool,
        frame: u64,
    ) -> Option<Paint> {
        let layer = &scene.composition.layers[index];
        let time = scene.item_time(layer, frame);
        match &layer.content {
            Content::Text(text) => self.text(scene, layer, text, time, frame),
            Content::Colour(colour) => self.colour(scene, layer, colour.at(time), time, frame),
            Content::Shape(shape) => self.shape(scene, layer, shape, time, frame),
            Content::Adjust => None,
            Content::Video { .. } | Content::Still { .. } | Content::Group { .. } => {
                let mut raw = self.raw(scene, index, frame)?;
                if let Some(crop) = layer.placement.crop {
                    raw.crop = crop;
                }
                let natural = self.natural(scene, layer, &raw);
                let geometry = layer.placement.geometry(time, natural, canvas(scene), scene.scale, fit);
                let size = (ceil(raw.crop[2]), ceil(raw.crop[3]));
                let local = frame.saturating_sub(layer.frames.start);
                let mut links = chain::links(&layer.effects, time, &chain::context(local, time, size));
                if blurred {
                    let sigma = f64::from(size.0.min(size.1)) / 20.0;
                    links.push(Link::Kernel { kernel: crate::effect::Kernel::Blur { sigma }, mix: 1.0 });
                }
                self.framed(scene, layer, time, raw, links, &geometry)
            }
        }
    }

    /// The content's size in canvas pixels: groups are drawn at the render's scale.
    fn natural(&self, scene: &Scene<'_>, layer: &Layer, raw: &Raw) -> (f64, f64) {
        match layer.content {
            Content::Group { .. } => (raw.crop[2] / scene.scale.0, raw.crop[3] / scene.scale.1),
            _ => (raw.crop[2], raw.crop[3]),
        }
    }

    fn raw(&mut self, scene: &Scene<'_>, index: usize, frame: u64) -> Option<Raw> {
        let layer = &scene.composition.layers[index];
        let local = frame.saturating_sub(layer.frames.start);
        let centre = scene.composition.frame_centre(local);
        match &layer.content {
            Content::Still { source } => self.source(scene, index, *source, 0),
            Content::Video { source, map, blend_frames } => {
                let video = self.sources.get(*source)?.video.clone()?;
                if *blend_frames {
                    return self.blended(scene, index, *source, &video, map, centre);
                }
                let picture = map.picture(&video.times, centre)?;
                self.source(scene, index, *source, picture)
            }
            Content::Group { composition, map } => {
                let graph = scene.graph.groups.get(&index)?;
                let times = FrameTimes::Constant { rate: composition.rate, count: composition.frames };
                let inner_frame = map.picture(&times, centre)?;
                let scaled = |n: u32, by: f64| ((f64::from(n) * by).round() as u32).max(1);
                let size =
                    (scaled(composition.width, scene.scale.0), scaled(composition.height, scene.scale.1));
                let path = scene.path.iter().copied().chain([index]).collect();
                let inner = Scene::new(composition, graph, path, size);
                let spec = if composition.background.a >= 1.0 { rgb(size) } else { rgba(size) };
                let slot = self.composition(&inner, inner_frame, &spec);
                Some(Raw::upright(slot, size))
            }
            _ => None,
        }
    }

    /// A picture of a source, in a slot of its own unless it is in one already.
    fn source(&mut self, scene: &Scene<'_>, layer: usize, source: usize, picture: u64) -> Option<Raw> {
        let video = self.sources.get(source)?.video.clone()?;
        let slot = match self.known.get(&(source, picture)) {
            Some(slot) => *slot,
            None => {
                let slot = self.slot(video_spec(&video));
                let reader = scene.path.iter().copied().chain([layer]).collect();
                self.inputs.push((slot, InputRef::Source { source, picture, reader }));
                self.known.insert((source, picture), slot);
                slot
            }
        };
        Some(Raw { orientation: video.orientation, ..Raw::upright(slot, video.square_size()) })
    }

    /// The two source pictures around an instant, mixed by their distance.
    fn blended(
        &mut self,
        scene: &Scene<'_>,
        layer: usize,
        source: usize,
        video: &VideoInfo,
        map: &TimeMap,
        centre: Time,
    ) -> Option<Raw> {
        let instant = map.source_time(centre)?;
        let rate = video.rate;
        let position = instant.at_rate(rate) - Rational::new(1, 2);
        let below = position.floor();
        let share = position - below;
        let share = *share.numer() as f64 / *share.denom() as f64;
        let at = |n: Rational| {
            map.within(&video.times, video.times.index_before(Time::new((n + Rational::new(1, 2)) / rate)))
        };
        let (first, second) = (at(below), at(below + Rational::from_integer(1)));
        let raw = self.source(scene, layer, source, first)?;
        if first == second || share <= 0.0 {
            return Some(raw);
        }
        let other = self.source(scene, layer, source, second)?;
        let spec = self.slots[raw.slot];
        let size = (spec.width, spec.height);
        let whole = [0, 0, size.0 as i32, size.1 as i32];
        let mut mixed = Paint::load(raw.slot, &spec, (0, 0), whole, whole);
        mixed.want(Alpha::Premultiplied);
        let above = Paint::load(other.slot, &spec, (0, 0), whole, whole);
        let opaque = mixed.alpha == AlphaState::Opaque;
        mixed.paint(above, crate::effect::blend::mix(), vec![share as f32], Place::canvas(size.0, size.1));
        let slot = self.finish(mixed, &if opaque { rgb(size) } else { rgba(size) });
        Some(Raw { slot, ..raw })
    }

    /// A raw picture with its effects where its geometry says.
    pub(super) fn place(
        &mut self,
        canvas: Rect,
        raw: Raw,
        links: Vec<Link>,
        geometry: &Geometry,
    ) -> Option<Paint> {
        let affine_only = links.iter().all(|link| matches!(link, Link::Affine(_)));
        let kernels = links.iter().any(Link::is_kernel);
        if !kernels && let Some(offset) = self.direct(&raw, geometry) {
            return self.load_direct(canvas, &raw, links, geometry, offset);
        }
        let (raw, after) = if affine_only && !self.slots[raw.slot].format.alpha {
            (raw, links)
        } else {
            (self.own_picture(raw, links), Vec::new())
        };
        let mut paint = if geometry.rotate % 360.0 == 0.0 {
            self.resampled(canvas, &raw, geometry)?
        } else {
            self.turned(canvas, &raw, geometry)?
        };
        for link in after {
            if let Link::Affine(matrix) = link {
                paint.colour(&matrix);
            }
        }
        Some(paint)
    }

    /// As [`Fuser::place`], with the box's corners rounded and its border drawn: in a picture of the box alone.
    fn framed(
        &mut self,
        scene: &Scene<'_>,
        layer: &Layer,
        time: Time,
        raw: Raw,
        links: Vec<Link>,
        geometry: &Geometry,
    ) -> Option<Paint> {
        if layer.frame.is_plain() {
            return self.place(scene.rect(), raw, links, geometry);
        }
        let [x0, y0, x1, y1] = edges(geometry);
        let size = (ceil(x1 - x0), ceil(y1 - y0));
        let whole = [0, 0, size.0 as i32, size.1 as i32];
        let content =
            [geometry.content[0] - x0, geometry.content[1] - y0, geometry.content[2], geometry.content[3]];
        let boxed = Geometry { clip: [0.0, 0.0, x1 - x0, y1 - y0], content, rotate: 0.0, ..*geometry };
        let mut paint = self.place(whole, raw, links, &boxed)?;
        let scale = scene.scale.1;
        let radius = layer.frame.radius.at(time).of((x1 - x0).min(y1 - y0) / scale) * scale;
        let shape = |fill, stroke| ShapeSpec {
            form: vfxb_dsl::script::ShapeForm::Rect,
            width_px: (x1 - x0) as f32,
            height_px: (y1 - y0) as f32,
            radius_px: radius as f32,
            fill,
            stroke,
        };
        let border = layer.frame.border.map(|(width, colour)| ((width * scale) as f32, colour));
        let place = Place::canvas(size.0, size.1);
        if let Some(line) = border {
            let over = self.overlay(&shape(None, Some(line)), whole)?;
            paint.paint(over, crate::effect::blend::blend(vfxb_dsl::script::Blend::Normal), vec![1.0], place);
        }
        if radius > 0.0 {
            let mask = self.overlay(&shape(Some(Colour::WHITE), None), whole)?;
            paint.paint(mask, crate::effect::blend::mask(), Vec::new(), place);
            paint.alpha = AlphaState::Premultiplied;
        }
        let spec = if paint.alpha == AlphaState::Opaque { rgb(size) } else { rgba(size) };
        let raw = Raw::upright(self.finish(paint, &spec), size);
        let content = [x0, y0, f64::from(size.0), f64::from(size.1)];
        let clip = [x0, y0, x0 + content[2], y0 + content[3]];
        self.place(
            scene.rect(),
            raw,
            Vec::new(),
            &Geometry { clip, content, flip: (false, false), ..*geometry },
        )
    }

    /// A shape at the origin of a pass of its own.
    fn overlay(&mut self, shape: &ShapeSpec, whole: Rect) -> Option<Paint> {
        let drawing = self.raster.shape(shape)?;
        let spec = *drawing.picture.spec();
        let slot = self.slot(spec);
        self.inputs.push((slot, InputRef::Drawn(drawing.picture.clone())));
        let (x, y) = drawing.origin;
        let touch = intersect([x, y, x + spec.width as i32, y + spec.height as i32], whole)?;
        Some(Paint::load(slot, &spec, (x, y), touch, whole))
    }

    /// Where the picture's first pixel lies, if it lies pixel on pixel and its box cuts it between pixels.
    fn direct(&self, raw: &Raw, geometry: &Geometry) -> Option<(i32, i32)> {
        let spec = &self.slots[raw.slot];
        let plain = raw.orientation == Orientation::UPRIGHT
            && raw.size == (spec.width, spec.height)
            && geometry.rotate % 360.0 == 0.0
            && geometry.flip == (false, false);
        let [left, top, width, height] = geometry.content;
        let same = near(width, raw.crop[2]) && near(height, raw.crop[3]);
        let (x, y) = (left - raw.crop[0], top - raw.crop[1]);
        let whole = [x, y, raw.crop[0], raw.crop[1], raw.crop[2], raw.crop[3]].into_iter().all(is_whole)
            && geometry.clip.into_iter().all(is_whole);
        (plain && same && whole).then(|| (x.round() as i32, y.round() as i32))
    }

    fn load_direct(
        &mut self,
        canvas: Rect,
        raw: &Raw,
        links: Vec<Link>,
        geometry: &Geometry,
        (x, y): (i32, i32),
    ) -> Option<Paint> {
        let [left, top, width, height] = geometry.content.map(|v| v.round() as i32);
        let kept =
            intersect([left, top, left + width, top + height], geometry.clip.map(|v| v.round() as i32))?;
        let touch = intersect(kept, canvas)?;
        let spec = self.slots[raw.slot];
        let paint = Paint::load(raw.slot, &spec, (x, y), touch, canvas);
        let place = Place { x: left, y: top, width: width.max(1) as u32, height: height.max(1) as u32 };
        Some(self.chain(paint, links, place, canvas))
    }

    /// Crop, uprightness and effects done: a picture of its own at the content's pixels.
    fn own_picture(&mut self, raw: Raw, links: Vec<Link>) -> Raw {
        let size = (ceil(raw.crop[2]), ceil(raw.crop[3]));
        let whole = [0, 0, size.0 as i32, size.1 as i32];
        let spec = self.slots[raw.slot];
        let plain = raw.orientation == Orientation::UPRIGHT && raw.size == (spec.width, spec.height);
        let cropped = raw.crop.into_iter().all(is_whole);
        let paint = if plain && cropped {
            let offset = (-(raw.crop[0].round() as i32), -(raw.crop[1].round() as i32));
            Paint::load(raw.slot, &spec, offset, whole, whole)
        } else {
            let raw = self.premultiplied(raw);
            let content = [0.0, 0.0, f64::from(size.0), f64::from(size.1)];
            let geometry = Geometry { clip: content, content, rotate: 0.0, flip: (false, false) };
            let slot = self.resample(&raw, &geometry, whole, false);
            Paint::load(slot, &self.slots[slot].clone(), (0, 0), whole, whole)
        };
        let done = self.chain(paint, links, Place::canvas(size.0, size.1), whole);
        let spec = if done.alpha == AlphaState::Opaque { rgb(size) } else { rgba(size) };
        Raw::upright(self.finish(done, &spec), size)
    }

    /// A picture with straight alpha as premultiplied floats: what kernels take.
    fn premultiplied(&mut self, raw: Raw) -> Raw {
        let spec = self.slots[raw.slot];
        if !spec.format.alpha || spec.premultiplied && matches!(spec.format.sample, Sample::F32(_)) {
            return raw;
        }
        let size = (spec.width, spec.height);
        let whole = [0, 0, size.0 as i32, size.1 as i32];
        let paint = Paint::load(raw.slot, &spec, (0, 0), whole, whole);
        Raw { slot: self.finish(paint, &rgba(size)), ..raw }
    }

    /// Resampled into the part of the canvas where it is seen.
    fn resampled(&mut self, canvas: Rect, raw: &Raw, geometry: &Geometry) -> Option<Paint> {
        let seen = visible(geometry, canvas)?;
        let edges = edges(geometry);
        let soft = edges
            .iter()
            .zip(seen)
            .any(|(edge, bound)| (edge - f64::from(bound)).abs() < 1.0 && !is_whole(*edge));
        let slot = self.resample(raw, geometry, seen, soft);
        let spec = self.slots[slot];
        Some(Paint::load(slot, &spec, (seen[0], seen[1]), seen, canvas))
    }

    /// Resamples into a rectangle of whole pixels; `soft` edges get the share that they cover as alpha.
    pub(super) fn resample(&mut self, raw: &Raw, geometry: &Geometry, rect: Rect, soft: bool) -> Slot {
        let from = self.slots[raw.slot];
        let map = SourceMap::new(raw, geometry, (from.width, from.height));
        let format = PixelFormat {
            sample: Sample::F32(from.format.sample.depth()),
            log2_x: 0,
            log2_y: 0,
            alpha: from.format.alpha || soft,
            ..from.format
        };
        let spec = PictureSpec {
            width: (rect[2] - rect[0]).max(1) as u32,
            height: (rect[3] - rect[1]).max(1) as u32,
            format,
            premultiplied: from.premultiplied && from.format.alpha,
            ..from
        };
        let to = self.slot(spec);
        let axis =
            |(step, origin): (f64, f64), first: i32| Axis { step, origin: origin + step * f64::from(first) };
        self.stages.push(Stage::Resample(ResampleJob {
            from: raw.slot,
            to,
            spec,
            transpose: raw.orientation.swaps_sides(),
            x: axis(map.x, rect[0]),
            y: axis(map.y, rect[1]),
            window: map.window,
            coverage: soft,
            filter: Filter::Lanczos3,
        }));
        to
    }

    /// Resampled to its size, then turned about the middle of its box.
    fn turned(&mut self, canvas: Rect, raw: &Raw, geometry: &Geometry) -> Option<Paint> {
        let edges = seen_turned(geometry, edges(geometry), canvas);
        let (width, height) = (edges[2] - edges[0], edges[3] - edges[1]);
        if width <= 0.0 || height <= 0.0 {
            return None;
        }
        let size = (ceil(width), ceil(height));
        let moved = Geometry {
            clip: [0.0, 0.0, width, height],
            content: [
                geometry.content[0] - edges[0],
                geometry.content[1] - edges[1],
                geometry.content[2],
                geometry.content[3],
            ],
            rotate: 0.0,
            ..*geometry
        };
        let whole = [0, 0, size.0 as i32, size.1 as i32];
        let slot = self.resample(raw, &moved, whole, !is_whole(width) || !is_whole(height));
        let spec = self.slots[slot];
        let paint = Paint::load(slot, &spec, (0, 0), whole, whole);
        let from = self.finish(paint, &rgba(size));
        let (inverse, bounds) = turn(geometry, edges);
        let seen = intersect(bounds, canvas)?;
        let spec = rgba(((seen[2] - seen[0]) as u32, (seen[3] - seen[1]) as u32));
        let to = self.slot(spec);
        let (dx, dy) = (f64::from(seen[0]), f64::from(seen[1]));
        let [a, b, c, d, e, f] = inverse;
        let inverse = [a, b, a * dx + b * dy + c, d, e, d * dx + e * dy + f];
        self.stages.push(Stage::Transform(TransformJob { from, to, spec, inverse }));
        Some(Paint::load(to, &spec, (seen[0], seen[1]), seen, canvas))
    }

    fn text(
        &mut self,
        scene: &Scene<'_>,
        layer: &Layer,
        text: &TextContent,
        time: Time,
        frame: u64,
    ) -> Option<Paint> {
        let size = layer.placement.scale.values().into_iter().copied().fold(0.0, f64::max).max(1e-3);
        let factor = scene.scale.1 * size;
        let drawing = self.raster.text(&text_spec(text, time, factor))?;
        let natural = (
            f64::from(drawing.size.0) / scene.scale.0 / size,
            f64::from(drawing.size.1) / scene.scale.1 / size,
        );
        self.drawn(scene, layer, &drawing, natural, time, frame)
    }

    fn colour(
        &mut self,
        scene: &Scene<'_>,
        layer: &Layer,
        colour: Colour,
        time: Time,
        frame: u64,
    ) -> Option<Paint> {
        let geometry =
            layer.placement.geometry(time, natural_canvas(scene), canvas(scene), scene.scale, None);
        let [x0, y0, x1, y1] = edges(&geometry);
        let (width, height) = (f64::from(scene.size.0), f64::from(scene.size.1));
        let everywhere =
            geometry.rotate % 360.0 == 0.0 && x0 <= 0.0 && y0 <= 0.0 && x1 >= width && y1 >= height;
        if everywhere {
            let c = colour;
            let paint = Paint::fill([c.r * c.a, c.g * c.a, c.b * c.a, c.a]);
            let local = frame.saturating_sub(layer.frames.start);
            let links = chain::links(&layer.effects, time, &chain::context(local, time, scene.size));
            return Some(self.chain(paint, links, scene.place(), scene.rect()));
        }
        let spec = ShapeSpec {
            form: vfxb_dsl::script::ShapeForm::Rect,
            width_px: (x1 - x0) as f32,
            height_px: (y1 - y0) as f32,
            radius_px: 0.0,
            fill: Some(colour),
            stroke: None,
        };
        let drawing = self.raster.shape(&spec)?;
        let natural = ((x1 - x0) / scene.scale.0, (y1 - y0) / scene.scale.1);
        self.drawn(scene, layer, &drawing, natural, time, frame)
    }

    fn shape(
        &mut self,
        scene: &Scene<'_>,
        layer: &Layer,
        shape: &ShapeContent,
        time: Time,
        frame: u64,
    ) -> Option<Paint> {
        let geometry =
            layer.placement.geometry(time, natural_canvas(scene), canvas(scene), scene.scale, None);
        let [x0, y0, x1, y1] = edges(&geometry);
        let scale = scene.scale.1;
        let spec = ShapeSpec {
            form: shape.form,
            width_px: (x1 - x0) as f32,
            height_px: (y1 - y0) as f32,
            radius_px: (shape.radius.at(time).of((x1 - x0).min(y1 - y0) / scale) * scale) as f32,
            fill: shape.fill.as_ref().map(|fill| fill.at(time)),
            stroke: shape.stroke.map(|(width, colour)| ((width * scale) as f32, colour)),
        };
        let drawing = self.raster.shape(&spec)?;
        let natural = ((x1 - x0) / scene.scale.0, (y1 - y0) / scene.scale.1);
        self.drawn(scene, layer, &drawing, natural, time, frame)
    }

    /// A drawing whose box is `natural` canvas pixels, placed: on whole pixels if it stands still, else where it is.
    fn drawn(
        &mut self,
        scene: &Scene<'_>,
        layer: &Layer,
        drawing: &Drawing,
        natural: (f64, f64),
        time: Time,
        frame: u64,
    ) -> Option<Paint> {
        let spec = *drawing.picture.spec();
        let slot = self.slot(spec);
        self.inputs.push((slot, InputRef::Drawn(drawing.picture.clone())));
        let placement = &layer.placement;
        let boxed = placement.geometry(time, natural, canvas(scene), scene.scale, Some(Fit::Fill));
        let size = (spec.width, spec.height);
        let (origin_x, origin_y) = (f64::from(drawing.origin.0), f64::from(drawing.origin.1));
        let (across, down) = (
            boxed.content[2] / f64::from(drawing.size.0.max(1)),
            boxed.content[3] / f64::from(drawing.size.1.max(1)),
        );
        let still = placement.position.constant().is_some()
            && placement.offset.constant().is_some()
            && placement.pan.constant().is_some()
            && placement.scale.constant().is_some()
            && placement.zoom.is(&1.0);
        let place = |start: f64| if still { start.round() } else { start };
        let content = [
            place(boxed.content[0]) + origin_x * across,
            place(boxed.content[1]) + origin_y * down,
            f64::from(size.0) * if still { 1.0 } else { across },
            f64::from(size.1) * if still { 1.0 } else { down },
        ];
        let clip = [content[0], content[1], content[0] + content[2], content[1] + content[3]];
        let content =
            if still { [content[0].round(), content[1].round(), content[2], content[3]] } else { content };
        let clip = if still {
            [content[0], content[1], content[0] + content[2], content[1] + content[3]]
        } else {
            clip
        };
        let geometry = Geometry { clip, content, ..boxed };
        let local = frame.saturating_sub(layer.frames.start);
        let links = chain::links(&layer.effects, time, &chain::context(local, time, size));
        self.place(scene.rect(), Raw::upright(slot, size), links, &geometry)
    }
}

/// From canvas pixels to the samples of a picture as it is stored.
struct SourceMap {
    /// Step and origin of the stored axis that the canvas's x runs along.
    x: (f64, f64),
    /// The same for y.
    y: (f64, f64),
    /// The stored samples that may be seen.
    window: [f64; 4],
}

impl SourceMap {
    fn new(raw: &Raw, geometry: &Geometry, (width, height): (u32, u32)) -> SourceMap {
        let [left, top, content_width, content_height] = geometry.content;
        let axis = |start: f64, length: f64, crop: f64, kept: f64, flip: bool| {
            let step = kept / length.max(1e-9);
            if flip { (-step, crop + kept + start * step) } else { (step, crop - start * step) }
        };
        let [crop_x, crop_y, kept_x, kept_y] = raw.crop;
        // Positions in the upright, square picture …
        let u = axis(left, content_width, crop_x, kept_x, geometry.flip.0);
        let v = axis(top, content_height, crop_y, kept_y, geometry.flip.1);
        // … then in the stored one: each stored axis runs along one of the upright ones, perhaps backwards.
        let (upright_width, upright_height) = (f64::from(raw.size.0), f64::from(raw.size.1));
        let (width, height) = (f64::from(width), f64::from(height));
        let along = |(step, origin): (f64, f64), upright: f64, stored: f64, backwards: bool| {
            let scale = stored / upright;
            if backwards { (-step * scale, stored - origin * scale) } else { (step * scale, origin * scale) }
        };
        let mirrored = raw.orientation.mirrored;
        let (x, y) = match raw.orientation.rotation {
            Rotation::None => {
                (along(u, upright_width, width, mirrored), along(v, upright_height, height, false))
            }
            Rotation::Half => {
                (along(u, upright_width, width, !mirrored), along(v, upright_height, height, true))
            }
            // The canvas's x runs along stored rows, its y along stored columns.
            Rotation::Quarter => {
                (along(u, upright_width, height, true), along(v, upright_height, width, mirrored))
            }
            Rotation::ThreeQuarters => {
                (along(u, upright_width, height, false), along(v, upright_height, width, !mirrored))
            }
        };
        let window = window(geometry, x, y, raw.orientation.swaps_sides(), (width, height));
        SourceMap { x, y, window }
    }
}

/// The stored samples under the part of the content that its box leaves.
fn window(
    geometry: &Geometry,
    x: (f64, f64),
    y: (f64, f64),
    transpose: bool,
    stored: (f64, f64),
) -> [f64; 4] {
    let [x0, y0, x1, y1] = edges(geometry);
    let span = |(step, origin): (f64, f64), from: f64, to: f64, limit: f64| {
        let (a, b) = (origin + from * step, origin + to * step);
        (tidy(a.min(b)).max(0.0), tidy(a.max(b)).min(limit))
    };
    let (across, down) = if transpose {
        (span(y, y0, y1, stored.0), span(x, x0, x1, stored.1))
    } else {
        (span(x, x0, x1, stored.0), span(y, y0, y1, stored.1))
    };
    [across.0, down.0, across.1, down.1]
}

/// The content within its box: x0, y0, x1, y1.
fn edges(geometry: &Geometry) -> [f64; 4] {
    let [left, top, width, height] = geometry.content;
    let [x0, y0, x1, y1] = geometry.clip;
    [left.max(x0), top.max(y0), (left + width).min(x1), (top + height).min(y1)]
}

/// The whole pixels of the canvas that a geometry without rotation touches.
fn visible(geometry: &Geometry, canvas: Rect) -> Option<Rect> {
    let [x0, y0, x1, y1] = edges(geometry);
    let bound = |v: f64| v.clamp(-1e6, 1e6);
    let outer = [
        bound(x0).floor() as i32,
        bound(y0).floor() as i32,
        bound(x1).ceil() as i32,
        bound(y1).ceil() as i32,
    ];
    intersect(outer, canvas)
}

/// The part of `edges` that is on the canvas once it is turned, with a margin for the filter: what is far larger than the
/// canvas is not made whole.
fn seen_turned(geometry: &Geometry, edges: [f64; 4], canvas: Rect) -> [f64; 4] {
    let back = Geometry { rotate: -geometry.rotate, ..*geometry };
    let (_, [x0, y0, x1, y1]) = turn(&back, canvas.map(f64::from));
    let margin = 4.0;
    [
        edges[0].max(f64::from(x0) - margin),
        edges[1].max(f64::from(y0) - margin),
        edges[2].min(f64::from(x1) + margin),
        edges[3].min(f64::from(y1) + margin),
    ]
}

/// The inverse of a turn about the middle of the box, from the canvas into the picture of `edges`, and the turned
/// picture's bounds.
fn turn(geometry: &Geometry, edges: [f64; 4]) -> ([f64; 6], Rect) {
    let radians = geometry.rotate.to_radians();
    let quarter = geometry.rotate / 90.0;
    let (sin, cos) = if is_whole(quarter) {
        let turns = (quarter.round() as i64).rem_euclid(4) as usize;
        ([0.0, 1.0, 0.0, -1.0][turns], [1.0, 0.0, -1.0, 0.0][turns])
    } else {
        (libm::sin(radians), libm::cos(radians))
    };
    let (mx, my) = ((geometry.clip[0] + geometry.clip[2]) / 2.0, (geometry.clip[1] + geometry.clip[3]) / 2.0);
    let forward = |x: f64, y: f64| {
        let (dx, dy) = (x - mx, y - my);
        (mx + dx * cos - dy * sin, my + dx * sin + dy * cos)
    };
    let [x0, y0, x1, y1] = edges;
    let corners = [forward(x0, y0), forward(x1, y0), forward(x0, y1), forward(x1, y1)];
    let low = corners.iter().fold((f64::MAX, f64::MAX), |m, c| (m.0.min(c.0), m.1.min(c.1)));
    let high = corners.iter().fold((f64::MIN, f64::MIN), |m, c| (m.0.max(c.0), m.1.max(c.1)));
    let outer = |v: f64, by: f64| (v + by).clamp(-1e6, 1e6) as i32;
    let bounds = [
        outer(low.0.floor(), -1.0),
        outer(low.1.floor(), -1.0),
        outer(high.0.ceil(), 1.0),
        outer(high.1.ceil(), 1.0),
    ];
    let inverse = [cos, sin, mx - mx * cos - my * sin - x0, -sin, cos, my + mx * sin - my * cos - y0];
    (inverse, bounds)
}

/// A text as it is drawn at a time of its item, `factor` render pixels a canvas pixel.
pub(crate) fn text_spec(text: &TextContent, time: Time, factor: f64) -> TextSpec {
    let px = |v: f64| (v * factor) as f32;
    TextSpec {
        runs: text
            .runs
            .iter()
            .map(|run| RunSpec {
                text: run.text.clone(),
                font: run
                    .font
                    .as_ref()
                    .map_or(FontRef::Bundled, |f| FontRef::new(f, std::path::Path::new(""))),
                size_px: px(run.size.at(time)),
                weight: run.weight,
                italic: run.italic,
                colour: run.colour.at(time),
                letter_spacing_px: px(run.letter_spacing),
            })
            .collect(),
        align: text.align,
        line_height: text.line_height as f32,
        wrap_px: text.wrap.map(px),
        background: text.background,
        padding_px: px(text.padding),
        background_radius_px: px(text.background_radius),
        outline: text.outline.map(|(width, colour)| Outline { width_px: px(width), colour }),
        shadow: text.shadow.map(|(dx, dy, blur, colour)| Shadow {
            dx_px: px(dx),
            dy_px: px(dy),
            blur_px: px(blur),
            colour,
        }),
    }
}

/// How a source's pictures reach the engine.
pub(crate) fn video_spec(video: &VideoInfo) -> PictureSpec {
    PictureSpec {
        width: video.width,
        height: video.height,
        format: video.format,
        colour: video.colour,
        premultiplied: false,
    }
}

fn canvas(scene: &Scene<'_>) -> (u32, u32) {
    (scene.composition.width, scene.composition.height)
}

fn natural_canvas(scene: &Scene<'_>) -> (f64, f64) {
    (f64::from(scene.composition.width), f64::from(scene.composition.height))
}

fn ceil(v: f64) -> u32 {
    tidy(v).ceil().clamp(1.0, 16384.0) as u32
}

/// Rounds away float noise beside a whole number.
fn tidy(v: f64) -> f64 {
    if is_whole(v) { v.round() } else { v }
}

fn is_whole(v: f64) -> bool {
    (v - v.round()).abs() < 1e-6
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}
