//! `brightness`.

use super::FrameContext;
use crate::colour::Affine;
use crate::effect::spec::effect;

effect! {
    /// Makes the picture brighter or darker.
    ///
    /// Multiplies the encoded colour, as CSS `brightness()` does: 0 is black, 2 twice as bright.
    brightness: Affine(matrix), positional 1 {
        /// What the colour is multiplied by; 1 leaves it.
        amount: number(0.0, 10.0) = "1", neutral "1";
    }
}

fn matrix(p: &Params, _: &FrameContext) -> Affine {
    Affine::scale(p.amount, 0.0)
}
