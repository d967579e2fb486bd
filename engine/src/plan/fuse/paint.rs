//! Pixel work as a list that grows at its end and is made a pass as late as possible.
//!
//! A [`Paint`] leaves one pixel of the canvas on the stack. Affine colour steps that meet collapse into one matrix, the
//! conversions at both ends included, so that a picture that nothing touches ends up with no operation at all.

use std::sync::Arc;

use vfxb_dsl::script::Blend;

use crate::colour::{Affine, ColourSpec, codes_to_rgb, rgb_to_codes};
use crate::effect::blend::blend;
use crate::effect::step::{Alpha, Combine, Step};
use crate::exec::job::{LoadUniforms, Op, PassJob, PassStructure, Slot};
use crate::picture::{Model, PictureSpec, Sample};

/// A rectangle of the canvas in whole pixels: x0, y0, x1, y1, half-open.
pub(super) type Rect = [i32; 4];

/// The part that two rectangles share; `None` if there is none.
pub(super) fn intersect(a: Rect, b: Rect) -> Option<Rect> {
    let r = [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])];
    (r[0] < r[2] && r[1] < r[3]).then_some(r)
}

/// Where a picture that a step acts on lies on the canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Place {
    /// The canvas itself.
    pub(super) fn canvas(width: u32, height: u32) -> Place {
        Place { x: 0, y: 0, width, height }
    }

    fn pack(self) -> [f32; 4] {
        [self.x as f32, self.y as f32, self.width as f32, self.height as f32]
    }
}

/// What alpha is at the end of a paint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AlphaState {
    /// 1 everywhere.
    Opaque,
    /// Not multiplied into the colour.
    Straight,
    /// Multiplied into the colour.
    Premultiplied,
}

/// One paint over another, at a place that both lie on.
pub(super) fn over(mut below: Paint, top: Paint, place: Place) -> Paint {
    if top.alpha == AlphaState::Opaque {
        return top;
    }
    below.paint(top, blend(Blend::Normal), vec![1.0], place);
    below
}

#[derive(Clone)]
enum Stroke {
    Load { slot: Slot, at: LoadUniforms, skip: Option<usize> },
    Fill([f32; 4]),
    Duplicate,
    Affine { matrix: Affine, conversion: bool },
    Premultiply,
    Unpremultiply,
    Step { step: Arc<dyn Step>, place: Place, uniforms: Vec<f32> },
    Combine { combine: Arc<dyn Combine>, place: Place, uniforms: Vec<f32> },
}

/// Pixel work that leaves one pixel.
#[derive(Clone)]
pub(super) struct Paint {
    strokes: Vec<Stroke>,
    pub(super) alpha: AlphaState,
}

impl Paint {
    /// One premultiplied colour everywhere.
    pub(super) fn fill(colour: [f32; 4]) -> Paint {
        let alpha = if colour[3] >= 1.0 { AlphaState::Opaque } else { AlphaState::Premultiplied };
        Paint { strokes: vec![Stroke::Fill(colour)], alpha }
    }

    /// A picture at an offset of the canvas, as gamma-encoded RGB. `within` is what it may touch; it is opaque only if
    /// that is the whole `canvas`.
    pub(super) fn load(
        slot: Slot,
        spec: &PictureSpec,
        (x, y): (i32, i32),
        within: Rect,
        canvas: Rect,
    ) -> Paint {
        let at = LoadUniforms { x, y, touch: within };
        let alpha = match (spec.format.alpha, spec.premultiplied) {
            (true, true) => AlphaState::Premultiplied,
            (true, false) => AlphaState::Straight,
            (false, _) if within == canvas => AlphaState::Opaque,
            (false, _) => AlphaState::Straight,
        };
        let mut paint = Paint { strokes: vec![Stroke::Load { slot, at, skip: None }], alpha };
        paint.affine(&codes_to_rgb(&meaning(spec), spec.format.sample.depth()), true);
        paint
    }

    /// An affine map of the colour. `conversion` says that it only changes codes to RGB or back.
    pub(super) fn affine(&mut self, matrix: &Affine, conversion: bool) {
        if let Some(Stroke::Affine { matrix: before, conversion: only }) = self.strokes.last_mut() {
            let merged = settle(&before.then(matrix));
            if merged == Affine::IDENTITY {
                self.strokes.pop();
            } else {
                *before = merged;
                *only &= conversion;
            }
        } else if settle(matrix) != Affine::IDENTITY {
            self.strokes.push(Stroke::Affine { matrix: *matrix, conversion });
        }
    }

    /// An affine colour effect, which wants straight alpha.
    pub(super) fn colour(&mut self, matrix: &Affine) {
        self.want(Alpha::Straight);
        self.affine(matrix, false);
    }

