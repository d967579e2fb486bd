//! Filter tables: for each output coordinate of one axis of one plane, which input samples count how much.
//!
//! In comes the geometry of an axis and a filter; out goes a [`Table`] in which edges, crops, mirroring and chroma
//! siting have become indices and weights, so that whoever runs it only multiplies and adds. Computed in f64, stored
//! as f32. A table knows nothing of planes in memory or of the other axis.

use std::ops::Range;
use std::sync::LazyLock;

use crate::exec::job::{Axis, Filter};

/// How one axis of a plane's output lies on its input. Positions are in input samples: sample `k` is `k` to `k + 1`.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Output samples.
    pub outputs: u32,
    /// Input samples an output sample; negative mirrors.
    pub step: f64,
    /// Input position of the output's first edge.
    pub origin: f64,
    /// The input samples that exist, at least one; beyond them their ends are continued.
    pub existing: Range<u32>,
}

/// One side of a [`Line`]: a plane's grid over its luma grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// log₂ of luma samples a sample.
    pub log2: u8,
    /// Where sample 0 lies from luma sample 0, in luma samples.
    pub offset: f64,
}

impl Grid {
    /// Luma itself.
    pub const LUMA: Grid = Grid { log2: 0, offset: 0.0 };

    fn cell(self) -> f64 {
        f64::from(1u32 << self.log2)
    }
}

impl Line {
    /// The geometry of `axis`, which speaks of luma, for planes on other grids. `window` is the part of the input
    /// that exists, in luma pixels; `inputs` counts the input's samples. A luma pixel exists if at least half of it
    /// is in the window, a chroma sample if any luma pixel of its cell exists.
    pub fn new(axis: Axis, window: [f64; 2], from: Grid, inputs: u32, to: Grid, outputs: u32) -> Line {
        let axis = tame(axis);
        let step = axis.step * to.cell() / from.cell();
        let luma = (to.offset + 0.5 - to.cell() / 2.0) * axis.step + axis.origin;
        let origin = (luma - 0.5 - from.offset) / from.cell() + 0.5;
        let last = inputs.saturating_sub(1);
        // The nudge keeps a window of n + ½ that arithmetic has made n + ½ − 10⁻¹² from moving.
        let low = ((window[0] + 0.5 - 1e-6).floor().max(0.0) as u32 >> from.log2).min(last);
        let high = (window[1] + 0.5 - 1e-6).floor().max(1.0) as u32;
        let high = ((high - 1) >> from.log2).clamp(low, last) + 1;
        Line { outputs, step, origin, existing: low..high }
    }

    /// Input position of the centre of output sample `i`.
    fn centre(&self, i: u32) -> f64 {
        (f64::from(i) + 0.5) * self.step + self.origin
    }
}

/// Which input samples make each output sample of an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Weights an output sample.
    pub taps: usize,
    /// The first input sample of each output sample; `first + taps` never exceeds the input.
    pub first: Vec<u32>,
    /// `taps` weights for each output sample in turn; they sum to exactly 1.
    pub weights: Vec<f32>,
    /// All input samples that are read.
    pub inputs: Range<u32>,
}

impl Table {
    /// The table of a resampling filter. `depth` is that of the codes to be filtered (0 for floats of 0–1).
    pub fn resampling(line: &Line, filter: Filter, depth: u8) -> Table {
        // Beyond this width every weight falls on an end: no geometry, however wild, makes more work.
        let widened = line.step.abs().clamp(1.0, (line.existing.len() + 4) as f64 * 3.0);
        match filter {
            Filter::Nearest => Table::nearest(line),
            Filter::Bilinear => Table::new(line, widened, depth, |x| (1.0 - (x / widened).abs()).max(0.0)),
            Filter::Lanczos3 => Table::new(line, 3.0 * widened, depth, |x| lanczos3(x / widened)),
        }
    }

    /// The table of a Gaussian of `sigma` input samples, cut off at `support` input samples.
    pub fn gaussian(line: &Line, sigma: f64, support: f64, depth: u8) -> Table {
        if line.step == 1.0 && line.origin == 0.0 {
            let at_whole: Vec<f64> = (0..=support as u32).map(|k| bell(f64::from(k) / sigma)).collect();
            return Table::new(line, support, depth, |x| {
                at_whole.get(x.abs() as usize).copied().unwrap_or(0.0)
            });
        }
        Table::new(line, support, depth, |x| bell(x / sigma))
    }

    /// The table that changes nothing.
    pub fn identity(samples: u32) -> Table {
        Table {
            taps: 1,
            first: (0..samples).collect(),
            weights: vec![1.0; samples as usize],
            inputs: 0..samples,
        }
    }

    /// The table of an even function of the distance in input samples that is 0 beyond `support`.
    fn new(line: &Line, support: f64, depth: u8, filter: impl Fn(f64) -> f64) -> Table {
        let (low, high) = (i64::from(line.existing.start), i64::from(line.existing.end) - 1);
        let mut rows = Vec::with_capacity(line.outputs as usize);
        let mut weights = Vec::new();
        for i in 0..line.outputs {
            let centre = line.centre(i).clamp(low as f64 - support - 1.0, high as f64 + support + 2.0) - 0.5;
            let (from, to) = ((centre - support).ceil() as i64, (centre + support).floor() as i64);
            weights.clear();
            let first = from.clamp(low, high);
            weights.resize((to.clamp(low, high) - first + 1).max(1) as usize, 0.0);
            for k in from..=to {
                weights[(k.clamp(low, high) - first) as usize] += filter(k as f64 - centre);
            }
            rows.push(quantise(first as u32, &weights, depth));
        }
        Table::level(rows, line.existing.end)
    }

