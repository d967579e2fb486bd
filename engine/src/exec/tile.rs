//! The unit of work of the cpu executor: a few hundred pixels that stay in the first-level cache while every step of
//! a pass goes over them.

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
