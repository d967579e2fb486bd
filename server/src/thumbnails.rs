//! Pictures of videos: one instant each, made by a worker, kept in memory for a while.
//!
//! A video, an instant and a size come in; a JPEG goes out. Whose video it is was asked before.

use axum::body::Bytes;
use moka::future::Cache;
use tempfile::TempPath;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;
use crate::error::{ApiError, Kind};
use crate::jobs::fetched::Held;
use crate::jobs::sources::{self, Named};
use crate::model::{ScriptSpelling, ScriptText, Video};
use crate::worker::protocol::{Answer, Task, Work};

/// Bytes of pictures that are kept.
const KEPT: u64 = 32 << 20;

/// Bytes that a picture takes besides its own.
const AROUND: usize = 100;

/// A picture's file or film, its instant in milliseconds, its rows.
type Key = (Uuid, u64, u32);

/// The pictures that are kept; cheap to clone.
#[derive(Debug, Clone)]
pub struct Thumbnails(Cache<Key, Bytes>);

impl Default for Thumbnails {
    fn default() -> Self {
        let weight = |_: &Key, picture: &Bytes| u32::try_from(picture.len() + AROUND).unwrap_or(u32::MAX);
        Thumbnails(Cache::builder().max_capacity(KEPT).weigher(weight).build())
    }
}

impl Thumbnails {
    /// The picture of a video `at` seconds (the last one if it is shorter), with `rows` rows at most. A video that is
    /// not made yet shows what it will be.
    ///
    /// # Errors
    /// 409 if there is nothing to show, and what happens to workers.
    pub(crate) async fn get(&self, app: &App, video: &Video, at: f64, rows: u32) -> Result<Bytes, ApiError> {
        let at = instant(video, at);
        let of = video.blob.as_ref().map_or(video.id, |blob| blob.id);
        let made = self.0.try_get_with((of, at, rows), make(app, video, at, rows)).await;
        made.map_err(|error| ApiError::clone(&error))
    }
}

/// Milliseconds; never after the last picture.
fn instant(video: &Video, at: f64) -> u64 {
    let metadata = video.metadata.clone().unwrap_or_default();
    let picture = if metadata.fps > 0.0 { 1.0 / metadata.fps } else { 0.0 };
    let last = (metadata.duration - picture).max(0.0);
    (at.clamp(0.0, last) * 1000.0).floor() as u64
}

async fn make(app: &App, video: &Video, at: u64, rows: u32) -> Result<Bytes, ApiError> {
    let (work, _held) = work(app, video).await?;
    let file = app.files.temporary("jpg");
    // Whatever happens, nothing of it stays on disk.
    let _removed = TempPath::try_from_path(&file).map_err(|error| ApiError::internal(error.to_string()))?;
    let at = format!("{}.{:03}s", at / 1000, at % 1000);
    let task = Task::Frame { work, at, file: file.clone(), rows };
    // When nobody waits for it any more, the worker ends.
    let cancel = CancellationToken::new();
    let _nobody = cancel.clone().drop_guard();
    match app.workers.work(video.owner, task, &|_| {}, &cancel).await? {
        Answer::Made { .. } => {
            let read = tokio::fs::read(&file).await;
            read.map(Bytes::from).map_err(|error| ApiError::internal(error.to_string()))
        }
        _ => Err(ApiError::internal("a worker answered a frame with something else")),
    }
}

/// The film that shows a video: its file alone, or the script that will make it. Its files stay as long as they are
/// held.
async fn work(app: &App, video: &Video) -> Result<(Work, Held), ApiError> {
    if let Some(blob) = &video.blob {
        let name = format!("video:{}", video.id);
        let text = format!("timeline {{\n  video \"{name}\"\n}}\noutput \"thumbnail.jpg\"\n");
        let script = ScriptText { text, spelling: ScriptSpelling::Vfx, vars: Default::default() };
        return Ok((Work { script, files: [(name, app.files.path(blob))].into() }, Held::default()));
    }
    let made =
        video.made.as_ref().ok_or_else(|| ApiError::new(Kind::Conflict, "There is nothing to show yet."))?;
    let Named { files, held } = sources::named(app, video.owner, &made.script, true).await?;
    Ok((Work { script: made.script.clone(), files }, held))
}
