//! Who writes to an upload: one at a time. One service has a folder for itself, so memory is enough to know it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::{ApiError, Kind};

/// After this silence a part is taken for cut off: its client has lost its connection and comes back, long before the
/// old connection is known to be dead.
const SILENCE: Duration = Duration::from_secs(2);

/// How long one who was stopped may take to put down what he has.
const GOING: Duration = Duration::from_secs(5);

/// How long a whole file may be looked into: longer than a worker may take for it.
const JUDGING: Duration = Duration::from_secs(300);

/// Every upload that somebody writes to now; cheap to clone.
#[derive(Debug, Clone)]
pub struct Locks {
    held: Arc<Mutex<HashMap<Uuid, Arc<Holder>>>>,
    silence: Duration,
}

#[derive(Debug)]
struct Holder {
    stop: CancellationToken,
    gone: CancellationToken,
    heard: Mutex<Instant>,
    judging: AtomicBool,
}

impl Default for Locks {
    fn default() -> Self {
        Locks::with_silence(SILENCE)
    }
}

impl Locks {
    /// With another time after which silence ends a part.
    pub fn with_silence(silence: Duration) -> Locks {
        Locks { held: Arc::default(), silence }
    }

    /// The right to write to an upload.
    ///
    /// # Errors
    /// 423 if somebody else has it and is at work.
    pub(crate) async fn take(&self, id: Uuid) -> Result<Lock, ApiError> {
        self.settle(id).await;
        self.try_take(id)
    }

    /// The same, stopping whoever has it.
    ///
    /// # Errors
    /// 423 if he does not stop.
    pub(crate) async fn take_over(&self, id: Uuid) -> Result<Lock, ApiError> {
        if let Some(holder) = self.holder(id) {
            holder.stop.cancel();
            holder.wait(if holder.judging() { JUDGING } else { GOING }).await;
        }
        self.try_take(id)
    }

    /// Waits for one who looks into a whole file, and stops one whose client was not heard of for a while.
    pub(crate) async fn settle(&self, id: Uuid) {
        let Some(holder) = self.holder(id) else { return };
        if holder.judging() {
            holder.wait(JUDGING).await;
        } else if locked(&holder.heard).elapsed() >= self.silence {
            holder.stop.cancel();
            holder.wait(GOING).await;
        }
    }

    fn holder(&self, id: Uuid) -> Option<Arc<Holder>> {
        locked(&self.held).get(&id).cloned()
    }

    fn try_take(&self, id: Uuid) -> Result<Lock, ApiError> {
        match locked(&self.held).entry(id) {
            Entry::Occupied(_) => {
                Err(ApiError::new(Kind::Locked, "Another request is sending a part of this upload."))
            }
            Entry::Vacant(free) => {
                let holder = Arc::new(Holder {
                    stop: CancellationToken::new(),
                    gone: CancellationToken::new(),
                    heard: Mutex::new(Instant::now()),
                    judging: AtomicBool::new(false),
                });
                free.insert(holder.clone());
                Ok(Lock { locks: self.clone(), id, holder })
            }
        }
    }
}

impl Holder {
    fn judging(&self) -> bool {
        self.judging.load(Ordering::Relaxed)
    }

    async fn wait(&self, most: Duration) {
        let _ = tokio::time::timeout(most, self.gone.cancelled()).await;
    }
}

/// The right to write to an upload, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    locks: Locks,
    id: Uuid,
    holder: Arc<Holder>,
}

impl Lock {
    /// The client is still there.
    pub(crate) fn heard(&self) {
        *locked(&self.holder.heard) = Instant::now();
    }

    /// Everything has come, and is looked into.
    pub(crate) fn judge(&self) {
        self.holder.judging.store(true, Ordering::Relaxed);
    }

    /// Somebody else wants to go on.
    pub(crate) async fn stopped(&self) {
        self.holder.stop.cancelled().await;
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        locked(&self.locks.held).remove(&self.id);
        self.holder.gone.cancel();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_until_he_is_silent() {
        let id = Uuid::from_u128(1);
        let patient = Locks::default();
        let first = patient.take(id).await.unwrap();
        assert_eq!(patient.take(id).await.unwrap_err().kind, Kind::Locked);
        assert!(patient.take(Uuid::from_u128(2)).await.is_ok());
        drop(first);
        assert!(patient.take(id).await.is_ok());

        let hasty = Locks::with_silence(Duration::ZERO);
        let silent = hasty.take(id).await.unwrap();
        let goes = tokio::spawn(async move { silent.stopped().await });
        let next = hasty.take(id).await.unwrap();
        goes.await.unwrap();
        next.judge();
        let waits = tokio::spawn(async move { hasty.take(id).await.map(drop) });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        drop(next);
        waits.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn who_ends_an_upload_stops_its_writer() {
        let (locks, id) = (Locks::default(), Uuid::from_u128(1));
        let writer = locks.take(id).await.unwrap();
        let goes = tokio::spawn(async move { writer.stopped().await });
        assert!(locks.take_over(id).await.is_ok());
        goes.await.unwrap();
    }
}
