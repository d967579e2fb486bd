//! Videos, assets and the files behind them: the tables `media`, `media_sources` and `blobs`.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, named_params};
use uuid::Uuid;

use super::SqliteStore;
use super::connection::Outlives;
use super::keys::{self, Stands};
use super::list::{Large, List};
use super::values::Word;
use crate::model::{Asset, AssetKind, Blob, Owner, Video, VideoStatus};
use crate::store::{Idempotency, Keyed, Listed, Media, Page, Result, StoreError};

pub(super) mod blobs;
pub(super) mod rows;

use rows::MediaRow;

const VIDEOS: List = List {
    columns: rows::LISTED,
    large: LARGE,
    from: rows::FROM,
    table: rows::TABLE,
    filter: "r.owner = :owner AND r.deleted = 0 AND r.asset_kind IS NULL",
    sortable: SORTABLE,
};

const ASSETS: List =
    List { filter: "r.owner = :owner AND r.deleted = 0 AND r.asset_kind IS NOT NULL", ..VIDEOS };

const ASSETS_OF_KIND: List =
    List { filter: "r.owner = :owner AND r.deleted = 0 AND r.asset_kind = :kind", ..VIDEOS };

const LARGE: &[Large] = &[
    Large { field: "script", column: "made_script", empty: "''", usual: false },
    Large { field: "script", column: "made_script_vars", empty: "'{}'", usual: false },
];

const SORTABLE: &[(&str, &str)] = &[("originalName", "r.original_name"), ("createdAt", "r.created_at")];

#[async_trait]
impl Media for SqliteStore {
    async fn add_video(&self, video: &Video, quota: u64) -> Result<Blob> {
        self.add_uploaded(MediaRow::of_video(video), quota).await
    }

    async fn add_unmade_video(
        &self,
        video: &Video,
        key: Option<&Idempotency>,
        quota: u64,
    ) -> Result<Option<Keyed>> {
        let (video, key) = (video.clone(), key.cloned());
        self.database
            .write(Outlives::Machine, move |transaction| {
                let Video { id, owner, created_at, .. } = video;
                if let Some(key) = &key
                    && let Some(earlier) = keys::used(transaction, owner, key)?
                {
                    return Ok(Some(earlier));
                }
                let unmade = Video { blob: None, status: VideoStatus::Uploaded, ..video };
                MediaRow::of_video(&unmade).insert(transaction)?;
                if let Some(key) = &key {
                    keys::keep(transaction, owner, key, &Stands::Video(id), created_at)?;
                }
                hold_quota(transaction, owner, 0, quota)?;
                Ok(None)
            })
            .await
    }

    async fn add_asset(&self, asset: &Asset, quota: u64) -> Result<Blob> {
        self.add_uploaded(MediaRow::of_asset(asset), quota).await
    }

    async fn video(&self, owner: Owner, id: Uuid) -> Result<Option<Video>> {
        Ok(self.one_shown(owner, id).await?.and_then(MediaRow::video))
    }

    async fn videos(&self, owner: Owner, page: &Page) -> Result<Listed<Video>> {
        let page = page.clone();
        let listed = self
            .database
            .read(move |transaction| {
                VIDEOS.page(transaction, named_params! {":owner": owner}, &page, MediaRow::read)
            })
            .await?;
        Ok(of_one_sort(listed, MediaRow::video))
    }

    async fn asset(&self, owner: Owner, id: Uuid) -> Result<Option<Asset>> {
        Ok(self.one_shown(owner, id).await?.and_then(MediaRow::asset))
    }

    async fn assets(&self, owner: Owner, kind: Option<AssetKind>, page: &Page) -> Result<Listed<Asset>> {
        let page = page.clone();
        let listed = self
            .database
            .read(move |transaction| match kind {
                Some(kind) => {
                    let key = named_params! {":owner": owner, ":kind": Word(kind)};
                    ASSETS_OF_KIND.page(transaction, key, &page, MediaRow::read)
                }
                None => ASSETS.page(transaction, named_params! {":owner": owner}, &page, MediaRow::read),
            })
            .await?;
        Ok(of_one_sort(listed, MediaRow::asset))
    }

    async fn sources(&self, owner: Owner, ids: &[Uuid], deleted: bool) -> Result<Vec<(Uuid, bool, Blob)>> {
        let ids = ids.to_vec();
        self.database
            .read(move |transaction| {
                let mut found = Vec::with_capacity(ids.len());
                for id in ids {
                    let Some(row) = MediaRow::find(transaction, owner, id)? else { continue };
                    let video = row.is_video();
                    if let Some(blob) = row.blob.filter(|_| deleted || !row.deleted) {
                        found.push((id, video, blob));
                    }
                }
                Ok(found)
            })
            .await
    }

    async fn delete_media(&self, owner: Owner, id: Uuid) -> Result<Option<Vec<Blob>>> {
        self.database
            .write(Outlives::Machine, move |transaction| {
                let sql = "UPDATE media SET deleted = 1 WHERE owner = ? AND id = ? AND deleted = 0";
                if transaction.prepare_cached(sql)?.execute([owner, id])? == 0 {
                    return Ok(None);
                }
                release(transaction, vec![id]).map(Some)
            })
            .await
    }

