//! Colour as numbers: which matrix, range, transfer, primaries and siting a picture has, and the affine maps between
//! its codes and RGB.
//!
//! Every matrix is derived from Kr and Kb in f64 (ITU-T H.273), never from a table of rounded coefficients.

use serde::{Deserialize, Serialize};

/// Which luma weights turn RGB into Y′CbCr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MatrixCoefficients {
    /// No conversion: the planes are R, G, B.
    Rgb,
    /// ITU-R BT.709.
    Bt709,
    /// ITU-R BT.601, both line systems.
    Bt601,
    /// FCC 73.682.
    Fcc,
    /// SMPTE 240M.
    Smpte240m,
    /// ITU-R BT.2020, non-constant luminance.
    Bt2020,
}

impl MatrixCoefficients {
    /// Kr and Kb (ITU-T H.273, table 4).
    pub fn weights(self) -> (f64, f64) {
        match self {
            MatrixCoefficients::Rgb | MatrixCoefficients::Bt709 => (0.2126, 0.0722),
            MatrixCoefficients::Bt601 => (0.299, 0.114),
            MatrixCoefficients::Fcc => (0.30, 0.11),
            MatrixCoefficients::Smpte240m => (0.212, 0.087),
            MatrixCoefficients::Bt2020 => (0.2627, 0.0593),
        }
    }
}

/// Which codes are black and white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Range {
    /// 16 to 235 of 255 for luma, 16 to 240 for chroma, and the same shares at other depths.
    Limited,
    /// Every code.
    Full,
}

/// The transfer characteristic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Transfer {
    /// BT.709, and BT.601 and BT.2020, which share its curve.
    Bt709,
    /// IEC 61966-2-1.
    Srgb,
    /// Linear light.
    Linear,
    /// SMPTE ST 2084.
    Pq,
    /// ARIB STD-B67.
    Hlg,
}

/// The primaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Primaries {
    /// BT.709 and sRGB.
    Bt709,
    /// BT.601, 625 lines.
    Bt601Pal,
    /// BT.601, 525 lines.
    Bt601Ntsc,
    /// BT.2020.
    Bt2020,
    /// SMPTE RP 431-2 and EG 432-1, with the D65 white point.
    P3,
}

/// Where a chroma sample lies among the luma samples that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Siting {
    /// On the left luma column, between the rows: MPEG-2, H.264's default.
    Left,
    /// In the middle: MPEG-1, JPEG.
    Center,
    /// On the upper left luma sample: BT.2020, DV's 4:2:0.
    TopLeft,
}

impl Siting {
    /// Offset of a chroma sample from the upper left luma sample of its cell, in luma samples, where the cell has
    /// `1 << log2_x` columns and `1 << log2_y` rows.
    pub fn offset(self, log2_x: u8, log2_y: u8) -> (f64, f64) {
        let middle = |log2: u8| (f64::from(1u32 << log2) - 1.0) / 2.0;
        match self {
            Siting::Left => (0.0, middle(log2_y)),
            Siting::Center => (middle(log2_x), middle(log2_y)),
            Siting::TopLeft => (0.0, 0.0),
        }
    }
}

/// What a picture's codes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ColourSpec {
    /// Luma weights.
    pub matrix: MatrixCoefficients,
    /// Black and white.
    pub range: Range,
    /// Transfer characteristic.
    pub transfer: Transfer,
    /// Primaries.
    pub primaries: Primaries,
    /// Chroma siting.
    pub siting: Siting,
}

impl ColourSpec {
    /// BT.709 as broadcast and the web have it.
    pub const BT709: ColourSpec = ColourSpec {
        matrix: MatrixCoefficients::Bt709,
        range: Range::Limited,
        transfer: Transfer::Bt709,
        primaries: Primaries::Bt709,
        siting: Siting::Left,
    };

    /// RGB as stills and our own intermediate pictures have it.
    pub const SRGB: ColourSpec = ColourSpec {
        matrix: MatrixCoefficients::Rgb,
        range: Range::Full,
        transfer: Transfer::Srgb,
        primaries: Primaries::Bt709,
        siting: Siting::Center,
    };
}

/// An affine map of a colour: row `i` is the weights of the three inputs and an offset.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Affine(pub [[f64; 4]; 3]);

impl Affine {
    /// Changes nothing.
    pub const IDENTITY: Affine = Affine([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);

    /// A grey-keeping scale: `factor × x + offset` on each channel.
    pub fn scale(factor: f64, offset: f64) -> Affine {
        Affine(std::array::from_fn(|i| {
            std::array::from_fn(|j| if j == 3 { offset } else { f64::from(u8::from(i == j)) * factor })
        }))
    }

    /// `self` first, then `next`.
    #[must_use]
    pub fn then(&self, next: &Affine) -> Affine {
        Affine(std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                let own = if j == 3 { next.0[i][3] } else { 0.0 };
                (0..3).map(|k| next.0[i][k] * self.0[k][j]).sum::<f64>() + own
            })
        }))
    }

    /// `(1 − share) × a + share × b`.
    #[must_use]
    pub fn mix(a: &Affine, b: &Affine, share: f64) -> Affine {
        Affine(std::array::from_fn(|i| std::array::from_fn(|j| a.0[i][j] + (b.0[i][j] - a.0[i][j]) * share)))
    }

    /// The map back, or `None` if this one loses something.
    pub fn inverse(&self) -> Option<Affine> {
        let m = &self.0;
        let cof = |r0: usize, c0: usize, r1: usize, c1: usize| m[r0][c0] * m[r1][c1] - m[r0][c1] * m[r1][c0];
        let det = m[0][0] * cof(1, 1, 2, 2) - m[0][1] * cof(1, 0, 2, 2) + m[0][2] * cof(1, 0, 2, 1);
        if det.abs() < 1e-30 {
            return None;
        }
        let mut out = [[0.0; 4]; 3];
        for (i, row) in out.iter_mut().enumerate() {
            for (j, cell) in row.iter_mut().take(3).enumerate() {
                let (a, b, c, d) = ((j + 1) % 3, (i + 1) % 3, (j + 2) % 3, (i + 2) % 3);
                *cell = (m[a][b] * m[c][d] - m[a][d] * m[c][b]) / det;
            }
            row[3] = -(0..3).map(|k| row[k] * m[k][3]).sum::<f64>();
        }
        Some(Affine(out))
    }

    /// The map applied to one colour.
    pub fn apply(&self, c: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|i| {
            self.0[i][0] * c[0] + self.0[i][1] * c[1] + self.0[i][2] * c[2] + self.0[i][3]
        })
    }
}

