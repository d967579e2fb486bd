//! `blackwhite`.

use super::FrameContext;
use crate::colour::{Affine, MatrixCoefficients};
use crate::effect::spec::effect;

effect! {
    /// Takes the colour out of the picture.
    ///
    /// Each pixel becomes the grey of its BT.709 luma, as CSS `grayscale()` has it.
    blackwhite: Affine(matrix), positional 1 {
        /// How much of the colour goes: 0 leaves it, 1 is black and white.
        intensity: share = "1", neutral "0";
    }
}

fn matrix(p: &Params, _: &FrameContext) -> Affine {
    saturate(1.0 - p.intensity)
}

/// Scales the distance of each colour from the grey of its luma.
pub(super) fn saturate(factor: f64) -> Affine {
    let (kr, kb) = MatrixCoefficients::Bt709.weights();
    let grey = Affine([[kr, 1.0 - kr - kb, kb, 0.0]; 3]);
    Affine::mix(&grey, &Affine::IDENTITY, factor)
}
