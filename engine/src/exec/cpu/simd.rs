//! One function, compiled for every level of instructions, the right one called at run time.
//!
//! Bodies are plain loops that the compiler turns into vectors. None fuses a multiplication with an addition and none
//! reorders a sum, so all levels give the same bits.

/// `fn name[generics](arguments) { body }` becomes a function that takes a `SimdLevel` first and runs the body
/// compiled for it.
macro_rules! simd {
    ($(#[$meta:meta])* $vis:vis fn $name:ident[$($generics:tt)*]($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        #[inline]
        $vis fn $name<$($generics)*>(level: $crate::exec::tile::SimdLevel, $($arg: $ty),*) {
            #[inline(always)]
            fn body<$($generics)*>($($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2<$($generics)*>($($arg: $ty),*) {
                body($($arg),*);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512<$($generics)*>($($arg: $ty),*) {
                body($($arg),*);
            }

            match level.available() {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `available` gives no level that the processor lacks.
                $crate::exec::tile::SimdLevel::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                $crate::exec::tile::SimdLevel::Avx512 => unsafe { avx512($($arg),*) },
                _ => body($($arg),*),
            }
        }
    };
}
pub(super) use simd;
