//! Media on other hosts: fetched from those that the configuration allows, before a worker sees anything.
//!
//! A script's texts come in; the files behind the urls in them go out. A worker cannot connect anywhere, so that what is
//! fetched, from where and how much is decided here alone. A fetched file is temporary: it is kept under a name made of
//! its url until it expires or others need the room, and fetched again if it is asked for after that.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Client, Response, StatusCode, Url};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::fetched::{AllUsed, ENDING, Fetched, Held};
use crate::config::Config;
use crate::error::{ApiError, Kind};
use crate::files::{FileError, Files, ReceiveError};
use crate::http::guard::{Guard, Refused};
use crate::model::{Blob, Folder, ScriptText};

/// Urls that one script may name.
const MOST: usize = 100;

/// Files that are fetched at once.
const AT_ONCE: usize = 4;

/// What one script may name, as a part of all that is kept: others need room too.
const SHARE: u64 = 4;

/// Redirects that are followed; each one leads to an allowed host or nowhere.
const REDIRECTS: usize = 3;

const CONNECT: Duration = Duration::from_secs(10);

/// Seconds after which a host that did not answer may be asked again.
const AGAIN: u32 = 30;

/// Fetches what scripts name on allowed hosts.
#[derive(Clone)]
pub struct Remote {
    guard: Guard,
    client: Option<Client>,
    hosts: Vec<String>,
    /// Bytes of one file.
    limit: u64,
    /// Bytes of all that one script names.
    total: u64,
    fetched: Fetched,
    turns: Arc<Semaphore>,
}

/// Why media on another host is not there.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FetchError {
    /// Asking again would be answered in the same way.
    #[error("{0}")]
    Refused(String),
    /// More bytes than there may be.
    #[error("{0}")]
    TooLarge(String),
    /// The host is not as it should be just now, or there is no room just now.
    #[error("{0}")]
    Passing(String),
    /// The disk is full, or a mistake of ours.
    #[error("{}", .0.message)]
    Here(ApiError),
}

impl From<FetchError> for ApiError {
    fn from(error: FetchError) -> ApiError {
        match error {
            FetchError::Refused(finding) => ApiError::validation(vec![finding]),
            FetchError::TooLarge(message) => {
                ApiError { code: Some("media_too_large"), ..ApiError::new(Kind::TooLarge, message) }
            }
            FetchError::Passing(message) => {
                let error = ApiError::new(Kind::Busy, message).retry_after(AGAIN);
                ApiError { code: Some("media_unavailable"), ..error }
            }
            FetchError::Here(error) => error,
        }
    }
}

impl From<FileError> for FetchError {
    fn from(error: FileError) -> FetchError {
        FetchError::Here(error.into())
    }
}

/// Why one url gave no file, without the url.
enum Failure {
    Refused(String),
    Passing(String),
}

impl Failure {
    fn of(self, text: &str) -> FetchError {
        let said = |why: String| format!("`{text}` cannot be fetched: {why}.");
        match self {
            Failure::Refused(why) => FetchError::Refused(said(why)),
            Failure::Passing(why) => FetchError::Passing(said(why)),
        }
    }
}

