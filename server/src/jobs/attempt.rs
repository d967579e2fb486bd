//! One try at one job: its folder, its worker, its files, its end.
//!
//! A claimed job comes in; when it goes out it has ended or waits again, and nothing of it is left but finished files
//! at their places. The table of what becomes of which failure is [`Trouble::verdict`].

use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::sync::watch;

use super::scheduler::Parts;
use super::{Running, sources};
use crate::error::{ApiError, Kind};
use crate::files::or_gone;
use crate::model::{Folder, Job, JobError, JobProgress, JobState, Metadata};
use crate::store::{Ended, Finished, FinishedOutput, StoreError};
use crate::telemetry;
use crate::worker::WorkError;
use crate::worker::protocol::{Answer, Fault, MadeFile, Refusal, Task, Work};

/// How often a worker may die over a job before the job is to blame.
const CRASHES: u32 = 2;

/// Between two notes of a job's progress in the store.
const NOTE: Duration = Duration::from_millis(500);

/// Between two tries to tell the store how a job ended.
const AGAIN: Duration = Duration::from_secs(1);

/// Letters of a file's ending, at most.
const ENDING: usize = 8;

/// One try.
pub(super) struct Attempt {
    pub(super) parts: Arc<Parts>,
    pub(super) job: Job,
    pub(super) running: Arc<Running>,
}

/// Why a try made nothing.
#[derive(Debug)]
enum Trouble {
    /// The worker's.
    Work(WorkError),
    /// The store's or the request's.
    Api(ApiError),
    /// The disk's.
    Disk(io::Error),
    /// The owner may keep no more than so many bytes.
    Quota(u64),
    /// A mistake of ours: it panicked.
    Panic,
    /// Its owner cancelled it, and the store knows.
    Ended,
}

/// What becomes of a job after trouble.
struct Verdict {
    error: JobError,
    diagnostics: Vec<serde_json::Value>,
    /// Another try may help.
    passing: bool,
    /// The worker died.
    crashed: bool,
}

impl Attempt {
    /// To its end, whatever happens on the way. Comes back with whether anything became of the job: `false` if it was
    /// stopped and its row still says that it runs.
    pub(super) async fn run(self) -> bool {
        let began = Instant::now();
        let folder = self.parts.files.job_folder(self.job.id);
        let made = AssertUnwindSafe(self.make(&folder)).catch_unwind().await.unwrap_or(Err(Trouble::Panic));
        let settled = match made {
            Ok(job) => {
                metrics::histogram!(telemetry::PROCESSING_SECONDS, "operation" => job.operation.clone())
                    .record(began.elapsed());
                tracing::info!(job = %job.id, operation = job.operation, "a job is done");
                true
            }
            Err(Trouble::Ended) => true,
            Err(Trouble::Work(WorkError::Cancelled)) if self.running.stop.is_cancelled() => {
                self.ended().await
            }
            Err(trouble) => self.fail(trouble).await,
        };
        remove_folder(&folder).await;
        self.parts.jobs.gone(self.job.id).await;
        settled
    }

    /// Its worker's files, at their places and in the store.
    async fn make(&self, folder: &Path) -> Result<Job, Trouble> {
        let Parts { app, files, .. } = &*self.parts;
        remove_folder(folder).await;
        tokio::fs::create_dir_all(folder).await.map_err(Trouble::Disk)?;
        let (owner, script) = (self.job.owner, &self.job.script);
        let left = self.left().await?;
        let named = sources::named(app, owner, script, true).await.map_err(Trouble::Api)?;
        let work = Work { script: script.clone(), files: named.files };
        // What was fetched for it is held until it is done.
        let _held = named.held;
        let task = Task::Render { work, folder: folder.to_owned(), file_size: left };
        let (made, diagnostics) = match self.render(task).await {
            Err(trouble) if trouble.is_size() && left <= self.parts.limits.file_size => {
                return Err(Trouble::Quota(app.config.quota));
            }
            other => other?,
        };
        let mut outputs = Vec::new();
        let placed = self.place(folder, &made, &mut outputs).await;
        let frames = made.iter().map(|file| file.metadata.frames).sum();
        let finished = Finished { outputs, diagnostics };
        let kept = match placed {
            Ok(()) => self.finish(&finished).await,
            Err(trouble) => Err(trouble),
        };
        // What no row names is not needed: everything if it came to nothing, and files whose equal is there already.
        let needed = kept.as_ref().map(|job| job.outputs.as_slice()).unwrap_or_default();
        for output in &finished.outputs {
            if !needed.iter().any(|kept| kept.blob == output.blob.id) {
                remove_file(&files.path(&output.blob)).await;
            }
        }
        if kept.is_ok() {
            metrics::counter!(telemetry::FRAMES).increment(frames);
        }
        kept
    }

