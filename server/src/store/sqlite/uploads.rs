//! Resumable uploads: the table `uploads`.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::SqliteStore;
use super::connection::Outlives;
use super::media::hold_quota;
use super::values::{Instant, Opaque};
use crate::model::{Owner, Upload};
use crate::store::{Result, StoreError, Uploads};

#[async_trait]
impl Uploads for SqliteStore {
    async fn add_upload(&self, upload: &Upload, open: u64, quota: u64) -> Result<()> {
        let upload = upload.clone();
        self.database
            .write(Outlives::Machine, move |transaction| {
                let sql = "SELECT count(*), coalesce(sum(length), 0) FROM uploads
                    WHERE owner = ? AND became IS NULL";
                let (count, bytes): (u64, u64) = transaction
                    .prepare_cached(sql)?
                    .query_one([upload.owner], |row| Ok((row.get(0)?, row.get(1)?)))?;
                if count >= open {
                    return Err(StoreError::Open { limit: open });
                }
                hold_quota(transaction, upload.owner, bytes.saturating_add(upload.length), quota)?;
                let sql =
                    "INSERT INTO uploads (id, owner, length, received, metadata, became, created_at, expires_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
                let Upload { id, owner, length, offset, metadata, became, created_at, expires_at } = upload;
                transaction.prepare_cached(sql)?.execute(params![
                    id,
                    owner,
                    length,
                    offset,
                    Opaque(metadata),
                    became,
                    Instant(created_at),
                    Instant(expires_at)
                ])?;
                Ok(())
            })
            .await
    }

    async fn upload(&self, owner: Owner, id: Uuid) -> Result<Option<Upload>> {
        self.database
            .read(move |transaction| {
                let sql = "SELECT * FROM uploads WHERE owner = ? AND id = ?";
                Ok(transaction.prepare_cached(sql)?.query_one([owner, id], read).optional()?)
            })
            .await
    }

    // An offset that falls back costs the client a part sent twice; a sync for every part would cost more.
    async fn set_upload(&self, id: Uuid, offset: u64, expires_at: Timestamp) -> Result<()> {
        self.database
            .write(Outlives::Process, move |transaction| {
                let sql = "UPDATE uploads SET received = ?, expires_at = ? WHERE id = ?";
                transaction.prepare_cached(sql)?.execute(params![offset, Instant(expires_at), id])?;
                Ok(())
            })
            .await
    }

    async fn upload_became(&self, id: Uuid, media: Uuid) -> Result<()> {
        self.database
            .write(Outlives::Machine, move |transaction| {
                let sql = "UPDATE uploads SET became = ? WHERE id = ?";
                transaction.prepare_cached(sql)?.execute([media, id])?;
                Ok(())
            })
            .await
    }

    async fn delete_upload(&self, owner: Owner, id: Uuid) -> Result<bool> {
        self.database
            .write(Outlives::Machine, move |transaction| {
                let sql = "DELETE FROM uploads WHERE owner = ? AND id = ?";
                Ok(transaction.prepare_cached(sql)?.execute([owner, id])? == 1)
            })
            .await
    }

    async fn upload_ids(&self) -> Result<Vec<Uuid>> {
        self.database
            .read(|transaction| {
                let mut statement = transaction.prepare_cached("SELECT id FROM uploads")?;
                let ids = statement.query_map([], |row| row.get(0))?;
                Ok(ids.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn expired_uploads(&self, now: Timestamp) -> Result<Vec<Uuid>> {
        self.database
            .write(Outlives::Machine, move |transaction| {
                let sql = "DELETE FROM uploads WHERE expires_at <= ? RETURNING id";
                let mut statement = transaction.prepare_cached(sql)?;
                let ids = statement.query_map([Instant(now)], |row| row.get(0))?;
                Ok(ids.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Upload> {
    let Opaque(metadata) = row.get("metadata")?;
    let Instant(created_at) = row.get("created_at")?;
    let Instant(expires_at) = row.get("expires_at")?;
    Ok(Upload {
        id: row.get("id")?,
        owner: row.get("owner")?,
        length: row.get("length")?,
        offset: row.get("received")?,
        metadata,
        became: row.get("became")?,
        created_at,
        expires_at,
    })
}
