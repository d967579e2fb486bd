//! A raw picture to where its geometry says: loaded where it lies, resampled, or turned.

use vfxb_dsl::value::{Colour, Time};

use super::chain::Link;
use super::layer::Raw;
use super::mapping::{SourceMap, ceil, edges, is_whole, near, seen_turned, turn, visible};
use super::paint::{AlphaState, Paint, Place, Rect, intersect, over};
use super::shadow::over_shadow;
use super::{Fuser, InputRef, Scene, rgb, rgba};
use crate::exec::job::{Axis, Filter, ResampleJob, Slot, Stage, TransformJob};
use crate::graph::keeps_opaque;
use crate::media::Orientation;
use crate::picture::{PictureSpec, PixelFormat, Sample};
use crate::shape::ShapeSpec;
use crate::timeline::Layer;
use crate::timeline::geometry::Geometry;

impl Fuser<'_> {
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

    /// As [`Fuser::place`], with the box's corners rounded and its border drawn, over the shadow of all that if it
    /// `casts` one.
    #[expect(clippy::too_many_arguments, reason = "a layer at a time, its picture, and where it goes")]
    pub(super) fn framed(
        &mut self,
        scene: &Scene<'_>,
        layer: &Layer,
        time: Time,
        raw: Raw,
        links: Vec<Link>,
        geometry: &Geometry,
        casts: bool,
    ) -> Option<Paint> {
        let frame = &layer.frame;
        let shadow = frame.shadow.as_ref().filter(|_| casts);
        let fills = !self.slots[raw.slot].format.alpha && layer.effects.iter().all(keeps_opaque);
        let [x0, y0, x1, y1] = edges(geometry);
        let scale = scene.scale.1;
        let radius = frame.radius.at(time).of((x1 - x0).min(y1 - y0) / scale) * scale;
        if frame.is_plain() && (fills || shadow.is_none()) {
            let cast = shadow.and_then(|shadow| self.box_shadow(scene, shadow, 0.0, geometry));
            let item = self.place(scene.rect(), raw, links, geometry);
            return over_shadow(scene, cast, item);
        }
        let border = frame.border.map(|(width, colour)| ((width * scale) as f32, colour));
        let (raw, placed) = self.boxed(raw, links, geometry, radius, border)?;
        let cast = shadow.and_then(|shadow| match fills {
            true => self.box_shadow(scene, shadow, radius, geometry),
            false => self.picture_shadow(scene, shadow, &raw, &placed),
        });
        let item = self.place(scene.rect(), raw, Vec::new(), &placed);
        over_shadow(scene, cast, item)
    }

    /// The part of a box that is filled, with corners and border, as a picture of its own, and where that lies.
    pub(super) fn boxed(
        &mut self,
        raw: Raw,
        links: Vec<Link>,
        geometry: &Geometry,
        radius: f64,
        border: Option<(f32, Colour)>,
    ) -> Option<(Raw, Geometry)> {
        let [x0, y0, x1, y1] = edges(geometry);
        let size = (ceil(x1 - x0), ceil(y1 - y0));
        let whole = [0, 0, size.0 as i32, size.1 as i32];
        let content =
            [geometry.content[0] - x0, geometry.content[1] - y0, geometry.content[2], geometry.content[3]];
        let inner = Geometry { clip: [0.0, 0.0, x1 - x0, y1 - y0], content, rotate: 0.0, ..*geometry };
        let mut paint = self.place(whole, raw, links, &inner)?;
        let place = Place::canvas(size.0, size.1);
        if let Some((line, colour)) = border {
            // Where the mask rounds the edge, the line's own edge lies beyond it: nothing of the picture shows between.
            let beyond = if radius > 0.0 { 1.0 } else { 0.0 };
            let shape = ShapeSpec {
                fill: None,
                stroke: Some((line + beyond as f32, colour)),
                ..ShapeSpec::filled(
                    x1 - x0 + 2.0 * beyond,
                    y1 - y0 + 2.0 * beyond,
                    if radius > 0.0 { radius + beyond } else { 0.0 },
                )
            };
            paint = over(paint, self.overlay(&shape, -(beyond as i32), whole)?, place);
        }
        if radius > 0.0 {
            let mask = self.overlay(&ShapeSpec::filled(x1 - x0, y1 - y0, radius), 0, whole)?;
            paint.paint(mask, crate::effect::blend::mask(), Vec::new(), place);
            paint.alpha = AlphaState::Premultiplied;
        }
        let spec = if paint.alpha == AlphaState::Opaque { rgb(size) } else { rgba(size) };
        let raw = Raw::upright(self.finish(paint, &spec), size);
        let content = [x0, y0, f64::from(size.0), f64::from(size.1)];
        let clip = [x0, y0, x0 + content[2], y0 + content[3]];
        Some((raw, Geometry { clip, content, flip: (false, false), ..*geometry }))
    }

    /// A shape in a pass of its own, its box so far right of and below the origin.
    fn overlay(&mut self, shape: &ShapeSpec, at: i32, whole: Rect) -> Option<Paint> {
        let drawing = self.raster.shape(shape)?;
        let spec = *drawing.picture.spec();
        let slot = self.slot(spec);
        self.inputs.push((slot, InputRef::Drawn(drawing.picture.clone())));
        let (x, y) = (drawing.origin.0 + at, drawing.origin.1 + at);
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
    pub(super) fn own_picture(&mut self, raw: Raw, links: Vec<Link>) -> Raw {
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
            let geometry =
                Geometry { clip: content, content, rotate: 0.0, pivot: (0.0, 0.0), flip: (false, false) };
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
}
