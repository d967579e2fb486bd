//! What the service keeps: users, videos, assets, projects, jobs, uploads. Plain data that every module shares.
//!
//! These are rows, not answers: what a client sees of them is made by the routes ([`JobView`] alone is shared, because
//! HTTP, server-sent events, Socket.IO and webhooks all send it).

mod json;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use json::RawJson;

/// Whom a row belongs to: a user's id, or [`OPEN_OWNER`] where there is no login.
pub type Owner = Uuid;

/// The one owner of open mode.
pub const OPEN_OWNER: Owner = Uuid::nil();

/// A registered person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Names the user everywhere.
    pub id: Uuid,
    /// Lower-cased, unique.
    pub email: String,
    /// An Argon2id hash in PHC form.
    pub password_hash: String,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// The folder under the upload folder that a file lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Folder {
    /// Moving pictures.
    Videos,
    /// Sound alone.
    Audio,
    /// Stills, and every other asset (LUTs, fonts, subtitles, shaders).
    Images,
    /// What goes away by itself.
    Temp,
}

impl Folder {
    /// All of them.
    pub const ALL: [Folder; 4] = [Folder::Videos, Folder::Audio, Folder::Images, Folder::Temp];

    /// Its name on disk.
    pub fn name(self) -> &'static str {
        match self {
            Folder::Videos => "videos",
            Folder::Audio => "audio",
            Folder::Images => "images",
            Folder::Temp => "temp",
        }
    }
}

/// A stored file. Rows with equal content share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its name on disk, before the extension.
    pub id: Uuid,
    /// Where it lies.
    pub folder: Folder,
    /// Ending without the dot, from its content, never from a user's name; lower-case letters and digits.
    pub extension: String,
    /// BLAKE3 of its bytes, in hexadecimal.
    pub hash: String,
    /// Bytes.
    pub size: u64,
}

/// What a video is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VideoStatus {
    /// Known, and not made yet: a result that is rendered when its file is asked for.
    Uploaded,
    /// A job is making it.
    Processing,
    /// Its file is there.
    Ready,
    /// Its job failed.
    Failed,
}

/// A video: uploaded, or made by an edit or a render.
#[derive(Debug, Clone, PartialEq)]
pub struct Video {
    /// Its id, and its name in scripts: `video:ID`.
    pub id: Uuid,
    /// Whose it is.
    pub owner: Owner,
    /// How its owner calls it: the name it came under, shown and never used as a path.
    pub original_name: String,
    /// Its file, once there is one.
    pub blob: Option<Blob>,
    /// What was found in it; for a result that is not made yet, what it will be.
    pub metadata: Option<Metadata>,
    /// What it is waiting for.
    pub status: VideoStatus,
    /// How it came about, if it was not uploaded.
    pub made: Option<Made>,
    /// Deleted by its owner, and kept because results need it.
    pub deleted: bool,
    /// When it came.
    pub created_at: Timestamp,
}

/// How a result came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The endpoint's name: `trim`, `crop`, `apply-filter`, `add-text`, `export`, `render`.
    pub operation: String,
    /// The video that the edit was asked of.
    pub of: Option<Uuid>,
    /// The whole edit from the original on: rendering it again gives this video.
    pub script: ScriptText,
    /// Which of the script's outputs it is; its only one if not said.
    pub output: Option<String>,
    /// The videos and assets that the script names: what must stay as long as this does.
    pub sources: Vec<Uuid>,
    /// The job that makes it, once there is one.
    pub job: Option<Uuid>,
}

/// What a media file holds, as clients are told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Columns of the upright picture with square samples; 0 without a picture.
    pub width: u32,
    /// Rows of it; 0 without a picture.
    pub height: u32,
    /// Pictures a second; 0 for a still or without a picture.
    pub fps: f64,
    /// Seconds; 0 for a still.
    pub duration: f64,
    /// The picture's codec by libav's name, or the sound's where there is no picture.
    pub codec: String,
    /// The container by libav's names.
    pub format: String,
    /// How many pictures.
    pub frames: u64,
    /// The sound's codec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_codec: Option<String>,
    /// Samples a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u32>,
    /// Channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u16>,
    /// Whether the frame rate varies.
    #[serde(default)]
    pub variable: bool,
}

/// What an asset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AssetKind {
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// A still.
    Image,
    /// A colour table, `.cube`.
    Lut,
    /// TrueType or OpenType.
    Font,
    /// SubRip, WebVTT or ASS.
    Subtitle,
    /// WGSL.
    Shader,
}

/// A file that scripts may name besides videos.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    /// Its id, and its name in scripts: `asset:ID`.
    pub id: Uuid,
    /// Whose it is.
    pub owner: Owner,
    /// By its content.
    pub kind: AssetKind,
    /// How its owner calls it.
    pub original_name: String,
    /// Its file.
    pub blob: Blob,
    /// What was found in it, if it is media.
    pub metadata: Option<Metadata>,
    /// Deleted by its owner, and kept because results need it.
    pub deleted: bool,
    /// When it came.
    pub created_at: Timestamp,
}