impl Remote {
    /// By the configuration: nothing is fetched unless it names hosts.
    pub fn new(config: &Config) -> Remote {
        let guard = Guard::new(&config.private_networks);
        let wanted = (!config.media_hosts.is_empty()).then(|| guard.client(CONNECT, config.jobs.quick_time));
        let client = wanted.and_then(|client| {
            client.inspect_err(|error| tracing::error!(%error, "no TLS: no media is fetched")).ok()
        });
        Remote {
            guard,
            client,
            hosts: config.media_hosts.clone(),
            limit: config.max_file_size,
            total: config.media_cache / SHARE,
            fetched: Fetched::new(config.media_cache),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// The files behind the urls on allowed hosts that a script names, each as it is written there; they stay as long as
    /// they are held.
    ///
    /// # Errors
    /// [`FetchError`] for the first that cannot be had.
    pub async fn files(
        &self,
        files: &Files,
        script: &ScriptText,
    ) -> Result<(BTreeMap<String, PathBuf>, Held), FetchError> {
        let Some(client) = &self.client else { return Ok(Default::default()) };
        let texts = std::iter::once(&script.text).chain(script.vars.values());
        let urls: BTreeSet<&str> = texts.flat_map(|text| written(text)).collect();
        let allowed: Vec<(&str, Url)> =
            urls.into_iter().filter_map(|text| Some((text, self.allowed(text).ok()?))).collect();
        if allowed.len() > MOST {
            let finding = format!("The script names more than {MOST} urls; upload the files.");
            return Err(FetchError::Refused(finding));
        }
        let (mut found, mut held, mut left) = (BTreeMap::new(), self.fetched.held(), self.total);
        for (text, url) in allowed {
            let id = id_of(text)?;
            held.hold(id);
            let (path, bytes) = self.file(client, files, (text, url), id, left).await?;
            left = left.checked_sub(bytes).ok_or_else(|| self.too_much())?;
            found.insert(text.to_owned(), path);
        }
        Ok((found, held))
    }

    /// Files that somebody uses, by their ids.
    pub fn used(&self) -> Vec<Uuid> {
        self.fetched.used()
    }

    /// A url that may be fetched.
    fn allowed(&self, text: &str) -> Result<Url, String> {
        let url = self.guard.url(text).map_err(|refused| refused.to_string())?;
        let host = url.host_str().unwrap_or_default();
        if self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host)) {
            Ok(url)
        } else {
            Err(format!("{host} is not among the hosts that media may be on"))
        }
    }

    /// A file and its bytes: the one that is there, or fetched in its turn.
    async fn file(
        &self,
        client: &Client,
        files: &Files,
        (text, url): (&str, Url),
        id: Uuid,
        left: u64,
    ) -> Result<(PathBuf, u64), FetchError> {
        let kept = Blob { id, folder: Folder::Temp, extension: ENDING.into(), hash: String::new(), size: 0 };
        let path = files.path(&kept);
        if let Ok(there) = tokio::fs::metadata(&path).await {
            return Ok((path, there.len()));
        }
        let _turn = self.turns.acquire().await;
        // Somebody else may have had it fetched meanwhile.
        if let Ok(there) = tokio::fs::metadata(&path).await {
            return Ok((path, there.len()));
        }
        let response = self.answer(client, url).await.map_err(|failure| failure.of(text))?;
        let received = match files.receive(response.bytes_stream(), self.limit.min(left)).await {
            Ok(received) => received,
            Err(ReceiveError::TooLarge { limit }) if limit < self.limit => return Err(self.too_much()),
            Err(ReceiveError::TooLarge { limit }) => {
                let message = format!("`{text}` has more than the {limit} bytes that a file may have.");
                return Err(FetchError::TooLarge(message));
            }
            Err(ReceiveError::Cut(_)) => {
                return Err(Failure::Passing("it broke off before its end".to_owned()).of(text));
            }
            Err(error) => return Err(FetchError::Here(error.into())),
        };
        let bytes = received.size;
        files.place(received, &kept).await?;
        self.make_room(files, id, path.clone()).await?;
        Ok((path, bytes))
    }

    /// Keeps what is there within its limit; a new file that does not fit goes, unless somebody else has come to use it.
    async fn make_room(&self, files: &Files, id: Uuid, new: PathBuf) -> Result<(), FetchError> {
        let (fetched, folder) = (self.fetched.clone(), files.clone());
        let made = tokio::task::spawn_blocking(move || {
            let made = fetched.make_room(&folder)?;
            if made.is_err() {
                fetched.give_up(id, &new)?;
            }
            Ok::<_, io::Error>(made)
        });
        let made = made.await;
        let made = made.map_err(|died| FetchError::Here(ApiError::internal(died.to_string())))?;
        match made.map_err(FileError::from)? {
            Ok(()) => Ok(()),
            Err(AllUsed) => {
                let message =
                    "Others use all the room that there is for media from other hosts; try again later.";
                Err(FetchError::Passing(message.to_owned()))
            }
        }
    }

