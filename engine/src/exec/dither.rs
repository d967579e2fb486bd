//! The ordered dither of a reduction of depth, the same on every executor.
//!
//! Fixed in x and y, so that a still picture stays still and a segment equals the whole.

/// Bayer's 8 × 8 index matrix (Bayer 1973): row `y & 7`, column `x & 7`.
pub const ORDER: [[u8; 8]; 8] = [
    [0, 32, 8, 40, 2, 34, 10, 42],
    [48, 16, 56, 24, 50, 18, 58, 26],
    [12, 44, 4, 36, 14, 46, 6, 38],
    [60, 28, 52, 20, 62, 30, 54, 22],
    [3, 35, 11, 43, 1, 33, 9, 41],
    [51, 19, 59, 27, 49, 17, 57, 25],
    [15, 47, 7, 39, 13, 45, 5, 37],
    [63, 31, 55, 23, 61, 29, 53, 21],
];

/// What is added to the codes of row `y` of a plane before they are rounded to the nearest: one number a column of
/// `x & 7`, between −½ and ½, so that a whole code stays what it is. Coordinates are the plane's own samples.
pub fn row(y: usize) -> [f32; 8] {
    ORDER[y & 7].map(|n| (f32::from(n) + 0.5) / 64.0 - 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_threshold_occurs_once_and_the_mean_is_kept() {
        let mut seen: Vec<u8> = ORDER.concat();
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..64));
        assert_eq!((0..8).flat_map(row).sum::<f32>(), 0.0);
    }
}