/// A project of a front end.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Its id, and the name of its room.
    pub id: Uuid,
    /// Whose it is.
    pub owner: Owner,
    /// 1 to 100 characters.
    pub name: String,
    /// At most 500 characters.
    pub description: String,
    /// Opaque to us.
    pub timeline: RawJson,
    /// Opaque to us.
    pub settings: RawJson,
    /// A script, if it has one.
    pub script: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waiting for its turn.
    Queued,
    /// A worker has it.
    Running,
    /// Its files are there.
    Completed,
    /// It cannot be done; `error` says why.
    Failed,
    /// Its owner stopped it.
    Cancelled,
}

impl JobState {
    /// Nothing more will happen.
    pub fn ended(self) -> bool {
        !matches!(self, JobState::Queued | JobState::Running)
    }
}

/// A script as it came: text, spelling, values of variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptText {
    /// The text.
    pub text: String,
    /// `vfx` or `yaml` (JSON is YAML).
    pub spelling: ScriptSpelling,
    /// Values of variables, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, String>,
}

/// The two ways to write a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScriptSpelling {
    /// The terse one.
    Vfx,
    /// YAML, and with it JSON.
    Yaml,
}

/// A render: stored before it is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub owner: Owner,
    /// The endpoint's name, as in [`Made::operation`].
    pub operation: String,
    /// What is rendered.
    pub script: ScriptText,
    /// The videos and assets that the script names: what must stay until this has ended.
    pub sources: Vec<Uuid>,
    /// The video that it makes, if an edit asked for it.
    pub video: Option<Uuid>,
    /// −100 to 100; higher first, among one owner's jobs.
    pub priority: i32,
    /// Where to tell of its end.
    pub webhook: Option<String>,
    /// What it is doing.
    pub state: JobState,
    /// How far it is.
    pub progress: JobProgress,
    /// What it made.
    pub outputs: Vec<JobOutput>,
    /// Findings of the script, each an object as `--json` prints it.
    pub diagnostics: Vec<serde_json::Value>,
    /// Why it failed, in a sentence for its owner.
    pub error: Option<JobError>,
    /// How often a worker began.
    pub attempts: u32,
    /// How often a worker died over it.
    pub crashes: u32,
    /// Counts its changes, progress included: the id of its events.
    pub revision: u64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a worker began last.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Not before this instant, after a failure that may pass.
    pub not_before: Option<Timestamp>,
}

impl Job {
    /// A new one, which waits.
    pub fn new(owner: Owner, operation: &str, script: ScriptText) -> Job {
        Job {
            id: Uuid::new_v4(),
            owner,
            operation: operation.to_owned(),
            script,
            sources: Vec::new(),
            video: None,
            priority: 0,
            webhook: None,
            state: JobState::Queued,
            progress: JobProgress::default(),
            outputs: Vec::new(),
            diagnostics: Vec::new(),
            error: None,
            attempts: 0,
            crashes: 0,
            revision: 0,
            created_at: Timestamp::now(),
            started_at: None,
            finished_at: None,
            not_before: None,
        }
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobProgress {
    /// 0 to 1.
    pub progress: f64,
    /// Frames a second.
    pub fps: f64,
    /// Seconds to go; absent while nobody knows.
    pub eta_seconds: Option<f64>,
    /// The segment that is being rendered.
    pub segment: usize,
}

/// A file that a job made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobOutput {
    /// The name in the script's `output`.
    pub name: String,
    /// The stored file.
    pub blob: Uuid,
    /// Bytes.
    pub size: u64,
    /// The video that it became, if it moves.
    pub video: Option<Uuid>,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobError {
    /// A stable word or the engine's code: `timeout`, `crashed`, `V0701`.
    pub code: String,
    /// A sentence for the owner.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// What everybody is told of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// Its id.
    pub id: Uuid,
    /// What it is doing.
    pub state: JobState,
    /// `trim`, `crop`, … or `render`.
    pub operation: String,
    /// How far it is.
    #[serde(flatten)]
    pub progress: JobProgress,
    /// Where it can be followed as server-sent events, with a short-lived signature: an `EventSource` sends no header.
    pub events_url: String,
    /// What it made.
    pub outputs: Vec<OutputView>,
    /// Findings of the script.
    #[schema(value_type = Vec<Object>)]
    pub diagnostics: Vec<serde_json::Value>,
    /// Why it failed.
    pub error: Option<JobError>,
    /// The video that it makes, if an edit asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_id: Option<Uuid>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// A file that a job made, as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutputView {
    /// The name in the script's `output`.
    pub name: String,
    /// Where it is, with a short-lived signature.
    pub url: String,
    /// Bytes.
    pub size: u64,
    /// The video that it became, if it moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_id: Option<Uuid>,
}

/// A resumable upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id, and its temporary file's name.
    pub id: Uuid,
    /// Whose it is.
    pub owner: Owner,
    /// Bytes in all.
    pub length: u64,
    /// Bytes that are safely on disk.
    pub offset: u64,
    /// The client's `Upload-Metadata`, decoded: keys and values, values opaque.
    pub metadata: BTreeMap<String, String>,
    /// The video or asset that it became.
    pub became: Option<Uuid>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it goes away unless it goes on.
    pub expires_at: Timestamp,
}