    /// Bytes that the owner may still keep; none is trouble before a worker has begun.
    async fn left(&self) -> Result<u64, Trouble> {
        let quota = self.parts.app.config.quota;
        match quota.saturating_sub(self.parts.store.bytes_kept(self.job.owner).await?) {
            0 => Err(Trouble::Quota(quota)),
            left => Ok(left),
        }
    }

    /// Has the worker do it, and tells how far it is meanwhile.
    async fn render(&self, task: Task) -> Result<(Vec<MadeFile>, Vec<serde_json::Value>), Trouble> {
        let (latest, noted) = watch::channel(JobProgress::default());
        let told = |progress: JobProgress| {
            let progress = sound(progress);
            self.parts.jobs.tell_progress(&self.running, progress);
            latest.send_replace(progress);
        };
        let answer = tokio::select! {
            answer = self.parts.workers.work(self.job.owner, task, &told, &self.running.stop) => answer,
            () = self.note(noted) => Err(WorkError::Unavailable("nobody listens to the worker".to_owned())),
        };
        match answer.map_err(Trouble::Work)? {
            Answer::Made { files, diagnostics } => Ok((files, diagnostics)),
            _ => Err(Trouble::Work(WorkError::Crashed("it answered another question".to_owned()))),
        }
    }

    /// Keeps the store's row near the truth, for whoever asks for it and for a restart.
    async fn note(&self, mut latest: watch::Receiver<JobProgress>) {
        while latest.changed().await.is_ok() {
            let progress = *latest.borrow_and_update();
            match self.parts.store.set_progress(self.job.id, &progress).await {
                Ok(revision) => self.parts.jobs.revised(&self.running, revision),
                Err(error) => tracing::warn!(job = %self.job.id, %error, "progress is not noted"),
            }
            tokio::time::sleep(NOTE).await;
        }
        // The worker's answer is awaited beside this, and decides.
        std::future::pending::<()>().await;
    }

    /// Moves what the worker made to where stored files lie. Those that were placed stand in `outputs` even if a later
    /// one cannot be. The worker has met strangers' files, so what it says is believed only as far as names go: a file
    /// is taken from the job's own folder, and only if it is a plain one.
    async fn place(
        &self,
        folder: &Path,
        made: &[MadeFile],
        outputs: &mut Vec<FinishedOutput>,
    ) -> Result<(), Trouble> {
        for file in made {
            let plain = Path::new(&file.name).file_name().is_some_and(|name| name == file.name.as_str());
            let from = folder.join(&file.name);
            if !plain || !tokio::fs::symlink_metadata(&from).await.map_err(Trouble::Disk)?.is_file() {
                let reason = format!("the worker made no plain file {:?}", file.name);
                return Err(Trouble::Disk(io::Error::other(reason)));
            }
            let into = folder_of(file.moving, &file.metadata);
            let blob = self.parts.files.place_file(&from, into, &ending(&file.name)).await;
            let blob = blob.map_err(|error| Trouble::Api(error.into()))?;
            outputs.push(FinishedOutput { name: file.name.clone(), blob, metadata: file.metadata.clone() });
        }
        Ok(())
    }

    /// One transaction: from here on it is done, or it is not.
    async fn finish(&self, finished: &Finished) -> Result<Job, Trouble> {
        let Parts { jobs, store, .. } = &*self.parts;
        match jobs.finish(&self.running, self.job.id, finished).await {
            Ok(Some(job)) => Ok(job),
            Ok(None) => Err(Trouble::Ended),
            Err(error) => {
                // An answer that got lost must not cost finished files.
                match store.job(self.job.owner, self.job.id).await {
                    Ok(Some(job)) if job.state == JobState::Completed => Ok(job),
                    _ => Err(error.into()),
                }
            }
        }
    }

    /// Whether the job's row has ended: it was cancelled, not put back.
    async fn ended(&self) -> bool {
        let job = self.parts.store.job(self.job.owner, self.job.id).await;
        job.is_ok_and(|job| job.is_none_or(|job| job.state.ended()))
    }

    /// Fails the job, or queues it again.
    async fn fail(&self, trouble: Trouble) -> bool {
        let verdict = trouble.verdict();
        let crashes = self.job.crashes + u32::from(verdict.crashed);
        let poison = verdict.crashed && crashes >= CRASHES;
        let again = !poison
            && (verdict.crashed || (verdict.passing && self.job.attempts < self.parts.limits.attempts));
        tracing::warn!(job = %self.job.id, ?trouble, again, "a job made nothing");
        let wait = self.parts.backoff.wait(self.job.attempts);
        let ended = Ended {
            state: if again { JobState::Queued } else { JobState::Failed },
            error: Some(verdict.error),
            diagnostics: verdict.diagnostics,
            crashed: verdict.crashed,
            not_before: again.then(|| Timestamp::now().saturating_add(wait).unwrap_or(Timestamp::MAX)),
        };
        self.tell_store(&ended).await
    }

