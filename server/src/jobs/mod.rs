//! Jobs: stored before they are answered, done one after the other by workers, told of as they go.
//!
//! A job comes in ([`Jobs::submit`]); its rows change in the store; every change goes out as an event. The queue is the
//! store's own table, because what is needed of it (cancelling at once, progress, fair shares between owners, poison
//! detection, one transaction with the result's row) no queue library over SQLite gives today.
//!
//! ```text
//! submit ──▶ store ──▶ scheduler: claim ──▶ attempt: worker, place files ──▶ finish or end ──▶ store
//!                                                  └─ progress ──▶ events       └──▶ events, webhooks
//! ```
//!
//! Everything that decides what becomes of a job (adding, claiming, cancelling) goes through one lock here, so that
//! events come in the order of the store's changes. The store decides who wins where two want to end a job.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, Notify, broadcast};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::{ApiError, Kind};
use crate::model::{Job, JobProgress, JobState, Owner, Video};
use crate::store::{Added, Ended, Finished, Idempotency, Keyed, Room, Store, StoreError};

mod attempt;
pub mod backoff;
#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod fetched;
pub mod remote;
pub mod scheduler;
pub mod signing;
pub mod sources;
#[cfg(test)]
mod tests;
pub mod view;
pub mod webhook;

pub use scheduler::Scheduler;
pub use view::view;

/// Events that may wait for a slow listener; it is told that it missed some, and reads the job again.
const BACKLOG: usize = 1024;

/// How long a cancelled job's worker and files may take to go before its owner is answered.
const GOING: Duration = Duration::from_secs(1);

/// The queue as requests see it.
#[derive(Clone)]
pub struct Jobs {
    store: Arc<dyn Store>,
    /// What jobs and their results may take.
    room: Room,
    events: broadcast::Sender<Arc<Job>>,
    /// Wakes the scheduler: a job was added.
    added: Arc<Notify>,
    /// Wakes the webhooks: a job ended.
    ended: Arc<Notify>,
    /// What has a worker now.
    running: Arc<Mutex<HashMap<Uuid, Arc<Running>>>>,
    /// No new jobs any more.
    stopping: CancellationToken,
}

/// A job that has a worker.
#[derive(Debug)]
struct Running {
    /// Ends its worker.
    stop: CancellationToken,
    /// Nothing is left of it: no process, no folder.
    gone: CancellationToken,
    /// What listeners were told last; `None` once it has ended for them.
    told: std::sync::Mutex<Option<Job>>,
}

impl Jobs {
    /// A queue over a store, with so much room.
    pub fn new(store: Arc<dyn Store>, room: Room) -> Jobs {
        Jobs {
            store,
            room,
            events: broadcast::channel(BACKLOG).0,
            added: Arc::default(),
            ended: Arc::default(),
            running: Arc::default(),
            stopping: CancellationToken::new(),
        }
    }

    /// Stores a job and the video that it makes. Comes back with the job that counts: an earlier one if the key was
    /// used with the same body.
    ///
    /// # Errors
    /// 409 if the video is made already, 503 if the queue is full, of one's own jobs or of all, or the service drains,
    /// 422 if the key was used for something else, 507 if the owner keeps too much or the disk is full, 500 if the store
    /// fails.
    pub async fn submit(
        &self,
        job: Job,
        video: Option<&Video>,
        key: Option<&Idempotency>,
    ) -> Result<Job, ApiError> {
        if self.stopping.is_cancelled() {
            return Err(ApiError::new(Kind::Busy, "The service is stopping; try again soon.").retry_after(10));
        }
        let (jobs, video, key) = (self.clone(), video.cloned(), key.cloned());
        let added = whole(async move {
            let _order = jobs.running.lock().await;
            let added = jobs.store.add_job(&job, video.as_ref(), key.as_ref(), jobs.room).await?;
            if added == Added::New {
                jobs.tell(&job);
                jobs.added.notify_one();
            }
            Ok::<_, StoreError>((added, job))
        });
        let (added, job) = added.await?;
        counted(added, job)
    }

    /// What a key was used for before, with the same body.
    ///
    /// # Errors
    /// 422 if the key was used for something else, 500 if the store fails.
    pub async fn keyed(&self, owner: Owner, key: &Idempotency) -> Result<Option<Keyed>, ApiError> {
        match self.store.keyed(owner, key).await? {
            Some(Keyed::OtherBody) => Err(other_body()),
            earlier => Ok(earlier),
        }
    }

    /// Every change of every job, from now on: state, progress, end. Of a job's script they hold nothing (its text and
    /// values are empty): a slow listener must not keep a thousand of them.
    pub fn events(&self) -> broadcast::Receiver<Arc<Job>> {
        self.events.subscribe()
    }

    /// A job of an owner.
    ///
    /// # Errors
    /// 404 if there is none, 500 if the store fails.
    pub async fn get(&self, owner: Owner, id: Uuid) -> Result<Job, ApiError> {
        self.store.job(owner, id).await?.ok_or_else(|| ApiError::not_found("render"))
    }