/// Black, white and chroma scale of a Y′CbCr range at a depth: `(luma offset, luma span, chroma offset, chroma span)`
/// in codes (ITU-T H.273, equations 20 to 25).
pub fn code_range(range: Range, depth: u8) -> (f64, f64, f64, f64) {
    let step = f64::from(1u32 << (depth.clamp(8, 16) - 8));
    match range {
        Range::Limited => (16.0 * step, 219.0 * step, 128.0 * step, 224.0 * step),
        Range::Full => {
            let top = f64::from((1u32 << depth.clamp(8, 16)) - 1);
            (0.0, top, 128.0 * step, top)
        }
    }
}

/// The map from codes of `depth` bits to gamma-encoded RGB, 0–1 between black and white. For
/// [`MatrixCoefficients::Rgb`] the codes are R, G, B. Depth 0 means that they are 0–1 already.
pub fn codes_to_rgb(colour: &ColourSpec, depth: u8) -> Affine {
    if depth == 0 {
        return Affine::IDENTITY;
    }
    if colour.matrix == MatrixCoefficients::Rgb {
        return match colour.range {
            Range::Full => Affine::scale(1.0 / f64::from((1u32 << depth) - 1), 0.0),
            Range::Limited => {
                let (black, span, ..) = code_range(Range::Limited, depth);
                Affine::scale(1.0 / span, -black / span)
            }
        };
    }
    let (kr, kb) = colour.matrix.weights();
    let kg = 1.0 - kr - kb;
    let (y0, ys, c0, cs) = code_range(colour.range, depth);
    let normalise = Affine([
        [1.0 / ys, 0.0, 0.0, -y0 / ys],
        [0.0, 1.0 / cs, 0.0, -c0 / cs],
        [0.0, 0.0, 1.0 / cs, -c0 / cs],
    ]);
    let (cr_r, cb_b) = (2.0 * (1.0 - kr), 2.0 * (1.0 - kb));
    normalise.then(&Affine([
        [1.0, 0.0, cr_r, 0.0],
        [1.0, -cb_b * kb / kg, -cr_r * kr / kg, 0.0],
        [1.0, cb_b, 0.0, 0.0],
    ]))
}

/// The map from gamma-encoded RGB to codes: the inverse of [`codes_to_rgb`], written out so that it is exact.
pub fn rgb_to_codes(colour: &ColourSpec, depth: u8) -> Affine {
    if depth == 0 {
        return Affine::IDENTITY;
    }
    if colour.matrix == MatrixCoefficients::Rgb {
        return match colour.range {
            Range::Full => Affine::scale(f64::from((1u32 << depth) - 1), 0.0),
            Range::Limited => {
                let (black, span, ..) = code_range(Range::Limited, depth);
                Affine::scale(span, black)
            }
        };
    }
    let (kr, kb) = colour.matrix.weights();
    let kg = 1.0 - kr - kb;
    let (y0, ys, c0, cs) = code_range(colour.range, depth);
    let (u, v) = (cs / (2.0 * (1.0 - kb)), cs / (2.0 * (1.0 - kr)));
    Affine([
        [kr * ys, kg * ys, kb * ys, y0],
        [-kr * u, -kg * u, (1.0 - kb) * u, c0],
        [(1.0 - kr) * v, -kg * v, -kb * v, c0],
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: [f64; 3], b: [f64; 3]) {
        for (x, y) in a.iter().zip(b) {
            assert!((x - y).abs() < 1e-9, "{a:?} {b:?}");
        }
    }

    #[test]
    fn black_white_and_primaries_have_their_codes() {
        let to = rgb_to_codes(&ColourSpec::BT709, 8);
        close(to.apply([0.0; 3]), [16.0, 128.0, 128.0]);
        close(to.apply([1.0; 3]), [235.0, 128.0, 128.0]);
        close(
            to.apply([0.0, 0.0, 1.0]),
            [16.0 + 219.0 * 0.0722, 240.0, 128.0 - 224.0 * 0.0722 / (2.0 * 0.7874)],
        );
    }

    #[test]
    fn there_and_back_is_the_identity_for_every_spec() {
        use MatrixCoefficients::*;
        for matrix in [Rgb, Bt709, Bt601, Fcc, Smpte240m, Bt2020] {
            for range in [Range::Limited, Range::Full] {
                for depth in [8, 10, 12, 16] {
                    let spec = ColourSpec { matrix, range, ..ColourSpec::BT709 };
                    let round = codes_to_rgb(&spec, depth).then(&rgb_to_codes(&spec, depth));
                    close(round.apply([100.0, 60.0, 200.0]), [100.0, 60.0, 200.0]);
                    let inverse = codes_to_rgb(&spec, depth).inverse().unwrap();
                    close(inverse.apply([0.2, 0.7, 0.4]), rgb_to_codes(&spec, depth).apply([0.2, 0.7, 0.4]));
                }
            }
        }
    }
}
