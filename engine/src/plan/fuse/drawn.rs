//! What no file holds: lettering, colours and shapes, drawn and placed.

use vfxb_dsl::script::Fit;
use vfxb_dsl::value::{Colour, Time};

use super::chain;
use super::layer::{Raw, canvas};
use super::mapping::edges;
use super::paint::Paint;
use super::shadow::over_shadow;
use super::{Drawing, Fuser, InputRef, Scene};
use crate::animate::Extent;
use crate::shape::ShapeSpec;
use crate::text::{FontRef, Outline, RunSpec, Shadow, TextSpec};
use crate::timeline::geometry::Geometry;
use crate::timeline::{Layer, Placement, ShapeContent, TextContent};

impl Fuser<'_> {
    pub(super) fn text(
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
        let boxed = layer.placement.geometry(time, natural, canvas(scene), scene.scale, Some(Fit::Fill));
        self.drawn(scene, layer, &drawing, None, boxed, time, frame)
    }

    pub(super) fn colour(
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
        let everywhere = geometry.rotate % 360.0 == 0.0
            && layer.frame.is_plain()
            && x0 <= 0.0
            && y0 <= 0.0
            && x1 >= width
            && y1 >= height;
        if everywhere {
            let c = colour;
            let paint = Paint::fill([c.r * c.a, c.g * c.a, c.b * c.a, c.a]);
            let local = frame.saturating_sub(layer.frames.start);
            let links = chain::links(&layer.effects, time, &chain::context(local, time, scene.size));
            return Some(self.chain(paint, links, scene.place(), scene.rect()));
        }
        let scale = scene.scale.1;
        let radius = layer.frame.radius.at(time).of((x1 - x0).min(y1 - y0) / scale) * scale;
        let spec = ShapeSpec {
            fill: Some(colour),
            // A shape's line takes its inside's place, a box's border lies on it.
            stroke: layer.frame.border.map(|(line, on)| ((line * scale) as f32, over(on, colour))),
            ..ShapeSpec::filled(x1 - x0, y1 - y0, radius)
        };
        let drawing = self.raster.shape(&spec)?;
        // One colour looks the same however it is zoomed: what is drawn is the part of the box that it fills.
        let filled = [x0, y0, x1 - x0, y1 - y0];
        self.drawn(scene, layer, &drawing, Some(spec), Geometry { content: filled, ..geometry }, time, frame)
    }

    pub(super) fn shape(
        &mut self,
        scene: &Scene<'_>,
        layer: &Layer,
        shape: &ShapeContent,
        time: Time,
        frame: u64,
    ) -> Option<Paint> {
        let geometry =
            layer.placement.geometry(time, natural_canvas(scene), canvas(scene), scene.scale, None);
        // Zoom and pan are of what is drawn, in its box.
        let [x0, y0, x1, y1] = geometry.clip;
        let scale = scene.scale.1;
        let radius = shape.radius.at(time).of((x1 - x0).min(y1 - y0) / scale) * scale;
        let spec = ShapeSpec {
            form: shape.form,
            fill: shape.fill.as_ref().map(|fill| fill.at(time)),
            stroke: shape.stroke.map(|(width, colour)| ((width * scale) as f32, colour)),
            ..ShapeSpec::filled(x1 - x0, y1 - y0, radius)
        };
        let drawing = self.raster.shape(&spec)?;
        self.drawn(scene, layer, &drawing, Some(spec), geometry, time, frame)
    }

    /// A drawing whose own box is `boxed`'s content, with its effects, over the shadow that it throws; `shape` is what it
    /// was drawn from, unless that is lettering.
    #[expect(clippy::too_many_arguments, reason = "a layer at a time, and what was drawn for it")]
    fn drawn(
        &mut self,
        scene: &Scene<'_>,
        layer: &Layer,
        drawing: &Drawing,
        shape: Option<ShapeSpec>,
        boxed: Geometry,
        time: Time,
        frame: u64,
    ) -> Option<Paint> {
        let spec = *drawing.picture.spec();
        let slot = self.slot(spec);
        self.inputs.push((slot, InputRef::Drawn(drawing.picture.clone())));
        let size = (spec.width, spec.height);
        let geometry = lie(&layer.placement, drawing, boxed);
        let local = frame.saturating_sub(layer.frames.start);
        let links = chain::links(&layer.effects, time, &chain::context(local, time, size));
        let raw = Raw::upright(slot, size);
        let Some(shadow) = &layer.frame.shadow else {
            return self.place(scene.rect(), raw, links, &geometry);
        };
        if edges(&geometry) != whole(&geometry) {
            // Only what its box leaves throws a shadow.
            let (raw, placed) = self.boxed(raw, links, &geometry, 0.0, None)?;
            let cast = self.picture_shadow(scene, shadow, &raw, &placed);
            let item = self.place(scene.rect(), raw, Vec::new(), &placed);
            return over_shadow(scene, cast, item);
        }
        if let Some(shape) = shape.filter(|_| links.is_empty()) {
            let cast = self.shape_shadow(scene, shadow, shape, drawing, &geometry);
            let item = self.place(scene.rect(), raw, links, &geometry);
            return over_shadow(scene, cast, item);
        }
        let done = self.own_picture(raw, links);
        let cast = self.picture_shadow(scene, shadow, &done, &geometry);
        let item = self.place(scene.rect(), done, Vec::new(), &geometry);
        over_shadow(scene, cast, item)
    }
}

