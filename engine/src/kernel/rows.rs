//! Rows of samples and the innermost loops over them: widening, laying side by side, weighted sums across and down.
//!
//! All of it is plain code that is inlined into a function of each SIMD level; every sum is taken in the order of its
//! taps. It knows planes, tables and rows, not what they are for.

use bytemuck::Pod;

use super::coefficients::Table;
use crate::picture::{Picture, Sample};

/// Rows that go through the horizontal filter side by side, one a SIMD lane.
pub(super) const LANES: usize = 8;
/// Columns of the vertical filter whose sums are held in registers.
const RUN: usize = 32;
pub(super) type Column = [f32; LANES];

/// A plane of samples in memory, to be read.
#[derive(Debug, Clone, Copy)]
pub struct PlaneView<'a> {
    /// Rows at `stride`.
    pub bytes: &'a [u8],
    /// Bytes from row to row.
    pub stride: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// How a sample is stored.
    pub sample: Sample,
}

impl<'a> PlaneView<'a> {
    /// A plane of a picture.
    pub fn of(picture: &'a Picture, index: usize) -> Self {
        let (width, height) = picture.plane_size(index);
        let storage = picture.storage();
        PlaneView {
            bytes: storage.plane(index),
            stride: storage.stride(index),
            width: width as usize,
            height: height as usize,
            sample: picture.spec().format.sample,
        }
    }

    /// Floats of our own, rows without padding.
    pub fn floats(values: &'a [f32], width: usize) -> Self {
        PlaneView {
            bytes: bytemuck::cast_slice(values),
            stride: width * 4,
            width,
            height: values.len() / width.max(1),
            sample: Sample::F32(0),
        }
    }

    #[inline(always)]
    pub(super) fn row<T: Pod>(&self, y: usize) -> &'a [T] {
        bytemuck::cast_slice(&self.bytes[y * self.stride..][..self.width * size_of::<T>()])
    }
}

/// A sample as it is stored.
pub(super) trait Stored: Pod {
    fn widen(self) -> f32;
}

impl Stored for u8 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from(self)
    }
}

impl Stored for u16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from(self)
    }
}

impl Stored for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
}

/// Rows already filtered across, or widened, by number: as many as the filter down spans.
pub(super) struct Ring {
    rows: Vec<f32>,
    /// From one row to the next.
    pub(super) width: usize,
    /// Which group of rows each slot holds.
    held: Vec<Option<usize>>,
    /// Rows of a group.
    group: usize,
}

impl Ring {
    pub(super) fn new(width: usize, group: usize, taps: usize) -> Ring {
        let slots = (taps + 2 * group - 2) / group;
        let width = width.next_multiple_of(RUN);
        Ring { rows: vec![0.0; width * group * slots], width, held: vec![None; slots], group }
    }

    /// The rows of group `index` to be filled, if they are not there.
    #[inline(always)]
    pub(super) fn missing(&mut self, index: usize) -> Option<&mut [f32]> {
        let slot = index % self.held.len();
        if self.held[slot] == Some(index) {
            return None;
        }
        self.held[slot] = Some(index);
        let size = self.width * self.group;
        Some(&mut self.rows[slot * size..][..size])
    }

    #[inline(always)]
    pub(super) fn row(&self, y: usize) -> &[f32] {
        let slot = y / self.group % self.held.len();
        &self.rows[(slot * self.group + y % self.group) * self.width..][..self.width]
    }
}

/// Eight rows of the input (columns, if it is transposed) from `first` on, side by side; the last is repeated where
/// there are no more.
#[inline(always)]
pub(super) fn load_group<T: Stored>(
    input: &PlaneView<'_>,
    transpose: bool,
    first: usize,
    column: usize,
    side: &mut [Column],
) {
    if transpose {
        let last = input.width - 1;
        for (c, to) in side.iter_mut().enumerate() {
            let row = input.row::<T>(column + c);
            match row.get(first..first + LANES) {
                Some(from) => *to = std::array::from_fn(|l| from[l].widen()),
                None => *to = std::array::from_fn(|l| row[(first + l).min(last)].widen()),
            }
        }
    } else {
        let last = input.height - 1;
        let rows = std::array::from_fn(|l| &input.row::<T>((first + l).min(last))[column..][..side.len()]);
        lay_side_by_side(rows, side);
    }
}

#[inline(always)]
pub(super) fn lay_side_by_side<T: Stored>(rows: [&[T]; LANES], side: &mut [Column]) {
    for (c, to) in side.iter_mut().enumerate() {
        *to = std::array::from_fn(|l| rows[l][c].widen());
    }
}

/// Filters eight rows that lie side by side, and lays them into `count` rows of `out` again.
#[inline(always)]
pub(super) fn filter_across(
    table: &Table,
    base: usize,
    side: &[Column],
    out: &mut [f32],
    pitch: usize,
    count: usize,
) {
    let width = table.outputs();
    for x in (0..width).step_by(LANES) {
        let n = LANES.min(width - x);
        let mut block = [[0.0f32; LANES]; LANES];
        for (i, sums) in block.iter_mut().enumerate().take(n) {
            let (first, weights) = table.row(x + i);
            *sums = dot(&side[first - base..][..weights.len()], weights);
        }
        for l in 0..count {
            let row: Column = std::array::from_fn(|i| block[i][l]);
            let to = &mut out[l * pitch + x..][..n];
            // A copy of known length is one store, any other a call.
            match to.first_chunk_mut::<LANES>() {
                Some(to) => *to = row,
                None => to.iter_mut().zip(row).for_each(|(to, value)| *to = value),
            }
        }
    }
}

#[inline(always)]
fn dot(columns: &[Column], weights: &[f32]) -> Column {
    let mut sums = [0.0; LANES];
    for (column, &weight) in columns.iter().zip(weights) {
        for l in 0..LANES {
            sums[l] += column[l] * weight;
        }
    }
    sums
}

/// The weighted sum of rows.
#[inline(always)]
pub(super) fn filter_down<'r>(out: &mut [f32], weights: &[f32], row: impl Fn(usize) -> &'r [f32]) {
    let (runs, rest) = out.as_chunks_mut::<RUN>();
    let start = runs.len() * RUN;
    for (i, run) in runs.iter_mut().enumerate() {
        let mut sums = [0.0; RUN];
        for (t, &weight) in weights.iter().enumerate() {
            add_run(&mut sums, &row(t)[i * RUN..][..RUN], weight);
        }
        *run = sums;
    }
    rest.fill(0.0);
    for (t, &weight) in weights.iter().enumerate() {
        add_run(rest, &row(t)[start..], weight);
    }
}

#[inline(always)]
fn add_run(sums: &mut [f32], values: &[f32], weight: f32) {
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += value * weight;
    }
}
