//! `hue`.

use super::FrameContext;
use super::spec::effect;
use crate::colour::Affine;

effect! {
    /// Turns all colours round the colour wheel.
    ///
    /// As CSS `hue-rotate()`: a rotation in a plane of about equal luma; greys stay.
    hue: Affine(matrix), positional 1 {
        /// By how much; 0 leaves the colours, and so do 360 degrees.
        angle: angle = "0deg", neutral "0deg";
    }
}

/// Filter Effects Module Level 1, §9.4 (`hueRotate`): `GREY + cos × COS + sin × SIN`.
const GREY: [f64; 3] = [0.213, 0.715, 0.072];
const SIN: [[f64; 3]; 3] = [[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]];

fn matrix(p: &Params, _: &FrameContext) -> Affine {
    let (sin, cos) = libm::sincos(p.angle.to_radians());
    Affine(std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            if j == 3 {
                return 0.0;
            }
            let identity = f64::from(u8::from(i == j));
            GREY[j] + cos * (identity - GREY[j]) + sin * SIN[i][j]
        })
    }))
}
