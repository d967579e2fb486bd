//! The embedded store: SQLite in WAL mode, one file, one process.
//!
//! The traits' rows come in and go out; each method is one closure over one transaction of `connection`, and each
//! trait is a module. Nothing here knows what the rows are for.

mod connection;
#[cfg(test)]
mod crash;
mod jobs;
mod keys;
mod list;
mod media;
mod projects;
mod queue;
#[cfg(test)]
mod tests;
mod uploads;
mod users;
mod values;
mod webhooks;

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::OptionalExtension;
use uuid::Uuid;

use crate::model::VideoStatus;
use crate::store::{Result, Store};
use connection::{Database, Outlives};
use values::{Instant, Word};

/// A store in one file. Clones share it.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    database: Database,
}

impl SqliteStore {
    /// Opens the database in a file, and makes what is missing: the file (readable by its owner alone), its folder,
    /// tables that came with later versions. Blocks; meant for the start of the service.
    ///
    /// # Errors
    /// [`crate::store::StoreError::InUse`] if another process has it, [`crate::store::StoreError::Full`] without room
    /// on disk, [`crate::store::StoreError::Failed`] if it cannot be opened, is no database, or comes from a newer
    /// version.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteStore> {
        Ok(SqliteStore { database: Database::open(path.as_ref())? })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn alive(&self) -> Result<()> {
        self.database
            .write(Outlives::Process, |transaction| {
                transaction.prepare_cached("UPDATE pulse SET beats = beats + 1")?.execute([])?;
                Ok(())
            })
            .await
    }

    async fn video_status(&self, id: Uuid) -> Result<Option<VideoStatus>> {
        self.database
            .read(move |transaction| {
                let sql = "SELECT status FROM media WHERE id = ? AND status IS NOT NULL";
                let status = transaction.prepare_cached(sql)?.query_one([id], |row| row.get(0)).optional()?;
                Ok(status.map(|Word(status)| status))
            })
            .await
    }

    async fn forget_keys(&self, before: Timestamp) -> Result<()> {
        self.database
            .write(Outlives::Process, move |transaction| {
                let sql = "DELETE FROM idempotency_keys WHERE created_at < ?";
                transaction.prepare_cached(sql)?.execute([Instant(before)])?;
                Ok(())
            })
            .await
    }
}
