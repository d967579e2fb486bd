//! Floats into planes: rounding, dither, and chroma down to the output's grid.
//!
//! Subsampled chroma goes through two steps. A luma row's chroma, full width, is filtered across into a [`Ring`] of
//! the rows that the tent still reaches; when the last row of a chroma row's tent is there, it is filtered down and
//! stored, alone or as a difference: then how much of the base is covered goes the same way as a third number. Rows and
//! columns that nothing touched are known, and copied.

use std::ops::Range;

use super::chroma::Tent;
use super::load::Sampled;
use super::simd::simd;
use crate::exec::dither;
use crate::exec::tile::SimdLevel;

/// Floats on both sides of a [`ChromaRow`], for the tent's reach beyond the picture.
const PAD: usize = 16;

simd! {
    /// Floats to samples.
    pub(super) fn narrow[T: Sampled](src: &[f32], dst: &mut [T], top: f32) {
        for (d, s) in dst.iter_mut().zip(src) {
            *d = T::narrow(*s, top);
        }
    }
}

simd! {
    /// Floats of 0–1 to samples.
    pub(super) fn narrow_scaled[T: Sampled](src: &[f32], dst: &mut [T], top: f32) {
        for (d, s) in dst.iter_mut().zip(src) {
            *d = T::narrow(*s * top, top);
        }
    }
}

/// Adds the dither of row `y` from column `x` on.
pub(super) fn add_dither(values: &mut [f32], x: usize, y: usize) {
    let mut row = dither::row(y);
    row.rotate_left(x & 7);
    for chunk in values.chunks_mut(8) {
        for (v, d) in chunk.iter_mut().zip(row) {
            *v += d;
        }
    }
}

simd! {
    /// What `new` differs from `old` by.
    pub(super) fn subtract[](new: &[f32], old: &[f32], dst: &mut [f32]) {
        for ((d, n), o) in dst.iter_mut().zip(new).zip(old) {
            *d = n - o;
        }
    }
}

simd! {
    /// What `new` differs from the share of `old` that is left in it by.
    pub(super) fn subtract_share[](new: &[f32], old: &[f32], share: &[f32], dst: &mut [f32]) {
        for (((d, n), o), s) in dst.iter_mut().zip(new).zip(old).zip(share) {
            *d = n - o * s;
        }
    }
}

simd! {
    /// What is not left of the base.
    pub(super) fn cover[](share: &[f32], dst: &mut [f32]) {
        for (d, s) in dst.iter_mut().zip(share) {
            *d = 1.0 - s;
        }
    }
}

simd! {
    fn decimate[const N: usize](src: &[f32], dst: &mut [f32], weights: &[f32; N]) {
        let pairs = src.chunks_exact(2).zip(src[2..].chunks_exact(2));
        for (d, (a, b)) in dst.iter_mut().zip(pairs) {
            let mut sum = a[0] * weights[0] + a[1] * weights[1] + b[0] * weights[2];
            if N == 4 {
                sum += b[1] * weights[3];
            }
            *d = sum;
        }
    }
}

simd! {
    fn weighted[const N: usize](rows: &[&[f32]; N], weights: &[f32; N], dst: &mut [f32]) {
        let rows = rows.map(|r| &r[..dst.len()]);
        for (i, d) in dst.iter_mut().enumerate() {
            let mut sum = rows[0][i] * weights[0];
            for n in 1..N {
                sum += rows[n][i] * weights[n];
            }
            *d = sum;
        }
    }
}

simd! {
    fn accumulate[](row: &[f32], weight: f32, dst: &mut [f32]) {
        for (d, s) in dst.iter_mut().zip(row) {
            *d += s * weight;
        }
    }
}

simd! {
    /// Adds what a difference is a difference from.
    fn add_samples[T: Sampled](base: &[T], dst: &mut [f32]) {
        for (d, b) in dst.iter_mut().zip(base) {
            *d += b.widen();
        }
    }
}

simd! {
    /// The same where it is covered in part.
    fn add_uncovered[T: Sampled](base: &[T], cover: &[f32], dst: &mut [f32]) {
        for ((d, b), c) in dst.iter_mut().zip(base).zip(cover) {
            *d += b.widen() * (1.0 - c);
        }
    }
}

/// One luma row's chroma (or any one number a pixel) at full width.
#[derive(Debug, Default)]
pub(super) struct ChromaRow {
    padded: Vec<f32>,
    width: usize,
}

impl ChromaRow {
    /// For rows of so many pixels.
    pub(super) fn resize(&mut self, width: usize) {
        self.width = width;
        self.padded.resize(width + 2 * PAD, 0.0);
    }

    /// The pixels.
    pub(super) fn values(&mut self) -> &mut [f32] {
        &mut self.padded[PAD..PAD + self.width]
    }