    /// A pixel function, mixed in by `mix`.
    pub(super) fn step(&mut self, step: Arc<dyn Step>, uniforms: Vec<f32>, place: Place, mix: f64) {
        self.want(step.alpha());
        if mix < 1.0 {
            self.strokes.push(Stroke::Duplicate);
        }
        self.strokes.push(Stroke::Step { step, place, uniforms });
        if mix < 1.0 {
            self.combine(crate::effect::blend::mix(), vec![mix as f32], place);
        }
    }

    /// What was opaque may no longer be: its last step wrote alpha, beside the colour.
    pub(super) fn uncover(&mut self) {
        if self.alpha == AlphaState::Opaque {
            self.alpha = AlphaState::Straight;
        }
    }

    /// The upper of two pixels goes into the lower.
    pub(super) fn combine(&mut self, combine: Arc<dyn Combine>, uniforms: Vec<f32>, place: Place) {
        self.strokes.push(Stroke::Combine { combine, place, uniforms });
    }

    /// `top` onto this, both premultiplied; where `top`'s own picture does not reach, nothing is done if the
    /// combination allows it.
    pub(super) fn paint(&mut self, top: Paint, combine: Arc<dyn Combine>, uniforms: Vec<f32>, place: Place) {
        let alpha = match combine.alpha() {
            Alpha::Either => Alpha::Premultiplied,
            alpha => alpha,
        };
        self.want(alpha);
        let mut top = top;
        top.want(alpha);
        if let Some(Stroke::Load { skip, .. }) = top.strokes.first_mut()
            && combine.keeps_below()
        {
            *skip = Some(0);
        }
        let alone = top.strokes.iter().skip(1).all(|s| !matches!(s, Stroke::Load { .. } | Stroke::Fill(_)));
        let length = top.strokes.len() + 1;
        if let Some(Stroke::Load { skip, .. }) = top.strokes.first_mut() {
            *skip = skip.filter(|_| alone).map(|_| length);
        }
        self.strokes.append(&mut top.strokes);
        self.combine(combine, uniforms, place);
        if self.alpha != AlphaState::Opaque || top.alpha != AlphaState::Opaque {
            let opaque = self.alpha == AlphaState::Opaque;
            self.alpha = if opaque { AlphaState::Opaque } else { AlphaState::Premultiplied };
        }
    }

    /// Brings alpha into the state that a step wants.
    pub(super) fn want(&mut self, alpha: Alpha) {
        match (alpha, self.alpha) {
            (Alpha::Straight, AlphaState::Premultiplied) => {
                self.strokes.push(Stroke::Unpremultiply);
                self.alpha = AlphaState::Straight;
            }
            (Alpha::Premultiplied, AlphaState::Straight) => {
                self.strokes.push(Stroke::Premultiply);
                self.alpha = AlphaState::Premultiplied;
            }
            _ => {}
        }
    }

    /// Moved by whole pixels, within the canvas; `None` if nothing is left on it.
    pub(super) fn moved(mut self, (dx, dy): (i32, i32), canvas: Rect) -> Option<Paint> {
        if (dx, dy) == (0, 0) {
            return Some(self);
        }
        if self.alpha == AlphaState::Opaque {
            self.alpha = AlphaState::Straight;
        }
        for stroke in &mut self.strokes {
            match stroke {
                Stroke::Load { at, .. } => {
                    let [x0, y0, x1, y1] = at.touch;
                    at.x += dx;
                    at.y += dy;
                    at.touch = intersect([x0 + dx, y0 + dy, x1 + dx, y1 + dy], canvas)?;
                }
                Stroke::Step { place, .. } | Stroke::Combine { place, .. } => {
                    place.x += dx;
                    place.y += dy;
                }
                _ => {}
            }
        }
        Some(self)
    }

    /// Whether it can be moved as it is: one picture, with steps of its own.
    pub(super) fn movable(&self) -> bool {
        matches!(self.strokes.first(), Some(Stroke::Load { .. }))
            && self.strokes.iter().skip(1).all(|s| !matches!(s, Stroke::Load { .. } | Stroke::Fill(_)))
    }

    /// The slot, if this is nothing but that picture, whole, at the origin of the canvas, so far with an affine map on
    /// it.
    pub(super) fn only(&self, slots: &[PictureSpec]) -> Option<(Slot, Affine)> {
        let slot = self.base(slots)?;
        match self.strokes.get(1..)? {
            [] => Some((slot, Affine::IDENTITY)),
            [Stroke::Affine { matrix, .. }] => Some((slot, *matrix)),
            _ => None,
        }
    }

    /// Whether all that was done is to convert codes to RGB.
    pub(super) fn untouched(&self) -> bool {
        self.strokes
            .iter()
            .all(|s| matches!(s, Stroke::Load { .. } | Stroke::Affine { conversion: true, .. }))
    }

    /// The first picture that is loaded, if it lies whole at the origin.
    fn base(&self, slots: &[PictureSpec]) -> Option<Slot> {
        let Some(Stroke::Load { slot, at: LoadUniforms { x: 0, y: 0, touch }, .. }) = self.strokes.first()
        else {
            return None;
        };
        let spec = slots.get(*slot)?;
        (*touch == [0, 0, spec.width as i32, spec.height as i32]).then_some(*slot)
    }

