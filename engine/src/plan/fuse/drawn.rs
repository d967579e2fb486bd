//! What no file holds: lettering, colours and shapes, drawn and placed.

use vfxb_dsl::script::Fit;
use vfxb_dsl::value::{Colour, Time};

use super::chain;
use super::layer::{Raw, canvas};
use super::mapping::edges;
use super::paint::Paint;
use super::{Drawing, Fuser, InputRef, Scene};
use crate::shape::ShapeSpec;
use crate::text::{FontRef, Outline, RunSpec, Shadow, TextSpec};
use crate::timeline::geometry::Geometry;
use crate::timeline::{Layer, ShapeContent, TextContent};

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
        self.drawn(scene, layer, &drawing, natural, time, frame)
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

fn natural_canvas(scene: &Scene<'_>) -> (f64, f64) {
    (f64::from(scene.composition.width), f64::from(scene.composition.height))
}
