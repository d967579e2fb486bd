//! Planes into tiles: any sample type to floats, chroma up to luma's grid, edges continued.
//!
//! Rectangles and offsets have been clipped by the pass; nothing here knows of operations.

use bytemuck::Pod;

use super::chroma::{Phase, Up};
use super::simd::simd;
use crate::exec::tile::{SimdLevel, TILE_WIDTH, Tile};
use crate::picture::{Model, Picture, PixelFormat, Sample};

/// A sample type.
pub(super) trait Sampled: Pod + Send + Sync {
    /// As a float, exact.
    fn widen(self) -> f32;
    /// The nearest code of 0 to `top`, NaN as 0. Floats are neither rounded nor clamped.
    fn narrow(value: f32, top: f32) -> Self;
}

/// Added to a float of 0 to 2²², it leaves the nearest whole number (ties to even) in the low bits.
const ROUND: f32 = 8_388_608.0;

#[inline(always)]
fn round(value: f32, top: f32) -> u32 {
    // In this order NaN becomes 0; each line is one instruction.
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < top { value } else { top };
    (value + ROUND).to_bits()
}

impl Sampled for u8 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from(self)
    }
    #[inline(always)]
    fn narrow(value: f32, top: f32) -> u8 {
        round(value, top) as u8
    }
}

impl Sampled for u16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from(self)
    }
    #[inline(always)]
    fn narrow(value: f32, top: f32) -> u16 {
        round(value, top) as u16
    }
}

impl Sampled for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
    #[inline(always)]
    fn narrow(value: f32, _: f32) -> f32 {
        if value.is_nan() { 0.0 } else { value }
    }
}

/// `run!(sample, T => expression)`: the expression with `T` as the type of the samples.
macro_rules! with_sample {
    ($sample:expr, $t:ident => $body:expr) => {
        match $sample {
            $crate::picture::Sample::U8 => {
                type $t = u8;
                $body
            }
            $crate::picture::Sample::U16(_) => {
                type $t = u16;
                $body
            }
            $crate::picture::Sample::F32(_) => {
                type $t = f32;
                $body
            }
        }
    };
}
pub(super) use with_sample;

/// A plane to be read.
#[derive(Clone, Copy)]
pub(super) struct PlaneView<'a> {
    bytes: &'a [u8],
    stride: usize,
    /// Columns.
    pub(super) width: usize,
    /// Rows.
    pub(super) height: usize,
}

impl<'a> PlaneView<'a> {
    pub(super) fn of(picture: &'a Picture, index: usize) -> Self {
        let (width, height) = picture.plane_size(index);
        let storage = picture.storage();
        let (bytes, stride) = (storage.plane(index), storage.stride(index));
        PlaneView { bytes, stride, width: width as usize, height: height as usize }
    }

    /// A row, without padding.
    #[inline]
    pub(super) fn row<T: Pod>(&self, y: usize) -> &'a [T] {
        bytemuck::cast_slice(&self.bytes[y * self.stride..][..self.width * size_of::<T>()])
    }
}

/// A row of chroma between its vertical and its horizontal interpolation: one sample before the first cell and one
/// after the last.
pub(super) type ChromaLine = [f32; TILE_WIDTH + 8];

/// An input of a pass.
pub(super) struct Source<'a> {
    pub(super) format: PixelFormat,
    pub(super) planes: Vec<PlaneView<'a>>,
    across: Up,
    down: Up,
}

/// A run of pixels of one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// Index in the tile's planes.
    pub(super) at: usize,
    /// How many.
    pub(super) len: usize,
    /// The source's column.
    pub(super) x: usize,
    /// The source's row.
    pub(super) y: usize,
}

impl<'a> Source<'a> {
    pub(super) fn new(picture: &'a Picture, siting: (f32, f32)) -> Self {
        let format = picture.spec().format;
        let planes = (0..format.planes()).map(|i| PlaneView::of(picture, i)).collect();
        let (across, down) = (Up::new(format.log2_x, siting.0), Up::new(format.log2_y, siting.1));
        Source { format, planes, across, down }
    }

    /// All four numbers of a run of pixels.
    pub(super) fn load(&self, level: SimdLevel, run: Run, tile: &mut Tile, line: &mut ChromaLine) {
        with_sample!(self.format.sample, T => {
            self.load_plane::<T>(level, 0, run, &mut tile.planes[0]);
            self.load_chroma::<T>(level, run, tile, line);
        });
        let alpha = &mut tile.planes[3][run.at..][..run.len];
        if self.format.alpha {
            let plane = self.format.planes() - 1;
            with_sample!(self.format.sample, T => self.load_plane::<T>(level, plane, run, &mut tile.planes[3]));
            scale(level, &mut tile.planes[3][run.at..][..run.len], 1.0 / self.format.sample.top());
        } else {
            alpha.fill(1.0);
        }
    }

