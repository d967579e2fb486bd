//! The outbox of webhooks: the table `webhooks`, which a trigger fills when a job ends.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Transaction, named_params, params};
use uuid::Uuid;

use super::SqliteStore;
use super::connection::Outlives;
use super::jobs::rows;
use super::queue::horizon;
use super::values::{Instant, Opaque};
use crate::store::{Notice, Result, Share, Webhooks};

#[async_trait]
impl Webhooks for SqliteStore {
    async fn take_notices(&self, now: Timestamp, again: Timestamp, share: &Share) -> Result<Vec<Notice>> {
        let share = share.clone();
        self.database
            .write(Outlives::Process, move |transaction| {
                let due = due(transaction, now, &share)?;
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

    async fn next_notice(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        self.database
            .read(move |transaction| {
                let due: Option<Instant> = transaction
                    .prepare_cached("SELECT min(due) FROM webhooks WHERE due > ?")?
                    .query_one([Instant(now)], |row| row.get(0))?;
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

/// What is due, and how often it was tried. Owners with something on its way begin that much later in their order.
fn due(transaction: &Transaction<'_>, now: Timestamp, share: &Share) -> Result<Vec<(Uuid, u32)>> {
    let busy: BTreeMap<String, u64> =
        share.busy.iter().map(|(owner, count)| (owner.simple().to_string(), *count)).collect();
    let sql = "WITH turns AS (
            SELECT w.job, w.tries, w.due,
                row_number() OVER (PARTITION BY j.owner ORDER BY w.due, j.sequence)
                    + coalesce((SELECT value FROM json_each(:busy) WHERE key = lower(hex(j.owner))), 0) AS turn
            FROM webhooks w JOIN jobs j ON j.id = w.job 
            WHERE w.due <= :now OR w.due > :horizon)
        SELECT job, tries FROM turns WHERE turn <= :each ORDER BY turn, due LIMIT :all";
    let parameters = named_params! {
        ":now": Instant(now),
        ":horizon": horizon(now),
        ":busy": Opaque(&busy),
        ":each": share.each,
        ":all": share.all,
    };
    let mut statement = transaction.prepare_cached(sql)?;
    let due = statement.query_map(parameters, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(due.collect::<rusqlite::Result<_>>()?)
}
