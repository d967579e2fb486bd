//! The cpu executor: frame jobs on a pool of threads, with the instructions that the machine has.
//!
//! In come [`FrameJob`]s, out come pictures whose memory returns to a [`BufferPool`] when the encoder drops them. One
//! frame is worked on at a time, all threads on its bands; results have the same bits for any number of threads and
//! any [`SimdLevel`]. It knows nothing of time, scripts, media or other frames.

mod affine;
mod chroma;
mod in_place;
mod load;
mod pass;
mod pool;
mod program;
mod simd;
mod store;

pub use pool::BufferPool;

use self::program::broken;
use super::job::{FrameJob, Slot, Stage};
use super::tile::SimdLevel;
use super::{ExecError, Executor};
use crate::kernel::{gaussian::gaussian, resample::resample, transform::transform};
use crate::picture::{Picture, PictureBuffer, PictureSpec, PixelFormat, Sample};

/// Renders with the processor.
pub struct CpuExecutor {
    threads: rayon::ThreadPool,
    level: SimdLevel,
    pool: BufferPool,
    scratch: pass::ScratchPool,
    constants: affine::Constants,
}

impl CpuExecutor {
    /// With so many threads (at least 1) and instructions up to `level`, less if the machine has less.
    ///
    /// # Errors
    /// [`ExecError::Unavailable`] if the threads cannot be started.
    pub fn new(threads: usize, level: SimdLevel) -> Result<Self, ExecError> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|n| format!("vfxb-cpu-{n}"))
            .build()
            .map_err(|e| ExecError::Unavailable(format!("cannot start threads: {e}")))?;
        Ok(CpuExecutor {
            threads,
            level: level.available(),
            pool: BufferPool::default(),
            scratch: pass::ScratchPool::default(),
            constants: affine::Constants::default(),
        })
    }

    /// The instructions in use.
    pub fn level(&self) -> SimdLevel {
        self.level
    }

    fn render(&self, job: FrameJob) -> Result<Picture, ExecError> {
        let mut slots: Vec<Option<Picture>> = vec![None; job.slots];
        // Until which stage a slot is read.
        let mut until = vec![0; job.slots];
        for (at, stage) in job.stages.iter().enumerate() {
            for slot in reads(stage) {
                *until.get_mut(slot).ok_or(broken("a slot is missing"))? = at;
            }
        }
        *until.get_mut(job.output).ok_or(broken("no stage makes the frame"))? = usize::MAX;
        for (at, stage) in job.stages.into_iter().enumerate() {
            let read = reads(&stage);
            let (to, picture) = self.stage(stage, &mut slots, |slot| until[slot] == at)?;
            *slots.get_mut(to).ok_or(broken("a slot is missing"))? = Some(picture);
            // What nobody reads any more is the next stage's memory.
            for slot in read.into_iter().filter(|slot| *slot != to && until[*slot] == at) {
                slots[slot] = None;
            }
        }
        slots.get_mut(job.output).and_then(Option::take).ok_or(broken("no stage makes the frame"))
    }

    /// `last` says whether nobody reads a slot after this stage.
    fn stage(
        &self,
        stage: Stage,
        slots: &mut [Option<Picture>],
        last: impl Fn(Slot) -> bool,
    ) -> Result<(Slot, Picture), ExecError> {
        match stage {
            Stage::Input { to, picture } => Ok((to, picture)),
            Stage::Affine { from, to, matrix, spec } => {
                let input = held(slots, from)?;
                Ok((to, affine::run(input, &matrix, spec, self.level, &self.pool, &self.constants)?))
            }
            Stage::Pass(job) => {
                let inputs = inputs(&job.inputs, slots, last)?;
                Ok((job.to, pass::run(&job, inputs, self.level, &self.pool, &self.scratch)?))
            }
            Stage::Resample(job) => {
                let input = held(slots, job.from)?;
                let out = self.kernel_output(job.spec, true)?;
                let made = resample(&job, input, self.level, out);
                Ok((job.to, self.pool.freeze(made, job.spec)))
            }
            Stage::Transform(job) => {
                let input = held(slots, job.from)?;
                let rgba = PixelFormat::RGBA_F32;
                let out =
                    self.kernel_output(job.spec, [input.spec().format, job.spec.format] == [rgba; 2])?;
                let made = transform(&job, input, self.level, out);
                Ok((job.to, self.pool.freeze(made, job.spec)))
            }
            Stage::Gaussian(job) => {
                let input = held(slots, job.from)?;
                let out = self.kernel_output(job.spec, layout(input.spec()) == layout(&job.spec))?;
                let made = gaussian(&job, input, self.level, out);
                Ok((job.to, self.pool.freeze(made, job.spec)))
            }
        }
    }

    /// Memory for a kernel, whose formats are as they should be if `right`.
    fn kernel_output(&self, spec: PictureSpec, right: bool) -> Result<PictureBuffer, ExecError> {
        if !right || !matches!(spec.format.sample, Sample::F32(_)) {
            return Err(broken("a kernel's picture is of another format"));
        }
        Ok(self.pool.take(spec))
    }
}

fn held(slots: &[Option<Picture>], slot: Slot) -> Result<&Picture, ExecError> {
    slots.get(slot).and_then(Option::as_ref).ok_or(broken("a stage reads an empty slot"))
}

/// The pictures that a pass reads: those that nobody reads again are taken out of their slots, so that the pass may be
/// their only holder.
fn inputs(
    wanted: &[Slot],
    slots: &mut [Option<Picture>],
    last: impl Fn(Slot) -> bool,
) -> Result<Vec<Picture>, ExecError> {
    let take = |(n, slot): (usize, &Slot)| {
        let again = wanted[n + 1..].contains(slot);
        let held = slots.get_mut(*slot)?;
        if last(*slot) && !again { held.take() } else { held.clone() }
    };
    let pictures: Option<Vec<Picture>> = wanted.iter().enumerate().map(take).collect();
    pictures.ok_or(broken("a stage reads an empty slot"))
}

fn layout(spec: &PictureSpec) -> (u32, u32, PixelFormat) {
    (spec.width, spec.height, spec.format)
}

/// The slots that a stage reads.
fn reads(stage: &Stage) -> Vec<Slot> {
    match stage {
        Stage::Input { .. } => Vec::new(),
        Stage::Affine { from, .. } => vec![*from],
        Stage::Pass(job) => job.inputs.clone(),
        Stage::Resample(job) => vec![job.from],
        Stage::Transform(job) => vec![job.from],
        Stage::Gaussian(job) => vec![job.from],
    }
}

impl Executor for CpuExecutor {
    fn name(&self) -> String {
        let count = self.threads.current_num_threads();
        format!("cpu ({count} thread{}, {})", if count == 1 { "" } else { "s" }, self.level)
    }

    fn submit(&mut self, job: FrameJob) -> Result<Option<Picture>, ExecError> {
        self.threads.install(|| self.render(job)).map(Some)
    }

    fn flush(&mut self) -> Result<Option<Picture>, ExecError> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
