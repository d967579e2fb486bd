//! The one machine behind every separable kernel: a plane, a [`Table`] across and a [`Table`] down, a finish; out
//! comes a plane of floats.
//!
//! On the processor a band of output rows is made at a time, through small rings of rows that stay in the cache. Sums
//! run over the taps in their order, each output on its own, so that neither bands nor threads nor SIMD levels show in
//! the bits. It knows nothing of what the tables mean.

use rayon::prelude::*;

use super::coefficients::Table;
use super::rows::{Column, LANES, PlaneView, Ring, Stored};
use super::rows::{filter_across, filter_down, lay_side_by_side, load_group};
use super::{Dispatch, Floats, KernelPlan, KernelShader, PlaneLayout};
use crate::exec::tile::SimdLevel;
use crate::picture::Sample;

/// Output rows below which a band is not worth a thread.
const BAND_ROWS: usize = 32;

/// What is done with a sum before it is stored.
#[derive(Debug, Clone, Copy)]
pub enum Finish<'a> {
    /// Nothing.
    Keep,
    /// Multiply by a factor of its column and one of its row.
    Scale {
        /// Of the columns.
        across: &'a [f32],
        /// Of the rows.
        down: &'a [f32],
    },
    /// `original + amount × (original − sum)`.
    Unsharp {
        /// How much of the difference is added.
        amount: f32,
        /// Floats of the output's size.
        original: PlaneView<'a>,
    },
}

/// A plane to be made.
#[derive(Debug, Clone, Copy)]
pub struct PlaneJob<'a> {
    /// What is read.
    pub input: PlaneView<'a>,
    /// Whether rows and columns of the input change places first.
    pub transpose: bool,
    /// Makes columns.
    pub across: &'a Table,
    /// Makes rows.
    pub down: &'a Table,
    /// Last.
    pub finish: Finish<'a>,
}

/// Which axis is filtered first. Both machines take the same, so that they add in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Columns, into a ring of rows.
    AcrossFirst,
    /// Rows, eight at a time.
    DownFirst,
}

impl Order {
    fn of(across: &Table, down: &Table, transpose: bool) -> Order {
        if transpose {
            return Order::AcrossFirst;
        }
        if across.is_shift() {
            return Order::DownFirst;
        }
        // A tap across costs half as much again as one down, and laying a sample side by side twice as much.
        let (width, height) = (across.outputs(), down.outputs());
        let cost =
            |taps: usize, columns: usize, rows: usize, input: usize| (taps * columns + 2 * input) * rows * 3;
        let first =
            cost(across.taps, width, down.inputs.len(), across.inputs.len()) + 2 * down.taps * width * height;
        let last = cost(across.taps, width, height, across.inputs.len())
            + 2 * down.taps * across.inputs.len() * height;
        if first < last { Order::AcrossFirst } else { Order::DownFirst }
    }
}

