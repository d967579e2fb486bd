//! Tells owners' sockets what becomes of their jobs.
//!
//! The queue's events come in; events for rooms go out. Progress that a socket has no room for is left out, for the next
//! says more; beginnings and ends wait for it, a bounded number of them. A socket that reads nothing at all is closed by
//! its next ping. After more events than the queue keeps, jobs are read again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use socketioxide::extract::SocketRef;
use socketioxide::socket::Sid;
use socketioxide::{SendError, SocketError, SocketIo};
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::told::{COMPLETED, Completed, FAILED, Failed, Made, STARTED, Started, UPDATE, Update, Why};
use super::{JOBS, jobs_room};
use crate::app::App;
use crate::jobs::view::output_path;
use crate::model::{Job, JobState, Owner};
use crate::store::{Page, Result};

/// Beginnings and ends that wait for one socket.
const WAITING: usize = 256;

/// Between two tries to tell a socket that has no room.
const AGAIN: Duration = Duration::from_millis(250);

/// How long sockets may take to close.
const CLOSING: Duration = Duration::from_secs(2);

/// Tells until the service stops, and closes the sockets then.
pub(super) async fn run(app: App, io: SocketIo) {
    let mut events = app.jobs.events();
    let stop = app.stop.clone();
    let outbox = Outbox { io: io.clone(), waiting: HashMap::new() };
    let mut relay = Relay { app, outbox, known: HashMap::new(), ended: Timestamp::now() };
    let mut again = tokio::time::interval(AGAIN);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = again.tick(), if !relay.outbox.waiting.is_empty() => relay.outbox.retry(),
            event = events.recv() => match event {
                Ok(job) => relay.tell(&job, false).await,
                Err(RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "events of jobs were missed");
                    // What is still kept is older than what is read now.
                    events = events.resubscribe();
                    if let Err(error) = relay.read_again().await {
                        tracing::error!(%error, "jobs cannot be read again");
                    }
                }
                Err(RecvError::Closed) => break,
            },
        }
    }
    if tokio::time::timeout(CLOSING, io.close()).await.is_err() {
        tracing::debug!("some sockets did not close in time");
    }
}

struct Relay {
    app: App,
    outbox: Outbox,
    /// Jobs that were told of and have not ended.
    known: HashMap<Uuid, Known>,
    /// When the last job ended that was told of.
    ended: Timestamp,
}

#[derive(Clone, Copy)]
struct Known {
    owner: Owner,
    /// The video that the edit was asked of.
    of: Option<Uuid>,
}

impl Relay {
    /// Tells of a change. `missed` if the changes before may not have been told.
    async fn tell(&mut self, job: &Job, missed: bool) {
        self.ended = self.ended.max(job.finished_at.unwrap_or(self.ended));
        let known =
            if job.state.ended() { self.known.remove(&job.id) } else { self.known.get(&job.id).copied() };
        if self.outbox.sockets(job.owner).is_empty() {
            return;
        }
        let video_id = match known {
            Some(known) => known.of,
            None => self.of(job).await,
        };
        if !job.state.ended() {
            self.known.insert(job.id, Known { owner: job.owner, of: video_id });
        }
        let operation = job.operation.as_str();
        let begins = job.state == JobState::Queued && job.attempts == 0;
        if known.is_none() && (begins || missed) {
            let started = Started { video_id, operation, job_id: job.id };
            self.outbox.send(job.owner, STARTED, &started, true);
        }
        match job.state {
            JobState::Queued if begins => {}
            JobState::Queued | JobState::Running => {
                self.outbox.send(job.owner, UPDATE, &update(job, video_id), false);
            }
            JobState::Completed => {
                let result = self.result(job).await;
                let completed = Completed { video_id, operation, job_id: job.id, result };
                self.outbox.send(job.owner, COMPLETED, &completed, true);
            }
            JobState::Failed | JobState::Cancelled => {
                let failed = Failed {
                    video_id: video_id.map(|id| id.to_string()).into(),
                    operation: operation.into(),
                    job_id: Some(job.id),
                    why: Why::of(job),
                };
                self.outbox.send(job.owner, FAILED, &failed, true);
            }
        }
    }

