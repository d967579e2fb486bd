//! What is kept, behind traits: SQLite is the embedded default, a server's database can implement the same.
//!
//! Rows come in and go out. Every read by a client's id takes the owner too, so that another user's row is simply not
//! there. Whatever must happen together is one method, and one transaction: a store never shows half of it. The traits
//! know nothing of HTTP, of files' contents or of processes.

#[cfg(test)]
pub(crate) mod contract;
pub mod sqlite;

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::model::{
    Asset, AssetKind, Blob, Job, JobProgress, Metadata, Owner, Project, RawJson, Upload, User, Video,
    VideoStatus,
};

/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something unique is there already: an email.
    #[error("it is there already")]
    Taken,
    /// An owner has no room left.
    #[error("the quota of {limit} bytes is used up")]
    Quota {
        /// Bytes that one owner may keep.
        limit: u64,
    },
    /// The rows of a page are too much for one answer.
    #[error("a page would hold more than {limit} bytes")]
    Page {
        /// Bytes that one page may hold.
        limit: u64,
    },
    /// An owner has begun many uploads and ended none.
    #[error("{limit} uploads are open")]
    Open {
        /// Uploads of one owner that may be open.
        limit: u64,
    },
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// Another process works on this database.
    #[error("another process uses this database (it holds {})", .0.display())]
    InUse(std::path::PathBuf),
    /// The database failed; the text is for the log alone.
    #[error("the database failed: {0}")]
    Failed(String),
}

/// What comes back.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A slice of a list, newest first unless sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Rows to skip.
    pub offset: u64,
    /// Rows at most, 1 to 100.
    pub limit: u64,
    /// Columns and whether they run downwards; the list's own names, checked by the caller.
    pub sort: Vec<(String, bool)>,
    /// Which of a row's large fields are wanted, among others that are always there; the list's usual ones if it is
    /// empty. What is not wanted is not read, and comes back empty.
    pub fields: Vec<String>,
}

/// Bytes that the large fields of one page may hold.
pub const PAGE_BYTES: u64 = 16 << 20;

impl Default for Page {
    fn default() -> Page {
        Page { offset: 0, limit: 100, sort: Vec::new(), fields: Vec::new() }
    }
}

/// A page of rows, and how many there are in all.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Of how many.
    pub total: u64,
}

/// People.
#[async_trait]
pub trait Users {
    /// Keeps a new user.
    ///
    /// # Errors
    /// [`StoreError::Taken`] if the email is registered.
    async fn add_user(&self, user: &User) -> Result<()>;
    /// By email, lower-cased.
    async fn user_by_email(&self, email: &str) -> Result<Option<User>>;
    /// By id.
    async fn user(&self, id: Uuid) -> Result<Option<User>>;
}

