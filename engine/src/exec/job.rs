//! One frame's work as plain numbers: what both executors take.
//!
//! The host part (`exec::prepare`) has evaluated every keyframe, chosen every source picture and laid out every box; an
//! executor knows nothing of time, scripts or media. A [`FrameJob`] is a list of stages that fill numbered slots with
//! pictures, each stage once, inputs before outputs.

use std::sync::Arc;

use crate::colour::Affine;
use crate::effect::step::{Combine, Step};
use crate::picture::{Picture, PictureSpec, PixelFormat};

/// Names a picture of a frame.
pub type Slot = usize;

/// All that is done for one frame.
#[derive(Clone)]
pub struct FrameJob {
    /// In order.
    pub stages: Vec<Stage>,
    /// How many slots there are.
    pub slots: usize,
    /// The slot that is the frame.
    pub output: Slot,
}

/// One stage.
#[derive(Clone)]
pub enum Stage {
    /// A picture from outside: decoded, drawn or still. An executor may keep what it made of the same memory before, and
    /// draw into memory that nobody else holds ([`Picture::planes_mut`]).
    Input {
        /// Where it goes.
        to: Slot,
        /// The picture.
        picture: Picture,
    },
    /// An affine map of codes to codes on a Y′CbCr picture of the same format, in its own chroma resolution:
    /// `Y' = m₀·(Y, U(Cb), U(Cr)) + o₀`, and for each chroma row `C' = m_y·D(Y) + m_cb·Cb + m_cr·Cr + o`, with U and D
    /// of engine.md. Rows that are the identity are copied, rows that are constant filled.
    Affine {
        /// Y′CbCr codes.
        from: Slot,
        /// The same format.
        to: Slot,
        /// Codes to codes.
        matrix: Affine,
        /// The output's meaning; its format is the input's.
        spec: PictureSpec,
    },
    /// Fused pixel work.
    Pass(PassJob),
    /// Axis-aligned polyphase resampling.
    Resample(ResampleJob),
    /// Any other affine geometry.
    Transform(TransformJob),
    /// A separable Gaussian.
    Gaussian(GaussianJob),
}

/// What a pass does, apart from numbers: equal structures share compiled code.
pub struct PassStructure {
    /// Layouts of the inputs.
    pub inputs: Vec<PixelFormat>,
    /// Layout of the output.
    pub output: PixelFormat,
    /// Chroma siting offsets of each input and, last, of the output: (x, y) in luma samples.
    pub siting: Vec<(f32, f32)>,
    /// A stack machine over pixels: starts empty, ends with one pixel, which is stored as codes of `output` (rounded,
    /// clamped to its codes, NaN as 0; a reduction of depth is dithered).
    pub ops: Vec<Op>,
    /// The input `C` whose chroma the output's is stored as a difference from: it has the output's format and size, and
    /// lies at offset 0. Of the pixels `f` is stored `D(f − w·U(C)) + C·D(w)`, where `w` is the share of `f`'s colour
    /// that is `C`'s: 1 where `C` is loaded whole, 0 of all else; a fifth number that is multiplied and divided by
    /// alpha as colours are, combined as [`Combine::share`] says, and left alone by steps and affine maps. So what
    /// nothing touches stays as it is, and nothing of it shows where it is covered. `None`: chroma is made from the
    /// pixels alone.
    pub difference: Option<usize>,
    /// Whether the source is deeper than the output's codes, so that the store dithers.
    pub dither: bool,
}

/// One operation of a pass. Each reads its uniforms from where the one before ended.
#[derive(Clone)]
pub enum Op {
    /// Push the pixel of an input: codes for integer formats (chroma upsampled bilinearly at its siting), alpha scaled
    /// to 0–1, 1 where the input has none; zeros, alpha too, outside the rectangle.
    /// Uniforms ([`LoadUniforms`]): the column and row of the output at which the input's first pixel lies, whole
    /// numbers; and the rectangle of the output that it may touch: x0, y0, x1, y1.
    Load {
        /// Which input.
        input: usize,
        /// Where to go on if the rectangle does not reach the tile: the index of the operation after the
        /// [`Op::Combine`] that would have left the picture beneath as it is.
        skip_to: Option<usize>,
    },
    /// Push one colour. Uniforms: r, g, b, a.
    Fill,
    /// Push a copy of the top.
    Duplicate,
    /// An affine map of the top's three colours, alpha untouched. Uniforms: 12, row after row of weights and offset.
    Affine {
        /// Whether it only changes codes to RGB or back, so that a tile that nothing else touches is copied.
        conversion: bool,
    },
    /// Multiply the top's colour by its alpha.
    Premultiply,
    /// Divide the top's colour by its alpha; 0 where alpha is 0.
    Unpremultiply,
    /// A pixel function on the top. Uniforms: x and y of the picture's origin in the output and its width and height
    /// (whole numbers), then the step's own.
    Step(Arc<dyn Step>),
    /// Pop the upper of two, make the lower their combination. Uniforms: as [`Op::Step`].
    Combine(Arc<dyn Combine>),
}

