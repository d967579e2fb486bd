//! Transcendental functions of lanes, from arithmetic alone: the same polynomials on every machine.
//!
//! Coefficients are near-minimax fits on the reduced interval; the tests state the error bounds.

use super::lane::{Lane, LaneU32};

/// Smallest divisor and argument of a logarithm.
pub const TINY: f32 = 1.0 / 1_048_576.0;

/// The binary logarithm of a number from [`TINY`] to 2¹²⁶ (others are brought into that range), within 5·10⁻⁷ + 1 ulp.
#[inline(always)]
pub fn log2<L: Lane>(x: L) -> L {
    let bits = x.clamp(TINY, 8.507_059e37).to_bits();
    // The exponent for a mantissa in [√½, √2): subtracting the bits of √½ moves the border there.
    let shifted = bits + L::U32::splat(0u32.wrapping_sub(0x3f35_04f3));
    let biased = (shifted + L::U32::splat(127 << 23)) >> 23;
    let exponent = L::from_u32(biased) - 127.0;
    let fraction = shifted & L::U32::splat(0x007f_ffff);
    let m = L::from_bits(fraction + L::U32::splat(0x3f35_04f3));
    // log2(m) = 2/ln 2 · atanh(t), t = (m − 1)/(m + 1), |t| ≤ 0.1716.
    let t = (m - 1.0) / (m + 1.0);
    let t2 = t * t;
    let series = (((t2 * 0.320_599 + 0.412_198_6) * t2 + 0.577_078) * t2 + 0.961_796_7) * t2 + 2.885_39;
    exponent + t * series
}

/// Two to the power of a number, brought into −126 to 126, within a share of 10⁻⁶.
#[inline(always)]
pub fn exp2<L: Lane>(x: L) -> L {
    let x = x.clamp(-126.0, 126.0);
    let whole = (x + 0.5).floor();
    let f = x - whole;
    // The Taylor series of 2^f on |f| ≤ ½ to the seventh power: the rest is below 2·10⁻⁹.
    let p = (((((f * 0.000_154_035_3 + 0.001_333_355_8) * f + 0.009_618_129) * f + 0.055_504_11) * f
        + 0.240_226_5)
        * f
        + std::f32::consts::LN_2)
        * f
        + 1.0;
    let power = (whole + 127.0).to_u32() << 23;
    p * L::from_bits(power)
}

/// `x` to the power of `y`, for `x` as in [`log2`].
#[inline(always)]
pub fn pow<L: Lane>(x: L, y: L) -> L {
    exp2(log2(x) * y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::simd::Floats;

    fn one(f: impl Fn(Floats<'static, 1>) -> Floats<'static, 1>, x: f32) -> f64 {
        f64::from(f(Floats::new([x])).0[0])
    }

    #[test]
    fn logarithm_and_power_keep_their_bounds() {
        for i in 0..200_000u32 {
            let x = TINY * libm::exp2f(i as f32 * (24.0 / 200_000.0));
            let exact = libm::log2(f64::from(x));
            assert!((one(log2, x) - exact).abs() <= 5e-7 + exact.abs() * 1.2e-7, "log2 {x}");
            let y = i as f32 / 1000.0 - 100.0;
            let exact = libm::exp2(f64::from(y));
            assert!((one(exp2, y) / exact - 1.0).abs() <= 1e-6, "exp2 {y}: {}", one(exp2, y) / exact - 1.0);
        }
        assert_eq!(one(log2, 1.0), 0.0);
        assert_eq!(one(exp2, 0.0), 1.0);
        assert_eq!(one(exp2, 1000.0), 126f64.exp2());
        assert_eq!(one(log2, -1.0), -20.0);
    }
}
