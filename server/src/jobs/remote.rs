//! Media on other hosts: fetched from those that the configuration allows, before a worker sees anything.
//!
//! A script's texts come in; the files behind the urls in them go out. A worker cannot connect anywhere, so that what is
//! fetched, from where and how much is decided here alone. A fetched file is temporary: it is kept under a name made of
//! its url until it expires, and fetched again if it is asked for after that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Client, Response, Url};
use uuid::Uuid;

use crate::config::Config;
use crate::error::ApiError;
use crate::files::Files;
use crate::http::guard::Guard;
use crate::model::{Blob, Folder, ScriptText};

/// Urls that one script may name.
const MOST: usize = 100;

/// Redirects that are followed; each one leads to an allowed host or nowhere.
const REDIRECTS: usize = 3;

const CONNECT: Duration = Duration::from_secs(10);

/// Fetches what scripts name on allowed hosts.
#[derive(Clone)]
pub struct Remote {
    guard: Guard,
    client: Option<Client>,
    hosts: Vec<String>,
    limit: u64,
}

impl Remote {
    /// By the configuration: nothing is fetched unless it names hosts.
    pub fn new(config: &Config) -> Remote {
        let guard = Guard::new(&config.private_networks);
        let wanted = (!config.media_hosts.is_empty()).then(|| guard.client(CONNECT, config.jobs.quick_time));
        let client = wanted.and_then(|client| {
            client.inspect_err(|error| tracing::error!(%error, "no TLS: no media is fetched")).ok()
        });
        Remote { guard, client, hosts: config.media_hosts.clone(), limit: config.max_file_size }
    }

    /// The files behind the urls on allowed hosts that a script names, each as it is written there.
    ///
    /// # Errors
    /// 400 with a finding for each that cannot be fetched, 413 or 507 if one is too large or there is no room.
    pub async fn files(
        &self,
        files: &Files,
        script: &ScriptText,
    ) -> Result<BTreeMap<String, PathBuf>, ApiError> {
        let Some(client) = &self.client else { return Ok(BTreeMap::new()) };
        let texts = std::iter::once(&script.text).chain(script.vars.values());
        let urls: BTreeSet<&str> = texts.flat_map(|text| written(text)).collect();
        let allowed: Vec<(&str, Url)> =
            urls.into_iter().filter_map(|text| Some((text, self.allowed(text).ok()?))).collect();
        if allowed.len() > MOST {
            let finding = format!("The script names more than {MOST} urls; upload the files.");
            return Err(ApiError::validation(vec![finding]));
        }
        let mut found = BTreeMap::new();
        for (text, url) in allowed {
            found.insert(text.to_owned(), self.file(client, files, text, url).await?);
        }
        Ok(found)
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

    async fn file(&self, client: &Client, files: &Files, text: &str, url: Url) -> Result<PathBuf, ApiError> {
        let name = Uuid::from_slice(blake3::hash(text.as_bytes()).as_bytes().get(..16).unwrap_or_default());
        let id = name.map_err(|error| ApiError::internal(error.to_string()))?;
        let kept = Blob { id, folder: Folder::Temp, extension: "url".into(), hash: String::new(), size: 0 };
        let path = files.path(&kept);
        if tokio::fs::try_exists(&path).await.unwrap_or(false) {
            return Ok(path);
        }
        let refused = |why: String| ApiError::validation(vec![format!("`{text}` cannot be fetched: {why}.")]);
        let response = self.answer(client, url).await.map_err(refused)?;
        let received = files.receive(response.bytes_stream(), self.limit).await?;
        Ok(files.place(received, &kept).await?)
    }

    /// The answer that holds the file, behind redirects.
    async fn answer(&self, client: &Client, mut url: Url) -> Result<Response, String> {
        for _ in 0..=REDIRECTS {
            let answer = client.get(url.clone()).send().await;
            let answer = answer.map_err(|error| reason(&error.without_url()))?;
            let status = answer.status();
            if status.is_success() {
                return Ok(answer);
            }
            let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            match to.filter(|_| status.is_redirection()) {
                Some(to) => {
                    let to = url.join(to).map_err(|_| "it leads to no url".to_owned())?;
                    url = self.allowed(to.as_str())?;
                }
                None => return Err(format!("its host answered {}", status.as_u16())),
            }
        }
        Err("it leads on and on".to_owned())
    }
}

/// Why a host did not answer, to its causes' depth.
fn reason(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
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
    use crate::error::Kind;
    use crate::model::ScriptSpelling;

    async fn host() -> SocketAddr {
        let router = Router::new()
            .route("/film.mp4", get(async || "a film"))
            .route("/moved.mp4", get(async || Redirect::temporary("/film.mp4")))
            .route("/round.mp4", get(async || Redirect::temporary("/round.mp4")))
            .route("/away.mp4", get(async || Redirect::temporary("http://169.254.169.254/latest")))
            .route("/big.mp4", get(async || vec![0_u8; 2_000_000]));
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
        let found = remote.files(&files, &script(text)).await.expect("files");
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
            assert_eq!(error.details, [format!("`{url}` cannot be fetched: {why}.")]);
        }
        let big = script(format!("video \"http://{host}/big.mp4\""));
        assert_eq!(remote.files(&files, &big).await.expect_err("too large").kind, Kind::TooLarge);
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
        assert!(nobody.files(&files, &named).await.expect("nothing").is_empty());
        let (public, files) = remote(folder.path(), |config| config.private_networks.clear());
        assert!(public.files(&files, &named).await.expect("nothing").is_empty());
    }
}