    async fn release_media(&self) -> Result<Vec<Blob>> {
        // Nearly always there is nothing to release; looking does not have to wait for the writer.
        let hidden = self.database.read(hidden).await?;
        if hidden.is_empty() {
            return Ok(Vec::new());
        }
        self.database.write(Outlives::Machine, move |transaction| release(transaction, hidden)).await
    }

    async fn blob(&self, id: Uuid) -> Result<Option<Blob>> {
        self.database.read(move |transaction| blobs::find(transaction, id)).await
    }

    async fn blob_ids(&self) -> Result<Vec<Uuid>> {
        self.database
            .read(|transaction| {
                let mut statement = transaction.prepare_cached("SELECT id FROM blobs")?;
                let ids = statement.query_map([], |row| row.get(0))?;
                Ok(ids.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn bytes_kept(&self, owner: Owner) -> Result<u64> {
        self.database.read(move |transaction| bytes_kept(transaction, owner)).await
    }
}

impl SqliteStore {
    async fn add_uploaded(&self, mut row: MediaRow, quota: u64) -> Result<Blob> {
        self.database
            .write(Outlives::Machine, move |transaction| {
                let Some(offered) = row.blob.take() else {
                    return Err(StoreError::Failed("an uploaded video without its file".to_owned()));
                };
                hold_quota(transaction, row.owner, offered.size, quota)?;
                let blob = blobs::keep(transaction, &offered)?;
                row.blob = Some(blob.clone());
                row.insert(transaction)?;
                Ok(blob)
            })
            .await
    }

    async fn one_shown(&self, owner: Owner, id: Uuid) -> Result<Option<MediaRow>> {
        let row = self.database.read(move |transaction| MediaRow::find(transaction, owner, id)).await?;
        Ok(row.filter(|row| !row.deleted))
    }
}

fn of_one_sort<T>(listed: Listed<MediaRow>, sort: impl Fn(MediaRow) -> Option<T>) -> Listed<T> {
    Listed { rows: listed.rows.into_iter().filter_map(sort).collect(), total: listed.total }
}

fn bytes_kept(transaction: &Transaction<'_>, owner: Owner) -> Result<u64> {
    let sql = "SELECT
        (SELECT coalesce(sum(b.size), 0) FROM media m JOIN blobs b ON b.id = m.blob WHERE m.owner = ?1) +
        (SELECT coalesce(sum(o.size), 0) FROM jobs j JOIN job_outputs o ON o.job = j.id
            WHERE j.owner = ?1 AND o.video IS NULL) +
        (SELECT coalesce(sum(text_bytes), 0) FROM media WHERE owner = ?1) +
        (SELECT coalesce(sum(text_bytes), 0) FROM jobs WHERE owner = ?1) +
        (SELECT coalesce(sum(text_bytes), 0) FROM projects WHERE owner = ?1)";
    Ok(transaction.prepare_cached(sql)?.query_one([owner], |row| row.get(0))?)
}

/// Refuses what would be too much: `more` bytes beside what this transaction has kept so far.
pub(super) fn hold_quota(transaction: &Transaction<'_>, owner: Owner, more: u64, quota: u64) -> Result<()> {
    if bytes_kept(transaction, owner)?.saturating_add(more) > quota {
        return Err(StoreError::Quota { limit: quota });
    }
    Ok(())
}

fn hidden(transaction: &Transaction<'_>) -> Result<Vec<Uuid>> {
    let mut statement = transaction.prepare_cached("SELECT id FROM media WHERE deleted = 1")?;
    let ids = statement.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

/// Removes those of `candidates` that are hidden and that nothing needs; then what only they needed, and so on. Comes
/// back with the blobs that went with them.
fn release(transaction: &Transaction<'_>, mut candidates: Vec<Uuid>) -> Result<Vec<Blob>> {
    let mut released = Vec::new();
    while let Some(id) = candidates.pop() {
        let sql = "SELECT blob FROM media WHERE id = ? AND deleted = 1";
        let hidden: Option<Option<Uuid>> =
            transaction.prepare_cached(sql)?.query_one([id], |row| row.get(0)).optional()?;
        let Some(blob) = hidden else { continue };
        if needed(transaction, id)? {
            continue;
        }
        candidates.extend(rows::sources_of(transaction, id)?);
        transaction.prepare_cached("DELETE FROM media WHERE id = ?")?.execute([id])?;
        if let Some(blob) = blob {
            released.extend(blobs::release(transaction, blob)?);
        }
    }
    Ok(released)
}

fn needed(transaction: &Transaction<'_>, id: Uuid) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM media_sources WHERE source = ?1)
        OR EXISTS (SELECT 1 FROM job_sources s JOIN jobs j ON j.id = s.job
            WHERE s.source = ?1 AND j.state IN ('queued', 'running'))
        OR EXISTS (SELECT 1 FROM jobs WHERE video = ?1 AND state IN ('queued', 'running'))";
    Ok(transaction.prepare_cached(sql)?.query_one([id], |row| row.get(0))?)
}