    /// Brings the pixel into `spec`'s meaning and makes it a pass into `to`.
    pub(super) fn pass(mut self, slots: &[PictureSpec], to: Slot, spec: &PictureSpec) -> PassJob {
        if spec.format.alpha {
            self.want(if spec.premultiplied { Alpha::Premultiplied } else { Alpha::Straight });
        }
        self.affine(&rgb_to_codes(&meaning(spec), spec.format.sample.depth()), true);
        let mut inputs: Vec<Slot> = Vec::new();
        let mut uniforms = Vec::new();
        let count = self.strokes.len();
        let base = self.base(slots).filter(|slot| same_pixels(&slots[*slot], spec));
        let ops = self
            .strokes
            .into_iter()
            .enumerate()
            .map(|(index, stroke)| op(stroke, index, count, &mut inputs, &mut uniforms))
            .collect();
        let specs: Vec<&PictureSpec> = inputs.iter().map(|slot| &slots[*slot]).collect();
        let siting = |s: &PictureSpec| {
            let (x, y) = s.colour.siting.offset(s.format.log2_x, s.format.log2_y);
            (x as f32, y as f32)
        };
        // Through float pictures, too, the depth that is worth keeping is that of the deepest source.
        let deepest = slots.iter().map(|s| precision(s.format.sample)).max().unwrap_or(0);
        let whole = !matches!(spec.format.sample, Sample::F32(_));
        let structure = PassStructure {
            inputs: specs.iter().map(|s| s.format).collect(),
            output: spec.format,
            siting: specs.iter().map(|s| siting(s)).chain([siting(spec)]).collect(),
            ops,
            difference: base.and_then(|slot| inputs.iter().position(|s| *s == slot)),
            dither: whole && deepest > precision(spec.format.sample),
        };
        PassJob { structure: Arc::new(structure), uniforms, inputs, to, spec: *spec }
    }
}

fn op(stroke: Stroke, index: usize, count: usize, inputs: &mut Vec<Slot>, uniforms: &mut Vec<f32>) -> Op {
    match stroke {
        Stroke::Load { slot, at, skip } => {
            uniforms.extend(at.pack());
            let input = inputs.iter().position(|s| *s == slot).unwrap_or_else(|| {
                inputs.push(slot);
                inputs.len() - 1
            });
            Op::Load { input, skip_to: skip.map(|by| (index + by).min(count)) }
        }
        Stroke::Fill(colour) => {
            uniforms.extend(colour);
            Op::Fill
        }
        Stroke::Duplicate => Op::Duplicate,
        Stroke::Affine { matrix, conversion } => {
            uniforms.extend(matrix.0.iter().flatten().map(|v| *v as f32));
            Op::Affine { conversion }
        }
        Stroke::Premultiply => Op::Premultiply,
        Stroke::Unpremultiply => Op::Unpremultiply,
        Stroke::Step { step, place, uniforms: own } => {
            uniforms.extend(place.pack());
            uniforms.extend(own);
            Op::Step(step)
        }
        Stroke::Combine { combine, place, uniforms: own } => {
            uniforms.extend(place.pack());
            uniforms.extend(own);
            Op::Combine(combine)
        }
    }
}

/// Bits of a sample that are worth keeping, for the question whether a store loses some.
fn precision(sample: Sample) -> u8 {
    match sample {
        Sample::U8 => 8,
        Sample::U16(depth) => depth,
        Sample::F32(0) => 0,
        Sample::F32(depth) => depth,
    }
}

/// RGB pictures have the identity for a matrix, whatever their tag says.
pub(super) fn meaning(spec: &PictureSpec) -> ColourSpec {
    let matrix = match spec.format.model {
        Model::Rgb => crate::colour::MatrixCoefficients::Rgb,
        _ => spec.colour.matrix,
    };
    ColourSpec { matrix, ..spec.colour }
}

/// Whether the codes of one picture can stand in another unchanged.
pub(super) fn same_pixels(a: &PictureSpec, b: &PictureSpec) -> bool {
    let (x, y) = (meaning(a), meaning(b));
    (a.width, a.height, a.format) == (b.width, b.height, b.format)
        && (x.matrix, x.range, x.siting) == (y.matrix, y.range, y.siting)
        && (a.premultiplied == b.premultiplied || !a.format.alpha)
}

/// An affine map that is the identity but for float noise is the identity.
fn settle(matrix: &Affine) -> Affine {
    let near =
        |row: usize, column: usize| (matrix.0[row][column] - Affine::IDENTITY.0[row][column]).abs() < 1e-9;
    if (0..3).all(|row| (0..4).all(|column| near(row, column))) { Affine::IDENTITY } else { *matrix }
}
