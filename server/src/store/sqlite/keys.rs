//! Idempotency keys: the table `idempotency_keys`.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use uuid::Uuid;

use super::jobs::rows;
use super::values::Instant;
use crate::model::Owner;
use crate::store::{Idempotency, Keyed, Result};

/// What a key stands for from now on.
pub(super) enum Stands {
    Job(Uuid),
    Video(Uuid),
}

/// What a key that was used before says to this request.
pub(super) fn used(transaction: &Transaction<'_>, owner: Owner, key: &Idempotency) -> Result<Option<Keyed>> {
    let sql = "SELECT body, job, video FROM idempotency_keys WHERE owner = ? AND key = ?";
    let there: Option<(String, Option<Uuid>, Option<Uuid>)> = transaction
        .prepare_cached(sql)?
        .query_one(params![owner, key.key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((body, job, video)) = there else { return Ok(None) };
    if body != key.body {
        return Ok(Some(Keyed::OtherBody));
    }
    match (job, video) {
        (Some(job), _) => Ok(rows::find(transaction, job)?.map(|job| Keyed::Job(Box::new(job)))),
        (None, video) => Ok(video.map(Keyed::Video)),
    }
}

/// Keeps a key that was not used.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    owner: Owner,
    key: &Idempotency,
    stands: &Stands,
    now: Timestamp,
) -> Result<()> {
    let (job, video) = match stands {
        Stands::Job(job) => (Some(job), None),
        Stands::Video(video) => (None, Some(video)),
    };
    let sql =
        "INSERT INTO idempotency_keys (owner, key, body, job, video, created_at) VALUES (?, ?, ?, ?, ?, ?)";
    let parameters = params![owner, key.key, key.body, job, video, Instant(now)];
    transaction.prepare_cached(sql)?.execute(parameters)?;
    Ok(())
}
