//! Judged files become rows.
//!
//! First the file goes to its place, then its row is stored: a crash between the two leaves a file without a row, which
//! the next start sweeps away, never a row without a file. Of equal content one file stays.

use jiff::Timestamp;
use uuid::Uuid;

use super::judge::Judged;
use super::{name, whole};
use crate::app::App;
use crate::error::ApiError;
use crate::files::Received;
use crate::model::{Asset, Blob, Owner, Video, VideoStatus};
use crate::store::StoreError;

/// What an upload became.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kept {
    /// Named `video:ID` in scripts.
    Video(Box<Video>),
    /// Named `asset:ID` in scripts.
    Asset(Box<Asset>),
}

impl Kept {
    /// How scripts name it.
    pub(crate) fn reference(&self) -> String {
        match self {
            Kept::Video(video) => format!("video:{}", video.id),
            Kept::Asset(asset) => format!("asset:{}", asset.id),
        }
    }
}

/// Keeps a file under an id, whether or not the client still waits.
///
/// # Errors
/// 507 if the owner or the disk has no room, 500 otherwise; nothing is kept then.
pub(crate) async fn keep(
    app: &App,
    owner: Owner,
    id: Uuid,
    received: Received,
    judged: Judged,
    called: &str,
) -> Result<Kept, ApiError> {
    let original_name = name::shown(called, judged.extension);
    let offered = received.blob(judged.folder(), judged.extension);
    let kept = row(owner, id, original_name, offered.clone(), judged);
    let app = app.clone();
    whole(async move {
        app.files.place(received, &offered).await?;
        match add(&app, &kept).await {
            Ok(blob) => {
                if blob.id != offered.id {
                    remove(&app, &[offered]).await;
                }
                Ok(with_blob(kept, blob))
            }
            Err(error) => {
                remove(&app, &[offered]).await;
                Err(error.into())
            }
        }
    })
    .await
}

/// Removes files whose rows are gone. One that stays is swept away at the next start.
pub(crate) async fn remove(app: &App, blobs: &[Blob]) {
    for blob in blobs {
        if let Err(error) = app.files.remove(blob).await {
            tracing::warn!(%error, blob = %blob.id, "a file that nobody needs cannot be removed");
        }
    }
}

async fn add(app: &App, kept: &Kept) -> Result<Blob, StoreError> {
    let quota = app.config.quota;
    match kept {
        Kept::Video(video) => app.store.add_video(video, quota).await,
        Kept::Asset(asset) => app.store.add_asset(asset, quota).await,
    }
}

fn row(owner: Owner, id: Uuid, original_name: String, blob: Blob, judged: Judged) -> Kept {
    let Judged { kind, metadata, video, .. } = judged;
    let created_at = Timestamp::now();
    if video {
        return Kept::Video(Box::new(Video {
            id,
            owner,
            original_name,
            blob: Some(blob),
            metadata,
            status: VideoStatus::Ready,
            made: None,
            deleted: false,
            created_at,
        }));
    }
    Kept::Asset(Box::new(Asset {
        id,
        owner,
        kind,
        original_name,
        blob,
        metadata,
        deleted: false,
        created_at,
    }))
}

fn with_blob(kept: Kept, blob: Blob) -> Kept {
    match kept {
        Kept::Video(video) => Kept::Video(Box::new(Video { blob: Some(blob), ..*video })),
        Kept::Asset(asset) => Kept::Asset(Box::new(Asset { blob, ..*asset })),
    }
}
