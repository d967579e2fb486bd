//! Jobs as their owners see them, and their ends: the tables `jobs`, `job_sources` and `job_outputs`. Whose turn it is,
//! is the business of [`super::queue`].

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, named_params, params};
use uuid::Uuid;

use super::connection::Outlives;
use super::keys::{self, Stands};
use super::list::{Large, List};
use super::media::hold_quota;
use super::media::rows::{self as media, MediaRow};
use super::values::finite;
use super::{SqliteStore, queue};
use crate::model::{Blob, Job, JobProgress, JobState, Made, Owner, Video, VideoStatus};
use crate::store::{
    Added, Ended, Finished, Idempotency, Jobs, Keyed, Listed, Page, Result, Room, StoreError,
};

mod finish;
mod remove;
pub(super) mod rows;

const OF_OWNER: List = List {
    columns: rows::LISTED,
    large: &[
        Large { field: "script", column: "script", empty: "''", usual: false },
        Large { field: "script", column: "script_vars", empty: "'{}'", usual: false },
        Large { field: "diagnostics", column: "diagnostics", empty: "'[]'", usual: true },
    ],
    from: rows::TABLE,
    table: rows::TABLE,
    filter: "r.owner = :owner",
    sortable: &[("createdAt", "r.created_at"), ("state", "r.state")],
};

#[async_trait]
impl Jobs for SqliteStore {
    async fn add_job(
        &self,
        job: &Job,
        video: Option<&Video>,
        key: Option<&Idempotency>,
        room: Room,
    ) -> Result<Added> {
        let (job, video, key) = (job.clone(), video.cloned(), key.cloned());
        self.database
            .write(Outlives::Machine, move |transaction| {
                add(transaction, &job, video.as_ref(), key.as_ref(), room)
            })
            .await
    }

    async fn keyed(&self, owner: Owner, key: &Idempotency) -> Result<Option<Keyed>> {
        let key = key.clone();
        self.database.read(move |transaction| keys::used(transaction, owner, &key)).await
    }

    async fn job(&self, owner: Owner, id: Uuid) -> Result<Option<Job>> {
        let job = self.database.read(move |transaction| rows::find(transaction, id)).await?;
        Ok(job.filter(|job| job.owner == owner))
    }

    async fn jobs(&self, owner: Owner, page: &Page) -> Result<Listed<Job>> {
        let page = page.clone();
        self.database
            .read(move |transaction| {
                OF_OWNER.page(transaction, named_params! {":owner": owner}, &page, rows::read)
            })
            .await
    }

    async fn claim(&self, now: Timestamp) -> Result<Option<Job>> {
        self.database
            .write(Outlives::Machine, move |transaction| {
                let Some(id) = queue::next(transaction, now)? else { return Ok(None) };
                let Some(mut job) = rows::find(transaction, id)? else { return Ok(None) };
                queue::note_turn(transaction, job.owner)?;
                job.state = JobState::Running;
                job.progress = JobProgress::default();
                job.error = None;
                job.attempts = job.attempts.saturating_add(1);
                job.started_at = Some(now);
                job.not_before = None;
                rows::save(transaction, &mut job)?;
                Ok(Some(job))
            })
            .await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        self.database.read(move |transaction| queue::next_due(transaction, now)).await
    }

    async fn set_progress(&self, id: Uuid, progress: &JobProgress) -> Result<u64> {
        let progress = *progress;
        self.database
            .write(Outlives::Process, move |transaction| {
                let sql = "UPDATE jobs SET progress = ?, fps = ?, eta_seconds = ?, segment = ?, revision = revision + 1
                    WHERE id = ? AND state = 'running'";
                let JobProgress { progress, fps, eta_seconds, segment } = progress;
                let eta_seconds = eta_seconds.filter(|eta| eta.is_finite());
                transaction.prepare_cached(sql)?.execute(params![
                    finite(progress),
                    finite(fps),
                    eta_seconds,
                    segment,
                    id
                ])?;
                let sql = "SELECT revision FROM jobs WHERE id = ?";
                let revision = transaction.prepare_cached(sql)?.query_one([id], |row| row.get(0)).optional()?;
                Ok(revision.unwrap_or(0))
            })
            .await
    }

    async fn finish(&self, id: Uuid, finished: &Finished, quota: u64, now: Timestamp) -> Result<Option<Job>> {
        let finished = finished.clone();
        self.database
            .write(Outlives::Machine, move |transaction| {
                let Some(mut job) = rows::find(transaction, id)? else { return Ok(None) };
                if job.state != JobState::Running {
                    return Ok(None);
                }
                finish::keep_outputs(transaction, &mut job, &finished, now)?;
                hold_quota(transaction, job.owner, 0, quota)?;
                job.state = JobState::Completed;
                job.progress = JobProgress { progress: 1.0, eta_seconds: Some(0.0), ..job.progress };
                job.diagnostics = finished.diagnostics;
                job.error = None;
                job.finished_at = Some(now);
                rows::save(transaction, &mut job)?;
                Ok(Some(job))
            })
            .await
    }

