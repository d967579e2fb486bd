//! `temperature`.

use super::FrameContext;
use super::exposure::DISPLAY_GAMMA;
use super::spec::effect;
use crate::colour::{Affine, MatrixCoefficients};

effect! {
    /// Makes the picture warmer or cooler, as if seen in the light of a glowing body of this temperature.
    ///
    /// Below 6500 K warmer (a candle has 1900 K, a light bulb 2800 K), above cooler (shade 8000 K). White takes the tint
    /// and keeps its luminance.
    temperature: Affine(matrix), positional 1 {
        /// Colour temperature, 1667 to 25000 K (others count as the nearer end); 6500 K leaves the picture.
        kelvin: kelvin = "6500K", neutral "6500K";
    }
}

fn matrix(p: &Params, _: &FrameContext) -> Affine {
    let (light, reference) = (blackbody(p.kelvin), blackbody(6500.0));
    let gain: [f64; 3] = std::array::from_fn(|i| light[i] / reference[i]);
    let (kr, kb) = MatrixCoefficients::Bt709.weights();
    let luminance = kr * gain[0] + (1.0 - kr - kb) * gain[1] + kb * gain[2];
    Affine(std::array::from_fn(|i| {
        // A gain of the screen's light as a gain of its code.
        let encoded = libm::pow(gain[i] / luminance, 1.0 / DISPLAY_GAMMA);
        std::array::from_fn(|j| if i == j { encoded } else { 0.0 })
    }))
}

/// Linear BT.709 RGB of a black body, by the cubic fits of Kim et al. (US patent 7,024,034, 2006) to the Planckian
/// locus; what lies outside the gamut is cut off.
fn blackbody(kelvin: f64) -> [f64; 3] {
    let t = if kelvin.is_finite() { kelvin.clamp(1667.0, 25000.0) } else { 6500.0 };
    let cubic = |x: f64, [a, b, c, d]: [f64; 4]| ((a * x + b) * x + c) * x + d;
    let x = if t <= 4000.0 {
        cubic(1000.0 / t, [-0.2661239, -0.2343589, 0.8776956, 0.179910])
    } else {
        cubic(1000.0 / t, [-3.0258469, 2.1070379, 0.2226347, 0.240390])
    };
    let y = if t <= 2222.0 {
        cubic(x, [-1.1063814, -1.34811020, 2.18555832, -0.20219683])
    } else if t <= 4000.0 {
        cubic(x, [-0.9549476, -1.37418593, 2.09137015, -0.16748867])
    } else {
        cubic(x, [3.0817580, -5.87338670, 3.75112997, -0.37001483])
    };
    // XYZ of luminance 1 to BT.709 primaries with white D65 (IEC 61966-2-1, amendment 1).
    let (big_x, big_z) = (x / y, (1.0 - x - y) / y);
    let rgb = [
        3.2406255 * big_x - 1.5372080 - 0.4986286 * big_z,
        -0.9689307 * big_x + 1.8757561 + 0.0415175 * big_z,
        0.0557101 * big_x - 0.2040211 + 1.0569959 * big_z,
    ];
    rgb.map(|c| c.max(0.0))
}
