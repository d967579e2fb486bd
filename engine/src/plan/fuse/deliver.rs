//! From the canvas as it was rendered to the picture of one output: another size, another format, bars, padding.

use std::collections::HashMap;
use std::sync::Arc;

use vfxb_dsl::script::Fit;
use vfxb_dsl::value::Colour;

use super::chain::Link;
use super::layer::{BLURRED, Raw};
use super::mapping::edges;
use super::paint::{Paint, Place, over, same_pixels};
use super::{Drawing, Fuser, Raster, Recipe};
use crate::effect::Kernel;
use crate::picture::PictureSpec;
use crate::shape::{ShadowSpec, ShapeSpec};
use crate::text::TextSpec;
use crate::timeline::geometry::Geometry;

/// A raster where nothing is drawn.
struct Nothing;

impl Raster for Nothing {
    fn text(&self, _: &TextSpec) -> Option<Drawing> {
        None
    }

    fn shape(&self, _: &ShapeSpec) -> Option<Drawing> {
        None
    }

    fn shadow(&self, _: &ShadowSpec) -> Option<Drawing> {
        None
    }
}

/// How the size of an output's picture comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Framing {
    /// The picture before padding.
    pub size: (u32, u32),
    /// How the canvas fills it.
    pub fit: Fit,
}

/// The recipe that makes a delivered picture from slot 0, a rendered canvas; `None` if they are the same already. Bars
/// are of the canvas's `background`.
pub fn delivery(
    from: &PictureSpec,
    to: &PictureSpec,
    framing: Framing,
    background: Colour,
) -> Option<Recipe> {
    if same_pixels(from, to) {
        return None;
    }
    let sources: [Arc<crate::media::SourceInfo>; 0] = [];
    let mut fuser = Fuser {
        sources: &sources,
        raster: &Nothing,
        slots: vec![*from],
        inputs: Vec::new(),
        stages: Vec::new(),
        known: HashMap::new(),
    };
    let unpadded = PictureSpec { width: framing.size.0, height: framing.size.1, ..*to };
    let paint = fuser.framed_canvas(from, &unpadded, framing, background);
    let mut output = fuser.finish(paint, &unpadded);
    if (to.width, to.height) != framing.size {
        output = fuser.padded(output, to);
    }
    Some(Recipe { inputs: fuser.inputs, stages: fuser.stages, slots: fuser.slots, output })
}

impl Fuser<'_> {
    /// The canvas in slot 0 in its frame, over what fills the bars.
    fn framed_canvas(
        &mut self,
        from: &PictureSpec,
        to: &PictureSpec,
        framing: Framing,
        background: Colour,
    ) -> Paint {
        let size = (from.width, from.height);
        let canvas = [0, 0, to.width as i32, to.height as i32];
        let laid = geometry(size, framing);
        let bars = edges(&laid) != laid.clip;
        let content = self.place(canvas, Raw::upright(0, size), Vec::new(), &laid);
        let behind = match framing.fit {
            Fit::Blur if bars => {
                let sigma = f64::from(size.0.min(size.1)) / BLURRED;
                let blur = Link::Kernel { kernel: Kernel::Blur { sigma }, mix: 1.0 };
                let cover = geometry(size, Framing { fit: Fit::Cover, ..framing });
                self.place(canvas, Raw::upright(0, size), vec![blur], &cover)
            }
            _ => None,
        };
        let layers = bar(background, to.format.alpha).into_iter().chain(behind).chain(content);
        let place = Place::canvas(to.width, to.height);
        layers.reduce(|below, top| over(below, top, place)).unwrap_or_else(|| Paint::fill([0.0; 4]))
    }

    /// The picture with its last column and row repeated up to `to`'s size.
    fn padded(&mut self, slot: usize, to: &PictureSpec) -> usize {
        let size = (f64::from(to.width), f64::from(to.height));
        let content = [0.0, 0.0, size.0, size.1];
        let unpadded = self.slots[slot];
        let crop = content;
        let mut raw = Raw::upright(slot, (unpadded.width, unpadded.height));
        raw.crop = crop;
        let geometry =
            Geometry { clip: content, content, rotate: 0.0, pivot: (0.0, 0.0), flip: (false, false) };
        let rect = [0, 0, to.width as i32, to.height as i32];
        let wide = self.resample(&raw, &geometry, rect, false);
        let spec = self.slots[wide];
        self.finish(Paint::load(wide, &spec, (0, 0), rect, rect), to)
    }
}

/// What bars are filled with: an output without alpha shows the canvas on black. Nothing where a translucent background
/// is kept, since the canvas has it already.
fn bar(background: Colour, alpha: bool) -> Option<Paint> {
    let Colour { r, g, b, a } = background;
    (a >= 1.0 || !alpha).then(|| Paint::fill([r * a, g * a, b * a, 1.0]))
}

fn geometry(from: (u32, u32), framing: Framing) -> Geometry {
    let (width, height) = (f64::from(framing.size.0), f64::from(framing.size.1));
    let (x, y) = (width / f64::from(from.0), height / f64::from(from.1));
    let scale = match framing.fit {
        Fit::Cover => (x.max(y), x.max(y)),
        Fit::Fill => (x, y),
        Fit::None => (1.0, 1.0),
        Fit::Contain | Fit::Blur => (x.min(y), x.min(y)),
    };
    // A side that is a rounding away from the picture's own is the picture's own: no bar of half a pixel.
    let side = |from: u32, scale: f64, whole: f64| {
        let exact = f64::from(from) * scale;
        if (exact - whole).abs() < 1.0 { whole } else { exact }
    };
    let (w, h) = (side(from.0, scale.0, width), side(from.1, scale.1, height));
    let content = [((width - w) / 2.0).round(), ((height - h) / 2.0).round(), w, h];
    Geometry {
        clip: [0.0, 0.0, width, height],
        content,
        rotate: 0.0,
        pivot: (0.0, 0.0),
        flip: (false, false),
    }
}