    async fn end(&self, id: Uuid, ended: &Ended, now: Timestamp) -> Result<Option<Job>> {
        if matches!(ended.state, JobState::Running | JobState::Completed) {
            return Err(StoreError::Failed(format!("a job cannot end as {:?}", ended.state)));
        }
        let ended = ended.clone();
        self.database.write(Outlives::Machine, move |transaction| end(transaction, id, ended, now)).await
    }

    async fn delete_job(&self, owner: Owner, id: Uuid) -> Result<Option<Vec<Blob>>> {
        self.database.write(Outlives::Machine, move |transaction| remove::one(transaction, owner, id)).await
    }

    async fn forget_jobs(&self, before: Timestamp, limit: u64) -> Result<(u64, Vec<Blob>)> {
        self.database
            .write(Outlives::Machine, move |transaction| remove::old(transaction, before, limit))
            .await
    }

    // A worker may have died with the machine or with the service: that is nobody's fault, and no attempt.
    async fn requeue_running(&self, _now: Timestamp) -> Result<u64> {
        self.database
            .write(Outlives::Machine, |transaction| {
                let sql = "UPDATE jobs SET state = 'queued', attempts = max(attempts - 1, 0), revision = revision + 1
                    WHERE state = 'running'";
                let requeued = transaction.prepare_cached(sql)?.execute([])?;
                Ok(u64::try_from(requeued).unwrap_or(u64::MAX))
            })
            .await
    }

    async fn queue_depth(&self) -> Result<(u64, u64)> {
        self.database
            .read(|transaction| {
                let running = "SELECT count(*) FROM jobs WHERE state = 'running'";
                Ok((
                    queue::waiting(transaction)?,
                    transaction.prepare_cached(running)?.query_one([], |row| row.get(0))?,
                ))
            })
            .await
    }
}

fn add(
    transaction: &Transaction<'_>,
    job: &Job,
    video: Option<&Video>,
    key: Option<&Idempotency>,
    room: Room,
) -> Result<Added> {
    if let Some(key) = key
        && let Some(earlier) = keys::used(transaction, job.owner, key)?
    {
        return Ok(match earlier {
            Keyed::Job(job) => Added::Same(job),
            Keyed::Video(_) | Keyed::OtherBody => Added::OtherBody,
        });
    }
    if let Some(video) = video
        && let Some(maker) = maker(transaction, video)?
    {
        return Ok(maker);
    }
    if queue::waiting(transaction)? >= room.waiting {
        return Ok(Added::Full);
    }
    if queue::waiting_of(transaction, job.owner)? >= room.waiting_of_one {
        return Ok(Added::FullOfOwn);
    }
    rows::insert(transaction, job)?;
    if let Some(video) = video {
        take_video(transaction, video, job.id)?;
    }
    // A result is a byte at least.
    hold_quota(transaction, job.owner, 1, room.quota)?;
    if let Some(key) = key {
        keys::keep(transaction, job.owner, key, &Stands::Job(job.id), job.created_at)?;
    }
    Ok(Added::New)
}

/// What the job that makes a video already, or made it, says to another.
fn maker(transaction: &Transaction<'_>, video: &Video) -> Result<Option<Added>> {
    let Some(there) = MediaRow::find(transaction, video.owner, video.id)? else { return Ok(None) };
    if !matches!(there.status(), Some(VideoStatus::Processing | VideoStatus::Ready)) {
        return Ok(None);
    }
    let Some(made) = there.made else {
        return Err(StoreError::Failed(format!("video {} was uploaded: no job can make it", video.id)));
    };
    let job = made.job.map(|job| rows::find(transaction, job)).transpose()?.flatten();
    Ok(Some(job.map_or(Added::Made, |job| Added::Same(Box::new(job)))))
}

/// Keeps a video that a job makes from now on: a new one, or one that is there without its file.
fn take_video(transaction: &Transaction<'_>, video: &Video, job: Uuid) -> Result<()> {
    let made = video.made.as_ref().map(|made| Made { job: Some(job), ..made.clone() });
    if MediaRow::find(transaction, video.owner, video.id)?.is_none() {
        let new = Video { blob: None, status: VideoStatus::Processing, made, ..video.clone() };
        return MediaRow::of_video(&new).insert(transaction);
    }
    media::set_status(transaction, video.id, VideoStatus::Processing, None)?;
    media::set_metadata(transaction, video.id, video.metadata.as_ref())?;
    media::set_made(transaction, video.id, made.as_ref())
}

fn end(transaction: &Transaction<'_>, id: Uuid, ended: Ended, now: Timestamp) -> Result<Option<Job>> {
    let Some(mut job) = rows::find(transaction, id)? else { return Ok(None) };
    if job.state.ended() {
        return Ok(None);
    }
    job.state = ended.state;
    job.error = ended.error;
    job.diagnostics = ended.diagnostics;
    job.crashes = job.crashes.saturating_add(u32::from(ended.crashed));
    if ended.state.ended() {
        job.finished_at = Some(now);
        if let Some(video) = job.video {
            media::set_status(transaction, video, VideoStatus::Failed, None)?;
        }
    } else {
        job.not_before = ended.not_before;
    }
    rows::save(transaction, &mut job)?;
    Ok(Some(job))
}
