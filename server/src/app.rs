//! What every handler has: configuration, store, files, workers, jobs, and what is made of the configuration once.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::auth::token::Tokens;
use crate::config::Config;
use crate::files::Files;
use crate::http::limits::Limits;
use crate::http::signed::Signer;
use crate::jobs::Jobs;
use crate::jobs::remote::Remote;
use crate::jobs::signing::Secrets;
use crate::model::Owner;
use crate::probes::Probes;
use crate::store::Store;
use crate::thumbnails::Thumbnails;
use crate::upload::resumable::Locks;
use crate::worker::Workers;

/// The service's parts; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// What it was told when it started.
    pub config: Arc<Config>,
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// The upload folder.
    pub files: Files,
    /// Where work is done.
    pub workers: Arc<dyn Workers>,
    /// The queue.
    pub jobs: Jobs,
    /// Fetches media that scripts name on other hosts.
    pub remote: Remote,
    /// Makes and knows signed urls.
    pub signer: Signer,
    /// What webhooks are signed with.
    pub webhook_secrets: Secrets,
    /// Makes and knows tokens; `None` in open mode.
    pub tokens: Option<Arc<Tokens>>,
    /// How often who may ask.
    pub limits: Arc<Limits>,
    /// Who is sending a part of a resumable upload.
    pub uploads: Locks,
    /// Pictures of videos that were asked for lately.
    pub thumbnails: Thumbnails,
    /// What providers answered lately.
    pub probes: Probes,
    /// Cancelled when the service ends: whoever answers for long (events, sockets) ends then.
    pub stop: CancellationToken,
}

impl App {
    /// Puts the parts together.
    pub fn new(
        config: Config,
        store: Arc<dyn Store>,
        files: Files,
        workers: Arc<dyn Workers>,
        jobs: Jobs,
    ) -> App {
        App {
            signer: Signer::new(&config),
            webhook_secrets: Secrets::new(&config),
            remote: Remote::new(&config),
            tokens: config.login.as_ref().map(|login| Arc::new(Tokens::new(login))),
            limits: Arc::new(Limits::new(&config.rates)),
            config: Arc::new(config),
            store,
            files,
            workers,
            jobs,
            uploads: Locks::default(),
            thumbnails: Thumbnails::default(),
            probes: Probes::default(),
            stop: CancellationToken::new(),
        }
    }
}

/// Who asks: found from the token, a signed url or, in open mode, nothing at all; an extractor for handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Whose rows are read and written.
    pub owner: Owner,
}
