//! `vintage`.

use super::FrameContext;
use super::bind::PixelEffect;
use super::lane::{Lane, Position, Rgba};
use super::spec::effect;
use super::step::Alpha;
use super::uniforms::{Host, uniforms};

effect! {
    /// Makes the picture look like an old colour print.
    ///
    /// Blacks are faded and warm, whites rolled off and yellowed, the middle tones a little contrasty, and colours paler.
    vintage: Pixel(Vintage, prepare), positional 1 {
        /// How much of the look: 0 leaves the picture, 1 is the whole of it.
        intensity: share = "1", neutral "0";
    }
}

/// The print's response to 0, ¼, ½, ¾ and 1, for each channel. The dye that stands for blue fades first, which yellows
/// the whites; the base has a reddish fog, which warms the blacks. The quartic through each row is smooth and rises
/// throughout; it is cheaper than a table.
const RESPONSE: [[f64; 5]; 3] =
    [[0.125, 0.295, 0.56, 0.80, 0.955], [0.07, 0.25, 0.505, 0.755, 0.935], [0.075, 0.235, 0.435, 0.63, 0.79]];

/// How much of the distance from grey is left at full intensity.
const SATURATION: f64 = 0.82;

uniforms! {
    struct Uniforms {
        saturation: number,
        /// What is added to a tone, as a polynomial of it, constant first.
        red: [number; 5],
        green: [number; 5],
        blue: [number; 5],
    }
}

fn prepare(p: &Params, _: &FrameContext) -> Uniforms<Host> {
    let [red, green, blue] = RESPONSE.map(|points| {
        let mut change = quartic(points);
        change[1] -= 1.0;
        change.map(|c| (c * p.intensity) as f32)
    });
    Uniforms { saturation: (1.0 + (SATURATION - 1.0) * p.intensity) as f32, red, green, blue }
}

/// Coefficients, constant first, of the quartic through these values at 0, ¼, ½, ¾ and 1 (Newton's forward
/// differences, multiplied out).
fn quartic([a, b, c, d, e]: [f64; 5]) -> [f64; 5] {
    let first = b - a;
    let second = (c - 2.0 * b + a) / 2.0;
    let third = (d - 3.0 * c + 3.0 * b - a) / 6.0;
    let fourth = (e - 4.0 * d + 6.0 * c - 4.0 * b + a) / 24.0;
    [
        a,
        4.0 * (first - second + 2.0 * third - 6.0 * fourth),
        16.0 * (second - 3.0 * third + 11.0 * fourth),
        64.0 * (third - 6.0 * fourth),
        256.0 * fourth,
    ]
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
        let toned = |c: L, change: &[L; 5]| {
            let pale = grey + (c - grey) * u.saturation;
            // Beyond black and white the change stays what it is there.
            let x = pale.clamp(0.0, 1.0);
            let [c0, c1, c2, c3, c4] = *change;
            pale + ((((c4 * x + c3) * x + c2) * x + c1) * x + c0)
        };
        Rgba { r: toned(px.r, &u.red), g: toned(px.g, &u.green), b: toned(px.b, &u.blue), a: px.a }
    }
}