/// Where a drawing lies whose own box is `boxed`'s content: on whole pixels if it stands still, else where it is. Zoomed
/// or moved in the layer's box it is cut there; else its line and its letters may reach beyond.
fn lie(placement: &Placement, drawing: &Drawing, boxed: Geometry) -> Geometry {
    let spec = drawing.picture.spec();
    let size = (f64::from(spec.width), f64::from(spec.height));
    let origin = (f64::from(drawing.origin.0), f64::from(drawing.origin.1));
    let [left, top, width, height] = boxed.content;
    let still = placement.position.constant().is_some()
        && placement.offset.constant().is_some()
        && placement.pan.constant().is_some()
        && placement.scale.constant().is_some()
        && placement.zoom.is(&1.0);
    let (across, down) =
        (width / f64::from(drawing.size.0.max(1)), height / f64::from(drawing.size.1.max(1)));
    let (x, y) = (left + origin.0 * across, top + origin.1 * down);
    let (x, y, across, down) = if still {
        let whole = (left.round() + origin.0 * across, top.round() + origin.1 * down);
        (whole.0.round(), whole.1.round(), 1.0, 1.0)
    } else {
        (x, y, across, down)
    };
    let (dx, dy) = if still { (left.round() - left, top.round() - top) } else { (0.0, 0.0) };
    let content = [x, y, size.0 * across, size.1 * down];
    let in_place = placement.zoom.is(&1.0) && placement.pan.is(&[Extent::default(); 2]);
    let [x0, y0, x1, y1] = boxed.clip;
    let clip = match (in_place, still) {
        (true, _) => [x, y, x + content[2], y + content[3]],
        (false, true) => [x0 + dx, y0 + dy, x1 + dx, y1 + dy].map(f64::round),
        (false, false) => boxed.clip,
    };
    Geometry { clip, content, pivot: (boxed.pivot.0 + dx, boxed.pivot.1 + dy), ..boxed }
}

/// All of a geometry's content: x0, y0, x1, y1.
fn whole(geometry: &Geometry) -> [f64; 4] {
    let [left, top, width, height] = geometry.content;
    [left, top, left + width, top + height]
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
        background_radius_px: px(text.background_radius.pixels),
        background_radius_share: text.background_radius.share as f32,
        outline: text.outline.map(|(width, colour)| Outline { width_px: px(width), colour }),
        shadow: text.shadow.map(|shadow| Shadow {
            dx_px: px(shadow.dx),
            dy_px: px(shadow.dy),
            blur_px: px(shadow.blur),
            colour: shadow.colour,
        }),
    }
}

/// One colour on another, neither multiplied by its alpha.
fn over(top: Colour, below: Colour) -> Colour {
    let rest = below.a * (1.0 - top.a);
    let a = top.a + rest;
    let mix = |t: f32, b: f32| if a > 0.0 { (t * top.a + b * rest) / a } else { 0.0 };
    Colour { r: mix(top.r, below.r), g: mix(top.g, below.g), b: mix(top.b, below.b), a }
}

fn natural_canvas(scene: &Scene<'_>) -> (f64, f64) {
    (f64::from(scene.composition.width), f64::from(scene.composition.height))
}
