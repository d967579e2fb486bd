//! What the service is told when it starts: typed, checked, with defaults for everything.
//!
//! A table of settings ([`settings`]: name, default, what it means, whether it is secret) is read from the environment, a
//! YAML file and the command line ([`source`]); a [`Config`] goes out, or every finding. Nothing else in the service reads
//! the environment.

pub mod settings;
pub mod source;
mod text;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store::Room;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("********")
    }
}

/// So many in such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests.
    pub requests: u32,
    /// In this time.
    pub per: Duration,
}

/// Limits on how often an address or a user may ask; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Everything that has no limit of its own.
    pub general: Option<Rate>,
    /// The AI endpoints.
    pub ai: Option<Rate>,
    /// Uploads; a resumable one counts once.
    pub upload: Option<Rate>,
    /// Reading a job's state, events and files.
    pub status: Option<Rate>,
}

/// Who may log in, and how long for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// At least 32 bytes.
    pub secret: Secret,
    /// How long a token counts.
    pub expires_in: Duration,
}

/// What one job, and all of them, may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLimits {
    /// Jobs that render at once.
    pub running: usize,
    /// Jobs that may wait.
    pub waiting: u64,
    /// Jobs of one user that may wait; a quarter of [`JobLimits::waiting`] if not given.
    pub waiting_of_one: Option<u64>,
    /// How long a job is kept that has ended.
    pub kept: Duration,
    /// Bytes of memory of one worker.
    pub memory: u64,
    /// Wall-clock time of one job.
    pub time: Duration,
    /// Bytes of one file that a job writes.
    pub file_size: u64,
    /// How often a job is begun whose failure may pass.
    pub attempts: u32,
    /// Workers that answer at once (probes, checks, single frames).
    pub quick: usize,
    /// Wall-clock time of such an answer.
    pub quick_time: Duration,
}

/// A service that the assistant and derived media use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provider {
    /// Its key.
    pub key: Option<Secret>,
    /// Where it is, if not at its usual place.
    pub base_url: Option<String>,
    /// Which model.
    pub model: Option<String>,
}

/// Everything the service is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where it listens; loopback alone without [`Config::login`].
    pub host: IpAddr,
    /// 0 for any free one.
    pub port: u16,
    /// Failures say what is internal.
    pub development: bool,
    /// `None` is open mode.
    pub login: Option<Login>,
    /// Whether anybody may register.
    pub registration: bool,
    /// Where files lie.
    pub upload_dir: PathBuf,
    /// The SQLite file.
    pub database: PathBuf,
    /// Bytes of one uploaded file.
    pub max_file_size: u64,
    /// Bytes that one owner may keep.
    pub quota: u64,
    /// Origins of pages that may call, exactly as browsers send them.
    pub cors_origins: Vec<String>,
    /// Further names under which a page may reach it in open mode; loopback's own always may.
    pub hosts: Vec<String>,
    /// Networks whose `X-Forwarded-For` is believed.
    pub proxies: Vec<ipnet::IpNet>,
    /// How often one may ask.
    pub rates: Rates,
    /// What jobs may take.
    pub jobs: JobLimits,
    /// Hosts that scripts may name media on.
    pub media_hosts: Vec<String>,
    /// Bytes of media from there that are kept.
    pub media_cache: u64,
    /// Private networks that webhooks and media may be on after all; none by default.
    pub private_networks: Vec<ipnet::IpNet>,
    /// What users' webhook secrets are made of; made on first use and kept beside the database if not given.
    pub webhook_secret: Option<Secret>,
    /// How long a signed url counts.
    pub url_expires_in: Duration,
    /// How long what is temporary stays.
    pub temp_expires_in: Duration,
    /// Lets others than loopback read `/metrics`.
    pub metrics_token: Option<Secret>,
    /// Which log lines: `info`, `debug`, or directives by module.
    pub log_level: String,
    /// A file that rotates daily, beside standard error.
    pub log_file: Option<PathBuf>,
    /// Chat.
    pub openai: Provider,
    /// Pictures.
    pub replicate: Provider,
    /// Voices.
    pub elevenlabs: Provider,
}

impl Config {
    /// The defaults of the table, with everything kept under `folder`: what `vfxb serve` does in that folder without
    /// configuration.
    pub fn local(folder: impl AsRef<Path>) -> Config {
        let mut config = Config::blank();
        for setting in settings::SETTINGS {
            // That every default can be read is proved by a test; what cannot would keep its blank.
            let _ = setting.read(&mut config, setting.default, folder.as_ref());
        }
        config
    }

    /// What jobs and their results may take. The one user of open mode has the whole queue.
    pub fn room(&self) -> Room {
        let JobLimits { waiting, waiting_of_one, .. } = self.jobs;
        let share = waiting_of_one.unwrap_or((waiting / 4).max(1));
        let waiting_of_one = if self.login.is_some() { share.min(waiting) } else { waiting };
        Room { waiting, waiting_of_one, quota: self.quota }
    }

    /// Before the table is read: nothing is allowed, nothing has a place.
    fn blank() -> Config {
        Config {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            development: false,
            login: None,
            registration: false,
            upload_dir: PathBuf::new(),
            database: PathBuf::new(),
            max_file_size: 0,
            quota: 0,
            cors_origins: Vec::new(),
            hosts: Vec::new(),
            proxies: Vec::new(),
            rates: Rates { general: None, ai: None, upload: None, status: None },
            jobs: JobLimits {
                running: 0,
                waiting: 0,
                waiting_of_one: None,
                kept: Duration::ZERO,
                memory: 0,
                time: Duration::ZERO,
                file_size: 0,
                attempts: 0,
                quick: 0,
                quick_time: Duration::ZERO,
            },
            media_hosts: Vec::new(),
            media_cache: 0,
            private_networks: Vec::new(),
            webhook_secret: None,
            url_expires_in: Duration::ZERO,
            temp_expires_in: Duration::ZERO,
            metrics_token: None,
            log_level: String::new(),
            log_file: None,
            openai: Provider::default(),
            replicate: Provider::default(),
            elevenlabs: Provider::default(),
        }
    }
}
