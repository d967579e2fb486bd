//! `dip`.

use super::FrameContext;
use super::spec::effect;
use crate::colour::Affine;

effect! {
    /// Drowns the picture in a colour.
    ///
    /// With keyframes on `amount` it is a fade to or from that colour. The picture's own transparency stays.
    dip: Affine(matrix), positional 2 {
        /// The colour; a translucent one acts by so much less.
        color: colour = "black";
        /// How much of the colour: 0 leaves the picture, 1 is all colour.
        amount: share = "1", neutral "0";
    }
}

fn matrix(p: &Params, _: &FrameContext) -> Affine {
    let share = p.amount * f64::from(p.color.a);
    let offset = [p.color.r, p.color.g, p.color.b].map(f64::from);
    let fill = Affine(std::array::from_fn(|i| [0.0, 0.0, 0.0, offset[i]]));
    Affine::mix(&Affine::IDENTITY, &fill, share)
}
