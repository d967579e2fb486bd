//! Jobs: stored before they are answered, done one after the other by workers, told of as they go.
//!
//! A job comes in ([`Jobs::submit`]); its rows change in the store; every change goes out as an event. The queue is the
//! store's own table, because what is needed of it (cancelling at once, progress, fair shares between owners, poison
//! detection, one transaction with the result's row) no queue library over SQLite gives today.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

use crate::error::{ApiError, Kind};
use crate::model::{Job, Owner, Video};
use crate::store::{Added, Idempotency, Store};

pub mod backoff;
pub mod sources;
pub mod view;

pub use view::view;

/// Events that may wait for a slow listener; it is told that it missed some, and reads the job again.
const BACKLOG: usize = 1024;

/// The queue as requests see it.
#[derive(Clone)]
pub struct Jobs {
    store: Arc<dyn Store>,
    /// Jobs that may wait.
    room: u64,
    events: broadcast::Sender<Arc<Job>>,
    /// Wakes the scheduler: a job was added.
    added: Arc<Notify>,
}

impl Jobs {
    /// A queue over a store, in which so many may wait.
    pub fn new(store: Arc<dyn Store>, room: u64) -> Jobs {
        Jobs { store, room, events: broadcast::channel(BACKLOG).0, added: Arc::new(Notify::new()) }
    }

    /// Stores a job and the video that it makes. Comes back with the job that counts: an earlier one if the key was
    /// used with the same body.
    ///
    /// # Errors
    /// 503 if the queue is full, 422 if the key was used for something else, 507 or 500 if the store fails.
    pub async fn submit(
        &self,
        job: Job,
        video: Option<&Video>,
        key: Option<&Idempotency>,
    ) -> Result<Job, ApiError> {
        match self.store.add_job(&job, video, key, self.room).await? {
            Added::New => {
                self.tell(&job);
                self.added.notify_one();
                Ok(job)
            }
            Added::Same(earlier) => Ok(*earlier),
            Added::OtherBody => Err(ApiError::new(
                Kind::Unprocessable,
                "This Idempotency-Key was used for another request; send a new one.",
            )),
            Added::Full => {
                Err(ApiError::new(Kind::Busy, "The queue is full; try again later.").retry_after(30))
            }
        }
    }

    /// Every change of every job, from now on: state, progress, end.
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

    fn tell(&self, job: &Job) {
        // Nobody may be listening.
        let _ = self.events.send(Arc::new(job.clone()));
    }
}
