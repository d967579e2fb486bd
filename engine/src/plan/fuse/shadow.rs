//! Shadows: what an item throws on what is beneath, moved and blurred, under the item and turned with it.
//!
//! What is known to be a shape (a box, rounded or not, and what is drawn) throws a shadow that is drawn once and kept;
//! of any other picture the alpha is taken and blurred, frame by frame.

use super::layer::Raw;
use super::mapping::edges;
use super::paint::{AlphaState, Paint, Place, Rect, over};
use super::{Drawing, Fuser, InputRef, Scene, rgba};
use crate::effect::blend;
use crate::exec::job::{GaussianJob, Slot, Stage};
use crate::shape::{MAX_BLUR, ShadowSpec, ShapeSpec, reach};
use crate::timeline::Shadow;
use crate::timeline::geometry::Geometry;

/// A shadow in pixels of the render.
struct Cast {
    /// Whole pixels are used.
    offset: (f64, f64),
    blur: f64,
    colour: vfxb_dsl::value::Colour,
}

impl Cast {
    fn new(scene: &Scene<'_>, shadow: &Shadow) -> Cast {
        let offset = ((shadow.dx * scene.scale.0).round(), (shadow.dy * scene.scale.1).round());
        let blur = (shadow.blur * scene.scale.1).clamp(0.0, f64::from(MAX_BLUR));
        Cast { offset, blur, colour: shadow.colour }
    }

    fn spec(&self, shape: ShapeSpec) -> ShadowSpec {
        ShadowSpec { shape, blur_px: self.blur as f32, colour: self.colour }
    }
}

