//! The arithmetic that a pixel function is written in.
//!
//! A pixel function is generic over [`Lane`]. On the CPU a lane is a few pixels' worth of `f32` in SIMD registers; on
//! the GPU it is a *trace* that records each operation as WGSL. So there is one definition of an effect, and the two
//! machines can differ only by the rounding of one operation.
//!
//! The rules (no `mul_add`, no reciprocal estimates, no transcendental of the platform, no branch, constant loop counts)
//! are kept by there being nothing else to call: what a lane does not offer is not offered on purpose.

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Shl, Shr, Sub};

/// A truth value a lane.
pub trait LaneMask: Copy + BitAnd<Output = Self> + BitOr<Output = Self> + Not<Output = Self> {}

/// Unsigned whole numbers a lane; addition and multiplication wrap. For hashes.
pub trait LaneU32:
    Copy
    + Add<Output = Self>
    + Mul<Output = Self>
    + BitXor<Output = Self>
    + BitAnd<Output = Self>
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
{
    /// The same number in every lane.
    fn splat(value: u32) -> Self;
}

/// Numbers a lane.
pub trait Lane:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f32, Output = Self>
    + Sub<f32, Output = Self>
    + Mul<f32, Output = Self>
{
    /// Truth values of comparisons.
    type Mask: LaneMask;
    /// Whole numbers.
    type U32: LaneU32;
    /// A table of the uniforms: `LEN` evenly spaced samples of a function.
    type Table<const LEN: usize>: Copy;

    /// The same number in every lane.
    fn splat(value: f32) -> Self;
    /// The smaller; `other` where either is NaN.
    fn min(self, other: Self) -> Self;
    /// The larger; `other` where either is NaN.
    fn max(self, other: Self) -> Self;
    /// The largest whole number not above.
    fn floor(self) -> Self;
    /// `self < other`; false for NaN.
    fn lt(self, other: Self) -> Self::Mask;
    /// `self <= other`; false for NaN.
    fn le(self, other: Self) -> Self::Mask;
    /// `yes` where the mask holds, else `no`.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// The square root, correctly rounded; of a number that is not negative.
    fn sqrt(self) -> Self;
    /// Whole numbers from floats from 0 to below 2²³, rounded towards zero; others give an unspecified number.
    fn to_u32(self) -> Self::U32;
    /// Floats from whole numbers below 2²⁴, exact.
    fn from_u32(value: Self::U32) -> Self;
    /// The bits of the number.
    fn to_bits(self) -> Self::U32;
    /// The number of these bits, which must be finite and normal, or 0.
    fn from_bits(bits: Self::U32) -> Self;
    /// One sample of a table; of an index beyond it, the last.
    fn fetch<const LEN: usize>(table: Self::Table<LEN>, index: Self::U32) -> Self;

    /// The table's function at `self`, where 0 is its first sample and 1 its last: linear between samples, the end
    /// samples' *slopes* continued outside, so that no clamp is hidden in it. `LEN` is 2 to 65,536.
    #[inline(always)]
    fn look_up<const LEN: usize>(self, table: Self::Table<LEN>) -> Self {
        let position = self * (LEN as f32 - 1.0);
        let index = position.clamp(0.0, LEN as f32 - 2.0).floor();
        let whole = index.to_u32();
        let (a, b) = (Self::fetch(table, whole), Self::fetch(table, whole + Self::U32::splat(1)));
        a.mix(b, position - index)
    }

    /// `self` brought into `low..=high`.
    #[inline(always)]
    fn clamp(self, low: f32, high: f32) -> Self {
        self.max(Self::splat(low)).min(Self::splat(high))
    }

    /// Without its sign.
    #[inline(always)]
    fn abs(self) -> Self {
        self.max(-self)
    }

    /// `self` at 0, `other` at 1.
    #[inline(always)]
    fn mix(self, other: Self, share: Self) -> Self {
        self + (other - self) * share
    }
}

/// A pixel: gamma-encoded R, G, B on 0–1 (not clamped), and alpha.
#[derive(Debug, Clone, Copy)]
pub struct Rgba<L> {
    /// Red.
    pub r: L,
    /// Green.
    pub g: L,
    /// Blue.
    pub b: L,
    /// Alpha, 0–1.
    pub a: L,
}

impl<L: Lane> Rgba<L> {
    /// The same function on red, green and blue; alpha stays.
    #[inline(always)]
    pub fn each(self, mut f: impl FnMut(L) -> L) -> Self {
        Rgba { r: f(self.r), g: f(self.g), b: f(self.b), a: self.a }
    }

    /// `self` at 0, `other` at 1, alpha too.
    #[inline(always)]
    pub fn mix(self, other: Self, share: L) -> Self {
        Rgba {
            r: self.r.mix(other.r, share),
            g: self.g.mix(other.g, share),
            b: self.b.mix(other.b, share),
            a: self.a.mix(other.a, share),
        }
    }

    /// BT.709 luma of the encoded colour.
    #[inline(always)]
    pub fn luma(self) -> L {
        self.r * 0.2126 + self.g * 0.7152 + self.b * 0.0722
    }
}

/// Where a pixel is, in the picture that the effect acts on.
#[derive(Debug, Clone, Copy)]
pub struct Position<L> {
    /// Column, whole, 0 at the left.
    pub x: L,
    /// Row, whole, 0 at the top.
    pub y: L,
    /// Columns of the picture.
    pub width: L,
    /// Rows of the picture.
    pub height: L,
}
