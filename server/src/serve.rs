//! The service as a process: it opens what it keeps, listens, and ends in order.
//!
//! A [`Config`] comes in; connections are served until `stop`. Then nothing new begins: the socket closes, events and
//! sockets end, requests that run get a while, jobs end or are put back. It neither reads the environment nor listens for
//! signals nor prints: that is the command line's.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::Config;
use crate::connections;
use crate::error::ApiError;
use crate::files::Files;
use crate::jobs::webhook::Webhooks;
use crate::jobs::{Jobs, Scheduler};
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoreError};
use crate::telemetry;
use crate::upload::{keep, resumable};
use crate::worker::Processes;

/// How often what has expired is taken away.
const TIDY: Duration = Duration::from_secs(60);

/// Idempotency keys count this long.
const KEYS_COUNT: Duration = Duration::from_secs(24 * 3600);

/// Jobs that are forgotten in one step.
const FORGOTTEN: u64 = 500;

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nobody can listen there.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        reason: io::Error,
    },
    /// The upload folder cannot be used.
    #[error("cannot keep files in {folder}: {reason}")]
    Files {
        /// Which.
        folder: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// The database cannot be used.
    #[error("cannot open the database {path}: {reason}")]
    Store {
        /// Which.
        path: PathBuf,
        /// Why not.
        reason: StoreError,
    },
    /// A part of the service ended by a mistake of ours.
    #[error("the service broke: {0}")]
    Broken(String),
}

impl ServeError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            ServeError::Listen { .. } => "is something else there? Set PORT, or 0 for any free one",
            ServeError::Files { .. } => "set UPLOAD_DIR to a folder that can be written to",
            ServeError::Store { .. } => {
                "set DATABASE_URL to a file that can be written to and that no other service has open"
            }
            ServeError::Broken(_) => "start it again; the log says more",
        }
    }
}

/// Serves until `stop`. `program` is the binary that has the subcommand `worker`; `listening` hears once where the service
/// can be reached.
///
/// # Errors
/// [`ServeError`], before anything is served.
pub async fn serve(
    config: Config,
    program: PathBuf,
    listening: impl FnOnce(SocketAddr),
    stop: CancellationToken,
) -> Result<(), ServeError> {
    if let Err(reason) = telemetry::measurements() {
        tracing::warn!(reason, "nothing is measured");
    }
    let address = SocketAddr::new(config.host, config.port);
    let refused = |reason| ServeError::Listen { address, reason };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let room = connections::room(&config);
    let app = open(config, program, &stop).await?;
    sweep(&app).await;
    let local = listener.local_addr().map_err(refused)?;
    let tidying = tokio::spawn(tidy(app.clone()));
    let secret = |reason: io::Error| ServeError::Broken(format!("webhooks cannot be signed: {reason}"));
    let webhooks = tokio::spawn(Webhooks::new(&app).map_err(secret)?.run());
    let scheduler = tokio::spawn(Scheduler::new(&app).run());
    tracing::info!(address = %local, open = app.config.login.is_none(), "listening");
    listening(local);
    let drained = async {
        app.stop.cancelled().await;
        app.jobs.stop();
        tokio::join!(scheduler, webhooks)
    };
    let ((), (scheduler, webhooks)) = tokio::join!(connections::accept(&app, listener, room), drained);
    tidying.abort();
    tracing::info!("stopped");
    scheduler.and(webhooks).map_err(|error| ServeError::Broken(error.to_string()))
}

/// Opens what is kept. The database locks out a second service.
async fn open(config: Config, program: PathBuf, stop: &CancellationToken) -> Result<App, ServeError> {
    let path = config.database.clone();
    let opening = path.clone();
    let store = match tokio::task::spawn_blocking(move || SqliteStore::open(opening)).await {
        Ok(opened) => opened.map_err(|reason| ServeError::Store { path, reason })?,
        Err(error) => return Err(ServeError::Broken(error.to_string())),
    };
    let store: Arc<dyn Store> = Arc::new(store);
    let folder = config.upload_dir.clone();
    let files = Files::open(&folder).map_err(|reason| ServeError::Files { folder, reason })?;
    let workers = Arc::new(Processes::new(program, &config));
    let jobs = Jobs::new(store.clone(), config.room());
    let mut app = App::new(config, store, files, workers, jobs);
    app.stop = stop.child_token();
    Ok(app)
}

/// Takes away the files that a crash left: nothing knows them. Uploads that can go on stay.
async fn sweep(app: &App) {
    let swept = async {
        let known = app.store.blob_ids().await?.into_iter().collect();
        let keep = app.store.upload_ids().await?.into_iter().collect();
        Ok::<_, ApiError>(app.files.sweep(known, keep).await?)
    };
    match swept.await {
        Ok(swept) if swept.entries > 0 => {
            tracing::info!(
                entries = swept.entries,
                bytes = swept.bytes,
                "files that belong to nothing are gone"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::error!(?error, "the upload folder cannot be swept"),
    }
}

/// Takes away what has expired, now and then.
async fn tidy(app: App) {
    let mut times = tokio::time::interval(TIDY);
    times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        app.limits.tidy();
        if let Ok(measurements) = telemetry::measurements() {
            measurements.run_upkeep();
        }
        let before = jiff::Timestamp::now() - KEYS_COUNT;
        if let Err(error) = app.store.forget_keys(before).await {
            tracing::error!(%error, "idempotency keys cannot be forgotten");
        }
        forget_jobs(&app).await;
        if let Err(error) = resumable::expire(&app).await {
            tracing::error!(?error, "what is temporary cannot be taken away");
        }
    }
}

/// Removes the jobs that ended long ago, in steps that hold nobody up.
async fn forget_jobs(app: &App) {
    let kept = jiff::SignedDuration::try_from(app.config.jobs.kept).unwrap_or(jiff::SignedDuration::MAX);
    let Ok(before) = jiff::Timestamp::now().checked_sub(kept) else { return };
    loop {
        match app.store.forget_jobs(before.max(jiff::Timestamp::UNIX_EPOCH), FORGOTTEN).await {
            Ok((jobs, blobs)) => {
                keep::remove(app, &blobs).await;
                if jobs < FORGOTTEN {
                    return;
                }
            }
            Err(error) => return tracing::error!(%error, "old jobs cannot be forgotten"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::fake::Service;
    use crate::model::OPEN_OWNER;

    #[tokio::test]
    async fn jobs_are_forgotten_in_their_time_and_their_videos_stay() {
        let mut service = Service::with(|config| config.jobs.kept = Duration::from_secs(3600));
        let _running = service.start();
        let id = service.submit("film").await.id;
        let video = service.end(id).await.outputs[0].video.unwrap();
        let waiting = service.submit("hang").await.id;
        forget_jobs(&service.app).await;
        assert!(service.app.store.job(OPEN_OWNER, id).await.unwrap().is_some(), "it is an hour too early");
        let mut config = (*service.app.config).clone();
        config.jobs.kept = Duration::ZERO;
        service.app.config = Arc::new(config);
        forget_jobs(&service.app).await;
        assert_eq!(service.app.store.job(OPEN_OWNER, id).await.unwrap(), None);
        let video = service.app.store.video(OPEN_OWNER, video).await.unwrap().unwrap();
        assert_eq!(video.made.unwrap().job, None);
        assert!(service.app.files.path(&video.blob.unwrap()).exists());
        assert!(service.app.store.job(OPEN_OWNER, waiting).await.unwrap().is_some(), "it has not ended");
    }
}
