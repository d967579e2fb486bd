//! Rendering: frames from a plan, packets from frames.
//!
//! The host side prepares each frame as a [`job::FrameJob`] of plain numbers; an [`Executor`] turns jobs into pictures,
//! in order; encoders take the pictures. Executors know nothing of time, scripts or media.

pub mod cpu;
pub mod dither;
pub mod gpu;
pub mod job;
pub mod tile;

use crate::picture::Picture;

/// A machine that renders jobs. Pictures come out in the order in which jobs went in; there may be a few in flight.
pub trait Executor: Send {
    /// A name for people, such as `cpu (2 threads, avx2)`.
    fn name(&self) -> String;
    /// Takes a job in; gives back the oldest picture that is ready, if the executor has as many in flight as it wants.
    ///
    /// # Errors
    /// If the device is lost or out of memory.
    fn submit(&mut self, job: job::FrameJob) -> Result<Option<Picture>, ExecError>;
    /// The next picture still in flight; `None` when there is none left.
    ///
    /// # Errors
    /// As [`Executor::submit`].
    fn flush(&mut self) -> Result<Option<Picture>, ExecError>;
}

/// Why a frame could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// The GPU went away; what was in flight is to be rendered again elsewhere.
    #[error("the GPU was lost: {0}")]
    DeviceLost(String),
    /// The frame does not fit.
    #[error("not enough memory for this frame: {0}")]
    OutOfMemory(String),
    /// There is no such device, or it lacks what is needed.
    #[error("{0}")]
    Unavailable(String),
}
