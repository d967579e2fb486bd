//! `contrast`.

use super::FrameContext;
use crate::colour::Affine;
use crate::effect::spec::effect;

effect! {
    /// Spreads the tones about middle grey, or draws them together.
    ///
    /// As CSS `contrast()`: 0 is grey throughout, 2 doubles each tone's distance from 50 %.
    contrast: Affine(matrix), positional 1 {
        /// What the distance from middle grey is multiplied by; 1 leaves it.
        amount: number(0.0, 10.0) = "1", neutral "1";
    }
}

fn matrix(p: &Params, _: &FrameContext) -> Affine {
    Affine::scale(p.amount, 0.5 - 0.5 * p.amount)
}
