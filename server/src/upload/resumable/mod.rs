//! Resumable uploads (tus 1.0): a row, a temporary file that grows, and in the end a video or an asset.
//!
//! Bytes count once they are on disk and the row says so: what a crash leaves behind that is cut off when the next part
//! begins. A file that is whole is judged and kept as every other upload, under the upload's own id, so that a crash in
//! the middle of that is seen afterwards. HTTP is the routes' business.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::judge::{self, Wanted, judge};
use super::keep::{self, Kept};
use crate::app::App;
use crate::error::{ApiError, Kind};
use crate::files::{FileError, or_gone};
use crate::model::{AssetKind, Folder, Owner, Upload};

pub(crate) mod append;
pub(crate) mod checksum;
pub(crate) mod lock;
pub(crate) mod metadata;
mod part;
#[cfg(test)]
mod tests;

pub(crate) use append::{Append, append};
use lock::Lock;
pub use lock::Locks;

/// Uploads of one owner that may be open at once.
const OPEN: u64 = 20;

/// How long an upload may go on, however often a part comes; longer if what is temporary stays longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// An upload, and how much of it counts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    /// Its row, with the offset that counts.
    pub(crate) upload: Upload,
    /// What it became.
    pub(crate) became: Option<Kept>,
}

/// Begins an upload of so many bytes.
///
/// # Errors
/// 413 if it is too long, 415 if it has no bytes, 507 if there is no room for it and the others that are open, 429 if
/// too many are, 400 if its metadata are wrong.
pub(crate) async fn create(
    app: &App,
    owner: Owner,
    length: u64,
    described: metadata::Metadata,
) -> Result<Upload, ApiError> {
    let wanted = wanted(&described)?;
    if length == 0 {
        return Err(judge::refused(wanted, judge::EMPTY));
    }
    let limit = app.config.max_file_size;
    if length > limit {
        return Err(crate::files::ReceiveError::TooLarge { limit }.into());
    }
    let files = app.files.clone();
    let free = tokio::task::spawn_blocking(move || files.free_space()).await;
    let free = free.map_err(|error| ApiError::internal(error.to_string()))?.map_err(FileError::from)?;
    if length > free {
        return Err(FileError::Full.into());
    }
    let id = Uuid::new_v4();
    let created_at = Timestamp::now();
    let expires_at = expiry(app, created_at);
    let metadata = described;
    let upload = Upload { id, owner, length, offset: 0, metadata, became: None, created_at, expires_at };
    app.store.add_upload(&upload, OPEN, app.config.quota).await?;
    Ok(upload)
}

/// An upload as it stands: once it is whole, kept.
///
/// # Errors
/// 404 if there is none, 410 if its time is over, and, when it is whole, what [`judge`] and [`keep::keep`] say.
pub(crate) async fn standing(app: &App, owner: Owner, id: Uuid) -> Result<Standing, ApiError> {
    let upload = find(app, owner, id).await?;
    if upload.became.is_none() && upload.offset == upload.length {
        let lock = app.uploads.take(id).await?;
        return super::whole(complete(app.clone(), owner, id, lock)).await;
    }
    if upload.became.is_none() {
        app.uploads.settle(id).await;
    }
    let upload = find(app, owner, id).await?;
    let became = became(app, &upload).await?;
    Ok(Standing { upload, became })
}

/// Ends an upload; what it became stays.
///
/// # Errors
/// 404 if there is none, 423 if it does not stop.
pub(crate) async fn end(app: &App, owner: Owner, id: Uuid) -> Result<(), ApiError> {
    find(app, owner, id).await?;
    let _lock = app.uploads.take_over(id).await?;
    forget(app, owner, id).await
}

/// Now and then: removes what was not gone on with in its time, and what else is temporary and too old.
pub(crate) async fn expire(app: &App) -> Result<(), ApiError> {
    for id in app.store.expired_uploads(Timestamp::now()).await? {
        remove_file(app, id).await;
    }
    let keep = app.store.upload_ids().await?.into_iter().chain(app.remote.used()).collect();
    let swept = app.files.expire(keep, app.config.temp_expires_in).await?;
    if swept.entries > 0 {
        tracing::info!(entries = swept.entries, bytes = swept.bytes, "temporary files have expired");
    }
    Ok(())
}

