//! An affine map of codes to codes, each plane in its own resolution.
//!
//! What an edit does not change costs nothing: a plane whose row is the identity is shared with the input, one whose
//! row is constant is made once and kept. Otherwise only the planes that a row has weights for are read.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::ExecError;
use super::chroma::Tent;
use super::load::{PlaneView, Run, Sampled, Source, neutral, widen, with_sample};
use super::pool::{BufferPool, Composite, single_plane};
use super::program::broken;
use super::simd::simd;
use super::store::{ChromaRow, Ring};
use crate::colour::Affine;
use crate::exec::tile::{SimdLevel, TILE_WIDTH, Tile};
use crate::picture::{Model, Picture, PictureBuffer, PictureSpec, Storage};

/// Rows that a thread does at a time.
const BAND_ROWS: usize = 32;
/// Planes of one value that are kept: two chroma planes of two outputs.
const KEPT_CONSTANTS: usize = 4;
/// Below these a weight and an offset are what an f64 product of matrices leaves of zero. The least that shows in a
/// code of 16 bits is a weight of 10⁻⁵.
const NO_WEIGHT: f64 = 1e-9;
const NO_OFFSET: f64 = 1e-6;

/// Planes of one value, kept from frame to frame.
#[derive(Default)]
pub(super) struct Constants(Mutex<Vec<Constant>>);

/// A plane's spec, the bits of its value, its memory.
type Constant = (PictureSpec, u32, Arc<dyn Storage>);

impl Constants {
    fn plane(&self, spec: PictureSpec, value: f32) -> Arc<dyn Storage> {
        let top = spec.format.sample.top();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., plane)) = kept.iter().find(|(s, v, _)| (*s, *v) == (spec, value.to_bits())) {
            return Arc::clone(plane);
        }
        let mut buffer = PictureBuffer::new(spec);
        with_sample!(spec.format.sample, T => {
            bytemuck::cast_slice_mut::<u8, T>(buffer.plane_mut(0)).fill(T::narrow(value, top));
        });
        let plane: Arc<dyn Storage> = Arc::new(buffer);
        if kept.len() == KEPT_CONSTANTS {
            kept.remove(0);
        }
        kept.push((spec, value.to_bits(), Arc::clone(&plane)));
        plane
    }
}

/// What a row of the matrix asks of its plane.
enum Work {
    Share,
    Fill(f32),
    /// Weight and offset of the plane's own samples.
    Scale(f32, f32),
    Mix,
}

fn work(matrix: &Affine, plane: usize, spec: &PictureSpec) -> Work {
    let [weights @ .., mut offset] = matrix.0[plane];
    let grey = spec.format.model == Model::Grey;
    let others = (0..3).filter(|other| *other != plane);
    if grey {
        offset += (weights[1] + weights[2]) * f64::from(neutral(spec.format.sample));
    } else if others.into_iter().any(|other| weights[other].abs() > NO_WEIGHT) {
        return Work::Mix;
    }
    let weight = weights[plane];
    if weight.abs() <= NO_WEIGHT {
        Work::Fill(offset as f32)
    } else if (weight - 1.0).abs() <= NO_WEIGHT && offset.abs() <= NO_OFFSET {
        Work::Share
    } else {
        Work::Scale(weight as f32, offset as f32)
    }
}

