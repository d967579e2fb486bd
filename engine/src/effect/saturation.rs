//! `saturation`.

use super::FrameContext;
use super::blackwhite::saturate;
use super::spec::effect;
use crate::colour::Affine;

effect! {
    /// Makes colours stronger or weaker.
    ///
    /// Scales each colour's distance from the grey of its BT.709 luma, as CSS `saturate()`: 0 is grey, 2 doubles it.
    saturation: Affine(matrix), positional 1 {
        /// What the distance from grey is multiplied by; 1 leaves it.
        amount: number(0.0, 10.0) = "1", neutral "1";
    }
}

fn matrix(p: &Params, _: &FrameContext) -> Affine {
    saturate(p.amount)
}
