//! A service with workers that do what a script's first word says: for tests of what stands around them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::backoff::Backoff;
use super::{Jobs, Scheduler};
use crate::app::App;
use crate::config::Config;
use crate::files::Files;
use crate::model::{Job, JobError, JobProgress, Metadata, OPEN_OWNER, ScriptSpelling, ScriptText};
use crate::store::sqlite::SqliteStore;
use crate::worker::protocol::{Answer, Fault, MadeFile, Refusal, Task};
use crate::worker::{WorkError, Workers};

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Workers that obey: `film` makes one, `still` a picture, `hang` waits to be stopped, `hold` makes one when it is let go,
/// `crash`, `panic`, `late`, `wrong`, `full`, `large` and `machine` end in their ways.
#[derive(Default)]
pub(crate) struct Obedient {
    /// Bytes that the last one might write into a file.
    pub(crate) file_size: AtomicU64,
    /// Lets those that hold go on.
    pub(crate) go: Notify,
    /// One began.
    pub(crate) began: Notify,
    /// How many work now, and did at most.
    pub(crate) busy: AtomicUsize,
    pub(crate) busiest: AtomicUsize,
}

#[async_trait]
impl Workers for Obedient {
    async fn work(
        &self,
        _owner: crate::model::Owner,
        task: Task,
        told: &(dyn Fn(JobProgress) + Sync),
        cancel: &CancellationToken,
    ) -> Result<Answer, WorkError> {
        let (Task::Render { work, .. } | Task::Check { work }) = &task else {
            return Err(WorkError::Unavailable("this is not what is tested".to_owned()));
        };
        let word = work.script.text.split_whitespace().next().unwrap_or_default().to_owned();
        let Task::Render { folder, file_size, .. } = &task else { return Ok(looked_at(&word)) };
        self.file_size.store(*file_size, Ordering::SeqCst);
        let busy = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
        self.busiest.fetch_max(busy, Ordering::SeqCst);
        std::fs::write(folder.join("part"), "half a film").unwrap();
        told(JobProgress { progress: 0.5, fps: 25.0, eta_seconds: Some(1.0), segment: 1 });
        self.began.notify_one();
        let end = match word.as_str() {
            "film" | "still" => None,
            "hold" => tokio::select! {
                () = self.go.notified() => None,
                () = cancel.cancelled() => Some(WorkError::Cancelled),
            },
            "hang" => {
                cancel.cancelled().await;
                Some(WorkError::Cancelled)
            }
            "crash" => Some(WorkError::Crashed("by a signal".to_owned())),
            "late" => Some(WorkError::TimedOut(60)),
            "wrong" => Some(refused(Fault::Script)),
            "full" => Some(refused(Fault::Room)),
            "large" => Some(refused(Fault::Size)),
            "machine" => Some(refused(Fault::Machine)),
            _ => panic!("{word}"),
        };
        self.busy.fetch_sub(1, Ordering::SeqCst);
        match end {
            Some(error) => Err(error),
            None => {
                let moving = word != "still";
                let name = if moving { "out.mp4" } else { "out.png" }.to_owned();
                let file = folder.join(&name);
                std::fs::write(&file, &work.script.text).unwrap();
                let size = work.script.text.len() as u64;
                let metadata = Metadata { width: 64, height: 36, frames: 25, ..Metadata::default() };
                let files = vec![MadeFile { name, file, size, metadata, moving }];
                Ok(Answer::Made { files, diagnostics: vec![json!({"severity": "note"})] })
            }
        }
    }
}

fn looked_at(word: &str) -> Answer {
    let ok = word != "wrong";
    let finding = json!({"severity": "error", "code": "V0001", "message": "a wrong word", "line": 1});
    let diagnostics = if ok { Vec::new() } else { vec![finding] };
    let outputs = if word == "silent" { json!([]) } else { json!([{"file": "out.mp4"}]) };
    Answer::Told { ok, diagnostics, told: json!({"outputs": outputs}) }
}

fn refused(fault: Fault) -> WorkError {
    let error = JobError { code: "V0001".to_owned(), message: "it cannot be".to_owned(), help: None };
    WorkError::Refused(Box::new(Refusal { error, diagnostics: vec![json!({"code": "V0001"})], fault }))
}

/// A service in a folder of its own.
pub(crate) struct Service {
    pub(crate) app: App,
    pub(crate) workers: Arc<Obedient>,
    _folder: tempfile::TempDir,
}

impl Service {
    /// With everything as usual.
    pub(crate) fn new() -> Service {
        Service::with(|_| {})
    }

    /// With its configuration changed.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Service {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::local(folder.path());
        change(&mut config);
        let store = Arc::new(SqliteStore::open(&config.database).unwrap());
        let files = Files::open(&config.upload_dir).unwrap();
        let workers = Arc::new(Obedient::default());
        let jobs = Jobs::new(store.clone(), config.room());
        let app = App::new(config, store, files, workers.clone(), jobs);
        Service { app, workers, _folder: folder }
    }

    /// Runs its jobs, with hardly a wait between tries.
    pub(crate) fn start(&self) -> JoinHandle<()> {
        let backoff = Backoff { first: Duration::from_millis(1), most: Duration::from_millis(2) };
        tokio::spawn(Scheduler::new(&self.app).impatient(backoff, Duration::from_millis(50)).run())
    }

    /// Submits a job.
    pub(crate) async fn submit(&self, text: &str) -> Job {
        self.app.jobs.submit(job(text), None, None).await.unwrap()
    }

    /// Waits until a job is as it should be.
    pub(crate) async fn until(&self, id: Uuid, fits: impl Fn(&Job) -> bool) -> Job {
        let mut events = self.app.jobs.events();
        let wait = async {
            loop {
                let job = self.row(id).await;
                if fits(&job) {
                    return job;
                }
                // A lagging listener reads the row again, and so does every other.
                let _ = events.recv().await;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(job) => job,
            Err(_) => panic!("it stays {:?}", self.row(id).await),
        }
    }

    /// Waits until a job has ended.
    pub(crate) async fn end(&self, id: Uuid) -> Job {
        self.until(id, |job| job.state.ended()).await
    }

    pub(crate) async fn row(&self, id: Uuid) -> Job {
        self.app.jobs.get(OPEN_OWNER, id).await.unwrap()
    }

    /// Every file under the upload folder.
    pub(crate) fn files(&self) -> Vec<std::path::PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.app.files.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found
    }
}

/// A job that nobody has submitted yet.
pub(crate) fn job(text: &str) -> Job {
    let script =
        ScriptText { text: text.to_owned(), spelling: ScriptSpelling::Vfx, vars: Default::default() };
    Job::new(OPEN_OWNER, "render", script)
}
