//! What goes with a job: its rows, and the files that are its own.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use uuid::Uuid;

use crate::model::{Blob, Owner};
use crate::store::Result;
use crate::store::sqlite::media::blobs;
use crate::store::sqlite::values::Instant;

/// One of an owner; `None` if it is not there or has not ended.
pub(super) fn one(transaction: &Transaction<'_>, owner: Owner, id: Uuid) -> Result<Option<Vec<Blob>>> {
    let sql = "SELECT id FROM jobs WHERE owner = ? AND id = ? AND finished_at IS NOT NULL";
    let ended: Option<Uuid> =
        transaction.prepare_cached(sql)?.query_one([owner, id], |row| row.get(0)).optional()?;
    ended.map(|id| remove(transaction, id)).transpose()
}

/// Those that ended before an instant, at most `limit`; how many.
pub(super) fn old(transaction: &Transaction<'_>, before: Timestamp, limit: u64) -> Result<(u64, Vec<Blob>)> {
    let sql = "SELECT id FROM jobs WHERE finished_at < ? ORDER BY finished_at LIMIT ?";
    let old: Vec<Uuid> = transaction
        .prepare_cached(sql)?
        .query_map(params![Instant(before), limit], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut released = Vec::new();
    for id in &old {
        released.extend(remove(transaction, *id)?);
    }
    Ok((old.len() as u64, released))
}

fn remove(transaction: &Transaction<'_>, id: Uuid) -> Result<Vec<Blob>> {
    // Its videos stay, and name a job no more that is not there.
    let sql = "UPDATE media SET made_job = NULL WHERE made_job = ?1 AND id IN
        (SELECT video FROM jobs WHERE id = ?1 UNION SELECT video FROM job_outputs WHERE job = ?1)";
    transaction.prepare_cached(sql)?.execute([id])?;
    let own: Vec<Uuid> = transaction
        .prepare_cached("SELECT blob FROM job_outputs WHERE job = ? AND video IS NULL")?
        .query_map([id], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    transaction.prepare_cached("DELETE FROM jobs WHERE id = ?")?.execute([id])?;
    let mut released = Vec::new();
    for blob in own {
        released.extend(blobs::release(transaction, blob)?);
    }
    Ok(released)
}
