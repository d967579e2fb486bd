//! What a worker does: a [`Task`] comes in, its [`Answer`] goes out.
//!
//! Here the engine looks into strangers' files. It knows nothing of processes, limits and pipes; what it says has paths
//! in it.

use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::Value;
use vfxb_dsl::diagnostic::{Diagnostic, to_json};
use vfxb_dsl::source::{NamedFiles, SourceMap};
use vfxb_dsl::syntax::Spelling;
use vfxb_dsl::value::TimePoint;
use vfxb_engine::compile::{Compiled, Text, compile};
use vfxb_engine::describe;
use vfxb_engine::exec::render::{Progress, RenderOptions, render};
use vfxb_engine::exec::{RenderError, executor};
use vfxb_engine::media::{LibavMedia, Media};
use vfxb_engine::plan::{Backend, Request};
use vfxb_engine::text::Fonts;

use super::protocol::{Answer, MadeFile, Refusal, Task, Work};
use super::{metadata, refusal};
use crate::model::{JobProgress, ScriptSpelling};

/// How diagnostics call the script.
const SCRIPT: &str = "script";
/// Time between two reports of progress: ten a second are enough to draw a bar from.
const EVERY: Duration = Duration::from_millis(100);
/// Workers render on the processor. A GPU's driver brings its device, sockets and code of its own, which are just what
/// the sandbox is there to keep out.
const BACKEND: Backend = Backend::Cpu;

/// Why there is no answer.
pub(super) enum Unanswered {
    /// It cannot be done.
    Refused(Box<Refusal>),
    /// Nobody wants it any more; nothing was written.
    Cancelled,
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        Unanswered::Refused(Box::new(refusal))
    }
}

impl From<RenderError> for Unanswered {
    fn from(error: RenderError) -> Self {
        refusal::rendering(&error).map_or(Unanswered::Cancelled, Unanswered::from)
    }
}

/// What surrounds a task.
pub(super) struct Bench<'a> {
    /// Threads that decode and render.
    pub(super) threads: usize,
    /// Set when nobody wants the answer any more.
    pub(super) cancel: &'a AtomicBool,
    /// Hears how far it is.
    pub(super) progress: &'a (dyn Fn(JobProgress) + Sync),
    /// Hears what is no error.
    pub(super) notice: &'a (dyn Fn(&str) + Sync),
}

impl Bench<'_> {
    /// Does it.
    pub(super) fn perform(&self, task: &Task) -> Result<Answer, Unanswered> {
        match task {
            Task::Probe { file } => probe(file),
            Task::Check { work } => Ok(check(work)),
            Task::Plan { work } => Ok(plan(work)),
            Task::Frame { work, at, file, rows } => self.frame(work, at, file, *rows),
            Task::Render { work, folder, .. } => self.films(work, folder),
        }
    }

    fn frame(&self, work: &Work, at: &str, file: &Path, rows: u32) -> Result<Answer, Unanswered> {
        let at: TimePoint = at.parse().map_err(|fault| refusal::instant(&fault))?;
        let request = Request {
            output: Some(file.to_owned()),
            at: Some(at),
            rows: Some(rows).filter(|rows| *rows > 0),
            backend: BACKEND,
            ..Request::default()
        };
        self.make(work, Path::new(""), &request)
    }

    fn films(&self, work: &Work, folder: &Path) -> Result<Answer, Unanswered> {
        self.make(work, folder, &Request { backend: BACKEND, ..Request::default() })
    }

    fn make(&self, work: &Work, folder: &Path, request: &Request) -> Result<Answer, Unanswered> {
        let read = Read::new(work, folder, request);
        let Some(compiled) = &read.compiled else {
            return Err(refusal::findings(&read.findings, read.objects).into());
        };
        if compiled.plan.renders.is_empty() {
            return Err(refusal::no_output().into());
        }
        self.render(compiled)?;
        let deliveries = compiled.plan.renders.iter().flat_map(|render| &render.deliveries);
        let mut files = Vec::new();
        for file in deliveries.flat_map(|delivery| delivery.files()) {
            files.push(made(&file)?);
        }
        Ok(Answer::Made { files, diagnostics: read.objects })
    }

    fn render(&self, compiled: &Compiled) -> Result<(), RenderError> {
        let (mut executor, fallback) = executor(compiled.plan.backend, self.threads)?;
        if let Some(why) = fallback {
            (self.notice)(&why);
        }
        let last = Mutex::new(None);
        let options = RenderOptions {
            // The folder is the task's own: what lies there is left from an earlier try.
            overwrite: true,
            decode_threads: self.threads,
            cancel: self.cancel,
            notice: self.notice,
            progress: &|progress| {
                if is_due(progress, &last) {
                    (self.progress)(told(progress));
                }
            },
        };
        render(&compiled.plan, &mut *executor, &compiled.drawings, &options).map(drop)
    }
}

