//! A pass over a frame: bands of rows side by side, in each the tiles of one pair of rows after the other.
//!
//! Bands are as high as the picture says, never as the number of threads says, and each computes all it needs (at its
//! edges a pair of rows of its neighbour once more), so the result is the same for any number of threads. Bands and
//! tiles that nothing touches are copied; or, where most are such and nobody else holds the base, stay where they are.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::ExecError;
use super::chroma::Tent;
use super::in_place::{self, Patch};
use super::load::{PlaneView, Sampled, with_sample};
use super::pool::BufferPool;
use super::program::{Area, Done, Program, Workspace, broken};
use super::store::{
    ChromaRow, Ring, add_base, add_dither, cover, narrow, narrow_scaled, subtract, subtract_share,
};
use crate::exec::job::PassJob;
use crate::exec::tile::{SimdLevel, TILE_WIDTH, Tile};
use crate::picture::{Picture, PictureBuffer, PictureSpec};

/// Rows of a band; a multiple of every chroma cell and of a tile's rows.
const BAND_ROWS: usize = 64;

/// What one thread needs while it works on a band.
#[derive(Default)]
pub(super) struct Scratch {
    space: Workspace,
    /// The two rows' Cb and Cr, and how much of the base is covered.
    rows: [[ChromaRow; 3]; 2],
    rings: [Ring; 3],
}

/// The columns that hold both.
fn join(columns: &mut Range<usize>, more: Range<usize>) {
    if columns.end == 0 || more.end == 0 {
        *columns = if columns.end == 0 { more } else { columns.clone() };
    } else {
        *columns = columns.start.min(more.start)..columns.end.max(more.end);
    }
}

/// Columns outside which nothing changed in a pair of rows.
#[derive(Default)]
struct Touched {
    /// Of the colours.
    colour: Range<usize>,
    /// Of the base's share.
    share: Range<usize>,
}

/// Scratch memory that no thread uses at the moment.
#[derive(Clone, Default)]
pub(super) struct ScratchPool(Arc<Mutex<Vec<Box<Scratch>>>>);

impl ScratchPool {
    fn with<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> R {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = free().pop().unwrap_or_default();
        let result = work(&mut scratch);
        free().push(scratch);
        result
    }
}

/// The rows of one plane that belong to a band.
struct PlaneBand<'a> {
    bytes: &'a mut [u8],
    stride: usize,
    /// The plane's row that is the first here.
    first: usize,
    width: usize,
}

impl PlaneBand<'_> {
    fn row<T: Sampled>(&mut self, y: usize, columns: Range<usize>) -> &mut [T] {
        let row = &mut self.bytes[(y - self.first) * self.stride..][..self.width * size_of::<T>()];
        &mut bytemuck::cast_slice_mut(row)[columns]
    }
}

/// A pass that is being run.
struct Pass<'a> {
    program: Program<'a>,
    spec: PictureSpec,
    level: SimdLevel,
    dither: bool,
    /// Tents across and down if chroma is subsampled.
    tents: Option<(Tent, Tent)>,
}

