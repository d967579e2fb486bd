//! The unit of work of the cpu executor: a few hundred pixels that stay in the first-level cache while every step of
//! a pass goes over them.

use std::sync::OnceLock;

/// Pixels a row of a tile.
pub const TILE_WIDTH: usize = 256;
/// Rows of a tile: a chroma row's worth of 4:2:0.
pub const TILE_ROWS: usize = 2;
/// Pixels of a tile.
pub const TILE_PIXELS: usize = TILE_WIDTH * TILE_ROWS;

/// R, G, B and alpha (or Y, Cb, Cr codes and alpha, between load and conversion) of 2 rows of 256 pixels, row after
/// row: 8 KB. Pixels beyond the picture hold numbers that nobody reads.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub struct Tile {
    /// The four planes.
    pub planes: [[f32; TILE_PIXELS]; 4],
}

impl Tile {
    /// All zero.
    pub const fn new() -> Self {
        Tile { planes: [[0.0; TILE_PIXELS]; 4] }
    }
}

impl Default for Tile {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a tile lies in the picture that a step acts on. (A layer's steps see the layer's own coordinates, wherever
/// it is placed.)
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TilePlace {
    /// Column of the tile's first pixel.
    pub x: i32,
    /// Row of the tile's first pixel.
    pub y: i32,
    /// Columns of that picture.
    pub width: u32,
    /// Rows of that picture.
    pub height: u32,
}

/// Which instructions may be used. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SimdLevel {
    /// What every machine of the architecture has (SSE2, NEON).
    Baseline,
    /// AVX2.
    Avx2,
    /// AVX-512 F, BW, DQ, VL.
    Avx512,
}

impl SimdLevel {
    /// The highest level of this machine.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                return SimdLevel::Avx512;
            }
            if is_x86_feature_detected!("avx2") {
                return SimdLevel::Avx2;
            }
        }
        SimdLevel::Baseline
    }

    /// The level to work at, found once: `VFXB_SIMD` (`baseline`, `avx2`, `avx512`) where it names one that this
    /// machine has, else the highest it has.
    pub fn active() -> Self {
        static ACTIVE: OnceLock<SimdLevel> = OnceLock::new();
        *ACTIVE.get_or_init(|| {
            let highest = SimdLevel::detect();
            std::env::var("VFXB_SIMD")
                .ok()
                .and_then(|name| name.parse().ok())
                .map_or(highest, |l: SimdLevel| l.min(highest))
        })
    }

    /// This level, or the highest that the machine has if it is lower: what makes any level safe to ask for.
    #[inline]
    pub fn available(self) -> Self {
        static DETECTED: OnceLock<SimdLevel> = OnceLock::new();
        self.min(*DETECTED.get_or_init(SimdLevel::detect))
    }

    /// Every level that this machine has, lowest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let highest = SimdLevel::detect();
        [SimdLevel::Baseline, SimdLevel::Avx2, SimdLevel::Avx512].into_iter().filter(move |&l| l <= highest)
    }
}

impl std::fmt::Display for SimdLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SimdLevel::Baseline => "baseline",
            SimdLevel::Avx2 => "avx2",
            SimdLevel::Avx512 => "avx512",
        })
    }
}

impl std::str::FromStr for SimdLevel {
    type Err = UnknownSimdLevel;

    fn from_str(name: &str) -> Result<Self, UnknownSimdLevel> {
        match name {
            "baseline" => Ok(SimdLevel::Baseline),
            "avx2" => Ok(SimdLevel::Avx2),
            "avx512" => Ok(SimdLevel::Avx512),
            _ => Err(UnknownSimdLevel(name.to_owned())),
        }
    }
}

/// A name that is no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no SIMD level; there are baseline, avx2 and avx512")]
pub struct UnknownSimdLevel(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_names_and_none_beyond_the_machine_is_used() {
        for level in [SimdLevel::Baseline, SimdLevel::Avx2, SimdLevel::Avx512] {
            assert_eq!(level.to_string().parse(), Ok(level));
            assert_eq!(level.available(), level.min(SimdLevel::detect()));
        }
        assert!("sse9".parse::<SimdLevel>().is_err());
        assert_eq!(SimdLevel::all().last(), Some(SimdLevel::detect()));
    }
}