    /// The second and third number of a run of pixels; neutral for grey.
    pub(super) fn load_chroma<T: Sampled>(
        &self,
        level: SimdLevel,
        run: Run,
        tile: &mut Tile,
        line: &mut ChromaLine,
    ) {
        for plane in 1..3 {
            let out = &mut tile.planes[plane];
            if self.format.model == Model::Grey {
                out[run.at..][..run.len].fill(neutral(self.format.sample));
            } else if self.format.log2_x == 0 && self.format.log2_y == 0 {
                self.load_plane::<T>(level, plane, run, out);
            } else {
                self.upsample::<T>(level, &self.planes[plane], run, &mut out[run.at..][..run.len], line);
            }
        }
    }

    fn load_plane<T: Sampled>(&self, level: SimdLevel, plane: usize, run: Run, out: &mut [f32]) {
        let row = self.planes[plane].row::<T>(run.y);
        widen(level, &row[run.x..][..run.len], &mut out[run.at..][..run.len]);
    }

    fn upsample<T: Sampled>(
        &self,
        level: SimdLevel,
        plane: &PlaneView<'_>,
        run: Run,
        out: &mut [f32],
        line: &mut ChromaLine,
    ) {
        let (above, below, near, far) = self.down.at(run.y, plane.height);
        let (above, below) = (plane.row::<T>(above), plane.row::<T>(below));
        let log2 = self.across.log2;
        if log2 == 0 {
            let span = run.x..run.x + run.len;
            return blend(level, &above[span.clone()], &below[span], near, far, out);
        }
        // line[0] is the sample before the first cell.
        let (first, last) = (run.x >> log2, (run.x + run.len - 1) >> log2);
        let (from, to) = (first.saturating_sub(1), (last + 2).min(plane.width));
        let (skip, count) = (from + 1 - first, last + 3 - first);
        let filled = skip + to - from;
        blend(level, &above[from..to], &below[from..to], near, far, &mut line[skip..filled]);
        line[0] = if skip == 1 { line[1] } else { line[0] };
        let edge = line[filled - 1];
        line[filled..count].fill(edge);
        self.widen_line(level, &line[..count], run.x - (first << log2), out);
    }

    /// Horizontal interpolation; `phase` is the first pixel's place in its cell.
    fn widen_line(&self, level: SimdLevel, line: &[f32], phase: usize, out: &mut [f32]) {
        let phases = &self.across.phases;
        let at = |p: usize, cell: usize| {
            let Phase { offset, near, far } = phases[p];
            let first = (cell as i32 + 1 + offset) as usize;
            line[first] * near + line[first + 1] * far
        };
        let [even, odd] = phases[..] else {
            for (i, value) in out.iter_mut().enumerate() {
                let x = i + phase;
                *value = at(x & (phases.len() - 1), x >> self.across.log2);
            }
            return;
        };
        let (head, pairs) = out.split_at_mut(phase);
        if let [first] = head {
            *first = at(1, 0);
        }
        let whole = pairs.len() & !1;
        let (line, pairs_of) = (&line[phase..], &mut pairs[..whole]);
        if even == (Phase { offset: 0, near: 1.0, far: 0.0 }) {
            double_sited(level, line, pairs_of, odd);
        } else {
            double(level, line, pairs_of, [even, odd]);
        }
        if let [last] = &mut pairs[whole..] {
            *last = at(0, phase + whole / 2);
        }
    }
}

/// The code of no colour; of floats of 0–1 the middle.
pub(super) fn neutral(sample: Sample) -> f32 {
    match sample.depth() {
        0 => 0.5,
        depth => (1u32 << (depth.min(16) - 1)) as f32,
    }
}

simd! {
    /// Samples to floats.
    pub(super) fn widen[T: Sampled](src: &[T], dst: &mut [f32]) {
        for (d, s) in dst.iter_mut().zip(src) {
            *d = s.widen();
        }
    }
}

simd! {
    fn scale[](values: &mut [f32], factor: f32) {
        for v in values {
            *v *= factor;
        }
    }
}

simd! {
    fn blend[T: Sampled](above: &[T], below: &[T], near: f32, far: f32, dst: &mut [f32]) {
        for ((d, a), b) in dst.iter_mut().zip(above).zip(below) {
            *d = a.widen() * near + b.widen() * far;
        }
    }
}

simd! {
    fn double[](line: &[f32], dst: &mut [f32], phases: [Phase; 2]) {
        let cells = dst.len() / 2;
        let [(e0, e1), (o0, o1)] = phases.map(|p| {
            let from = (1 + p.offset) as usize;
            (&line[from..][..cells], &line[from + 1..][..cells])
        });
        for ((((pair, e0), e1), o0), o1) in dst.chunks_exact_mut(2).zip(e0).zip(e1).zip(o0).zip(o1) {
            pair[0] = e0 * phases[0].near + e1 * phases[0].far;
            pair[1] = o0 * phases[1].near + o1 * phases[1].far;
        }
    }
}

simd! {
    /// As [`double`] where chroma lies on the even luma samples.
    fn double_sited[](line: &[f32], dst: &mut [f32], odd: Phase) {
        let cells = dst.len() / 2;
        let (near, far) = (&line[1..][..cells], &line[2..][..cells]);
        for ((pair, near), far) in dst.chunks_exact_mut(2).zip(near).zip(far) {
            pair[0] = *near;
            pair[1] = near * odd.near + far * odd.far;
        }
    }
}
