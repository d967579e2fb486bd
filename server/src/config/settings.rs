//! Every setting, in one table: its name, its default, what it means, whether it is secret, and how it is read.
//!
//! `Config::local`, `vfxb serve --check` and `.env.example` are made from it. A new setting is one entry here and its field
//! in [`Config`].

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::text::{each, host, list, network, number, origin, rate, size, time, url};
use super::{Config, Login, Provider, Secret};

/// A setting.
pub struct Setting {
    /// As the environment and the file call it.
    pub name: &'static str,
    /// As one would write it; empty for none.
    pub default: &'static str,
    /// What it does, in a line.
    pub meaning: &'static str,
    /// Never shown.
    pub secret: bool,
    take: fn(&mut Config, &str, &Path) -> Result<(), String>,
}

impl Setting {
    /// Puts a text into a configuration; relative paths start at `folder`. An empty text is no value.
    ///
    /// # Errors
    /// How to write it.
    pub fn read(&self, config: &mut Config, text: &str, folder: &Path) -> Result<(), String> {
        let text = text.trim();
        if text.is_empty() { Ok(()) } else { (self.take)(config, text, folder) }
    }
}

/// A setting of this name.
pub fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// An entry of the table. `secret` marks what is never shown.
macro_rules! settings {
    ($($name:ident = $default:literal, $meaning:literal $(, $secret:ident)? => $take:expr;)*) => {
        /// The table.
        pub static SETTINGS: &[Setting] = &[$(
            Setting {
                name: stringify!($name),
                default: $default,
                meaning: $meaning,
                secret: settings!(@secret $($secret)?),
                take: $take,
            }
        ),*];
    };
    (@secret) => { false };
    (@secret secret) => { true };
}