    /// Cancels a job that waits or runs. When it comes back, its worker and its files have gone (or are going: a
    /// second is waited for them). Cancelling again changes nothing.
    ///
    /// # Errors
    /// 404 if there is none, 409 if it has completed or failed, 500 if the store fails.
    pub async fn cancel(&self, owner: Owner, id: Uuid) -> Result<Job, ApiError> {
        self.get(owner, id).await?;
        let jobs = self.clone();
        let (ended, running) = whole(async move { jobs.end_by_owner(id).await }).await?;
        if let Some(running) = running {
            // The worker is being killed; whoever asks next must find nothing of it.
            let _ = tokio::time::timeout(GOING, running.gone.cancelled()).await;
        }
        if let Some(job) = ended {
            return Ok(job);
        }
        let job = self.get(owner, id).await?;
        if job.state == JobState::Cancelled {
            return Ok(job);
        }
        Err(ApiError::new(Kind::Conflict, "The render has ended already; it cannot be cancelled."))
    }

    /// No new jobs from now on; the scheduler drains.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    async fn end_by_owner(&self, id: Uuid) -> Result<(Option<Job>, Option<Arc<Running>>), StoreError> {
        let running = self.running.lock().await;
        let ended = self.store.end(id, &cancelled(), Timestamp::now()).await?;
        let found = running.get(&id).cloned();
        if let Some(job) = &ended {
            match &found {
                Some(running) => {
                    running.stop.cancel();
                    self.tell_end(running, job);
                }
                None => self.tell_ended(job),
            }
        }
        Ok((ended, found))
    }

    /// Takes the next job for a worker.
    async fn claim(&self) -> Result<Option<(Job, Arc<Running>)>, StoreError> {
        let mut all = self.running.lock().await;
        let Some(job) = self.store.claim(Timestamp::now()).await? else { return Ok(None) };
        let running = Arc::new(Running {
            stop: CancellationToken::new(),
            gone: CancellationToken::new(),
            told: std::sync::Mutex::new(Some(unscripted(&job))),
        });
        all.insert(job.id, running.clone());
        self.tell(&job);
        Ok(Some((job, running)))
    }

    /// Ends a job well; `None` if it had ended.
    async fn finish(
        &self,
        running: &Running,
        id: Uuid,
        finished: &Finished,
    ) -> Result<Option<Job>, StoreError> {
        let job = self.store.finish(id, finished, self.room.quota, Timestamp::now()).await?;
        if let Some(job) = &job {
            self.tell_end(running, job);
        }
        Ok(job)
    }

    /// Ends a job otherwise, or queues it again; `None` if it had ended.
    async fn end(&self, running: &Running, id: Uuid, ended: &Ended) -> Result<Option<Job>, StoreError> {
        let job = self.store.end(id, ended, Timestamp::now()).await?;
        if let Some(job) = &job {
            self.tell_end(running, job);
        }
        Ok(job)
    }

    /// Nothing of a running job is left.
    async fn gone(&self, id: Uuid) {
        if let Some(running) = self.running.lock().await.remove(&id) {
            running.gone.cancel();
        }
    }

    /// Tells how far a running job is; nothing once it has ended.
    fn tell_progress(&self, running: &Running, progress: JobProgress) {
        let mut told = locked(&running.told);
        if let Some(job) = told.as_mut() {
            job.progress = progress;
            let _ = self.events.send(Arc::new(job.clone()));
        }
    }

    /// Further events of a running job have this id.
    fn revised(&self, running: &Running, revision: u64) {
        if let Some(job) = locked(&running.told).as_mut() {
            job.revision = job.revision.max(revision);
        }
    }

    /// Tells what became of a running job, and nothing of it after that.
    fn tell_end(&self, running: &Running, job: &Job) {
        let mut told = locked(&running.told);
        *told = None;
        self.tell_ended(job);
    }

    fn tell_ended(&self, job: &Job) {
        self.tell(job);
        if job.state.ended() {
            self.ended.notify_one();
        }
    }

    fn tell(&self, job: &Job) {
        // Nobody may be listening.
        let _ = self.events.send(Arc::new(unscripted(job)));
    }
}

/// A job without its script.
fn unscripted(job: &Job) -> Job {
    let spelling = job.script.spelling;
    let script = crate::model::ScriptText { text: String::new(), spelling, vars: Default::default() };
    Job {
        script,
        operation: job.operation.clone(),
        sources: Vec::new(),
        webhook: job.webhook.clone(),
        outputs: job.outputs.clone(),
        diagnostics: job.diagnostics.clone(),
        error: job.error.clone(),
        ..*job
    }
}

fn cancelled() -> Ended {
    let state = JobState::Cancelled;
    Ended { state, error: None, diagnostics: Vec::new(), crashed: false, not_before: None }
}

fn counted(added: Added, job: Job) -> Result<Job, ApiError> {
    match added {
        Added::New => Ok(job),
        Added::Same(earlier) => Ok(*earlier),
        Added::OtherBody => Err(other_body()),
        Added::Full => Err(ApiError::new(Kind::Busy, "The queue is full; try again later.").retry_after(30)),
        Added::Made => Err(ApiError::new(Kind::Conflict, "The video is made already; ask for its file.")),
        Added::FullOfOwn => {
            let message =
                "As many of your own renders wait as one may have waiting; try again when some are done.";
            Err(ApiError { code: Some("own_queue_full"), ..ApiError::new(Kind::Busy, message) }
                .retry_after(30))
        }
    }
}

/// The key was used for something else.
pub(crate) fn other_body() -> ApiError {
    ApiError::new(Kind::Unprocessable, "This Idempotency-Key was used for another request; send a new one.")
}

/// Runs what must not stop in the middle because a client hangs up.
async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work).await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
}

fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
