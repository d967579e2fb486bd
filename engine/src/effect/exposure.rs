//! `exposure`.

use super::FrameContext;
use super::spec::effect;
use crate::colour::Affine;

effect! {
    /// Lets more or less light in, in stops.
    ///
    /// Each stop doubles the light that the screen gives off. A screen's light is the 2.4th power of the code (ITU-R
    /// BT.1886), so that doubling it is a factor of 2^(1/2.4) = 1.335 on the encoded colour.
    exposure: Affine(matrix), positional 1 {
        /// Stops: 1 doubles the light, −1 halves it, 0 leaves it.
        stops: number(-10.0, 10.0) = "0", neutral "0";
    }
}

fn matrix(p: &Params, _: &FrameContext) -> Affine {
    Affine::scale(libm::exp2(p.stops / DISPLAY_GAMMA), 0.0)
}

/// ITU-R BT.1886, annex 1.
pub(super) const DISPLAY_GAMMA: f64 = 2.4;