/// Runs a pass on the current thread pool.
pub(super) fn run(
    job: &PassJob,
    mut inputs: Vec<Picture>,
    level: SimdLevel,
    pool: &BufferPool,
    scratch: &ScratchPool,
) -> Result<Picture, ExecError> {
    check(job, &inputs)?;
    let structure = &*job.structure;
    let base = structure.difference.filter(|at| *at < inputs.len());
    let writable = base.is_some_and(|at| inputs[at].planes_mut().is_some());
    let pass = Pass::new(job, &inputs, level)?;
    let touched = pass.touched_bands();
    if let (Some(at), true) = (base, touched.iter().all(|touched| !touched)) {
        return Ok(Picture::new(job.spec, Arc::clone(inputs[at].storage())));
    }
    let in_place = base.filter(|_| writable && 2 * touched.iter().filter(|t| **t).count() <= touched.len());
    let mut buffer = pool.take(job.spec);
    let work = |((index, mut planes), touched): ((usize, Vec<PlaneBand<'_>>), bool)| {
        if touched {
            return scratch.with(|scratch| pass.band(index, &mut planes, scratch));
        }
        if in_place.is_none() {
            pass.copy_band(index, &mut planes);
        }
        None
    };
    let bands = bands(&mut buffer, &job.spec).into_par_iter().enumerate();
    let patches: Vec<Patch> = bands.zip(touched).filter_map(work).collect();
    drop(pass);
    let Some(at) = in_place else { return Ok(pool.freeze(buffer, job.spec)) };
    let mut base = inputs.swap_remove(at);
    in_place::put(&mut base, &buffer, &patches)?;
    pool.give(buffer);
    Ok(Picture::new(job.spec, Arc::clone(base.storage())))
}

fn check(job: &PassJob, inputs: &[Picture]) -> Result<(), ExecError> {
    let structure = &*job.structure;
    if job.spec.format != structure.output
        || !inputs.iter().map(|p| p.spec().format).eq(structure.inputs.iter().copied())
    {
        return Err(broken("a picture's format is not the pass's"));
    }
    if structure.siting.len() != inputs.len() + 1 {
        return Err(broken("sitings are missing"));
    }
    let formats = structure.inputs.iter().chain([&structure.output]);
    if formats.clone().any(|f| f.log2_x > 2 || f.log2_y > 2) {
        return Err(ExecError::Unavailable("chroma of less than a quarter is not supported".to_owned()));
    }
    let same = |p: &Picture| {
        let spec = p.spec();
        (spec.format, spec.width, spec.height) == (structure.output, job.spec.width, job.spec.height)
    };
    match structure.difference {
        Some(at) if !inputs.get(at).is_some_and(same) => Err(broken("the difference is of another format")),
        _ => Ok(()),
    }
}

/// All planes cut into bands.
fn bands<'a>(buffer: &'a mut PictureBuffer, spec: &PictureSpec) -> Vec<Vec<PlaneBand<'a>>> {
    let format = spec.format;
    let strides: Vec<usize> = (0..format.planes()).map(|i| buffer.stride(i)).collect();
    let count = (spec.height as usize).div_ceil(BAND_ROWS);
    let mut bands: Vec<Vec<PlaneBand<'_>>> = (0..count).map(|_| Vec::new()).collect();
    for (index, plane) in buffer.planes_mut().into_iter().enumerate() {
        let log2 = if format.is_chroma(index) { format.log2_y } else { 0 };
        let width = format.plane_size(index, spec.width, spec.height).0 as usize;
        let (rows, stride) = (BAND_ROWS >> log2, strides[index]);
        for (n, (bytes, band)) in plane.chunks_mut(rows * stride).zip(&mut bands).enumerate() {
            band.push(PlaneBand { bytes, stride, first: n * rows, width });
        }
    }
    bands
}

impl<'a> Pass<'a> {
    fn new(job: &'a PassJob, inputs: &'a [Picture], level: SimdLevel) -> Result<Self, ExecError> {
        let structure = &*job.structure;
        let program = Program::new(job, inputs)?;
        let format = structure.output;
        let (sx, sy) = structure.siting.last().copied().unwrap_or_default();
        let subsampled = format.log2_x > 0 || format.log2_y > 0;
        let tents = subsampled.then(|| (Tent::new(format.log2_x, sx), Tent::new(format.log2_y, sy)));
        Ok(Pass { program, spec: job.spec, level, dither: structure.dither, tents })
    }

    /// A band's rows.
    fn own(&self, index: usize) -> Range<usize> {
        index * BAND_ROWS..((index + 1) * BAND_ROWS).min(self.spec.height as usize)
    }

    /// The rows that a band is made of: of the first and last chroma row's tents the first and last.
    fn needed(&self, index: usize) -> Range<usize> {
        let (own, height) = (self.own(index), self.spec.height as usize);
        let Some((_, down)) = &self.tents else { return own };
        let first = down.taps(own.start / down.cell, height).next().unwrap_or(own.start);
        let last = down.taps(own.end.div_ceil(down.cell) - 1, height).last().unwrap_or(own.end);
        first.min(own.start)..(last + 1).max(own.end)
    }

    /// For each band whether anything reaches it.
    fn touched_bands(&self) -> Vec<bool> {
        let width = self.spec.width as i32;
        let reached = |index: usize| {
            let rows = self.needed(index);
            !self.program.leaves_alone([0, rows.start as i32, width, rows.end as i32])
        };
        (0..(self.spec.height as usize).div_ceil(BAND_ROWS)).map(reached).collect()
    }