/// Judges and keeps a whole file, once.
async fn complete(app: App, owner: Owner, id: Uuid, lock: Lock) -> Result<Standing, ApiError> {
    lock.judge();
    let upload = find(&app, owner, id).await?;
    if let Some(became) = became(&app, &upload).await? {
        return Ok(Standing { upload, became: Some(became) });
    }
    if upload.offset != upload.length {
        return Ok(Standing { upload, became: None });
    }
    let path = path(&app, id);
    let judged = match judge(&app, owner, &path, wanted(&upload.metadata)?).await {
        Ok(judged) => judged,
        Err(error) => {
            // Another try would end in the same way.
            if matches!(error.kind, Kind::Unsupported | Kind::Unprocessable) {
                forget(&app, owner, id).await?;
            }
            return Err(error);
        }
    };
    let received = app.files.adopt(path).await?;
    let called = ["filename", "name"].iter().find_map(|key| upload.metadata.get(*key));
    let called = called.map(String::as_str).unwrap_or_default();
    let kept = match keep::keep(&app, owner, id, received, judged, called).await {
        Ok(kept) => kept,
        Err(error) => {
            // The file is gone with the failure.
            forget(&app, owner, id).await?;
            return Err(error);
        }
    };
    app.store.upload_became(id, id).await?;
    Ok(Standing { upload: Upload { became: Some(id), ..upload }, became: Some(kept) })
}

/// The row, with the offset that counts: bytes that the row knows and the file has.
async fn find(app: &App, owner: Owner, id: Uuid) -> Result<Upload, ApiError> {
    let missing = || ApiError::not_found("upload");
    let mut upload = app.store.upload(owner, id).await?.ok_or_else(missing)?;
    if upload.expires_at <= Timestamp::now() {
        return Err(ApiError::new(Kind::Gone, "The upload was not gone on with in time; begin anew."));
    }
    if upload.became.is_some() {
        upload.offset = upload.length;
        return Ok(upload);
    }
    let there = match tokio::fs::metadata(path(app, id)).await {
        Ok(file) => file.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // A crash after it was kept and before its row said so.
            if upload.offset == upload.length && kept(app, owner, id).await?.is_some() {
                app.store.upload_became(id, id).await?;
                upload.became = Some(id);
                return Ok(upload);
            }
            0
        }
        Err(error) => return Err(FileError::from(error).into()),
    };
    upload.offset = upload.offset.min(there);
    Ok(upload)
}

async fn became(app: &App, upload: &Upload) -> Result<Option<Kept>, ApiError> {
    match upload.became {
        Some(id) => kept(app, upload.owner, id).await,
        None => Ok(None),
    }
}

async fn kept(app: &App, owner: Owner, id: Uuid) -> Result<Option<Kept>, ApiError> {
    if let Some(video) = app.store.video(owner, id).await? {
        return Ok(Some(Kept::Video(Box::new(video))));
    }
    Ok(app.store.asset(owner, id).await?.map(|asset| Kept::Asset(Box::new(asset))))
}

/// Removes an upload's row and file.
async fn forget(app: &App, owner: Owner, id: Uuid) -> Result<(), ApiError> {
    app.store.delete_upload(owner, id).await?;
    remove_file(app, id).await;
    Ok(())
}

async fn remove_file(app: &App, id: Uuid) {
    if let Err(error) = or_gone(tokio::fs::remove_file(path(app, id)).await) {
        tracing::warn!(%error, upload = %id, "the file of an upload cannot be removed");
    }
}

/// Where an upload grows.
fn path(app: &App, id: Uuid) -> PathBuf {
    app.files.folder(Folder::Temp).join(format!("{}.tus", id.simple()))
}

/// When an upload that began then goes away unless it goes on.
fn expiry(app: &App, began: Timestamp) -> Timestamp {
    let lasts = SignedDuration::try_from(app.config.temp_expires_in).unwrap_or(SignedDuration::MAX);
    let after = |from: Timestamp, lasts| from.checked_add(lasts).unwrap_or(Timestamp::MAX);
    after(Timestamp::now(), lasts).min(after(began, lasts.max(LONGEST)))
}

/// What an upload announces to be, by its metadata's `kind`: a video, an asset, or what its content says.
fn wanted(described: &metadata::Metadata) -> Result<Wanted, ApiError> {
    let kinds = [
        ("video", Wanted::Video),
        ("asset", Wanted::Asset(None)),
        ("audio", Wanted::Asset(Some(AssetKind::Audio))),
        ("image", Wanted::Asset(Some(AssetKind::Image))),
        ("lut", Wanted::Asset(Some(AssetKind::Lut))),
        ("font", Wanted::Asset(Some(AssetKind::Font))),
        ("subtitle", Wanted::Asset(Some(AssetKind::Subtitle))),
        ("shader", Wanted::Asset(Some(AssetKind::Shader))),
    ];
    let Some(kind) = described.get("kind") else { return Ok(Wanted::Any) };
    let found = kinds.iter().find(|(name, _)| name == kind).map(|(_, wanted)| *wanted);
    found.ok_or_else(|| {
        let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
        ApiError::validation(vec![format!("`kind` in Upload-Metadata must be one of {}.", names.join(", "))])
    })
}