/// Videos, assets and the files behind them.
#[async_trait]
pub trait Media {
    /// Keeps a blob and, with it, an uploaded video. If a blob of equal content, folder and extension is there, the
    /// video takes that one, and the caller's file is not needed: the blob that counts is returned.
    ///
    /// # Errors
    /// [`StoreError::Quota`] if the owner's rows would hold more than `quota` bytes.
    async fn add_video(&self, video: &Video, quota: u64) -> Result<Blob>;
    /// Keeps a video that is still to be made, without a job, unless the key was used before: what for, then.
    ///
    /// # Errors
    /// As [`Media::add_video`]: its script counts.
    async fn add_unmade_video(
        &self,
        video: &Video,
        key: Option<&Idempotency>,
        quota: u64,
    ) -> Result<Option<Keyed>>;
    /// As [`Media::add_video`].
    ///
    /// # Errors
    /// As [`Media::add_video`].
    async fn add_asset(&self, asset: &Asset, quota: u64) -> Result<Blob>;
    /// One video, unless it is deleted.
    async fn video(&self, owner: Owner, id: Uuid) -> Result<Option<Video>>;
    /// Videos that are not deleted. Sortable: `originalName`, `createdAt`. Large: `script`, of [`Video::made`], which
    /// is not usual.
    ///
    /// # Errors
    /// [`StoreError::Page`] if what is wanted holds more than [`PAGE_BYTES`].
    async fn videos(&self, owner: Owner, page: &Page) -> Result<Listed<Video>>;
    /// One asset, unless it is deleted.
    async fn asset(&self, owner: Owner, id: Uuid) -> Result<Option<Asset>>;
    /// Assets that are not deleted, of one kind if given. Sortable as videos.
    async fn assets(&self, owner: Owner, kind: Option<AssetKind>, page: &Page) -> Result<Listed<Asset>>;
    /// The files behind those of `ids` that are this owner's videos (with a file) and assets; deleted ones too if
    /// `deleted`, for results that still need them. In the order of `ids`; `true` for a video.
    async fn sources(&self, owner: Owner, ids: &[Uuid], deleted: bool) -> Result<Vec<(Uuid, bool, Blob)>>;
    /// Deletes a video or an asset for its owner. It stays hidden while a result's [`crate::model::Made::sources`] or
    /// an unfinished job names it.
    /// Comes back with the blobs that nothing needs any more (their rows are gone: the caller removes the files), and
    /// `None` if there is no such row.
    async fn delete_media(&self, owner: Owner, id: Uuid) -> Result<Option<Vec<Blob>>>;
    /// Removes what its owner deleted and nothing needs any more since jobs have ended; comes back with its blobs, as
    /// [`Media::delete_media`] does. To be called when a job has ended.
    async fn release_media(&self) -> Result<Vec<Blob>>;
    /// A blob by its id.
    async fn blob(&self, id: Uuid) -> Result<Option<Blob>>;
    /// Every blob's id: what is on disk and not in here is an orphan.
    async fn blob_ids(&self) -> Result<Vec<Uuid>>;
    /// Bytes that an owner's rows hold: files of videos and assets, hidden ones too, and of jobs where they became
    /// neither (each row counts its whole file); scripts of videos and jobs, with the values of their variables; names,
    /// descriptions, timelines, settings and scripts of projects.
    async fn bytes_kept(&self, owner: Owner) -> Result<u64>;
}

/// What of a project changes: what is `None` stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProjectChange {
    /// As [`Project::name`].
    pub name: Option<String>,
    /// As [`Project::description`].
    pub description: Option<String>,
    /// As [`Project::timeline`].
    pub timeline: Option<RawJson>,
    /// As [`Project::settings`].
    pub settings: Option<RawJson>,
    /// As [`Project::script`]: `Some(None)` takes it away.
    pub script: Option<Option<String>>,
}

/// Projects.
#[async_trait]
pub trait Projects {
    /// Keeps a new project.
    ///
    /// # Errors
    /// [`StoreError::Quota`] if the owner's rows would hold more than `quota` bytes.
    async fn add_project(&self, project: &Project, quota: u64) -> Result<()>;
    /// One project.
    async fn project(&self, owner: Owner, id: Uuid) -> Result<Option<Project>>;
    /// A page of them. Sortable: `name`, `createdAt`, `updatedAt`. Large, and usual: `timeline`, `settings`, `script`.
    ///
    /// # Errors
    /// [`StoreError::Page`] if what is wanted holds more than [`PAGE_BYTES`].
    async fn projects(&self, owner: Owner, page: &Page) -> Result<Listed<Project>>;
    /// Changes what is given of one, and comes back with all of it; `None` if it is not there. Changes that come at
    /// once all count.
    ///
    /// # Errors
    /// [`StoreError::Quota`] if it grows and the owner's rows would hold more than `quota` bytes.
    async fn change_project(
        &self,
        owner: Owner,
        id: Uuid,
        change: &ProjectChange,
        quota: u64,
        now: Timestamp,
    ) -> Result<Option<Project>>;
    /// Removes one; `false` if it is not there.
    async fn delete_project(&self, owner: Owner, id: Uuid) -> Result<bool>;
}

/// The longest that a job or a webhook is put off. What is put off further was so before the clock was set back: it is due.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(2);

/// What became of a new job.
#[derive(Debug, Clone, PartialEq)]
pub enum Added {
    /// It is stored.
    New,
    /// The same key and the same body were there: this is that job.
    Same(Box<Job>),
    /// The key was used with another body.
    OtherBody,
    /// The queue has no room.
    Full,
    /// The owner has as many jobs waiting as one may have.
    FullOfOwn,
    /// The video is made already; the job that made it is not kept any more.
    Made,
}

