//! One file of a watched folder through the template: its digest, its plan, its films. Runs on a thread of its own, and
//! says what it meets with the file's name beside it. Decides nothing about the file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use vfxb_dsl::diagnostic::{self, Diagnostic};
use vfxb_dsl::source::SourceMap;
use vfxb_engine::exec::RenderError;
use vfxb_engine::exec::drawings::Drawings;
use vfxb_engine::exec::render::Written;
use vfxb_engine::media::LibavMedia;
use vfxb_engine::plan::Request;

use super::template::{Filled, Template};
use crate::args::MachineOptions;
use crate::codes;
use crate::progress::Meter;
use crate::rendering::{self, Link};
use crate::script;
use crate::terminal::{Terminal, placeless};

/// Bytes that are read at once for a digest.
const BLOCK: usize = 1 << 20;

/// What is common to all files of a folder.
pub(super) struct Kit {
    pub(super) request: Request,
    pub(super) machine: MachineOptions,
    pub(super) deny_warnings: bool,
    pub(super) drawings: Arc<Drawings>,
}

/// A file to render.
pub(super) struct Job {
    /// Names it when it ends.
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) input: std::path::PathBuf,
    pub(super) template: Arc<Template>,
    pub(super) filled: Filled,
    /// What was found when the template was filled.
    pub(super) findings: Vec<Diagnostic>,
    /// Files that lie where the films go may be replaced.
    pub(super) overwrite: bool,
    /// The digest of the version that was rendered before.
    pub(super) known: Option<String>,
    pub(super) cancel: Arc<AtomicBool>,
}

/// How it ended.
pub(super) enum Ending {
    /// The films are in their places.
    Done { digest: String, written: Vec<Written>, seconds: f64 },
    /// Its bytes are those that were rendered before.
    Same(String),
    /// It could not be rendered; what was found, in the text of the template that it was rendered through.
    Failed { findings: Vec<Diagnostic>, template: Arc<Template> },
    /// It was told to stop, or its file is not what it was.
    Stopped,
    /// Nobody reads standard output any more.
    Closed,
}

impl Job {
    /// Renders it.
    pub(super) fn run(self, kit: &Kit, terminal: &Terminal) -> Ending {
        let started = Instant::now();
        let digest = match digest(&self.input, &self.cancel) {
            Ok(Some(digest)) => digest,
            Ok(None) => return Ending::Stopped,
            Err(error) => {
                let message = format!("{} cannot be read: {error}", self.name);
                let help = Some("put it back once it can be read".to_owned());
                let finding = placeless(codes::UNREADABLE_INPUT, message, help);
                return Ending::Failed { findings: vec![finding], template: self.template };
            }
        };
        if self.known.as_ref() == Some(&digest) {
            return Ending::Same(digest);
        }
        let (closed, template) = (AtomicBool::new(false), Arc::clone(&self.template));
        match self.films(kit, terminal, &closed) {
            Ok(written) => Ending::Done { digest, written, seconds: started.elapsed().as_secs_f64() },
            Err(_) if closed.load(Ordering::Relaxed) => Ending::Closed,
            Err(Fault::Render(error)) if is_stop(&error) => Ending::Stopped,
            Err(Fault::Render(error)) => {
                Ending::Failed { findings: vec![rendering::failure(&error)], template }
            }
            Err(Fault::Plan(findings)) => Ending::Failed { findings, template },
        }
    }

    fn films(self, kit: &Kit, terminal: &Terminal, closed: &AtomicBool) -> Result<Vec<Written>, Fault> {
        let request = Request { output: self.filled.unnamed, ..kit.request.clone() };
        let parsed = (Some(self.filled.script), self.findings);
        let media = Arc::new(LibavMedia::default());
        let (planned, findings) = script::planned(parsed, &request, media, &kit.drawings);
        let findings = script::told(findings, kit.deny_warnings);
        let planned = match planned {
            Some(planned) if !findings.iter().any(Diagnostic::is_error) => planned,
            _ => return Err(Fault::Plan(findings)),
        };
        let meter = Meter::of_input(terminal, &self.name);
        let link = Link {
            cancel: &self.cancel,
            notice: &|what| terminal.notice(&format!("{}: {what}", self.name)),
            progress: &|progress| {
                if meter.step(progress).is_err() {
                    closed.store(true, Ordering::Relaxed);
                    self.cancel.store(true, Ordering::Relaxed);
                }
            },
        };
        rendering::attempt(&planned, &kit.machine, self.overwrite, &link).map_err(Fault::Render)
    }
}

enum Fault {
    Plan(Vec<Diagnostic>),
    Render(RenderError),
}

/// Whether a render ended because it was to, or because what it rendered is not there any more.
fn is_stop(error: &RenderError) -> bool {
    matches!(error, RenderError::Cancelled) || error.code() == vfxb_engine::codes::SOURCE_CHANGED
}

/// BLAKE3 of a file; `None` if it was told to stop.
fn digest(path: &Path, cancel: &AtomicBool) -> io::Result<Option<String>> {
    let (mut file, mut hasher) = (File::open(path)?, blake3::Hasher::new());
    let mut block = vec![0; BLOCK];
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match file.read(&mut block) {
            Ok(0) => return Ok(Some(hasher.finalize().to_hex().to_string())),
            Ok(n) => drop(hasher.update(block.get(..n).unwrap_or_default())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Shows findings about a file, and gives them back as text. With `--json` each says which file it is about.
pub(super) fn tell(terminal: &Terminal, input: &str, findings: &[Diagnostic], map: &SourceMap) -> String {
    if terminal.json() {
        for finding in findings {
            // Where nobody reads, the end of the render finds out.
            let _ = terminal.object(&about(input, diagnostic::to_json(finding, map)));
        }
    } else {
        terminal.findings(findings, map);
    }
    diagnostic::render(findings, map, false)
}

/// An object that says which file it is about.
pub(super) fn about(input: &str, mut object: Value) -> Value {
    if let Some(all) = object.as_object_mut() {
        all.insert("input".into(), json!(input));
    }
    object
}