    fn nearest(line: &Line) -> Table {
        let (low, high) = (line.existing.start, line.existing.end - 1);
        let pick = |i| ((line.centre(i) + 1e-9).floor().max(0.0) as u32).clamp(low, high);
        Table::level((0..line.outputs).map(|i| (pick(i), vec![1.0])).collect(), line.existing.end)
    }

    /// Gives every output sample the same number of weights, by zeros on the side that has room.
    fn level(rows: Vec<(u32, Vec<f32>)>, end: u32) -> Table {
        let taps = rows.iter().map(|(_, w)| w.len()).max().unwrap_or(1);
        let mut table = Table {
            taps,
            first: Vec::with_capacity(rows.len()),
            weights: Vec::with_capacity(rows.len() * taps),
            inputs: 0..0,
        };
        for (first, weights) in rows {
            let start = first.min(end - taps as u32);
            table.weights.extend((0..first - start).map(|_| 0.0));
            table.weights.extend(&weights);
            table.first.push(start);
            table.weights.resize(table.first.len() * taps, 0.0);
        }
        let (low, high) = (table.first.iter().min(), table.first.iter().max());
        table.inputs = low.copied().unwrap_or(0)..high.map_or(0, |h| h + taps as u32);
        table
    }

    /// How many output samples.
    pub fn outputs(&self) -> usize {
        self.first.len()
    }

    /// The first input sample and the weights of output sample `i`.
    #[inline(always)]
    pub fn row(&self, i: usize) -> (usize, &[f32]) {
        (self.first[i] as usize, &self.weights[i * self.taps..][..self.taps])
    }

    /// Whether every output sample is its input sample, some whole number further.
    pub fn is_shift(&self) -> bool {
        self.taps == 1 && self.first.windows(2).all(|w| w[1] == w[0] + 1)
    }
}

/// Normalised weights without zeros at the ends, on a grid so coarse that the sums of products with codes of up to 10
/// bits are exact in f32: flat areas keep their exact code. (At 8 bits that is 2⁻¹⁵, finer than the 2⁻¹⁴ of usual
/// fixed-point scalers.) Other depths and very wide filters, whose weights are small, have a grid of 2⁻²².
fn quantise(first: u32, weights: &[f64], depth: u8) -> (u32, Vec<f32>) {
    let bits = if (1..=10).contains(&depth) && weights.len() <= 32 { 23 - depth } else { 22 };
    let one = f64::from(1u32 << bits);
    let sum: f64 = weights.iter().sum();
    let mut whole: Vec<f64> = weights.iter().map(|w| libm::round(w / sum * one)).collect();
    let largest = (0..whole.len()).max_by(|&a, &b| weights[a].total_cmp(&weights[b])).unwrap_or(0);
    whole[largest] += one - whole.iter().sum::<f64>();
    let start = whole.iter().position(|&w| w != 0.0).unwrap_or(0);
    let end = whole.iter().rposition(|&w| w != 0.0).map_or(1, |i| i + 1);
    (first + start as u32, whole[start..end].iter().map(|w| (w / one) as f32).collect())
}

/// No geometry, however wild, gives a number that is not finite.
fn tame(axis: Axis) -> Axis {
    let step = if axis.step.is_finite() { axis.step } else { 1.0 };
    let origin = if axis.origin.is_finite() { axis.origin } else { 0.0 };
    Axis { step: step.clamp(-1e9, 1e9), origin: origin.clamp(-1e12, 1e12) }
}

/// The share of each output sample that lies inside the window: `axis` and `window` in luma pixels.
pub fn coverage(axis: Axis, window: [f64; 2], to: Grid, outputs: u32) -> Vec<f32> {
    let axis = tame(axis);
    let step = axis.step * to.cell();
    (0..outputs)
        .map(|i| {
            let a = f64::from(i) * step + axis.origin;
            let (a, b) = if step < 0.0 { (a + step, a) } else { (a, a + step) };
            let inside = window[1].min(b) - window[0].max(a);
            // Positions are sums of decimals: what is whole but for their rounding is whole.
            let share = (inside / step.abs().max(1e-9) * 1e9).round() / 1e9;
            share.clamp(0.0, 1.0) as f32
        })
        .collect()
}

/// A Gaussian of standard deviation 1, not normalised.
fn bell(x: f64) -> f64 {
    libm::exp(-0.5 * x * x)
}

const LANCZOS_STEPS: usize = 1024;

/// Lanczos3 at every 1024th, since sines are dear and tables are made for every frame.
static LANCZOS3: LazyLock<Vec<f64>> = LazyLock::new(|| {
    (0..=3 * LANCZOS_STEPS + 2)
        .map(|i| {
            if i.is_multiple_of(LANCZOS_STEPS) {
                return f64::from(u8::from(i == 0));
            }
            let x = i as f64 / LANCZOS_STEPS as f64 * std::f64::consts::PI;
            3.0 * libm::sin(x) * libm::sin(x / 3.0) / (x * x)
        })
        .collect()
});

/// Lanczos3 by cubic interpolation, to 10⁻¹²; exactly 0 or 1 at whole numbers.
fn lanczos3(x: f64) -> f64 {
    let x = x.abs();
    if x >= 3.0 {
        return 0.0;
    }
    let at = x * LANCZOS_STEPS as f64;
    let i = at as usize;
    let t = at - i as f64;
    let table = &*LANCZOS3;
    let (a, b, c, d) = (table[if i == 0 { 1 } else { i - 1 }], table[i], table[i + 1], table[i + 2]);
    // Lagrange's cubic through the four points around.
    let linear = c - a / 3.0 - b / 2.0 - d / 6.0;
    let square = (a + c) / 2.0 - b;
    let cubic = (d - a) / 6.0 + (b - c) / 2.0;
    b + t * (linear + t * (square + t * cubic))
}