/// Makes planes, in parallel on rayon's current pool. Each comes with its rows of floats, a whole number of `stride`
/// floats each.
pub fn run(level: SimdLevel, planes: Vec<(PlaneJob<'_>, &mut [f32], usize)>) {
    let threads = rayon::current_num_threads();
    let mut bands = Vec::new();
    for (job, out, stride) in planes {
        let height = job.down.outputs();
        let rows = if threads == 1 { height } else { height.div_ceil(threads * 2).max(BAND_ROWS) };
        let rows = rows.next_multiple_of(LANES);
        for (i, out) in out.chunks_mut(rows * stride).enumerate() {
            bands.push(Band { job, start: i * rows, end: height.min((i + 1) * rows), out, stride });
        }
    }
    if threads == 1 || bands.len() == 1 {
        bands.into_iter().for_each(|band| band.run(level));
    } else {
        bands.into_par_iter().for_each(|band| band.run(level));
    }
}

/// Some rows of a plane's output.
struct Band<'a, 'o> {
    job: PlaneJob<'a>,
    start: usize,
    end: usize,
    out: &'o mut [f32],
    stride: usize,
}

impl Band<'_, '_> {
    fn run(self, level: SimdLevel) {
        match self.job.input.sample {
            Sample::U8 => at_level::<u8>(level, self),
            Sample::U16(_) => at_level::<u16>(level, self),
            Sample::F32(_) => at_level::<f32>(level, self),
        }
    }
}

fn at_level<T: Stored>(level: SimdLevel, band: Band<'_, '_>) {
    match level.available() {
        #[cfg(target_arch = "x86_64")]
        SimdLevel::Avx512 => {
            // SAFETY: the machine has what the function is compiled for.
            unsafe { avx512::<T>(band) }
        }
        #[cfg(target_arch = "x86_64")]
        SimdLevel::Avx2 => {
            // SAFETY: the machine has what the function is compiled for.
            unsafe { avx2::<T>(band) }
        }
        _ => fill::<T>(band),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<T: Stored>(band: Band<'_, '_>) {
    fill::<T>(band);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl")]
fn avx512<T: Stored>(band: Band<'_, '_>) {
    fill::<T>(band);
}

#[inline(always)]
fn fill<T: Stored>(band: Band<'_, '_>) {
    match Order::of(band.job.across, band.job.down, band.job.transpose) {
        Order::AcrossFirst => across_first::<T>(band),
        Order::DownFirst => down_first::<T>(band),
    }
}

/// Filters groups of input rows across into a ring, then down into the output.
#[inline(always)]
fn across_first<T: Stored>(band: Band<'_, '_>) {
    let Band { job, start, end, out, stride } = band;
    let columns = job.across.inputs.start as usize..job.across.inputs.end as usize;
    let width = job.across.outputs();
    let mut side: Vec<Column> = vec![[0.0; LANES]; columns.len()];
    let mut ring = Ring::new(width, LANES, job.down.taps);
    for y in start..end {
        let (first, weights) = job.down.row(y);
        for group in first / LANES..=(first + weights.len() - 1) / LANES {
            let pitch = ring.width;
            if let Some(rows) = ring.missing(group) {
                load_group::<T>(&job.input, job.transpose, group * LANES, columns.start, &mut side);
                filter_across(job.across, columns.start, &side, rows, pitch, LANES);
            }
        }
        let row = &mut out[(y - start) * stride..][..width];
        filter_down(row, weights, |t| &ring.row(first + t)[..width]);
        finish(&job.finish, row, y);
    }
}

/// Filters rows down as they are, eight at a time, then those across.
#[inline(always)]
fn down_first<T: Stored>(band: Band<'_, '_>) {
    let Band { job, start, end, out, stride } = band;
    let columns = job.across.inputs.start as usize..job.across.inputs.end as usize;
    let (width, reach) = (job.across.outputs(), columns.len());
    let shift = job.across.is_shift();
    let mut ring = Ring::new(reach, 1, job.down.taps);
    let pitch = ring.width;
    let mut side: Vec<Column> = vec![[0.0; LANES]; if shift { 0 } else { reach }];
    let mut middle = vec![0.0; if shift { 0 } else { pitch * LANES }];
    for group in (start..end).step_by(LANES) {
        let count = LANES.min(end - group);
        for y in group..group + count {
            let (first, weights) = job.down.row(y);
            for r in first..first + weights.len() {
                if let Some(row) = ring.missing(r) {
                    for (to, from) in row.iter_mut().zip(&job.input.row::<T>(r)[columns.clone()]) {
                        *to = from.widen();
                    }
                }
            }
            let row = if shift {
                &mut out[(y - start) * stride..][..width]
            } else {
                &mut middle[(y - group) * pitch..][..reach]
            };
            filter_down(row, weights, |t| &ring.row(first + t)[..reach]);
        }
        let out = &mut out[(group - start) * stride..];
        if !shift {
            lay_side_by_side::<f32>(
                std::array::from_fn(|l| &middle[l.min(count - 1) * pitch..][..reach]),
                &mut side,
            );
            filter_across(job.across, columns.start, &side, out, stride, count);
        }
        for y in group..group + count {
            finish(&job.finish, &mut out[(y - group) * stride..][..width], y);
        }
    }
}

#[inline(always)]
fn finish(finish: &Finish<'_>, row: &mut [f32], y: usize) {
    match *finish {
        Finish::Keep => {}
        Finish::Scale { across, down } => {
            let down = down[y];
            for (value, &across) in row.iter_mut().zip(across) {
                *value *= across * down;
            }
        }
        Finish::Unsharp { amount, original } => {
            for (value, &original) in row.iter_mut().zip(original.row::<f32>(y)) {
                *value = original + (original - *value) * amount;
            }
        }
    }
}

/// Where each number stands in the words of [`AXIS`].
const AXIS_HEADER: usize = 12;

/// One axis of one plane.
const AXIS: KernelShader = KernelShader {
    key: "kernel axis",
    wgsl: r"
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> words: array<u32>;

// 0 outputs, 1 lines, 2 taps, 3 whether the axis is down, 4-6 input offset, step along, step to the next line,
// 7-9 the same of the output, 10 where factors stand or 0; first samples, weights, factors along, factors of lines.
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let down = words[3] != 0u;
    let i = select(id.x, id.y, down);
    let line = select(id.y, id.x, down);
    if (i >= words[0] || line >= words[1]) { return; }
    let taps = words[2];
    let weights = 12u + words[0] + i * taps;
    var at = words[4] + line * words[6] + words[12u + i] * words[5];
    var sum = 0.0;
    for (var t = 0u; t < taps; t++) {
        sum += input[at] * bitcast<f32>(words[weights + t]);
        at += words[5];
    }
    let factors = words[10];
    if (factors != 0u) {
        sum *= bitcast<f32>(words[factors + i]) * bitcast<f32>(words[factors + words[0] + line]);
    }
    output[words[7] + i * words[8] + line * words[9]] = sum;
}
",
};

/// `original + amount × (original − sum)` over what a filter has left in the output.
const UNSHARP: KernelShader = KernelShader {
    key: "kernel unsharp",
    wgsl: r"
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> words: array<u32>;

// 0 columns, 1 rows, 2-3 input offset and stride, 4-5 the output's, 6 amount.
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= words[0] || id.y >= words[1]) { return; }
    let original = input[words[2] + id.y * words[3] + id.x];
    let at = words[4] + id.y * words[5] + id.x;
    output[at] = original + (original - output[at]) * bitcast<f32>(words[6]);
}
",
};

/// A plane to be made on a GPU.
#[derive(Debug, Clone, Copy)]
pub struct PlaneOnGpu<'a> {
    /// Where it is read.
    pub input: (Floats, PlaneLayout),
    /// Where it goes.
    pub output: (Floats, PlaneLayout),
    /// As [`PlaneJob::transpose`].
    pub transpose: bool,
    /// Makes columns.
    pub across: &'a Table,
    /// Makes rows.
    pub down: &'a Table,
    /// Factors of columns and rows: [`Finish::Scale`].
    pub factors: Option<(&'a [f32], &'a [f32])>,
}

