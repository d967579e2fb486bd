//! A service whose workers know a few files by their first bytes: for tests of what stands around them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::app::App;
use crate::config::{Config, Rates};
use crate::files::Files;
use crate::jobs::Jobs;
use crate::model::{Folder, JobError, Metadata};
use crate::store::sqlite::SqliteStore;
use crate::worker::protocol::{Answer, Fault, MadeFile, Refusal, Task};
use crate::worker::{WorkError, Workers};

/// Bytes that pass for a film.
pub(crate) const FILM: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41 a film";
/// Bytes that pass for sound.
pub(crate) const SOUND: &[u8] = b"RIFF\x24\0\0\0WAVEfmt sound";
/// Bytes that pass for a film and are none.
pub(crate) const DAMAGED: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0 damaged";
/// Bytes that kill who looks at them.
pub(crate) const DEADLY: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0 deadly";

/// Workers that count what they are asked.
#[derive(Default)]
pub(crate) struct Looking {
    pub(crate) probes: AtomicUsize,
    pub(crate) frames: AtomicUsize,
}

#[async_trait]
impl Workers for Looking {
    async fn work(
        &self,
        _owner: crate::model::Owner,
        task: Task,
        _told: &(dyn Fn(crate::model::JobProgress) + Sync),
        _cancel: &CancellationToken,
    ) -> Result<Answer, WorkError> {
        match task {
            Task::Probe { file } => {
                self.probes.fetch_add(1, Ordering::SeqCst);
                probe(&std::fs::read(file).unwrap())
            }
            Task::Frame { work, at, file, rows } => {
                self.frames.fetch_add(1, Ordering::SeqCst);
                std::fs::write(&file, format!("{at} {rows} {}", work.script.text)).unwrap();
                let name = "thumbnail.jpg".to_owned();
                let made = MadeFile { name, file, size: 1, metadata: Metadata::default(), moving: false };
                Ok(Answer::Made { files: vec![made], diagnostics: Vec::new() })
            }
            _ => Err(WorkError::Unavailable("this is not what is tested".to_owned())),
        }
    }
}

fn probe(bytes: &[u8]) -> Result<Answer, WorkError> {
    let holds = |word: &[u8]| bytes.windows(word.len()).any(|part| part == word);
    if holds(b"deadly") {
        return Err(WorkError::Crashed("by a signal".to_owned()));
    }
    if holds(b"film") {
        let format = "mov,mp4,m4a,3gp,3g2,mj2".to_owned();
        let metadata =
            Metadata { width: 64, height: 36, fps: 25.0, duration: 2.0, format, ..Metadata::default() };
        return Ok(Answer::Probed { metadata, moving: true, still: false });
    }
    if holds(b"sound") {
        let audio_codec = Some("pcm_s16le".to_owned());
        let metadata =
            Metadata { duration: 1.0, format: "wav".to_owned(), audio_codec, ..Metadata::default() };
        return Ok(Answer::Probed { metadata, moving: false, still: false });
    }
    let error = JobError { code: "V0701".to_owned(), message: "the file is damaged".to_owned(), help: None };
    Err(WorkError::Refused(Box::new(Refusal { error, diagnostics: Vec::new(), fault: Fault::Media })))
}

/// A service in a folder of its own.
pub(crate) struct Service {
    pub(crate) app: App,
    pub(crate) workers: Arc<Looking>,
    pub(crate) folder: tempfile::TempDir,
}

/// An answer: its status, its headers, its body as JSON (or as text).
pub(crate) type Answered = (u16, HeaderMap, Value);

impl Service {
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Service {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::local(folder.path());
        config.rates = Rates { general: None, ai: None, upload: None, status: None };
        change(&mut config);
        Service::open(folder, config)
    }

    /// The same folder in a new process, so to speak.
    pub(crate) async fn again(self) -> Service {
        let Service { app, workers, folder } = self;
        let config = (*app.config).clone();
        let store = Arc::downgrade(&app.store);
        // What tells sockets of jobs ends with the service, and lets go of the store.
        app.stop.cancel();
        drop((app, workers));
        let ended = async {
            while store.strong_count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), ended).await.unwrap();
        Service::open(folder, config)
    }

    fn open(folder: tempfile::TempDir, config: Config) -> Service {
        let store = Arc::new(SqliteStore::open(&config.database).unwrap());
        let files = Files::open(&config.upload_dir).unwrap();
        let workers = Arc::new(Looking::default());
        let jobs = Jobs::new(store.clone(), config.room());
        let app = App::new(config, store, files, workers.clone(), jobs);
        Service { app, workers, folder }
    }

    fn router(&self) -> Router {
        crate::router(self.app.clone())
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
        (parts.status.as_u16(), parts.headers, body)
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(request("GET", path, &[]).body(Body::empty()).unwrap()).await
    }

    /// Sends files in fields of a form.
    pub(crate) async fn post(&self, path: &str, files: &[(&str, &str, &[u8])]) -> Answered {
        self.send(form(path, form_body(files))).await
    }

    /// Every file under the upload folder.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let folders =
            Folder::ALL.iter().flat_map(|folder| std::fs::read_dir(self.app.files.folder(*folder)).unwrap());
        folders.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
    }
}

/// A request from this machine's own name.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> axum::http::request::Builder {
    let begun = Request::builder().method(method).uri(path).header("host", "localhost:3001");
    headers.iter().fold(begun, |request, (name, value)| request.header(*name, *value))
}

/// A request with a form.
pub(crate) fn form(path: &str, body: impl Into<Body>) -> Request<Body> {
    request("POST", path, &[("content-type", "multipart/form-data; boundary=x")]).body(body.into()).unwrap()
}

/// A form's body.
pub(crate) fn form_body(files: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, name, content) in files {
        let head =
            format!("--x\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x--\r\n");
    body
}
