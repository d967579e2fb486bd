//! The pixel function of the fades through a colour.

use crate::effect::bind::PixelCombine;
use crate::effect::lane::{Lane, Position, Rgba};
use crate::effect::step::Alpha;
use crate::effect::uniforms::{Host, uniforms};

uniforms! {
    pub(super) struct Uniforms {
        /// Weights of the outgoing and the incoming picture; what is missing to 1 is the colour's.
        weights: [number; 2],
        /// Progress: the colour covers what a crossfade of both pictures would.
        progress: number,
        /// The grey between, 0–1.
        grey: number,
    }
}

/// The outgoing picture is gone at the middle, where the incoming one begins.
pub(super) fn uniforms(progress: f64, grey: f32) -> Uniforms<Host> {
    let weights = [1.0 - 2.0 * progress, 2.0 * progress - 1.0].map(|w| w.max(0.0) as f32);
    Uniforms { weights, progress: progress as f32, grey }
}

/// From one picture to a colour to another picture.
pub(super) struct Dip;

impl PixelCombine for Dip {
    type Uniforms<L: Lane> = Uniforms<L>;
    const ALPHA: Alpha = Alpha::Premultiplied;
    const KEEPS_BELOW: bool = false;

    fn key() -> String {
        "dip to a colour".into()
    }

    #[inline(always)]
    fn pixel<L: Lane>(u: &Uniforms<L>, _: Position<L>, below: Rgba<L>, above: Rgba<L>) -> Rgba<L> {
        let [out, into] = u.weights;
        let cover = below.a * (L::splat(1.0) - u.progress) + above.a * u.progress;
        let fill = (L::splat(1.0) - out - into) * cover;
        let colour = fill * u.grey;
        Rgba {
            r: below.r * out + above.r * into + colour,
            g: below.g * out + above.g * into + colour,
            b: below.b * out + above.b * into + colour,
            a: below.a * out + above.a * into + fill,
        }
    }
    #[inline(always)]
    fn share<L: Lane>(u: &Uniforms<L>, _: Position<L>, _: Rgba<L>, _: Rgba<L>, [below, above]: [L; 2]) -> L {
        let [out, into] = u.weights;
        below * out + above * into
    }
}
