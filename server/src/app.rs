//! What every handler has: configuration, store, files, workers, jobs.

use std::sync::Arc;

use crate::config::Config;
use crate::files::Files;
use crate::jobs::Jobs;
use crate::model::Owner;
use crate::store::Store;
use crate::worker::Workers;

/// The service's parts; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// What it was told when it started.
    pub config: Arc<Config>,
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// The upload folder.
    pub files: Files,
    /// Where work is done.
    pub workers: Arc<dyn Workers>,
    /// The queue.
    pub jobs: Jobs,
}

/// Who asks: found by the shell from the token (or, in open mode, without), an extractor for handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Whose rows are read and written.
    pub owner: Owner,
}
