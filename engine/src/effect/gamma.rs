//! `gamma`.

use super::FrameContext;
use super::bind::PixelEffect;
use super::lane::{Lane, Position, Rgba};
use super::math::pow;
use super::spec::effect;
use super::step::Alpha;
use super::uniforms::Host;
use super::uniforms::uniforms;

effect! {
    /// Brightens or darkens the middle tones; black and white stay.
    ///
    /// Each channel is raised to the power 1 / `amount`. Below 1/255, where a power would have no bounded slope, the
    /// curve goes to 0 in a straight line.
    gamma: Pixel(Gamma, prepare), positional 1 {
        /// Above 1 brightens, below 1 darkens; 1 leaves the picture.
        amount: number(0.1, 10.0) = "1", neutral "1";
    }
}

uniforms! {
    struct Uniforms {
        exponent: number,
        /// Slope of the line below [`TOE`].
        toe: number,
    }
}

const TOE: f32 = 1.0 / 255.0;

fn prepare(p: &Params, _: &FrameContext) -> Uniforms<Host> {
    let exponent = 1.0 / p.amount.clamp(0.1, 10.0);
    Uniforms { exponent: exponent as f32, toe: libm::pow(f64::from(TOE), exponent - 1.0) as f32 }
}

struct Gamma;

impl PixelEffect for Gamma {
    type Uniforms<L: Lane> = Uniforms<L>;
    const ALPHA: Alpha = Alpha::Straight;

    fn key() -> String {
        "gamma".into()
    }

    #[inline(always)]
    fn pixel<L: Lane>(u: &Uniforms<L>, _: Position<L>, px: Rgba<L>) -> Rgba<L> {
        px.each(|x| L::select(x.lt(L::splat(TOE)), x * u.toe, pow(x, u.exponent)))
    }
}
