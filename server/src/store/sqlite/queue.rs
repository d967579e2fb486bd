//! Whose turn it is: the queue is the table `jobs`, and fairness the table `turns`.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};
use uuid::Uuid;

use super::values::Instant;
use crate::model::Owner;
use crate::store::{LONGEST_WAIT, Result};

/// What is put off beyond this was so by another clock.
pub(super) fn horizon(now: Timestamp) -> Instant {
    Instant(now.saturating_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX))
}

/// The next job to run: of the owner with the fewest running, then of the one that had no turn for longest; among one
/// owner's jobs the highest priority, then the oldest.
pub(super) fn next(transaction: &Transaction<'_>, now: Timestamp) -> Result<Option<Uuid>> {
    let sql = "SELECT w.owner FROM
        (SELECT owner, min(sequence) AS oldest FROM jobs
            WHERE state = 'queued' AND (not_before IS NULL OR not_before <= ?1 OR not_before > ?2) GROUP BY owner) w
        LEFT JOIN turns t ON t.owner = w.owner
        ORDER BY (SELECT count(*) FROM jobs r WHERE r.owner = w.owner AND r.state = 'running'),
            t.turn NULLS FIRST, w.oldest LIMIT 1";
    let owner: Option<Owner> = transaction
        .prepare_cached(sql)?
        .query_one([Instant(now), horizon(now)], |row| row.get(0))
        .optional()?;
    let Some(owner) = owner else { return Ok(None) };
    let sql = "SELECT id FROM jobs
        WHERE owner = ?1 AND state = 'queued'
            AND (not_before IS NULL OR not_before <= ?2 OR not_before > ?3)
        ORDER BY priority DESC, sequence LIMIT 1";
    let mut statement = transaction.prepare_cached(sql)?;
    Ok(statement
        .query_one(rusqlite::params![owner, Instant(now), horizon(now)], |row| row.get(0))
        .optional()?)
}

/// Notes that an owner had its turn.
pub(super) fn note_turn(transaction: &Transaction<'_>, owner: Owner) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO turns (owner, turn) SELECT ?, coalesce(max(turn), 0) + 1 FROM turns";
    transaction.prepare_cached(sql)?.execute([owner])?;
    Ok(())
}

/// When the next job that is not due yet will be.
pub(super) fn next_due(transaction: &Transaction<'_>, now: Timestamp) -> Result<Option<Timestamp>> {
    let sql = "SELECT min(not_before) FROM jobs WHERE state = 'queued' AND not_before > ?";
    let due: Option<Instant> =
        transaction.prepare_cached(sql)?.query_one([Instant(now)], |row| row.get(0))?;
    Ok(due.map(|Instant(due)| due))
}

/// How many wait.
pub(super) fn waiting(transaction: &Transaction<'_>) -> Result<u64> {
    let sql = "SELECT count(*) FROM jobs WHERE state = 'queued'";
    Ok(transaction.prepare_cached(sql)?.query_one([], |row| row.get(0))?)
}

/// How many of an owner wait.
pub(super) fn waiting_of(transaction: &Transaction<'_>, owner: Owner) -> Result<u64> {
    let sql = "SELECT count(*) FROM jobs WHERE state = 'queued' AND owner = ?";
    Ok(transaction.prepare_cached(sql)?.query_one([owner], |row| row.get(0))?)
}