impl Fuser<'_> {
    /// The shadow of an opaque box: the part of it that is filled, with these corners.
    pub(super) fn box_shadow(
        &mut self,
        scene: &Scene<'_>,
        shadow: &Shadow,
        radius: f64,
        geometry: &Geometry,
    ) -> Option<Paint> {
        let cast = Cast::new(scene, shadow);
        let [x0, y0, x1, y1] = within_reach(scene, &cast, radius, geometry);
        let shape = ShapeSpec::filled(x1 - x0, y1 - y0, radius);
        let drawing = self.raster.shadow(&cast.spec(shape))?;
        let (left, top) = (f64::from(drawing.origin.0), f64::from(drawing.origin.1));
        self.lay(scene, &cast, &drawing, [x0 + left, y0 + top], (1.0, 1.0), geometry)
    }

    /// The shadow of a drawn shape whose picture lies as `geometry` says; `origin` is that picture's.
    pub(super) fn shape_shadow(
        &mut self,
        scene: &Scene<'_>,
        shadow: &Shadow,
        shape: ShapeSpec,
        drawn: &Drawing,
        geometry: &Geometry,
    ) -> Option<Paint> {
        let cast = Cast::new(scene, shadow);
        let drawing = self.raster.shadow(&cast.spec(shape))?;
        let spec = drawn.picture.spec();
        let [left, top, width, height] = geometry.content;
        let scale = (width / f64::from(spec.width), height / f64::from(spec.height));
        let (x, y) = (drawing.origin.0 - drawn.origin.0, drawing.origin.1 - drawn.origin.1);
        let corner = [left + f64::from(x) * scale.0, top + f64::from(y) * scale.1];
        self.lay(scene, &cast, &drawing, corner, scale, geometry)
    }

    fn lay(
        &mut self,
        scene: &Scene<'_>,
        cast: &Cast,
        drawing: &Drawing,
        corner: [f64; 2],
        scale: (f64, f64),
        geometry: &Geometry,
    ) -> Option<Paint> {
        let spec = *drawing.picture.spec();
        let slot = self.slot(spec);
        self.inputs.push((slot, InputRef::Drawn(drawing.picture.clone())));
        self.thrown(scene, cast, slot, (spec.width, spec.height), corner, scale, geometry)
    }

    /// The shadow of a picture with alpha that lies, premultiplied, as `geometry` says.
    pub(super) fn picture_shadow(
        &mut self,
        scene: &Scene<'_>,
        shadow: &Shadow,
        picture: &Raw,
        geometry: &Geometry,
    ) -> Option<Paint> {
        let cast = Cast::new(scene, shadow);
        let [left, top, width, height] = geometry.content;
        let own = self.slots[picture.slot];
        let scale = (width / f64::from(own.width), height / f64::from(own.height));
        let sigma = cast.blur / 2.0 / scale.0.max(1e-3);
        // One more pixel, and the kernel continues nothing but emptiness at its edges.
        let margin = reach(sigma) as i32 + 1;
        let size = (own.width + 2 * margin as u32, own.height + 2 * margin as u32);
        let whole: Rect = [0, 0, size.0 as i32, size.1 as i32];
        let inner = [margin, margin, margin + own.width as i32, margin + own.height as i32];
        let c = cast.colour;
        let mut paint = Paint::fill([c.r * c.a, c.g * c.a, c.b * c.a, c.a]);
        let alpha = Paint::load(picture.slot, &own, (margin, margin), inner, whole);
        paint.paint(alpha, blend::mask(), Vec::new(), Place::canvas(size.0, size.1));
        paint.alpha = AlphaState::Premultiplied;
        let spec = rgba(size);
        let mut slot = self.finish(paint, &spec);
        if reach(sigma) > 0 {
            let to = self.slot(spec);
            self.stages.push(Stage::Gaussian(GaussianJob { from: slot, to, spec, sigma, sharpen: None }));
            slot = to;
        }
        let corner = [left - f64::from(margin) * scale.0, top - f64::from(margin) * scale.1];
        self.thrown(scene, &cast, slot, size, corner, scale, geometry)
    }

    /// A shadow's picture whose upper left corner belongs at `corner` before it is moved and turned.
    #[expect(clippy::too_many_arguments, reason = "a picture, and where it lies in two steps")]
    fn thrown(
        &mut self,
        scene: &Scene<'_>,
        cast: &Cast,
        slot: Slot,
        size: (u32, u32),
        [x, y]: [f64; 2],
        scale: (f64, f64),
        geometry: &Geometry,
    ) -> Option<Paint> {
        let (width, height) = (f64::from(size.0) * scale.0, f64::from(size.1) * scale.1);
        let content = [x + cast.offset.0, y + cast.offset.1, width, height];
        let clip = [content[0], content[1], content[0] + width, content[1] + height];
        let geometry = Geometry { clip, content, flip: (false, false), ..*geometry };
        self.place(scene.rect(), Raw::upright(slot, size), Vec::new(), &geometry)
    }
}

/// An item over its shadow.
pub(super) fn over_shadow(scene: &Scene<'_>, shadow: Option<Paint>, item: Option<Paint>) -> Option<Paint> {
    match (shadow, item) {
        (Some(shadow), Some(item)) => Some(over(shadow, item, scene.place())),
        (shadow, item) => item.or(shadow),
    }
}

/// The filled part of a box, cut where its shadow no longer reaches the canvas: what is far larger than the canvas is
/// not drawn whole.
fn within_reach(scene: &Scene<'_>, cast: &Cast, radius: f64, geometry: &Geometry) -> [f64; 4] {
    let [x0, y0, x1, y1] = edges(geometry);
    let (width, height) = (f64::from(scene.size.0), f64::from(scene.size.1));
    let turned = if geometry.rotate % 360.0 == 0.0 { 0.0 } else { width + height };
    let reach = reach(cast.blur / 2.0) as f64 + 2.0;
    let far = radius.max(0.0) + reach + cast.offset.0.abs().max(cast.offset.1.abs()) + turned;
    // Whole pixels, so that what is cut off moves no edge.
    let (low, high) = (
        |edge: f64| edge + (-far - edge).max(0.0).floor(),
        |edge: f64, side: f64| edge - (edge - side - far).max(0.0).floor(),
    );
    [low(x0), low(y0), high(x1, width), high(y1, height)]
}
