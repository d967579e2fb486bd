//! A pixel function's numbers: one struct, filled on the host once a frame and read by either machine's lanes.
//!
//! `uniforms!` writes the struct generic over what its numbers are: `Host` has `f32`s and whole tables and can
//! be packed; a [`Lane`] has lanes and tables in place, and is unpacked from the same floats in the same order.

use super::lane::Lane;

/// What the fields of a block of uniforms are.
pub trait Numbers {
    /// One number.
    type Number: Copy;
    /// `LEN` evenly spaced samples of a function.
    type Table<const LEN: usize>;
}

/// Plain floats on the host.
#[derive(Debug, Clone, Copy)]
pub struct Host;

impl Numbers for Host {
    type Number = f32;
    type Table<const LEN: usize> = [f32; LEN];
}

impl<L: Lane> Numbers for L {
    type Number = L;
    type Table<const LEN: usize> = L::Table<LEN>;
}

/// Where lanes get uniforms from, one after the other.
pub trait UniformReader<L: Lane> {
    /// The next number.
    fn number(&mut self) -> L;
    /// The next `LEN` numbers as a table.
    fn table<const LEN: usize>(&mut self) -> L::Table<LEN>;
}

/// A block of uniforms as lanes.
pub trait Unpack<L: Lane>: Sized {
    /// How many floats it takes.
    const LEN: usize;
    /// Reads it.
    fn unpack<R: UniformReader<L>>(reader: &mut R) -> Self;
}

/// Writes a struct of uniforms. A field is a `number`, some numbers `[number; 3]`, or a table `[table; 256]`.
macro_rules! uniforms {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$doc:meta])* $field:ident: $kind:tt),* $(,)? }) => {
        $(#[$meta])*
        $vis struct $name<N: $crate::effect::uniforms::Numbers> {
            $($(#[$doc])* pub $field: $crate::effect::uniforms::uniforms!(@type N $kind),)*
        }

        impl $name<$crate::effect::uniforms::Host> {
            /// Appends the block to the uniforms of a pass.
            #[allow(dead_code, reason = "blocks whose one number the caller pushes itself are never packed")]
            pub(crate) fn pack(&self, out: &mut Vec<f32>) {
                $($crate::effect::uniforms::uniforms!(@pack out, self.$field, $kind);)*
            }
        }

        impl<L: $crate::effect::lane::Lane> $crate::effect::uniforms::Unpack<L> for $name<L> {
            const LEN: usize = 0 $(+ $crate::effect::uniforms::uniforms!(@len $kind))*;
            #[inline(always)]
            fn unpack<R: $crate::effect::uniforms::UniformReader<L>>(reader: &mut R) -> Self {
                $name { $($field: $crate::effect::uniforms::uniforms!(@read reader, $kind)),* }
            }
        }
    };
    (@type $n:ident number) => { $n::Number };
    (@type $n:ident [number; $k:expr]) => { [$n::Number; $k] };
    (@type $n:ident [table; $k:expr]) => { $n::Table<{ $k }> };
    (@len number) => { 1 };
    (@len [$of:ident; $k:expr]) => { $k };
    (@pack $out:ident, $value:expr, number) => { $out.push($value) };
    (@pack $out:ident, $value:expr, [$of:ident; $k:expr]) => { $out.extend_from_slice(&$value) };
    (@read $reader:ident, number) => { $reader.number() };
    (@read $reader:ident, [number; $k:expr]) => { std::array::from_fn(|_| $reader.number()) };
    (@read $reader:ident, [table; $k:expr]) => { $reader.table() };
}

pub(crate) use uniforms;

uniforms! {
    /// No uniforms at all.
    pub struct Nothing {
        /// A block must have a field for its numbers' type to be known; this one is empty.
        none: [number; 0],
    }
}

/// A table of a function over 0–1, sampled on the host.
pub fn table<const LEN: usize>(f: impl Fn(f64) -> f64) -> [f32; LEN] {
    std::array::from_fn(|i| f(i as f64 / (LEN as f64 - 1.0)) as f32)
}
