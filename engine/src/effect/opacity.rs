//! `opacity`.

use super::FrameContext;
use super::bind::PixelEffect;
use super::lane::{Lane, Position, Rgba};
use super::spec::effect;
use super::step::Alpha;
use super::uniforms::{Host, uniforms};

effect! {
    /// Makes the picture translucent.
    ///
    /// As CSS `opacity()`: what is beneath shines through.
    opacity: Pixel(Opacity, prepare), positional 1 {
        /// What alpha is multiplied by; 1 leaves it.
        amount: share = "1", neutral "1";
    }
}

uniforms! {
    struct Uniforms {
        amount: number,
    }
}

fn prepare(p: &Params, _: &FrameContext) -> Uniforms<Host> {
    Uniforms { amount: p.amount as f32 }
}

struct Opacity;

impl PixelEffect for Opacity {
    type Uniforms<L: Lane> = Uniforms<L>;
    const ALPHA: Alpha = Alpha::Straight;

    fn key() -> String {
        "opacity".into()
    }

    #[inline(always)]
    fn pixel<L: Lane>(u: &Uniforms<L>, _: Position<L>, px: Rgba<L>) -> Rgba<L> {
        Rgba { a: px.a * u.amount, ..px }
    }
}