/// How much room there is for jobs and what they make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Jobs that may wait.
    pub waiting: u64,
    /// Jobs of one owner that may wait.
    pub waiting_of_one: u64,
    /// Bytes that one owner may keep.
    pub quota: u64,
}

/// What an idempotency key was used for before.
#[derive(Debug, Clone, PartialEq)]
pub enum Keyed {
    /// The same body: this is its job.
    Job(Box<Job>),
    /// The same body: this is its video, which is made later.
    Video(Uuid),
    /// Another body.
    OtherBody,
}

/// An idempotency key and a digest of the request that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key, at most 255 characters.
    pub key: String,
    /// BLAKE3 of what was asked, in hexadecimal.
    pub body: String,
}

/// What a job that ended well leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Name in the script, stored file, what is in it. One in [`crate::model::Folder::Videos`] becomes a video.
    pub outputs: Vec<FinishedOutput>,
    /// Findings to show with it.
    pub diagnostics: Vec<serde_json::Value>,
}

/// One file of [`Finished`].
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedOutput {
    /// The name in the script's `output`.
    pub name: String,
    /// The file; already at its place on disk.
    pub blob: Blob,
    /// What is in it.
    pub metadata: Metadata,
}

/// How a job ended that made nothing, or that is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Failed, cancelled, or queued again.
    pub state: crate::model::JobState,
    /// Why.
    pub error: Option<crate::model::JobError>,
    /// Findings to show with it.
    pub diagnostics: Vec<serde_json::Value>,
    /// A worker died over it.
    pub crashed: bool,
    /// Not before this instant, if it is queued again.
    pub not_before: Option<Timestamp>,
}

/// Jobs.
#[async_trait]
pub trait Jobs {
    /// Stores a job and, with it, the video that it makes (a new row, or one that was added unmade or failed), in one
    /// transaction, if there is `room`. If another job makes or made that video already (two asked for
    /// it at once), that job is [`Added::Same`]. The video is `processing` from then on, and its
    /// [`crate::model::Made::job`] is this one.
    ///
    /// # Errors
    /// [`StoreError::Quota`] if what the owner keeps leaves no room for its script and a result.
    async fn add_job(
        &self,
        job: &Job,
        video: Option<&Video>,
        key: Option<&Idempotency>,
        room: Room,
    ) -> Result<Added>;
    /// What a key was used for before.
    async fn keyed(&self, owner: Owner, key: &Idempotency) -> Result<Option<Keyed>>;
    /// One job.
    async fn job(&self, owner: Owner, id: Uuid) -> Result<Option<Job>>;
    /// A page of them, without their scripts. Sortable: `createdAt`, `state`. Large, and usual: `diagnostics`.
    ///
    /// # Errors
    /// [`StoreError::Page`] if what is wanted holds more than [`PAGE_BYTES`].
    async fn jobs(&self, owner: Owner, page: &Page) -> Result<Listed<Job>>;
    /// Takes the next job for a worker: queued, due, of the owner with the fewest running jobs; among one owner's the
    /// highest priority, then the oldest. Among owners with equally many, the one that had no turn for longest. It is
    /// running from then on, with one attempt more and nothing done.
    async fn claim(&self, now: Timestamp) -> Result<Option<Job>>;
    /// When the next queued job that is not due yet will be.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>>;
    /// Notes how far a running job is; its new revision (the old one, and nothing noted, if it is not running).
    /// Survives the process; the last few may be lost with the machine.
    async fn set_progress(&self, id: Uuid, progress: &JobProgress) -> Result<u64>;
    /// Ends a running job well: outputs, blobs, and the video (`ready`) in one transaction. An output that moves
    /// becomes a video of its own unless it is the one that the job makes. Where a blob of equal content, folder and
    /// extension is there, the output takes that one: files whose blob the job's outputs do not name are not needed.
    /// `None`, and nothing is kept, if the job is not running any more (it was cancelled): the caller removes the
    /// files.
    ///
    /// # Errors
    /// [`StoreError::Quota`] if the owner's rows would hold more than `quota` bytes: the job runs on, and nothing is
    /// kept.
    async fn finish(&self, id: Uuid, finished: &Finished, quota: u64, now: Timestamp) -> Result<Option<Job>>;
    /// Ends a job that is not ended otherwise, or queues it again. Its video follows: failed if the job failed or was
    /// cancelled. `None` if it had ended.
    async fn end(&self, id: Uuid, ended: &Ended, now: Timestamp) -> Result<Option<Job>>;
    /// Removes a job that has ended, and with it files that became no video of their own; its videos stay. Comes back
    /// with the blobs that nothing needs any more (their rows are gone: the caller removes the files), and `None` if
    /// there is no such job or it has not ended.
    async fn delete_job(&self, owner: Owner, id: Uuid) -> Result<Option<Vec<Blob>>>;
    /// The same with jobs that ended before `before`, at most `limit` of them; how many there were.
    async fn forget_jobs(&self, before: Timestamp, limit: u64) -> Result<(u64, Vec<Blob>)>;
    /// After a restart: every running job is queued again, as if this attempt had not been; how many.
    async fn requeue_running(&self, now: Timestamp) -> Result<u64>;
    /// How many wait and how many run.
    async fn queue_depth(&self) -> Result<(u64, u64)>;
}

