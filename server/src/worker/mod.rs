//! The child process that looks into strangers' files: `vfxb worker`.
//!
//! One order comes in on standard input, messages go out on standard output, a JSON object a line ([`protocol`]). It
//! knows files by the names that the script uses for them, and tells nobody their paths. The service sees it through
//! [`Workers`] alone.

mod metadata;
mod names;
mod place;
mod process;
pub mod protocol;
mod refusal;
mod run;
pub mod sandbox;
mod spawn;
mod tasks;
mod turns;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::model::{JobProgress, Owner};
use protocol::{Answer, Refusal, Task};

pub use process::Processes;
pub use run::{Unfit, run};

/// Bytes of a line between the two sides: the longest script, however JSON has to write it.
const LONGEST_LINE: usize = 64 << 20;

/// Where the service has work done.
#[async_trait]
pub trait Workers: Send + Sync {
    /// Does one task of an owner in a process of its own. `told` hears of progress; `cancel` ends the process at once, and what it
    /// wrote is removed. Renders have the time of a job, everything else the time of a quick answer, and waits for a turn that
    /// owners share fairly.
    ///
    /// # Errors
    /// [`WorkError`].
    async fn work(
        &self,
        owner: Owner,
        task: Task,
        told: &(dyn Fn(JobProgress) + Sync),
        cancel: &CancellationToken,
    ) -> Result<Answer, WorkError>;
}

/// Why a task has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WorkError {
    /// The worker says why.
    #[error("{}", .0.error.message)]
    Refused(Box<Refusal>),
    /// The worker died: by a signal, by a limit, or without an answer. The text is for the log.
    #[error("the worker died: {0}")]
    Crashed(String),
    /// It took longer than it may.
    #[error("it took longer than {0} seconds")]
    TimedOut(u64),
    /// Somebody stopped it.
    #[error("cancelled")]
    Cancelled,
    /// So much of its owner waits already that this may not wait too.
    #[error("too much work of one owner waits")]
    Crowded,
    /// No process could be made.
    #[error("no worker could be started: {0}")]
    Unavailable(String),
}