fn probe(file: &Path) -> Result<Answer, Unanswered> {
    let source = LibavMedia::default().probe(file).map_err(|error| refusal::media(&error))?;
    let found = metadata::of(&source);
    Ok(Answer::Probed { metadata: found.metadata, moving: found.moving, still: found.still })
}

fn check(work: &Work) -> Answer {
    let read = Read::new(work, Path::new(""), &Request { backend: BACKEND, ..Request::default() });
    let timeline = read.compiled.as_ref().and_then(|compiled| {
        let timeline = compiled.timeline(&LibavMedia::default())?;
        Some(describe::timetable(&timeline, &compiled.plan.renders))
    });
    Answer::Told { ok: timeline.is_some(), diagnostics: read.objects, told: timeline.unwrap_or_default() }
}

fn plan(work: &Work) -> Answer {
    let read = Read::new(work, Path::new(""), &Request { backend: BACKEND, ..Request::default() });
    let plan = read.compiled.as_ref().map(|compiled| describe::plan(&compiled.plan));
    Answer::Told { ok: plan.is_some(), diagnostics: read.objects, told: plan.unwrap_or_default() }
}

/// A script, read.
struct Read {
    compiled: Option<Compiled>,
    findings: Vec<Diagnostic>,
    /// The findings as they are told.
    objects: Vec<Value>,
}

impl Read {
    fn new(work: &Work, outputs: &Path, request: &Request) -> Read {
        let mut map = SourceMap::new();
        let named = NamedFiles { files: work.files.clone(), outputs: outputs.to_owned() };
        let file = map.add_named(SCRIPT, named, work.script.text.as_str());
        let spelling = match work.script.spelling {
            ScriptSpelling::Vfx => Spelling::Vfx,
            ScriptSpelling::Yaml => Spelling::Yaml,
        };
        let sets: Vec<(String, String)> = work.script.vars.clone().into_iter().collect();
        let text = Text { map: &map, file, spelling, sets: &sets };
        // Only the fonts that every machine has: what is installed here is nobody's business.
        let (compiled, findings) = compile(&text, &LibavMedia::default(), Fonts::new(false), request);
        let objects = findings.iter().map(|finding| to_json(finding, &map)).collect();
        Read { compiled, findings, objects }
    }
}

fn made(file: &Path) -> Result<MadeFile, Refusal> {
    // What we have just written and cannot read is nobody's fault but ours.
    let unreadable = |what: String| refusal::machine(&format!("what was made cannot be read: {what}"));
    let source = LibavMedia::default().probe(file).map_err(|error| unreadable(error.message))?;
    let size = std::fs::metadata(file).map_err(|error| unreadable(error.to_string()))?.len();
    let found = metadata::of(&source);
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(MadeFile { name, file: file.to_owned(), size, metadata: found.metadata, moving: found.moving })
}

/// Whether somebody may want to hear of this step: the last one always, the others not too often.
fn is_due(progress: &Progress, last: &Mutex<Option<Instant>>) -> bool {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if progress.frame < progress.frames && last.is_some_and(|at| at.elapsed() < EVERY) {
        return false;
    }
    *last = Some(Instant::now());
    true
}

fn told(progress: &Progress) -> JobProgress {
    JobProgress {
        progress: progress.frame as f64 / progress.frames.max(1) as f64,
        fps: progress.fps,
        eta_seconds: Some(progress.eta_seconds).filter(|_| progress.frame > 0),
        segment: progress.segment,
    }
}
