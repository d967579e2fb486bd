//! `vintage`.

use super::FrameContext;
use super::bind::PixelEffect;
use super::curve::curve;
use super::lane::{Lane, Position, Rgba};
use super::spec::effect;
use super::step::Alpha;
use super::uniforms::{Host, table, uniforms};

effect! {
    /// Makes the picture look like an old colour print.
    ///
    /// Blacks are faded and warm, whites rolled off and yellowed, the middle tones a little contrasty, and colours paler.
    vintage: Pixel(Vintage, prepare), positional 1 {
        /// How much of the look: 0 leaves the picture, 1 is the whole of it.
        intensity: share = "1", neutral "0";
    }
}

/// The print's response, for each channel. The dye that stands for blue fades first, which yellows the whites; the base
/// has a reddish fog, which warms the blacks.
const RED: &[(f64, f64)] = &[(0.0, 0.11), (0.25, 0.285), (0.5, 0.56), (0.75, 0.80), (1.0, 0.955)];
const GREEN: &[(f64, f64)] = &[(0.0, 0.06), (0.25, 0.245), (0.5, 0.505), (0.75, 0.755), (1.0, 0.935)];
const BLUE: &[(f64, f64)] = &[(0.0, 0.085), (0.25, 0.235), (0.5, 0.435), (0.75, 0.63), (1.0, 0.79)];

/// How much of the distance from grey is left at full intensity.
const SATURATION: f64 = 0.82;

uniforms! {
    struct Uniforms {
        saturation: number,
        red: [table; 256],
        green: [table; 256],
        blue: [table; 256],
    }
}

fn prepare(p: &Params, _: &FrameContext) -> Uniforms<Host> {
    let toned = |points: &[(f64, f64)]| table(|x| x + (curve(points, x) - x) * p.intensity);
    Uniforms {
        saturation: (1.0 + (SATURATION - 1.0) * p.intensity) as f32,
        red: toned(RED),
        green: toned(GREEN),
        blue: toned(BLUE),
    }
}

struct Vintage;

impl PixelEffect for Vintage {
    type Uniforms<L: Lane> = Uniforms<L>;
    const ALPHA: Alpha = Alpha::Straight;

    fn key() -> String {
        "vintage".into()
    }

    #[inline(always)]
    fn pixel<L: Lane>(u: &Uniforms<L>, _: Position<L>, px: Rgba<L>) -> Rgba<L> {
        let grey = px.luma();
        let pale = px.each(|c| grey + (c - grey) * u.saturation);
        Rgba { r: pale.r.look_up(u.red), g: pale.g.look_up(u.green), b: pale.b.look_up(u.blue), a: px.a }
    }
}
