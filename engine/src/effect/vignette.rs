//! `vignette`.

use super::FrameContext;
use super::bind::PixelEffect;
use super::lane::{Lane, Position, Rgba};
use super::spec::effect;
use super::step::Alpha;
use super::uniforms::Host;
use super::uniforms::uniforms;

effect! {
    /// Darkens the picture towards its corners.
    ///
    /// An ellipse in the picture's proportions stays as it is; from there the light falls off smoothly to the corners.
    vignette: Pixel(Vignette, prepare), positional 2 {
        /// How dark the corners get: 0 leaves the picture, 1 makes them black.
        intensity: share = "0.5", neutral "0";
        /// Where the fall begins, as a share of the way from the centre to a corner.
        radius: number(0.0, 0.95) = "0.35";
    }
}

uniforms! {
    struct Uniforms {
        /// Column to −1 … 1 over the diagonal: factor and offset.
        x: [number; 2],
        y: [number; 2],
        /// Squared distance, 1 in the corners, to the fall's 0 … 1: factor and offset.
        fall: [number; 2],
        intensity: number,
    }
}

fn prepare(p: &Params, context: &FrameContext) -> Uniforms<Host> {
    // Both half axes have √½ at the edges, so that the corners lie at distance 1.
    let axis = |length: u32| {
        let length = f64::from(length.max(1));
        let scale = std::f64::consts::SQRT_2 / length;
        [scale as f32, (scale * (0.5 - 0.5 * length)) as f32]
    };
    let inner = p.radius.clamp(0.0, 0.95).powi(2);
    let scale = 1.0 / (1.0 - inner);
    Uniforms {
        x: axis(context.width),
        y: axis(context.height),
        fall: [scale as f32, (-inner * scale) as f32],
        intensity: p.intensity as f32,
    }
}

struct Vignette;

impl PixelEffect for Vignette {
    type Uniforms<L: Lane> = Uniforms<L>;
    // A factor on the colour commutes with alpha.
    const ALPHA: Alpha = Alpha::Either;

    fn key() -> String {
        "vignette".into()
    }

    #[inline(always)]
    fn pixel<L: Lane>(u: &Uniforms<L>, at: Position<L>, px: Rgba<L>) -> Rgba<L> {
        let x = at.x * u.x[0] + u.x[1];
        let y = at.y * u.y[0] + u.y[1];
        let fall = ((x * x + y * y) * u.fall[0] + u.fall[1]).clamp(0.0, 1.0);
        let smooth = fall * fall * (L::splat(3.0) - fall * 2.0);
        let light = L::splat(1.0) - smooth * u.intensity;
        px.each(|c| c * light)
    }
}