/// Applies `matrix` to a Y′CbCr or grey picture, on the current thread pool. The output has the meaning of `spec`.
pub(super) fn run(
    input: &Picture,
    matrix: &Affine,
    spec: PictureSpec,
    level: SimdLevel,
    pool: &BufferPool,
    constants: &Constants,
) -> Result<Picture, ExecError> {
    let own = input.spec();
    let layout = |s: &PictureSpec| (s.width, s.height, s.format);
    if layout(own) != layout(&spec) || spec.format.model == Model::Rgb {
        return Err(broken("an affine map of codes between other formats"));
    }
    let colours = spec.format.planes() - usize::from(spec.format.alpha);
    let works: Vec<Work> = (0..colours).map(|plane| work(matrix, plane, &spec)).collect();
    if works.iter().all(|w| matches!(w, Work::Share)) {
        return Ok(Picture::new(spec, Arc::clone(input.storage())));
    }
    let mut planes: Vec<(Arc<dyn Storage>, usize)> =
        (0..spec.format.planes()).map(|plane| (Arc::clone(input.storage()), plane)).collect();
    let job = Job { input, matrix, level, pool };
    let mut mixed = Vec::new();
    for (plane, work) in works.iter().enumerate() {
        match *work {
            Work::Share => {}
            Work::Fill(value) => planes[plane] = (constants.plane(single_plane(&spec, plane), value), 0),
            Work::Scale(weight, offset) => planes[plane] = (job.scale(plane, weight, offset), 0),
            Work::Mix if plane == 0 => planes[0] = (job.mix_luma(), 0),
            Work::Mix => mixed.push(plane),
        }
    }
    for (plane, storage) in job.mix_chroma(&mixed) {
        planes[plane] = (storage, 0);
    }
    Ok(Picture::new(spec, Arc::new(Composite { planes })))
}

struct Job<'a> {
    input: &'a Picture,
    matrix: &'a Affine,
    level: SimdLevel,
    pool: &'a BufferPool,
}

impl Job<'_> {
    fn take(&self, plane: usize) -> PictureBuffer {
        self.pool.take(single_plane(self.input.spec(), plane))
    }

    fn freeze(&self, buffer: PictureBuffer) -> Arc<dyn Storage> {
        let spec = *buffer.spec();
        Arc::clone(self.pool.freeze(buffer, spec).storage())
    }

    fn source(&self) -> Source<'_> {
        let format = self.input.spec().format;
        let (x, y) = self.input.spec().colour.siting.offset(format.log2_x, format.log2_y);
        Source::new(self.input, (x as f32, y as f32))
    }

    fn row(&self, row: usize) -> [f32; 4] {
        self.matrix.0[row].map(|v| v as f32)
    }

    fn top(&self) -> f32 {
        self.input.spec().format.sample.top()
    }

    fn scale(&self, plane: usize, weight: f32, offset: f32) -> Arc<dyn Storage> {
        let mut buffer = self.take(plane);
        let view = PlaneView::of(self.input, plane);
        with_sample!(self.input.spec().format.sample, T => {
            each_row::<T, _>(&mut buffer, view.width, || (), |y, dst, ()| {
                scale_row(self.level, view.row::<T>(y), dst, weight, offset, self.top());
            });
        });
        self.freeze(buffer)
    }

    fn mix_luma(&self) -> Arc<dyn Storage> {
        let mut buffer = self.take(0);
        let source = self.source();
        let row = self.row(0);
        let start = || Box::new((Tile::new(), [0f32; TILE_WIDTH + 8]));
        with_sample!(self.input.spec().format.sample, T => {
            each_row::<T, _>(&mut buffer, source.planes[0].width, start, |y, dst, space| {
                for (n, dst) in dst.chunks_mut(TILE_WIDTH).enumerate() {
                    let run = Run { at: 0, len: dst.len(), x: n * TILE_WIDTH, y };
                    source.load(self.level, run, &mut space.0, &mut space.1);
                    let [a, b, c, _] = &space.0.planes;
                    mix_row(self.level, [a, b, c], dst, row, self.top());
                }
            });
        });
        self.freeze(buffer)
    }

    /// The chroma planes among `planes`, from D(Y) and both chroma planes.
    fn mix_chroma(&self, planes: &[usize]) -> Vec<(usize, Arc<dyn Storage>)> {
        let mut buffers: Vec<(usize, PictureBuffer)> = planes.iter().map(|p| (*p, self.take(*p))).collect();
        if buffers.is_empty() {
            return Vec::new();
        }
        with_sample!(self.input.spec().format.sample, T => self.mix_bands::<T>(&mut buffers));
        buffers.into_iter().map(|(plane, buffer)| (plane, self.freeze(buffer))).collect()
    }

    fn mix_bands<T: Sampled>(&self, buffers: &mut [(usize, PictureBuffer)]) {
        let mut bands: Vec<Vec<(usize, usize, &mut [u8])>> = Vec::new();
        for (plane, buffer) in buffers {
            let stride = buffer.stride(0);
            for (n, bytes) in buffer.plane_mut(0).chunks_mut(stride * BAND_ROWS).enumerate() {
                if bands.len() == n {
                    bands.push(Vec::new());
                }
                bands[n].push((*plane, stride, bytes));
            }
        }
        bands
            .into_par_iter()
            .enumerate()
            .for_each(|(n, mut band)| self.mix_band::<T>(n * BAND_ROWS, &mut band));
    }

    /// Chroma rows from `first` on. Each of `band` is a plane, its stride and its rows.
    fn mix_band<T: Sampled>(&self, first: usize, band: &mut [(usize, usize, &mut [u8])]) {
        let format = self.input.spec().format;
        let siting = self.input.spec().colour.siting.offset(format.log2_x, format.log2_y);
        let across = Tent::new(format.log2_x, siting.0 as f32);
        let down = Tent::new(format.log2_y, siting.1 as f32);
        let [luma, cb, cr] = [0, 1, 2].map(|plane| PlaneView::of(self.input, plane));
        let (mut row, mut ring) = (ChromaRow::default(), Ring::default());
        row.resize(luma.width);
        ring.resize(cb.width, &down);
        let mut chroma = [vec![0.0; cb.width], vec![0.0; cb.width]];
        let mut next = down.taps(first, luma.height).next().unwrap_or(0);
        for k in first..(first + BAND_ROWS).min(cb.height) {
            while next <= down.taps(k, luma.height).last().unwrap_or(0) {
                widen(self.level, luma.row::<T>(next), row.values());
                ring.put(self.level, next, &mut row, &across, 0..cb.width);
                next += 1;
            }
            let (_, light) = ring.take(self.level, k, &down, luma.height);
            for (view, values) in [cb, cr].iter().zip(&mut chroma) {
                widen(self.level, view.row::<T>(k), values);
            }
            for (plane, stride, bytes) in &mut *band {
                let dst = &mut bytes[(k - first) * *stride..][..cb.width * size_of::<T>()];
                let inputs = [&*light, &chroma[0], &chroma[1]];
                let dst = bytemuck::cast_slice_mut::<u8, T>(dst);
                mix_row(self.level, inputs, dst, self.row(*plane), self.top());
            }
        }
    }
}

