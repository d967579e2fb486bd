//! The outbox of webhooks: the table `webhooks`, which a trigger fills when a job ends.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::params;
use uuid::Uuid;

use super::SqliteStore;
use super::connection::Outlives;
use super::jobs::rows;
use super::values::Instant;
use crate::store::{Notice, Result, Webhooks};

#[async_trait]
impl Webhooks for SqliteStore {
    async fn take_notices(&self, now: Timestamp, again: Timestamp, limit: u64) -> Result<Vec<Notice>> {
        self.database
            .write(Outlives::Process, move |transaction| {
                let sql = "SELECT job, tries FROM webhooks WHERE due <= ? ORDER BY due LIMIT ?";
                let due: Vec<(Uuid, u32)> = transaction
                    .prepare_cached(sql)?
                    .query_map(params![Instant(now), limit], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect::<rusqlite::Result<_>>()?;
                let sql = "UPDATE webhooks SET due = ?, tries = tries + 1 WHERE job = ?";
                let mut statement = transaction.prepare_cached(sql)?;
                let mut notices = Vec::new();
                for (job, tries) in due {
                    statement.execute(params![Instant(again), job])?;
                    if let Some(job) = rows::find(transaction, job)? {
                        notices.push(Notice { job, tries: tries.saturating_add(1) });
                    }
                }
                Ok(notices)
            })
            .await
    }

    async fn next_notice(&self) -> Result<Option<Timestamp>> {
        self.database
            .read(|transaction| {
                let due: Option<Instant> = transaction
                    .prepare_cached("SELECT min(due) FROM webhooks")?
                    .query_one([], |row| row.get(0))?;
                Ok(due.map(|Instant(due)| due))
            })
            .await
    }

    async fn postpone_notice(&self, job: Uuid, due: Timestamp) -> Result<()> {
        self.database
            .write(Outlives::Process, move |transaction| {
                let sql = "UPDATE webhooks SET due = ? WHERE job = ?";
                transaction.prepare_cached(sql)?.execute(params![Instant(due), job])?;
                Ok(())
            })
            .await
    }

    async fn forget_notice(&self, job: Uuid) -> Result<()> {
        self.database
            .write(Outlives::Machine, move |transaction| {
                transaction.prepare_cached("DELETE FROM webhooks WHERE job = ?")?.execute([job])?;
                Ok(())
            })
            .await
    }
}
