//! `invert`.

use super::FrameContext;
use super::spec::effect;
use crate::colour::Affine;

effect! {
    /// Makes a negative.
    ///
    /// As CSS `invert()`.
    invert: Affine(matrix), positional 1 {
        /// How far: 0 leaves the picture, 0.5 is grey throughout, 1 is the negative.
        intensity: share = "1", neutral "0";
    }
}

fn matrix(p: &Params, _: &FrameContext) -> Affine {
    Affine::scale(1.0 - 2.0 * p.intensity, p.intensity)
}
