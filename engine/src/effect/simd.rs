//! The lane of the CPU: `N` pixels' numbers side by side.
//!
//! Every operation is a plain loop over IEEE operations of one rounding each, which the compiler turns into vector
//! instructions of whatever level the calling function was compiled for; nothing is contracted or reassociated, so all
//! widths and levels give the same bits. There is no intrinsic here and nothing unsafe.

use std::marker::PhantomData;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Shl, Shr, Sub};

use super::lane::{Lane, LaneMask, LaneU32};

/// `N` numbers; `'u` is the life of the uniforms, whose tables are read in place.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Floats<'u, const N: usize>(pub [f32; N], PhantomData<&'u [f32]>);

/// `N` whole numbers.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Words<const N: usize>([u32; N]);

/// `N` truth values.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Mask<const N: usize>([bool; N]);

impl<const N: usize> Floats<'_, N> {
    /// These numbers.
    #[inline(always)]
    pub fn new(values: [f32; N]) -> Self {
        Floats(values, PhantomData)
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Floats::new(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

macro_rules! arithmetic {
    ($($trait:ident $function:ident $operator:tt),*) => {$(
        impl<const N: usize> $trait for Floats<'_, N> {
            type Output = Self;
            #[inline(always)]
            fn $function(self, other: Self) -> Self {
                self.zip(other, |a, b| a $operator b)
            }
        }
    )*};
}
arithmetic!(Add add +, Sub sub -, Mul mul *, Div div /);

macro_rules! with_constant {
    ($($trait:ident $function:ident $operator:tt),*) => {$(
        impl<const N: usize> $trait<f32> for Floats<'_, N> {
            type Output = Self;
            #[inline(always)]
            fn $function(self, other: f32) -> Self {
                Floats::new(self.0.map(|a| a $operator other))
            }
        }
    )*};
}
with_constant!(Add add +, Sub sub -, Mul mul *);

impl<const N: usize> Neg for Floats<'_, N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Floats::new(self.0.map(|a| -a))
    }
}

impl<'u, const N: usize> Lane for Floats<'u, N> {
    type Mask = Mask<N>;
    type U32 = Words<N>;
    type Table<const LEN: usize> = &'u [f32; LEN];

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Floats::new([value; N])
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn floor(self) -> Self {
        Floats::new(self.0.map(f32::floor))
    }
    #[inline(always)]
    fn lt(self, other: Self) -> Mask<N> {
        Mask(std::array::from_fn(|i| self.0[i] < other.0[i]))
    }
    #[inline(always)]
    fn le(self, other: Self) -> Mask<N> {
        Mask(std::array::from_fn(|i| self.0[i] <= other.0[i]))
    }
    #[inline(always)]
    fn select(mask: Mask<N>, yes: Self, no: Self) -> Self {
        Floats::new(std::array::from_fn(|i| if mask.0[i] { yes.0[i] } else { no.0[i] }))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Floats::new(self.0.map(f32::sqrt))
    }
    #[inline(always)]
    fn to_u32(self) -> Words<N> {
        // In 2²³ to 2²⁴ the last bit of a float is worth 1, so that the sum's mantissa is the whole number. (A cast
        // would check for NaN and overflow, a lane at a time.)
        Words(self.0.map(|a| (a.floor() + 8_388_608.0).to_bits() & 0x007f_ffff))
    }
    #[inline(always)]
    fn from_u32(value: Words<N>) -> Self {
        // By way of i32, which has a vector instruction where u32 has none.
        Floats::new(value.0.map(|a| a as i32 as f32))
    }
    #[inline(always)]
    fn to_bits(self) -> Words<N> {
        Words(self.0.map(f32::to_bits))
    }
    #[inline(always)]
    fn from_bits(bits: Words<N>) -> Self {
        Floats::new(bits.0.map(f32::from_bits))
    }
    #[inline(always)]
    fn fetch<const LEN: usize>(table: &'u [f32; LEN], index: Words<N>) -> Self {
        Floats::new(index.0.map(|i| table[(i as usize).min(LEN - 1)]))
    }
}

macro_rules! whole {
    ($($trait:ident $function:ident $method:ident),*) => {$(
        impl<const N: usize> $trait for Words<N> {
            type Output = Self;
            #[inline(always)]
            fn $function(self, other: Self) -> Self {
                Words(std::array::from_fn(|i| self.0[i].$method(other.0[i])))
            }
        }
    )*};
}
whole!(Add add wrapping_add, Mul mul wrapping_mul, BitXor bitxor bitxor, BitAnd bitand bitand);

impl<const N: usize> Shl<u32> for Words<N> {
    type Output = Self;
    #[inline(always)]
    fn shl(self, count: u32) -> Self {
        Words(self.0.map(|a| a.wrapping_shl(count)))
    }
}

impl<const N: usize> Shr<u32> for Words<N> {
    type Output = Self;
    #[inline(always)]
    fn shr(self, count: u32) -> Self {
        Words(self.0.map(|a| a.wrapping_shr(count)))
    }
}

impl<const N: usize> LaneU32 for Words<N> {
    #[inline(always)]
    fn splat(value: u32) -> Self {
        Words([value; N])
    }
}

impl<const N: usize> BitAnd for Mask<N> {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Mask(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }
}

impl<const N: usize> BitOr for Mask<N> {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Mask(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }
}

impl<const N: usize> Not for Mask<N> {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Mask(self.0.map(|a| !a))
    }
}

impl<const N: usize> LaneMask for Mask<N> {}