    /// Copies a band that nothing reaches.
    fn copy_band(&self, index: usize, planes: &mut [PlaneBand<'_>]) {
        let Some(base) = self.program.base() else { return };
        let own = self.own(index);
        for (at, (plane, source)) in planes.iter_mut().zip(&base.planes).enumerate() {
            let log2 = if self.spec.format.is_chroma(at) { self.spec.format.log2_y } else { 0 };
            let (width, last) = (plane.width, own.end.div_ceil(1 << log2));
            with_sample!(self.spec.format.sample, T => for y in own.start >> log2..last {
                plane.row::<T>(y, 0..width).copy_from_slice(source.row::<T>(y));
            });
        }
    }

    /// Computes and stores a band; gives what of it may have changed.
    fn band(&self, index: usize, planes: &mut [PlaneBand<'_>], scratch: &mut Scratch) -> Option<Patch> {
        let (width, height) = (self.spec.width as usize, self.spec.height as usize);
        let own = self.own(index);
        let mut columns = 0..0;
        scratch.space.resize(&self.program);
        let Some((across, down)) = &self.tents else {
            for y in own.clone().step_by(2) {
                join(&mut columns, self.pair(y, &own, planes, scratch).colour);
            }
            return Some(Patch { rows: own, columns });
        };
        let chroma_width = width.div_ceil(across.cell);
        scratch.rows.iter_mut().flatten().for_each(|row| row.resize(width));
        scratch.rings.iter_mut().for_each(|ring| ring.resize(chroma_width, down));
        let chroma = own.start / down.cell..own.end.div_ceil(down.cell);
        let first = down.taps(chroma.start, height).next().unwrap_or(own.start);
        let last = |k: usize| down.taps(k, height).last().unwrap_or(0);
        let mut next = chroma.start;
        // Pairs from the first row that is needed on, so that a halo of a row above and below costs one pair.
        for y in (first..=last(chroma.end - 1)).step_by(2) {
            let touched = self.pair(y, &own, planes, scratch);
            self.filter_rows(y, &touched, across, scratch);
            join(&mut columns, touched.colour);
            while next < chroma.end && last(next) <= y + 1 {
                self.store_chroma(next, down, planes, scratch);
                next += 1;
            }
        }
        Some(Patch { rows: own, columns })
    }

    /// Computes the rows `y` and `y + 1`, stores what of them is not subsampled and the band's own, and leaves their
    /// chroma in the scratch rows.
    fn pair(
        &self,
        y: usize,
        own: &Range<usize>,
        planes: &mut [PlaneBand<'_>],
        scratch: &mut Scratch,
    ) -> Touched {
        let width = self.spec.width as usize;
        let rows = y..(y + 2).min(self.spec.height as usize);
        let stored = rows.start.max(own.start)..rows.end.min(own.end);
        let mut touched = Touched::default();
        for x in (0..width).step_by(TILE_WIDTH) {
            let end = (x + TILE_WIDTH).min(width);
            let area = [x, rows.start, end, rows.end].map(|n| n as i32);
            if self.program.leaves_alone(area) {
                self.copy(x..end, stored.clone(), planes);
                self.clear_chroma(x..end, scratch);
            } else {
                if self.tile(area, stored.clone(), planes, scratch) {
                    join(&mut touched.share, x..end);
                }
                join(&mut touched.colour, x..end);
            }
        }
        touched
    }

    /// Computes a tile; gives whether the base's share changed in it.
    fn tile(
        &self,
        area: Area,
        stored: Range<usize>,
        planes: &mut [PlaneBand<'_>],
        scratch: &mut Scratch,
    ) -> bool {
        let differs = self.tents.is_some() && self.program.base().is_some();
        let done = self.program.run(self.level, area, differs, &mut scratch.space);
        let shared = done.share.is_some();
        if self.tents.is_some() {
            self.take_chroma(area, &done, differs, &mut scratch.rows);
        }
        with_sample!(self.spec.format.sample, T => self.store::<T>(area, stored, done.tile, planes));
        shared
    }

    /// Puts a tile's chroma into the scratch rows, as a difference if it `differs`.
    fn take_chroma(&self, area: Area, done: &Done<'_>, differs: bool, rows: &mut [[ChromaRow; 3]; 2]) {
        let [x0, y0, x1, y1] = area.map(|n| n as usize);
        for (row, chroma) in rows[..y1 - y0].iter_mut().enumerate() {
            let span = row * TILE_WIDTH..row * TILE_WIDTH + x1 - x0;
            let [colours @ .., covered] = chroma;
            for (plane, values) in (1..3).zip(colours) {
                let new = &done.tile.planes[plane][span.clone()];
                let old = &done.base.planes[plane][span.clone()];
                let dst = &mut values.values()[x0..x1];
                match done.share {
                    Some(share) => subtract_share(self.level, new, old, &share[span.clone()], dst),
                    None if differs => subtract(self.level, new, old, dst),
                    None => dst.copy_from_slice(new),
                }
            }
            if self.program.shares {
                let dst = &mut covered.values()[x0..x1];
                match done.share {
                    Some(share) => cover(self.level, &share[span], dst),
                    None => dst.fill(0.0),
                }
            }
        }
    }

    /// Stores every plane that is not subsampled.
    fn store<T: Sampled>(
        &self,
        area: Area,
        stored: Range<usize>,
        tile: &mut Tile,
        planes: &mut [PlaneBand<'_>],
    ) {
        let [x0, y0, x1, _] = area.map(|n| n as usize);
        let top = self.spec.format.sample.top();
        let last = planes.len() - 1;
        for (index, plane) in planes.iter_mut().enumerate() {
            if self.spec.format.is_chroma(index) && self.tents.is_some() {
                continue;
            }
            let alpha = self.spec.format.alpha && index == last;
            for y in stored.clone() {
                let values =
                    &mut tile.planes[if alpha { 3 } else { index }][(y - y0) * TILE_WIDTH..][..x1 - x0];
                let dst = plane.row::<T>(y, x0..x1);
                if self.dither {
                    let factor = if alpha { top } else { 1.0 };
                    values.iter_mut().for_each(|v| *v *= factor);
                    add_dither(values, x0, y);
                    narrow(self.level, values, dst, top);
                } else if alpha {
                    narrow_scaled(self.level, values, dst, top);
                } else {
                    narrow(self.level, values, dst, top);
                }
            }
        }
    }

    /// Copies every plane that is not subsampled.
    fn copy(&self, columns: Range<usize>, rows: Range<usize>, planes: &mut [PlaneBand<'_>]) {
        let Some(base) = self.program.base() else { return };
        for (index, (plane, source)) in planes.iter_mut().zip(&base.planes).enumerate() {
            if self.spec.format.is_chroma(index) && self.tents.is_some() {
                continue;
            }
            with_sample!(self.spec.format.sample, T => for y in rows.clone() {
                plane.row::<T>(y, columns.clone()).copy_from_slice(&source.row::<T>(y)[columns.clone()]);
            });
        }
    }

    fn clear_chroma(&self, columns: Range<usize>, scratch: &mut Scratch) {
        if self.tents.is_some() {
            scratch.rows.iter_mut().flatten().for_each(|row| row.values()[columns.clone()].fill(0.0));
        }
    }

    /// Filters the two rows' chroma across.
    fn filter_rows(&self, y: usize, touched: &Touched, across: &Tent, scratch: &mut Scratch) {
        let (width, cell) = (self.spec.width as usize, across.cell);
        // The tent reaches less than two cells.
        let grown = |columns: &Range<usize>| {
            let last = (columns.end.div_ceil(cell) + 2).min(width.div_ceil(cell));
            (columns.start / cell).saturating_sub(2)..if columns.is_empty() { 0 } else { last }
        };
        let columns = [&touched.colour, &touched.colour, &touched.share].map(grown);
        for (row, chroma) in scratch.rows.iter_mut().enumerate() {
            if y + row >= self.spec.height as usize {
                break;
            }
            let kept = scratch.rings.iter_mut().take(if self.program.shares { 3 } else { 2 });
            for ((values, ring), columns) in chroma.iter_mut().zip(kept).zip(&columns) {
                if columns.is_empty() {
                    ring.put_nothing(y + row);
                } else {
                    ring.put(self.level, y + row, values, across, columns.clone());
                }
            }
        }
    }

    /// Filters chroma row `k` down and stores it.
    fn store_chroma(&self, k: usize, down: &Tent, planes: &mut [PlaneBand<'_>], scratch: &mut Scratch) {
        let height = self.spec.height as usize;
        let [colours @ .., covered] = &mut scratch.rings;
        let (covered, cover): (_, &[f32]) = match self.program.shares {
            true => {
                let (columns, cover) = covered.take(self.level, k, down, height);
                (columns, cover)
            }
            false => (0..0, &[]),
        };
        for (plane, ring) in colours.iter_mut().enumerate() {
            let row = ring.take(self.level, k, down, height);
            let base = self.program.base().map(|b| b.planes[plane + 1]);
            with_sample!(self.spec.format.sample, T => {
                self.store_chroma_row::<T>(k, row, base, (covered.clone(), cover), &mut planes[plane + 1]);
            });
        }
    }

    fn store_chroma_row<T: Sampled>(
        &self,
        k: usize,
        (columns, sum): (Range<usize>, &mut [f32]),
        base: Option<PlaneView<'_>>,
        covered: (Range<usize>, &[f32]),
        plane: &mut PlaneBand<'_>,
    ) {
        let width = plane.width;
        let dst = plane.row::<T>(k, 0..width);
        if let Some(base) = base {
            let old = base.row::<T>(k);
            dst[..columns.start].copy_from_slice(&old[..columns.start]);
            dst[columns.end..].copy_from_slice(&old[columns.end..]);
            add_base(self.level, old, columns.start, covered, sum);
        }
        if self.dither {
            add_dither(sum, columns.start, k);
        }
        narrow(self.level, sum, &mut dst[columns], self.spec.format.sample.top());
    }
}