    /// The answer that holds the file, behind redirects.
    async fn answer(&self, client: &Client, mut url: Url) -> Result<Response, Failure> {
        for _ in 0..=REDIRECTS {
            let answer =
                client.get(url.clone()).send().await.map_err(|error| unanswered(error.without_url()))?;
            let status = answer.status();
            if status.is_success() {
                return Ok(answer);
            }
            let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            match to.filter(|_| status.is_redirection()) {
                Some(to) => {
                    let nowhere = |_| Failure::Refused("it leads to no url".to_owned());
                    let to = url.join(to).map_err(nowhere)?;
                    url = self.allowed(to.as_str()).map_err(Failure::Refused)?;
                }
                None => return Err(unwilling(status)),
            }
        }
        Err(Failure::Refused("it leads on and on".to_owned()))
    }

    fn too_much(&self) -> FetchError {
        let message = format!(
            "The urls of the script come to more than the {} bytes that they may; upload the files.",
            self.total
        );
        FetchError::TooLarge(message)
    }
}

/// The name of what was fetched from a url.
fn id_of(text: &str) -> Result<Uuid, FetchError> {
    let name = Uuid::from_slice(blake3::hash(text.as_bytes()).as_bytes().get(..16).unwrap_or_default());
    name.map_err(|error| FetchError::Here(ApiError::internal(error.to_string())))
}

/// What another status than success says: these may be another one later.
fn unwilling(status: StatusCode) -> Failure {
    let said = format!("its host answered {}", status.as_u16());
    let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    if status.is_server_error() || passing.contains(&status) {
        Failure::Passing(said)
    } else {
        Failure::Refused(said)
    }
}

/// Why there was no answer, to its causes' depth: hosts come back, but what we may not connect to stays so.
fn unanswered(error: reqwest::Error) -> Failure {
    let causes = || std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let said = causes().last().map(ToString::to_string).unwrap_or_default();
    if causes().any(|cause| cause.is::<Refused>()) { Failure::Refused(said) } else { Failure::Passing(said) }
}