impl Op {
    /// How many floats of uniforms it reads.
    pub fn uniforms(&self) -> usize {
        match self {
            Op::Load { .. } => LoadUniforms::LEN,
            Op::Fill => 4,
            Op::Affine { .. } => 12,
            Op::Duplicate | Op::Premultiply | Op::Unpremultiply => 0,
            Op::Step(step) => PLACE_UNIFORMS + step.uniforms(),
            Op::Combine(combine) => PLACE_UNIFORMS + combine.uniforms(),
        }
    }
}

/// Floats that place a step: origin x, y, width, height.
pub const PLACE_UNIFORMS: usize = 4;

/// The uniforms of [`Op::Load`], all whole numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadUniforms {
    /// Column of the output at which the input's column 0 lies.
    pub x: i32,
    /// Row of the output at which the input's row 0 lies.
    pub y: i32,
    /// The rectangle of the output that it may touch: x0, y0, x1, y1, half-open, inside both pictures.
    pub touch: [i32; 4],
}

impl LoadUniforms {
    /// How many floats.
    pub const LEN: usize = 6;

    /// As floats, exact below 2²⁴.
    pub fn pack(self) -> [f32; Self::LEN] {
        let [x0, y0, x1, y1] = self.touch;
        [self.x, self.y, x0, y0, x1, y1].map(|n| n as f32)
    }
}

/// One pass over a frame.
#[derive(Clone)]
pub struct PassJob {
    /// What is done.
    pub structure: Arc<PassStructure>,
    /// With which numbers, for all operations in order.
    pub uniforms: Vec<f32>,
    /// The pictures of the structure's inputs.
    pub inputs: Vec<Slot>,
    /// Where the result goes.
    pub to: Slot,
    /// What it is; its format is the structure's output.
    pub spec: PictureSpec,
}

/// A kernel's filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Lanczos with three lobes, widened when scaling down.
    Lanczos3,
    /// Triangle, widened when scaling down.
    Bilinear,
    /// The nearest sample.
    Nearest,
}

/// One axis of an axis-aligned geometry: output coordinate `i` (pixel centre `i + ½`) shows input coordinate
/// `(i + ½) × step + origin`, both on the *luma* grid in pixels from the left or upper edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// Input pixels an output pixel; negative mirrors.
    pub step: f64,
    /// Input position of the output's left or upper edge.
    pub origin: f64,
}

/// Separable polyphase resampling. The output has the input's model, meaning and depth as [`crate::picture::Sample::F32`], chroma at the
/// output spec's own subsampling (often none), sited rightly on both sides, and alpha if `coverage` or the input has it.
/// An input with alpha must be premultiplied; a Y′CbCr input with alpha may not come here.
#[derive(Debug, Clone, Copy)]
pub struct ResampleJob {
    /// The input.
    pub from: Slot,
    /// The output.
    pub to: Slot,
    /// Its size and format.
    pub spec: PictureSpec,
    /// Whether rows and columns change places first: then `x` speaks of the input's rows and `y` of its columns.
    pub transpose: bool,
    /// Horizontal geometry.
    pub x: Axis,
    /// Vertical geometry.
    pub y: Axis,
    /// The part of the input that exists: x0, y0, x1, y1 in its pixels (a crop). Samples beyond are the edge's.
    pub window: [f64; 4],
    /// Whether output pixels beyond the window become transparent, those on its edge in part: a premultiplied input is
    /// scaled by that share; the codes of one without alpha stay, straight, beside the alpha. Else the edge is continued.
    pub coverage: bool,
    /// The filter.
    pub filter: Filter,
}

/// Sampling under any affine geometry, after a resampling to about the right size. Input and output are
/// premultiplied RGBA floats; beyond the input all is transparent.
#[derive(Debug, Clone, Copy)]
pub struct TransformJob {
    /// The input.
    pub from: Slot,
    /// The output.
    pub to: Slot,
    /// The output's size.
    pub spec: PictureSpec,
    /// Input position of output position (x, y), both in pixels from the upper left corner:
    /// `(m₀x + m₁y + m₂, m₃x + m₄y + m₅)`.
    pub inverse: [f64; 6],
}

/// A Gaussian of a standard deviation in pixels along both axes, edges continued, on any float picture. With `sharpen`
/// the output is `in + amount × (in − blurred)`.
#[derive(Debug, Clone, Copy)]
pub struct GaussianJob {
    /// The input.
    pub from: Slot,
    /// The output, of the same spec.
    pub to: Slot,
    /// The spec of both.
    pub spec: PictureSpec,
    /// Standard deviation in pixels, above 0.
    pub sigma: f64,
    /// Unsharp mask of this amount instead of a blur.
    pub sharpen: Option<f64>,
}