    /// Tells the store until it listens: a job must not stay running without a worker.
    async fn tell_store(&self, ended: &Ended) -> bool {
        loop {
            match self.parts.jobs.end(&self.running, self.job.id, ended).await {
                Ok(_) => return true,
                Err(error) => {
                    tracing::error!(job = %self.job.id, %error, "the end of a job is not noted yet")
                }
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = self.running.stop.cancelled() => return false,
            }
        }
    }
}

impl Trouble {
    /// Whether a worker wanted to write more into a file than it may.
    fn is_size(&self) -> bool {
        matches!(self, Trouble::Work(WorkError::Refused(refusal)) if refusal.fault == Fault::Size)
    }

    /// What its owner is told, and whether another try may help.
    fn verdict(&self) -> Verdict {
        let of = |code: &str, message: &str, passing, crashed| Verdict {
            error: JobError { code: code.to_owned(), message: message.to_owned(), help: None },
            diagnostics: Vec::new(),
            passing,
            crashed,
        };
        match self {
            Trouble::Work(WorkError::Refused(refusal)) => {
                let Refusal { error, diagnostics, fault } = (**refusal).clone();
                let passing = matches!(fault, Fault::Room | Fault::Machine);
                Verdict { error, diagnostics, passing, crashed: false }
            }
            Trouble::Work(WorkError::Crashed(_)) | Trouble::Panic => of(
                "crashed",
                "Rendering it made the renderer crash, or took more memory than it may.",
                true,
                true,
            ),
            Trouble::Work(WorkError::TimedOut(seconds)) => of(
                "timeout",
                &format!("It took longer than the {seconds} seconds that it may."),
                false,
                false,
            ),
            Trouble::Work(WorkError::Cancelled) => of("cancelled", "It was stopped.", true, false),
            Trouble::Work(WorkError::Unavailable(_) | WorkError::Crowded) => {
                of("unavailable", "No renderer could be started.", true, false)
            }
            Trouble::Quota(limit) => of(
                "quota",
                &format!(
                    "With it you would keep more than the {limit} bytes that you may; delete something."
                ),
                false,
                false,
            ),
            Trouble::Disk(error) if full(error) => {
                of("no_room", "The service has no room left on its disk.", true, false)
            }
            Trouble::Api(error) if error.kind == Kind::NoRoom => of("no_room", &error.message, true, false),
            // Media on other hosts.
            Trouble::Api(error) if error.kind == Kind::Busy => {
                of(error.code.unwrap_or("unavailable"), &error.message, true, false)
            }
            Trouble::Api(error) if error.kind == Kind::TooLarge => {
                of(error.code.unwrap_or("file_too_large"), &error.message, false, false)
            }
            Trouble::Api(error) if error.kind == Kind::Validation => {
                of("script_invalid", &error.message, false, false)
            }
            Trouble::Disk(_) | Trouble::Api(_) | Trouble::Ended => {
                of("internal", "The service failed; its log has the reason.", true, false)
            }
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        match error {
            StoreError::Quota { limit } => Trouble::Quota(limit),
            other => Trouble::Api(other.into()),
        }
    }
}

/// Numbers as they are promised, whatever a worker says.
fn sound(told: JobProgress) -> JobProgress {
    let number = |n: f64| if n.is_finite() { n.max(0.0) } else { 0.0 };
    JobProgress {
        progress: number(told.progress).min(1.0),
        fps: number(told.fps),
        eta_seconds: told.eta_seconds.filter(|eta| eta.is_finite() && *eta >= 0.0),
        segment: told.segment,
    }
}

fn folder_of(moving: bool, metadata: &Metadata) -> Folder {
    match metadata {
        _ if moving => Folder::Videos,
        Metadata { width: 0, audio_codec: Some(_), .. } => Folder::Audio,
        _ => Folder::Images,
    }
}

/// The ending that a file is kept under: the name's, if it is one.
fn ending(name: &str) -> String {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let known =
        !ending.is_empty() && ending.len() <= ENDING && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    if known { ending.to_ascii_lowercase() } else { "bin".to_owned() }
}

fn full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

pub(super) async fn remove_folder(folder: &Path) {
    if let Err(error) = or_gone(tokio::fs::remove_dir_all(folder).await) {
        tracing::error!(?folder, %error, "a job's folder stays");
    }
}

pub(super) async fn remove_file(file: &PathBuf) {
    if let Err(error) = or_gone(tokio::fs::remove_file(file).await) {
        tracing::error!(?file, %error, "a file stays")
    }
}