    /// Continues the edges, once all pixels are there.
    fn pad(&mut self) {
        let (first, last) = (self.padded[PAD], self.padded[PAD + self.width - 1]);
        self.padded[..PAD].fill(first);
        self.padded[PAD + self.width..].fill(last);
    }

    /// The tent over the chroma columns `columns`.
    fn filter(&mut self, level: SimdLevel, tent: &Tent, columns: Range<usize>, dst: &mut [f32]) {
        self.pad();
        let start = (PAD + columns.start * tent.cell).wrapping_add_signed(tent.first as isize);
        let src = &self.padded[start..];
        match (tent.cell, &tent.weights[..]) {
            (1, _) => dst.copy_from_slice(&src[..dst.len()]),
            (2, [a, b, c]) => decimate(level, src, dst, &[*a, *b, *c]),
            (2, [a, b, c, d]) => decimate(level, src, dst, &[*a, *b, *c, *d]),
            (cell, weights) => {
                for (i, d) in dst.iter_mut().enumerate() {
                    *d = src[i * cell..].iter().zip(weights).map(|(s, w)| s * w).sum();
                }
            }
        }
    }
}

/// The last few luma rows of a plane, filtered across.
#[derive(Debug, Default)]
pub(super) struct Ring {
    rows: Vec<f32>,
    /// Outside these columns a row is all zero.
    touched: Vec<Range<usize>>,
    width: usize,
    sum: Vec<f32>,
}

impl Ring {
    /// For planes of `width` columns whose chroma rows are made by `tent`.
    pub(super) fn resize(&mut self, width: usize, tent: &Tent) {
        let rows = tent.weights.len() + tent.cell.max(2);
        self.width = width;
        self.rows.resize(rows * width, 0.0);
        self.touched.resize(rows, 0..0);
        self.sum.resize(width, 0.0);
    }

    fn slot(&self, y: usize) -> usize {
        y % self.touched.len()
    }

    /// Luma row `y` comes in; it is zero but for the chroma columns `columns`.
    pub(super) fn put(
        &mut self,
        level: SimdLevel,
        y: usize,
        row: &mut ChromaRow,
        tent: &Tent,
        columns: Range<usize>,
    ) {
        let slot = self.slot(y);
        let dst = &mut self.rows[slot * self.width..][..self.width];
        dst[..columns.start].fill(0.0);
        dst[columns.end..].fill(0.0);
        row.filter(level, tent, columns.clone(), &mut dst[columns.clone()]);
        self.touched[slot] = columns;
    }

    /// Luma row `y` is all zero.
    pub(super) fn put_nothing(&mut self, y: usize) {
        let slot = self.slot(y);
        self.rows[slot * self.width..][..self.width].fill(0.0);
        self.touched[slot] = 0..0;
    }

    /// The columns of chroma row `k` that are not zero, and their values.
    pub(super) fn take(
        &mut self,
        level: SimdLevel,
        k: usize,
        tent: &Tent,
        height: usize,
    ) -> (Range<usize>, &mut [f32]) {
        let slots = || tent.taps(k, height).map(|y| y % self.touched.len());
        let start = slots().map(|s| &self.touched[s]).filter(|r| !r.is_empty()).map(|r| r.start).min();
        let end = slots().map(|s| self.touched[s].end).max().unwrap_or(0);
        let columns = start.unwrap_or(end)..end;
        let sum = &mut self.sum[columns.clone()];
        let mut rows = slots().map(|s| &self.rows[s * self.width..][columns.clone()]);
        match tent.weights[..] {
            [a, b, c, d] => {
                let four = [(); 4].map(|()| rows.next().unwrap_or_default());
                weighted(level, &four, &[a, b, c, d], sum);
            }
            [a, b, c] => {
                let three = [(); 3].map(|()| rows.next().unwrap_or_default());
                weighted(level, &three, &[a, b, c], sum);
            }
            ref weights => {
                sum.fill(0.0);
                for (row, weight) in rows.zip(weights) {
                    accumulate(level, row, *weight, sum);
                }
            }
        }
        (columns, sum)
    }
}

/// Adds the samples of a row that a difference is a difference from, from column `start` on; of those in `covered` what
/// is not covered.
pub(super) fn add_base<T: Sampled>(
    level: SimdLevel,
    base: &[T],
    start: usize,
    (covered, cover): (Range<usize>, &[f32]),
    sum: &mut [f32],
) {
    let end = start + sum.len();
    let (from, to) = (covered.start.clamp(start, end), covered.end.clamp(start, end));
    let (head, rest) = sum.split_at_mut(from - start);
    let (middle, tail) = rest.split_at_mut(to.max(from) - from);
    add_samples(level, &base[start..from], head);
    if !middle.is_empty() {
        add_uncovered(level, &base[from..to], &cover[from - covered.start..], middle);
    }
    add_samples(level, &base[to.max(from)..end], tail);
}