/// Everything in a text that begins like a url, as far as it is one.
fn written(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| c.is_whitespace() || c.is_control() || "\"'`<>[]{}\\".contains(c);
    text.match_indices("://").filter_map(move |(at, _)| {
        let start =
            ["https", "http"].iter().find(|scheme| text.get(..at).is_some_and(|t| t.ends_with(*scheme)))?;
        let url = text.get(at - start.len()..)?;
        Some(url.split(ends).next()?.trim_end_matches(','))
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::Router;
    use axum::response::Redirect;
    use axum::routing::get;

    use super::*;
    use crate::model::ScriptSpelling;

    async fn host() -> SocketAddr {
        let router = Router::new()
            .route("/film.mp4", get(async || "a film"))
            .route("/moved.mp4", get(async || Redirect::temporary("/film.mp4")))
            .route("/round.mp4", get(async || Redirect::temporary("/round.mp4")))
            .route("/away.mp4", get(async || Redirect::temporary("http://169.254.169.254/latest")))
            .route("/big.mp4", get(async || vec![0_u8; 2_000_000]))
            .route("/down.mp4", get(async || axum::http::StatusCode::SERVICE_UNAVAILABLE))
            .route("/part/{n}", get(async || vec![0_u8; 400_000]));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn script(text: String) -> ScriptText {
        ScriptText { text, spelling: ScriptSpelling::Vfx, vars: BTreeMap::new() }
    }

    fn remote(folder: &std::path::Path, change: impl FnOnce(&mut Config)) -> (Remote, Files) {
        let mut config = Config::local(folder);
        config.media_hosts = vec!["127.0.0.1".to_owned()];
        config.private_networks = vec!["127.0.0.0/8".parse().expect("a network")];
        config.max_file_size = 1_000_000;
        config.media_cache = 4_000_000;
        change(&mut config);
        (Remote::new(&config), Files::open(&config.upload_dir).expect("a folder"))
    }

    #[tokio::test]
    async fn allowed_hosts_give_files_by_the_names_that_scripts_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let (remote, files) = remote(folder.path(), |_| {});
        let host = host().await;
        let (film, moved) = (format!("http://{host}/film.mp4"), format!("http://{host}/moved.mp4"));
        let text =
            format!("video \"{film}\"[1s..2s]\nvideo \"{moved}\"\ntext \"see http://elsewhere.example/x\"");
        let (found, _held) = remote.files(&files, &script(text)).await.expect("files");
        assert_eq!(found.keys().collect::<Vec<_>>(), [&film, &moved]);
        for path in found.values() {
            assert_eq!(std::fs::read_to_string(path).expect("a file"), "a film");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_fetched_says_why_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (remote, files) = remote(folder.path(), |_| {});
        let host = host().await;
        for (name, why) in [
            ("missing.mp4", "its host answered 404"),
            ("round.mp4", "it leads on and on"),
            ("away.mp4", "it does not lead to a public address"),
        ] {
            let url = format!("http://{host}/{name}");
            let error = remote.files(&files, &script(format!("video \"{url}\""))).await.expect_err(name);
            assert_eq!(ApiError::from(error).details, [format!("`{url}` cannot be fetched: {why}.")]);
        }
        let big = script(format!("video \"http://{host}/big.mp4\""));
        let error = ApiError::from(remote.files(&files, &big).await.expect_err("too large"));
        assert_eq!((error.kind, error.code), (Kind::TooLarge, Some("media_too_large")));
        assert!(error.message.contains("1000000 bytes"), "{}", error.message);
        let left = std::fs::read_dir(files.folder(Folder::Temp)).expect("a folder");
        assert_eq!(left.filter(|entry| entry.as_ref().is_ok_and(|e| e.path().is_file())).count(), 0);
    }

    #[tokio::test]
    async fn hosts_that_are_not_allowed_are_not_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        let host = host().await;
        let named =
            script(format!("video \"http://{host}/film.mp4\" \"http://localhost:{}/film.mp4\"", host.port()));
        let (nobody, files) = remote(folder.path(), |config| config.media_hosts.clear());
        assert!(nobody.files(&files, &named).await.expect("nothing").0.is_empty());
        let (public, files) = remote(folder.path(), |config| config.private_networks.clear());
        assert!(public.files(&files, &named).await.expect("nothing").0.is_empty());
    }

    #[tokio::test]
    async fn what_may_pass_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let (remote, files) = remote(folder.path(), |_| {});
        let host = host().await;
        // Nobody listens there any more.
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a socket");
        for (host, why) in [(host, "its host answered 503"), (closed, "Connection refused")] {
            let down = script(format!("video \"http://{host}/down.mp4\""));
            let error = remote.files(&files, &down).await.expect_err("nothing");
            assert!(matches!(error, FetchError::Passing(_)), "{error:?}");
            let error = ApiError::from(error);
            assert_eq!((error.kind, error.code), (Kind::Busy, Some("media_unavailable")));
            assert!(error.retry_after.is_some() && error.message.contains(why), "{}", error.message);
        }
    }

    #[tokio::test]
    async fn a_script_and_all_of_them_have_their_bounds() {
        let folder = tempfile::tempdir().expect("a folder");
        let (remote, files) = remote(folder.path(), |_| {});
        let host = host().await;
        let parts = |numbers: std::ops::Range<u32>| {
            script(numbers.map(|n| format!("video \"http://{host}/part/{n}\" ")).collect())
        };
        let there = || {
            let entries = std::fs::read_dir(files.folder(Folder::Temp)).expect("a folder");
            entries.filter(|entry| entry.as_ref().is_ok_and(|e| e.path().is_file())).count()
        };
        // A quarter of all is two parts and a half.
        for _ in 0..2 {
            let error = ApiError::from(remote.files(&files, &parts(0..3)).await.expect_err("too much"));
            assert_eq!((error.kind, error.code), (Kind::TooLarge, Some("media_too_large")));
            assert!(error.message.contains("1000000 bytes"), "there or not: {}", error.message);
        }
        let mut held = Vec::new();
        for n in 0..5 {
            held.push(remote.files(&files, &parts(n * 2..n * 2 + 2)).await.expect("two parts"));
        }
        assert_eq!(there(), 10, "as much as there may be");
        let error = remote.files(&files, &parts(10..11)).await.expect_err("all are used");
        assert!(matches!(error, FetchError::Passing(_)), "{error:?}");
        assert_eq!(there(), 10);
        drop(held.remove(1));
        let (more, _held) = remote.files(&files, &parts(10..11)).await.expect("room");
        assert!(more.values().all(|path| path.is_file()));
        assert!(held.iter().flat_map(|(found, _)| found.values()).all(|path| path.is_file()));
        assert_eq!(there(), 10);
    }
}