    /// After missed events: every job that was told of, and what is new of everybody who listens.
    async fn read_again(&mut self) -> Result<()> {
        let (store, since) = (Arc::clone(&self.app.store), self.ended);
        let mut jobs = Vec::new();
        for (id, known) in &self.known {
            jobs.extend(store.job(known.owner, *id).await?);
        }
        for owner in self.outbox.owners().await {
            let listed = store.jobs(owner, &Page::default()).await?;
            let new = |job: &Job| job.finished_at.is_none_or(|ended| ended > since);
            jobs.extend(listed.rows.into_iter().filter(|job| new(job) && !self.known.contains_key(&job.id)));
        }
        jobs.sort_by_key(|job| job.created_at);
        for job in jobs {
            self.tell(&job, true).await;
        }
        Ok(())
    }

    /// The video that a job's edit was asked of.
    async fn of(&self, job: &Job) -> Option<Uuid> {
        let video = self.app.store.video(job.owner, job.video?).await;
        video.ok().flatten().and_then(|video| video.made?.of)
    }

    /// What a job made, as far as it is still there.
    async fn result(&self, job: &Job) -> Made {
        let sign = |path: &str| self.app.signer.sign(job.owner, path);
        let first = job.outputs.first();
        let Some(id) = job.video.or_else(|| first?.video) else {
            let url = first.map(|output| sign(&output_path(job.id, &output.name)));
            return Made { url: url.unwrap_or_default(), ..Made::default() };
        };
        let video = self.app.store.video(job.owner, id).await.ok().flatten();
        let metadata = video.and_then(|video| video.metadata);
        Made { video_id: Some(id), url: sign(&format!("/api/video/{id}/file")), metadata }
    }
}

fn update(job: &Job, video_id: Option<Uuid>) -> Update {
    let progress = job.progress;
    Update {
        video_id,
        job_id: job.id,
        progress: progress.progress,
        fps: progress.fps,
        eta_seconds: progress.eta_seconds,
    }
}

/// Sends to sockets without waiting for any of them.
struct Outbox {
    io: SocketIo,
    /// What sockets had no room for.
    waiting: HashMap<Sid, Waiting>,
}

struct Waiting {
    socket: SocketRef,
    events: VecDeque<(&'static str, Arc<Value>)>,
}

impl Outbox {
    fn sockets(&self, owner: Owner) -> Vec<SocketRef> {
        self.io.of("/").map(|all| all.within(jobs_room(owner)).sockets()).unwrap_or_default()
    }

    /// Everybody who has a socket.
    async fn owners(&self) -> Vec<Owner> {
        let Some(all) = self.io.of("/") else { return Vec::new() };
        let rooms = all.rooms().await.unwrap_or_default();
        rooms.iter().filter_map(|room| Uuid::try_parse(room.strip_prefix(JOBS)?).ok()).collect()
    }

    /// Sends to an owner's room; what must not be lost waits for those who have no room, and comes before all else.
    fn send<T: Serialize>(&mut self, owner: Owner, event: &'static str, payload: &T, keep: bool) {
        // Made of plain data: it always is JSON.
        let Ok(payload) = serde_json::to_value(payload).map(Arc::new) else { return };
        for socket in self.sockets(owner) {
            if let Some(waiting) = self.waiting.get_mut(&socket.id) {
                if keep && waiting.events.len() < WAITING {
                    waiting.events.push_back((event, Arc::clone(&payload)));
                }
            } else if is_full(socket.emit(event, &*payload)) && keep {
                let events = [(event, Arc::clone(&payload))].into();
                self.waiting.insert(socket.id, Waiting { socket, events });
            }
        }
    }

    /// Tries again what waits; of sockets that have gone it is forgotten.
    fn retry(&mut self) {
        self.waiting.retain(|_, waiting| {
            while let Some((event, payload)) = waiting.events.front() {
                if is_full(waiting.socket.emit(event, &**payload)) {
                    return true;
                }
                waiting.events.pop_front();
            }
            false
        });
    }
}

fn is_full(sent: std::result::Result<(), SendError>) -> bool {
    matches!(sent, Err(SendError::Socket(SocketError::InternalChannelFull)))
}
