//! From the canvas as it was rendered to the picture of one output: another size, another format, bars, padding.

use std::collections::HashMap;
use std::sync::Arc;

use vfxb_dsl::script::Fit;

use super::layer::Raw;
use super::paint::{Paint, Place, same_pixels};
use super::{Drawing, Fuser, Raster, Recipe};
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

/// The recipe that makes a delivered picture from slot 0, a rendered canvas; `None` if they are the same already.
pub fn delivery(from: &PictureSpec, to: &PictureSpec, framing: Framing) -> Option<Recipe> {
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
    let geometry = geometry((from.width, from.height), framing);
    let unpadded = PictureSpec { width: framing.size.0, height: framing.size.1, ..*to };
    let canvas = [0, 0, unpadded.width as i32, unpadded.height as i32];
    let painted = fuser.place(canvas, Raw::upright(0, (from.width, from.height)), Vec::new(), &geometry);
    let paint = match painted {
        Some(paint) if paint.alpha != super::AlphaState::Opaque && !to.format.alpha => {
            let mut bars = Paint::fill([0.0, 0.0, 0.0, 1.0]);
            let blend = crate::effect::blend::blend(vfxb_dsl::script::Blend::Normal);
            bars.paint(paint, blend, vec![1.0], Place::canvas(unpadded.width, unpadded.height));
            bars
        }
        Some(paint) => paint,
        None => Paint::fill([0.0, 0.0, 0.0, 1.0]),
    };
    let mut output = fuser.finish(paint, &unpadded);
    if (to.width, to.height) != framing.size {
        output = fuser.padded(output, to);
    }
    Some(Recipe { inputs: fuser.inputs, stages: fuser.stages, slots: fuser.slots, output })
}

impl Fuser<'_> {
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
