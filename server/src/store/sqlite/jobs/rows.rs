//! A row of `jobs`, with its sources and its outputs.

use rusqlite::{OptionalExtension, Row, Transaction, named_params, params};
use uuid::Uuid;

use crate::model::{Job, JobError, JobOutput, JobProgress, ScriptText};
use crate::store::Result;
use crate::store::sqlite::values::{Instant, Opaque, Word, finite};

pub(super) const TABLE: &str = "jobs r";
/// What lists read of every job: all but what may be large.
pub(super) const LISTED: &str = "r.id, r.owner, r.operation, r.script_spelling, r.video, r.priority, r.webhook,
    r.state, r.progress, r.fps, r.eta_seconds, r.segment, r.error_code, r.error_message, r.error_help, r.attempts,
    r.crashes, r.revision, r.created_at, r.started_at, r.finished_at, r.not_before";

/// A job, whoever's it is.
pub(in crate::store::sqlite) fn find(transaction: &Transaction<'_>, id: Uuid) -> Result<Option<Job>> {
    let mut statement = transaction.prepare_cached("SELECT * FROM jobs WHERE id = ?")?;
    Ok(statement.query_one([id], |row| read(transaction, row)).optional()?)
}

/// Keeps a new job.
pub(super) fn insert(transaction: &Transaction<'_>, job: &Job) -> Result<()> {
    let sql = "INSERT INTO jobs (id, owner, operation, script, script_spelling, script_vars, video, priority, webhook,
        state, progress, fps, segment, diagnostics, attempts, crashes, revision, created_at) VALUES
        (:id, :owner, :operation, :script, :script_spelling, :script_vars, :video, :priority, :webhook,
        'queued', 0, 0, 0, '[]', 0, 0, :revision, :created_at)";
    transaction.prepare_cached(sql)?.execute(named_params! {
        ":id": job.id,
        ":owner": job.owner,
        ":operation": job.operation,
        ":script": job.script.text,
        ":script_spelling": Word(job.script.spelling),
        ":script_vars": Opaque(&job.script.vars),
        ":video": job.video,
        ":priority": job.priority,
        ":webhook": job.webhook,
        ":revision": job.revision,
        ":created_at": Instant(job.created_at),
    })?;
    let sql = "INSERT INTO job_sources (job, position, source) VALUES (?, ?, ?)";
    let mut statement = transaction.prepare_cached(sql)?;
    for (position, source) in job.sources.iter().enumerate() {
        statement.execute(params![job.id, position, source])?;
    }
    update(transaction, job)
}

/// Keeps what can change of a job, and counts the change.
pub(super) fn save(transaction: &Transaction<'_>, job: &mut Job) -> Result<()> {
    job.revision = job.revision.saturating_add(1);
    update(transaction, job)
}

fn update(transaction: &Transaction<'_>, job: &Job) -> Result<()> {
    let sql = "UPDATE jobs SET state = :state, progress = :progress, fps = :fps, eta_seconds = :eta_seconds,
        segment = :segment, diagnostics = :diagnostics, error_code = :error_code, error_message = :error_message,
        error_help = :error_help, attempts = :attempts, crashes = :crashes, revision = :revision,
        started_at = :started_at, finished_at = :finished_at, not_before = :not_before WHERE id = :id";
    let error = job.error.as_ref();
    transaction.prepare_cached(sql)?.execute(named_params! {
        ":id": job.id,
        ":state": Word(job.state),
        ":progress": finite(job.progress.progress),
        ":fps": finite(job.progress.fps),
        ":eta_seconds": job.progress.eta_seconds.filter(|eta| eta.is_finite()),
        ":segment": job.progress.segment,
        ":diagnostics": Opaque(&job.diagnostics),
        ":error_code": error.map(|error| &error.code),
        ":error_message": error.map(|error| &error.message),
        ":error_help": error.and_then(|error| error.help.as_ref()),
        ":attempts": job.attempts,
        ":crashes": job.crashes,
        ":revision": job.revision,
        ":started_at": job.started_at.map(Instant),
        ":finished_at": job.finished_at.map(Instant),
        ":not_before": job.not_before.map(Instant),
    })?;
    Ok(())
}

/// Keeps what a job made; it had nothing before.
pub(super) fn insert_outputs(transaction: &Transaction<'_>, job: &Job) -> Result<()> {
    let sql = "INSERT INTO job_outputs (job, position, name, blob, size, video) VALUES (?, ?, ?, ?, ?, ?)";
    let mut statement = transaction.prepare_cached(sql)?;
    for (position, JobOutput { name, blob, size, video }) in job.outputs.iter().enumerate() {
        statement.execute(params![job.id, position, name, blob, size, video])?;
    }
    Ok(())
}

pub(super) fn read(transaction: &Transaction<'_>, row: &Row<'_>) -> rusqlite::Result<Job> {
    let id = row.get("id")?;
    let Word(spelling) = row.get("script_spelling")?;
    let Opaque(vars) = row.get("script_vars")?;
    let Word(state) = row.get("state")?;
    let Opaque(diagnostics) = row.get("diagnostics")?;
    let Instant(created_at) = row.get("created_at")?;
    let instant = |column| row.get(column).map(|at: Option<Instant>| at.map(|Instant(at)| at));
    Ok(Job {
        id,
        owner: row.get("owner")?,
        operation: row.get("operation")?,
        script: ScriptText { text: row.get("script")?, spelling, vars },
        sources: sources(transaction, id)?,
        video: row.get("video")?,
        priority: row.get("priority")?,
        webhook: row.get("webhook")?,
        state,
        progress: JobProgress {
            progress: row.get("progress")?,
            fps: row.get("fps")?,
            eta_seconds: row.get("eta_seconds")?,
            segment: row.get("segment")?,
        },
        outputs: outputs(transaction, id)?,
        diagnostics,
        error: error(row)?,
        attempts: row.get("attempts")?,
        crashes: row.get("crashes")?,
        revision: row.get("revision")?,
        created_at,
        started_at: instant("started_at")?,
        finished_at: instant("finished_at")?,
        not_before: instant("not_before")?,
    })
}

fn error(row: &Row<'_>) -> rusqlite::Result<Option<JobError>> {
    let Some(code) = row.get("error_code")? else { return Ok(None) };
    Ok(Some(JobError { code, message: row.get("error_message")?, help: row.get("error_help")? }))
}

fn sources(transaction: &Transaction<'_>, job: Uuid) -> rusqlite::Result<Vec<Uuid>> {
    let sql = "SELECT source FROM job_sources WHERE job = ? ORDER BY position";
    transaction.prepare_cached(sql)?.query_map([job], |row| row.get(0))?.collect()
}

fn outputs(transaction: &Transaction<'_>, job: Uuid) -> rusqlite::Result<Vec<JobOutput>> {
    let sql = "SELECT name, blob, size, video FROM job_outputs WHERE job = ? ORDER BY position";
    transaction
        .prepare_cached(sql)?
        .query_map([job], |row| {
            Ok(JobOutput {
                name: row.get("name")?,
                blob: row.get("blob")?,
                size: row.get("size")?,
                video: row.get("video")?,
            })
        })?
        .collect()
}
