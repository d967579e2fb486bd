//! Effects and transitions, each written once.
//!
//! One file an effect: its doc comment is the manual, its parameters are data, `prepare` runs once a frame on the host
//! in f64, and one pixel function over a generic [`lane::Lane`] is what both machines run. The registry is the only
//! list. An effect knows nothing of scripts, layers or devices: it gets evaluated arguments and gives numbers.
//!
//! To add one, copy a file that is like it (`contrast` for an affine map of colours, `vignette` for a pixel function,
//! `blur` for a kernel, `transition/wipe` for a transition), and put it into [`registry`]: the tests there run over all.
//! [`spec`] has the macro, [`bind`] makes a pixel function into what a pass runs on either machine, by [`simd`] and
//! [`trace`].

pub mod bind;
pub mod blend;
pub mod lane;
pub mod math;
pub mod registry;
pub mod simd;
pub mod spec;
pub mod step;
pub mod trace;
pub mod uniforms;

mod blackwhite;
mod blur;
mod brightness;
mod contrast;
mod dip;
mod exposure;
mod gamma;
mod hue;
mod invert;
mod opacity;
mod saturation;
mod sepia;
mod sharpen;
mod temperature;
mod vignette;
mod vintage;

#[cfg(test)]
pub(crate) mod cases;
#[cfg(test)]
mod expected;
#[cfg(test)]
mod properties;

use std::sync::Arc;

use vfxb_dsl::value::Colour;
use vfxb_dsl::vocabulary::EffectSpec;

use crate::colour::Affine;
use step::{Combine, Step};

/// The value of one parameter for one frame, in the order of the effect's spec.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// Number, share, linear gain, hertz, kelvin; an angle in degrees.
    Number(f64),
    /// Gamma-encoded, straight alpha.
    Colour(Colour),
    /// Pixels of the picture that the effect acts on.
    Length(f64),
    /// Pixels of that picture, from its upper left corner.
    Point([f64; 2]),
    /// The index of a word of the parameter's type. A choice: never animated.
    Word(usize),
    /// A choice.
    Boolean(bool),
    /// A choice.
    Integer(i64),
    /// A choice.
    Text(String),
    /// Left out.
    Absent,
}

/// What an effect may know of the frame that it works on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameContext {
    /// Frame of the item, from 0.
    pub frame: u64,
    /// Seconds since the item's first frame.
    pub time: f64,
    /// Columns of the picture that it acts on.
    pub width: u32,
    /// Rows of that picture.
    pub height: u32,
}

/// A picture effect or transition of the registry.
#[derive(Clone, Copy)]
pub struct Effect {
    /// Name, manual, parameters: what the language sees.
    pub spec: EffectSpec,
    /// How it is done.
    pub machine: Machine,
}

impl Effect {
    /// Whether it makes opaque pixels of opaque pixels, whatever its parameters.
    pub fn keeps_opaque(&self) -> bool {
        self.spec.name != "opacity"
    }
}

/// How an effect is done. `prepare` appends exactly as many floats as the bound step says.
#[derive(Clone, Copy)]
pub enum Machine {
    /// An affine map of gamma-encoded RGB; neighbours in a chain collapse into one.
    Affine(fn(&[Argument], &FrameContext) -> Affine),
    /// A pixel function.
    Pixel {
        /// The function with its choices made.
        bind: fn(&[Argument]) -> Arc<dyn Step>,
        /// The frame's numbers.
        prepare: fn(&[Argument], &FrameContext, &mut Vec<f32>),
    },
    /// A neighbourhood operation.
    Kernel(fn(&[Argument], &FrameContext) -> Option<Kernel>),
    /// From one picture to another.
    Transition {
        /// The function (`below` is the outgoing picture) with its choices made.
        bind: fn(&[Argument]) -> Arc<dyn Combine>,
        /// The numbers at a progress from 0 to 1 (eased already).
        prepare: fn(&[Argument], f64, &FrameContext, &mut Vec<f32>),
        /// How far the outgoing and the incoming picture are moved, in whole pixels right and down.
        shift: fn(&[Argument], f64, &FrameContext) -> [[i32; 2]; 2],
    },
}

/// A neighbourhood operation with its numbers. `None` from a [`Machine::Kernel`] means that nothing changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kernel {
    /// A Gaussian blur of a standard deviation in pixels.
    Blur {
        /// Above 0.
        sigma: f64,
    },
    /// Unsharp mask.
    Sharpen {
        /// Standard deviation in pixels, above 0.
        sigma: f64,
        /// How much of the difference is added.
        amount: f64,
    },
}
