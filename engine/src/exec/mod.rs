//! Rendering: frames from a plan, packets from frames.
//!
//! The host side prepares each frame as a [`job::FrameJob`] of plain numbers; an [`Executor`] turns jobs into pictures,
//! in order; encoders take the pictures. Executors know nothing of time, scripts or media.

pub mod cpu;
pub mod dither;
pub mod drawings;
pub mod frames;
pub mod gpu;
pub mod job;
pub mod render;
pub mod sources;
pub mod tile;

use vfxb_dsl::diagnostic::Code;

use crate::codes;
use crate::media::MediaErrorKind;
use crate::picture::Picture;
use crate::plan::Backend;

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

/// The machine for a backend, with so many threads (0 for one a core); and, where it is not what was asked for, why.
///
/// # Errors
/// If there is no such machine here.
pub fn executor(backend: Backend, threads: usize) -> Result<(Box<dyn Executor>, Option<String>), ExecError> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    };
    let cpu = || -> Result<Box<dyn Executor>, ExecError> {
        Ok(Box::new(cpu::CpuExecutor::new(threads, tile::SimdLevel::active())?))
    };
    match backend {
        Backend::Cpu => Ok((cpu()?, None)),
        Backend::Auto => match gpu::GpuExecutor::new(gpu::Preference::Hardware) {
            Ok(gpu) => Ok((Box::new(gpu), None)),
            Err(_) => Ok((cpu()?, None)),
        },
        Backend::Gpu => match gpu::GpuExecutor::new(gpu::Preference::Any) {
            Ok(gpu) => Ok((Box::new(gpu), None)),
            Err(error) => Ok((cpu()?, Some(format!("{error}; rendering on the cpu instead")))),
        },
    }
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

/// Why a render stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A file could not be read or written.
    #[error(transparent)]
    Media(#[from] crate::media::MediaError),
    /// A frame could not be rendered.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// It was asked to stop.
    #[error("the render was cancelled")]
    Cancelled,
}

impl RenderError {
    /// A stable code for people's scripts and the service's clients.
    pub fn code(&self) -> Code {
        match self {
            RenderError::Media(error) if error.kind == MediaErrorKind::Changed => codes::SOURCE_CHANGED,
            RenderError::Media(_) => codes::FILE_FAILED,
            RenderError::Exec(ExecError::DeviceLost(_)) => codes::DEVICE_LOST,
            RenderError::Exec(ExecError::OutOfMemory(_)) => codes::OUT_OF_MEMORY,
            RenderError::Exec(ExecError::Unavailable(_)) => codes::NO_DEVICE,
            RenderError::Cancelled => codes::CANCELLED,
        }
    }

    /// How to mend it, where something is known.
    pub fn help(&self) -> Option<&str> {
        match self {
            RenderError::Media(error) => error.help.as_deref(),
            RenderError::Exec(ExecError::DeviceLost(_)) => Some("render again with `--backend cpu`"),
            _ => None,
        }
    }
}
