//! Gives jobs to workers: so many at once, in the store's order, until the service stops.
//!
//! Jobs come from the store ([`crate::store::Jobs::claim`] decides whose turn it is); each runs in a task of its own
//! (`attempt`), whose failure or panic touches no other. On a stop nothing new begins; what runs has a while
//! to end, and is put back as it was otherwise.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::attempt::{Attempt, remove_file, remove_folder};
use super::backoff::Backoff;
use super::{Jobs, Running};
use crate::app::App;
use crate::config::JobLimits;
use crate::files::Files;
use crate::model::Job;
use crate::store::Store;
use crate::telemetry;
use crate::worker::Workers;

/// The longest sleep: clocks jump, and a job that is due by the new one must not wait for the old one.
const NAP: Duration = Duration::from_secs(30);

/// Between two tries with a store that does not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// Waits between tries of one job.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(2), most: Duration::from_secs(300) };

/// How long running jobs may go on after a stop: shorter than service managers and container engines wait.
const GRACE: Duration = Duration::from_secs(8);

/// What a job needs to be done.
pub(super) struct Parts {
    pub(super) app: App,
    pub(super) store: Arc<dyn Store>,
    pub(super) files: Files,
    pub(super) workers: Arc<dyn Workers>,
    pub(super) jobs: Jobs,
    pub(super) limits: JobLimits,
    pub(super) backoff: Backoff,
}

/// Runs jobs.
pub struct Scheduler {
    parts: Arc<Parts>,
    grace: Duration,
}

impl Scheduler {
    /// The service's one.
    pub fn new(app: &App) -> Scheduler {
        let parts = Parts {
            app: app.clone(),
            store: app.store.clone(),
            files: app.files.clone(),
            workers: app.workers.clone(),
            jobs: app.jobs.clone(),
            limits: app.config.jobs.clone(),
            backoff: BACKOFF,
        };
        Scheduler { parts: Arc::new(parts), grace: GRACE }
    }

    /// With other waits.
    #[cfg(test)]
    pub(crate) fn impatient(mut self, backoff: Backoff, grace: Duration) -> Scheduler {
        if let Some(parts) = Arc::get_mut(&mut self.parts) {
            parts.backoff = backoff;
        }
        Scheduler { grace, ..self }
    }

    /// Puts back what ran when the service ended, then runs jobs until [`Jobs::stop`]; comes back when every job has
    /// ended or is put back.
    pub async fn run(self) {
        remove_folder(&self.parts.files.jobs_folder()).await;
        self.put_back().await;
        let mut tasks = JoinSet::new();
        while !self.parts.jobs.stopping.is_cancelled() {
            let pause = self.fill(&mut tasks).await;
            self.count().await;
            let room = tasks.len() < self.parts.limits.running.max(1);
            tokio::select! {
                () = self.parts.jobs.stopping.cancelled() => break,
                () = self.parts.jobs.added.notified(), if room => {}
                () = tokio::time::sleep(pause), if room => {}
                Some(_) = tasks.join_next() => self.release().await,
            }
        }
        self.drain(tasks).await;
        self.count().await;
    }

    /// Begins jobs as long as there is room; how long to wait for the next if nothing else happens.
    async fn fill(&self, tasks: &mut JoinSet<bool>) -> Duration {
        while tasks.len() < self.parts.limits.running.max(1) {
            match self.parts.jobs.claim().await {
                Ok(Some((job, running))) => self.begin(tasks, job, running),
                Ok(None) => return self.due().await,
                Err(error) => {
                    tracing::error!(%error, "no job can be taken");
                    return AGAIN;
                }
            }
        }
        NAP
    }

    fn begin(&self, tasks: &mut JoinSet<bool>, job: Job, running: Arc<Running>) {
        tracing::info!(job = %job.id, operation = job.operation, attempt = job.attempts, "a job begins");
        tasks.spawn(Attempt { parts: self.parts.clone(), job, running }.run());
    }

    /// Until the next job that waits for its time.
    async fn due(&self) -> Duration {
        let now = Timestamp::now();
        match self.parts.store.next_due(now).await {
            Ok(Some(due)) => Duration::try_from(due.duration_since(now)).unwrap_or_default().min(NAP),
            Ok(None) => NAP,
            Err(_) => AGAIN,
        }
    }

    /// What its owner deleted while a job needed it goes with the job.
    async fn release(&self) {
        match self.parts.store.release_media().await {
            Ok(blobs) => {
                for blob in blobs {
                    remove_file(&self.parts.files.path(&blob)).await;
                }
            }
            Err(error) => tracing::warn!(%error, "deleted media stays a while"),
        }
    }

    async fn count(&self) {
        if let Ok((waiting, running)) = self.parts.store.queue_depth().await {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; nobody queues 2^53 jobs")]
            let set = |name, count: u64| metrics::gauge!(name).set(count as f64);
            set(telemetry::JOBS_WAITING, waiting);
            set(telemetry::JOBS_RUNNING, running);
        }
    }

    async fn drain(&self, mut tasks: JoinSet<bool>) {
        let mut whole = true;
        let over = async {
            while let Some(ended) = tasks.join_next().await {
                whole &= ended.unwrap_or(false);
            }
        };
        if tokio::time::timeout(self.grace, over).await.is_err() {
            for running in self.parts.jobs.running.lock().await.values() {
                running.stop.cancel();
            }
            while let Some(ended) = tasks.join_next().await {
                whole &= ended.unwrap_or(false);
            }
        }
        if !whole {
            self.put_back().await;
        }
    }

    /// Every job that is said to run waits again: none does.
    async fn put_back(&self) {
        loop {
            match self.parts.store.requeue_running(Timestamp::now()).await {
                Ok(0) => return,
                Ok(count) => return tracing::info!(count, "jobs are put back"),
                Err(error) => tracing::error!(%error, "jobs that ran cannot be put back yet"),
            }
            tokio::select! {
                () = self.parts.jobs.stopping.cancelled() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }
}