/// How far it is from sample to sample, counted in floats.
#[derive(Clone, Copy)]
struct Strides {
    offset: u32,
    across: u32,
    down: u32,
}

impl Strides {
    fn of(plane: PlaneLayout) -> Strides {
        Strides { offset: plane.offset, across: 1, down: plane.stride }
    }
}

/// Appends the dispatches of a plane, in the order of axes that the processor has.
pub fn plan(plane: &PlaneOnGpu<'_>, plan: &mut KernelPlan) {
    let &PlaneOnGpu { across, down, .. } = plane;
    let mut input = Strides::of(plane.input.1);
    if plane.transpose {
        (input.across, input.down) = (input.down, input.across);
    }
    let output = Strides::of(plane.output.1);
    if across.is_shift() || down.is_shift() {
        let (table, is_down, lines) = if across.is_shift() {
            input.offset += across.inputs.start * input.across;
            (down, true, across.outputs() as u32)
        } else {
            input.offset += down.inputs.start * input.down;
            (across, false, down.outputs() as u32)
        };
        let (from, to) = ((plane.input.0, input), (plane.output.0, output));
        plan.dispatches.push(axis((table, is_down, 0), from, to, lines, plane.factors));
        return;
    }
    let order = Order::of(across, down, plane.transpose);
    let (columns, rows) = match order {
        Order::AcrossFirst => (across.outputs() as u32, down.inputs.len() as u32),
        Order::DownFirst => (across.inputs.len() as u32, down.outputs() as u32),
    };
    plan.intermediates.push(columns * rows);
    let between = Floats::Intermediate(plan.intermediates.len() - 1);
    let middle = Strides { offset: 0, across: 1, down: columns };
    let (first, last) = match order {
        Order::AcrossFirst => {
            input.offset += down.inputs.start * input.down;
            ((across, false, 0), (down, true, down.inputs.start))
        }
        Order::DownFirst => {
            input.offset += across.inputs.start * input.across;
            ((down, true, 0), (across, false, across.inputs.start))
        }
    };
    let lines = if order == Order::AcrossFirst { rows } else { columns };
    plan.dispatches.push(axis(first, (plane.input.0, input), (between, middle), lines, None));
    let lines = if order == Order::AcrossFirst { columns } else { plane.output.1.height };
    plan.dispatches.push(axis(last, (between, middle), (plane.output.0, output), lines, plane.factors));
}

/// The dispatch of one axis: its table, whether it is down, and the sample that the input's first one is.
fn axis(
    (table, down, base): (&Table, bool, u32),
    (input, from): (Floats, Strides),
    (output, to): (Floats, Strides),
    lines: u32,
    factors: Option<(&[f32], &[f32])>,
) -> Dispatch {
    let outputs = table.outputs() as u32;
    let along = |s: Strides| if down { (s.down, s.across) } else { (s.across, s.down) };
    let ((from_along, from_line), (to_along, to_line)) = (along(from), along(to));
    let tables = AXIS_HEADER + table.first.len() + table.weights.len();
    let mut params =
        vec![outputs, lines, table.taps as u32, u32::from(down), from.offset, from_along, from_line];
    params.extend([to.offset, to_along, to_line, if factors.is_some() { tables as u32 } else { 0 }, 0]);
    params.extend(table.first.iter().map(|f| f - base));
    params.extend(table.weights.iter().map(|w| w.to_bits()));
    if let Some((across, rows)) = factors {
        let (along, lines) = if down { (rows, across) } else { (across, rows) };
        params.extend(along.iter().chain(lines).map(|f| f.to_bits()));
    }
    let (x, y) = if down { (lines, outputs) } else { (outputs, lines) };
    Dispatch { shader: AXIS, input, output, params, groups: [x.div_ceil(8), y.div_ceil(8)] }
}

/// The dispatch of [`Finish::Unsharp`].
pub fn plan_unsharp(amount: f32, input: PlaneLayout, output: PlaneLayout) -> Dispatch {
    Dispatch {
        shader: UNSHARP,
        input: Floats::Input,
        output: Floats::Output,
        params: vec![
            output.width,
            output.height,
            input.offset,
            input.stride,
            output.offset,
            output.stride,
            amount.to_bits(),
        ],
        groups: [output.width.div_ceil(8), output.height.div_ceil(8)],
    }
}
