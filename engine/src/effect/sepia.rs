//! `sepia`.

use super::FrameContext;
use super::spec::effect;
use crate::colour::Affine;

effect! {
    /// Tones the picture like a brown photograph.
    ///
    /// As CSS `sepia()`.
    sepia: Affine(matrix), positional 1 {
        /// How much of the tone is mixed in: 0 leaves the picture, 1 is all brown.
        intensity: share = "1", neutral "0";
    }
}

/// Filter Effects Module Level 1, §5.1.4 (`sepia`) at amount 1.
const BROWN: Affine =
    Affine([[0.393, 0.769, 0.189, 0.0], [0.349, 0.686, 0.168, 0.0], [0.272, 0.534, 0.131, 0.0]]);

fn matrix(p: &Params, _: &FrameContext) -> Affine {
    Affine::mix(&Affine::IDENTITY, &BROWN, p.intensity)
}