/// Fills a buffer's only plane row by row; each band of rows has something of its own to work in.
fn each_row<T: Sampled, S>(
    buffer: &mut PictureBuffer,
    width: usize,
    start: impl Fn() -> S + Sync,
    fill: impl Fn(usize, &mut [T], &mut S) + Sync,
) {
    let stride = buffer.stride(0);
    buffer.plane_mut(0).par_chunks_mut(stride * BAND_ROWS).enumerate().for_each(|(n, band)| {
        let mut space = start();
        for (row, bytes) in band.chunks_exact_mut(stride).enumerate() {
            let dst = bytemuck::cast_slice_mut(&mut bytes[..width * size_of::<T>()]);
            fill(n * BAND_ROWS + row, dst, &mut space);
        }
    });
}

simd! {
    fn scale_row[T: Sampled](src: &[T], dst: &mut [T], weight: f32, offset: f32, top: f32) {
        for (d, s) in dst.iter_mut().zip(src) {
            *d = T::narrow(s.widen() * weight + offset, top);
        }
    }
}

simd! {
    fn mix_row[T: Sampled](src: [&[f32]; 3], dst: &mut [T], row: [f32; 4], top: f32) {
        let [a, b, c] = src.map(|s| &s[..dst.len()]);
        for (((d, x), y), z) in dst.iter_mut().zip(a).zip(b).zip(c) {
            *d = T::narrow(x * row[0] + y * row[1] + z * row[2] + row[3], top);
        }
    }
}