/// Resumable uploads.
#[async_trait]
pub trait Uploads {
    /// Keeps a new one.
    ///
    /// # Errors
    /// [`StoreError::Open`] if so many of its owner's have not become anything yet, [`StoreError::Quota`] if these, it
    /// and what the owner keeps would come to more than `quota` bytes.
    async fn add_upload(&self, upload: &Upload, open: u64, quota: u64) -> Result<()>;
    /// One of them.
    async fn upload(&self, owner: Owner, id: Uuid) -> Result<Option<Upload>>;
    /// Notes how far it is and when it goes away.
    async fn set_upload(&self, id: Uuid, offset: u64, expires_at: Timestamp) -> Result<()>;
    /// Notes what it became.
    async fn upload_became(&self, id: Uuid, media: Uuid) -> Result<()>;
    /// Removes one; `false` if it is not there.
    async fn delete_upload(&self, owner: Owner, id: Uuid) -> Result<bool>;
    /// Every upload's id: whose temporary file must stay.
    async fn upload_ids(&self) -> Result<Vec<Uuid>>;
    /// Removes and returns those whose time has come.
    async fn expired_uploads(&self, now: Timestamp) -> Result<Vec<Uuid>>;
}

/// The end of a job that its webhook is still to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The job, with its webhook.
    pub job: Job,
    /// How often it was tried, this time included.
    pub tries: u32,
}

/// How much of the outbox may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Notices at most.
    pub all: u64,
    /// Of one owner at most, those counted that are on their way already.
    pub each: u64,
    /// How many are on their way, by owner.
    pub busy: HashMap<Owner, u64>,
}

/// The outbox of webhooks: filled by the store itself, in the transaction in which a job ends.
#[async_trait]
pub trait Webhooks {
    /// Takes what is due, as much as `share` allows: of every owner the first, then of every owner the second, and so
    /// on. A try is counted, and the next one is due at `again` unless something else is said until then.
    async fn take_notices(&self, now: Timestamp, again: Timestamp, share: &Share) -> Result<Vec<Notice>>;
    /// When the next one is due that was not due at `now`.
    async fn next_notice(&self, now: Timestamp) -> Result<Option<Timestamp>>;
    /// Tries a job's webhook again at `due`.
    async fn postpone_notice(&self, job: Uuid, due: Timestamp) -> Result<()>;
    /// A job's webhook was told, or is given up.
    async fn forget_notice(&self, job: Uuid) -> Result<()>;
}

/// All of it.
#[async_trait]
pub trait Store: Users + Media + Projects + Jobs + Uploads + Webhooks + Send + Sync {
    /// Whether it answers, and writes.
    async fn alive(&self) -> Result<()>;
    /// The status of a video whatever its owner: for the service's own use.
    async fn video_status(&self, id: Uuid) -> Result<Option<VideoStatus>>;
    /// Removes idempotency keys from before `before`.
    async fn forget_keys(&self, before: Timestamp) -> Result<()>;
}