settings! {
    HOST = "127.0.0.1", "Address to listen on. Beyond this machine only with JWT_SECRET."
        => |c, t, _| address(t).map(|v| c.host = v);
    PORT = "3001", "Port to listen on; 0 takes any free one."
        => |c, t, _| number(t, 0, u16::MAX).map(|v| c.port = v);
    NODE_ENV = "production", "`development` lets errors say what is internal."
        => |c, t, _| { c.development = t.eq_ignore_ascii_case("development"); Ok(()) };
    JWT_SECRET = "", "Signs logins; at least 32 random bytes, such as `openssl rand -base64 48` gives. Without it there is no login.", secret
        => |c, t, _| { let expires_in = lasts(c); c.login = Some(Login { secret: Secret::new(t), expires_in }); Ok(()) };
    JWT_EXPIRES_IN = "7d", "How long a login lasts."
        => |c, t, _| time(t).map(|v| if let Some(login) = &mut c.login { login.expires_in = v });
    REGISTRATION = "open", "`closed` lets nobody register any more; who is registered logs in as before."
        => |c, t, _| registration(t).map(|v| c.registration = v);
    UPLOAD_DIR = "uploads", "Folder that files are kept in."
        => |c, t, at| { c.upload_dir = at.join(t); Ok(()) };
    DATABASE_URL = "sqlite://vfxb.db", "The database."
        => |c, t, at| database(t).map(|v| c.database = at.join(v));
    MAX_FILE_SIZE = "500MB", "Size of one uploaded file."
        => |c, t, _| size(t).map(|v| c.max_file_size = v);
    QUOTA = "50GB", "What one user may keep: files, results, projects and scripts."
        => |c, t, _| size(t).map(|v| c.quota = v);
    CORS_ORIGIN = "http://localhost:3000", "Origins of pages that may call, with commas between them."
        => |c, t, _| each(t, origin).map(|v| c.cors_origins = v);
    ALLOWED_HOSTS = "", "Further names that this service is reached by, where there is no login."
        => |c, t, _| each(t, host).map(|v| c.hosts = v);
    TRUSTED_PROXIES = "", "Networks of proxies whose X-Forwarded-For is believed."
        => |c, t, _| each(t, network).map(|v| c.proxies = v);
    RATE_LIMIT_GENERAL = "100/15m", "Requests of one user or address; `off` for no limit."
        => |c, t, _| rate(t).map(|v| c.rates.general = v);
    RATE_LIMIT_AI = "10/1m", "Requests to the assistant."
        => |c, t, _| rate(t).map(|v| c.rates.ai = v);
    RATE_LIMIT_UPLOAD = "5/1m", "Uploads."
        => |c, t, _| rate(t).map(|v| c.rates.upload = v);
    RATE_LIMIT_STATUS = "600/1m", "Reading jobs, events and files."
        => |c, t, _| rate(t).map(|v| c.rates.status = v);
    JOBS_RUNNING = "1", "Renders at once."
        => |c, t, _| number(t, 1, 1024).map(|v| c.jobs.running = v);
    JOBS_WAITING = "1000", "Renders that may wait."
        => |c, t, _| number(t, 1, 1_000_000).map(|v| c.jobs.waiting = v);
    JOBS_WAITING_PER_USER = "", "Renders of one user that may wait; a quarter of JOBS_WAITING if not given."
        => |c, t, _| number(t, 1, 1_000_000).map(|v| c.jobs.waiting_of_one = Some(v));
    JOBS_KEPT = "30d", "How long renders are kept that have ended; their videos stay."
        => |c, t, _| time(t).map(|v| c.jobs.kept = v);
    JOB_MEMORY = "4GiB", "Memory of one render."
        => |c, t, _| size(t).map(|v| c.jobs.memory = v);
    JOB_TIME = "60m", "Time of one render."
        => |c, t, _| time(t).map(|v| c.jobs.time = v);
    JOB_FILE_SIZE = "20GB", "Size of one file that a render writes."
        => |c, t, _| size(t).map(|v| c.jobs.file_size = v);
    JOB_ATTEMPTS = "3", "How often a render is begun whose failure may pass."
        => |c, t, _| number(t, 1, 100).map(|v| c.jobs.attempts = v);
    QUICK_WORKERS = "2", "Checks, plans, frames and probes at once."
        => |c, t, _| number(t, 1, 1024).map(|v| c.jobs.quick = v);
    QUICK_TIME = "1m", "Time of one of these."
        => |c, t, _| time(t).map(|v| c.jobs.quick_time = v);
    MEDIA_HOSTS = "", "Hosts that scripts may name media on."
        => |c, t, _| each(t, host).map(|v| c.media_hosts = v);
    MEDIA_CACHE = "10GB", "What is kept of media from there; one script may name a quarter of it."
        => |c, t, _| size(t).map(|v| c.media_cache = v);
    PRIVATE_NETWORKS = "", "Private networks that webhooks and media may be on after all."
        => |c, t, _| each(t, network).map(|v| c.private_networks = v);
    WEBHOOK_SECRET = "", "Each user's webhooks are signed with a secret made of this; made and kept beside the database if not given.", secret
        => |c, t, _| long(t).map(|v| c.webhook_secret = Some(v));
    URL_EXPIRES_IN = "1h", "How long a signed url counts."
        => |c, t, _| time(t).map(|v| c.url_expires_in = v);
    TEMP_EXPIRES_IN = "24h", "How long what is temporary stays."
        => |c, t, _| time(t).map(|v| c.temp_expires_in = v);
    METRICS_TOKEN = "", "Lets others than this machine read /metrics, as a bearer token.", secret
        => |c, t, _| long(t).map(|v| c.metrics_token = Some(v));
    LOG_LEVEL = "info", "error, warn, info, debug or trace, or directives by module."
        => |c, t, _| log_level(t).map(|v| c.log_level = v);
    LOG_FILE = "", "A file that rotates daily, beside standard error."
        => |c, t, at| { c.log_file = Some(at.join(t)); Ok(()) };
    OPENAI_API_KEY = "", "Key of the assistant's model.", secret
        => |c, t, _| key(&mut c.openai, t);
    OPENAI_BASE_URL = "", "Any compatible server, local ones too."
        => |c, t, _| base_url(&mut c.openai, t);
    OPENAI_MODEL = "", "Which model."
        => |c, t, _| { c.openai.model = Some(t.to_owned()); Ok(()) };
    REPLICATE_API_TOKEN = "", "Key of the provider of pictures.", secret
        => |c, t, _| key(&mut c.replicate, t);
    REPLICATE_BASE_URL = "", "Where it is, if not at its usual place."
        => |c, t, _| base_url(&mut c.replicate, t);
    ELEVENLABS_API_KEY = "", "Key of the provider of voices.", secret
        => |c, t, _| key(&mut c.elevenlabs, t);
    ELEVENLABS_BASE_URL = "", "Where it is, if not at its usual place."
        => |c, t, _| base_url(&mut c.elevenlabs, t);
}

/// The table as a file to copy: `.env.example`.
pub fn example() -> String {
    let mut text = String::from(
        "# Settings of `vfxb serve`, with their defaults. Copy this file to `.env` in the folder that it is started in, take\n\
         # away the # where you want another value; one with a $ in it stands in single quotes. `vfxb serve --check` shows\n\
         # what was read, and from where.\n",
    );
    for setting in SETTINGS {
        let _ = write!(text, "\n# {}\n#{}={}\n", setting.meaning, setting.name, setting.default);
    }
    text
}

/// Until JWT_EXPIRES_IN is read, which stands behind JWT_SECRET.
fn lasts(config: &Config) -> Duration {
    config.login.as_ref().map_or(Duration::ZERO, |login| login.expires_in)
}

fn registration(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "open" => Ok(true),
        "closed" => Ok(false),
        _ => Err("write open or closed".into()),
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.parse().map_err(|_| "write an address such as 127.0.0.1 or 0.0.0.0".into())
}

fn database(text: &str) -> Result<PathBuf, String> {
    let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
    match path {
        Some(path) if !path.is_empty() && !path.contains('?') => Ok(PathBuf::from(path)),
        _ => Err("write the path of a SQLite file such as sqlite:///var/lib/vfxb/vfxb.db".into()),
    }
}

/// Secrets of our own making must not be guessed.
fn long(text: &str) -> Result<Secret, String> {
    if text.len() >= 16 { Ok(Secret::new(text)) } else { Err("write at least 16 random characters".into()) }
}

fn key(provider: &mut Provider, text: &str) -> Result<(), String> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        provider.key = Some(Secret::new(text));
        Ok(())
    } else {
        Err("write the key as the provider gave it, without spaces".into())
    }
}

fn base_url(provider: &mut Provider, text: &str) -> Result<(), String> {
    url(text).map(|v| provider.base_url = Some(v))
}

/// The old backend's words are kept.
fn log_level(text: &str) -> Result<String, String> {
    let level = match text.to_ascii_lowercase().as_str() {
        "http" => "info".to_owned(),
        "verbose" => "debug".to_owned(),
        "silly" => "trace".to_owned(),
        _ => text.to_owned(),
    };
    let known =
        |part: &str| part.contains('=') || part.parse::<tracing::level_filters::LevelFilter>().is_ok();
    let legal = list(&level).all(known) && EnvFilter::builder().parse(&level).is_ok();
    if legal { Ok(level) } else { Err("write error, warn, info, debug or trace".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_can_be_read_and_fills_its_field() {
        let mut config = Config::blank();
        for setting in SETTINGS {
            assert_eq!(
                setting.read(&mut config, setting.default, Path::new("/here")),
                Ok(()),
                "{}",
                setting.name
            );
        }
        assert_eq!(config, Config::local("/here"));
        assert_eq!(config.port, 3001);
        assert_eq!(config.upload_dir, Path::new("/here/uploads"));
        assert_eq!(config.database, Path::new("/here/vfxb.db"));
        assert_eq!(config.max_file_size, 500_000_000);
        let limits = &config.jobs;
        assert!(limits.running > 0 && limits.waiting > 0 && limits.memory > 0 && limits.file_size > 0);
        assert!(
            limits.attempts > 0 && limits.quick > 0 && !limits.time.is_zero() && !limits.quick_time.is_zero()
        );
        assert_eq!(limits.kept, Duration::from_secs(30 * 24 * 3600));
        assert!(config.media_cache >= config.max_file_size);
        assert!(config.quota > 0 && !config.url_expires_in.is_zero() && !config.temp_expires_in.is_zero());
    }

    #[test]
    fn names_are_unique_and_meanings_are_sentences() {
        for (at, setting) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS[at + 1..].iter().all(|other| other.name != setting.name), "{}", setting.name);
            assert!(setting.meaning.ends_with('.'), "{}", setting.name);
            assert!(!setting.secret || setting.default.is_empty(), "{} has a known secret", setting.name);
        }
    }

    #[test]
    fn the_example_is_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/.env.example");
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == example(), "write this into {}:\n{}", path.display(), example());
    }
}
