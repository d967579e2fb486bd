//! A script that is rendered whenever something it reads has changed.
//!
//! One thread waits: for hints, for the clock, for signals, for the end of a render. The render runs on another, reads
//! the script from its text on, and is stopped as soon as what it read has changed. Films that are there are replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vfxb_dsl::value::Rational;
use vfxb_engine::exec::render::Written;
use vfxb_engine::media::{LibavMedia, Media, MediaError, SourceInfo};
use vfxb_engine::plan::Request;

use super::bell::Bell;
use super::freshness::{Freshness, Look};
use super::stamp::Stamp;
use super::{TOGETHER, folders_of, listen, listening};
use crate::Context;
use crate::args::{MachineOptions, ScriptOptions};
use crate::layout::{FAINT, count, styled};
use crate::stop::Stop;
use crate::{rendering, script};

/// What is watched, and how it is rendered.
pub(crate) struct Watch {
    pub(crate) script: ScriptOptions,
    pub(crate) request: Request,
    pub(crate) machine: MachineOptions,
    /// Looks by the clock alone, this often.
    pub(crate) poll: Option<Duration>,
}

enum Message {
    Hint,
    Signal,
    /// What the render under way has read and goes on reading.
    Read(Reads),
    Ended(Result<Vec<Written>, Stop>),
}

/// Every file that was asked for, and what it was then.
type Reads = BTreeMap<PathBuf, Print>;

/// What a path led to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Print {
    Nothing,
    File(Stamp),
    /// The files of a numbered or globbed name.
    Many(Vec<(PathBuf, Stamp)>),
}

impl Print {
    fn of(path: &Path, pattern: bool) -> Print {
        if pattern {
            return Print::Many(matching(path));
        }
        Stamp::of(path).map_or(Print::Nothing, Print::File)
    }

    /// The same path's print by now.
    fn again(&self, path: &Path) -> Print {
        Print::of(path, matches!(self, Print::Many(_)))
    }
}

/// Files of a pattern's folder whose names begin and end as the pattern does: those of the sequence, and those that may
/// come to it.
fn matching(pattern: &Path) -> Vec<(PathBuf, Stamp)> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_gap = |c: char| matches!(c, '%' | '*' | '?');
    let first = name.split(is_gap).next().unwrap_or_default().to_owned();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let folder = pattern.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(PathBuf, Stamp)> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(&first) && name.ends_with(ending)
        })
        .filter_map(|entry| Some((entry.path(), Stamp::of(&entry.path())?)))
        .collect();
    found.sort();
    found
}

/// Media that notes what it was asked for, also where there is nothing, each as it was just before it was read.
struct Noted {
    inner: LibavMedia,
    reads: Mutex<Reads>,
}

impl Noted {
    fn new() -> Noted {
        Noted { inner: LibavMedia::default(), reads: Mutex::default() }
    }

    fn note(&self, path: &Path, pattern: bool) {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        reads.entry(path.to_owned()).or_insert_with(|| Print::of(path, pattern));
    }

    fn reads(&self) -> Reads {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Media for Noted {
    fn probe(&self, path: &Path) -> Result<Arc<SourceInfo>, MediaError> {
        self.note(path, false);
        self.inner.probe(path)
    }

    fn probe_sequence(
        &self,
        pattern: &Path,
        fps: Rational,
        start: u32,
    ) -> Result<Arc<SourceInfo>, MediaError> {
        self.note(pattern, true);
        self.inner.probe_sequence(pattern, fps, start)
    }
}

impl Watch {
    /// Watches until a signal comes.
    pub(crate) fn run(&self, context: &Context) -> Result<Value, Stop> {
        let (tell, messages) = channel();
        let hints = tell.clone();
        // Whoever listens no more needs no hint.
        let (bell, every) = listening(self.poll, &context.terminal, move |_| drop(hints.send(Message::Hint)));
        let signals = tell.clone();
        context.interrupt.wake(move || drop(signals.send(Message::Signal)));
        std::thread::scope(|scope| {
            let freshness = Freshness::new(Reads::new());
            let mut state = State { watch: self, context, bell, every, tell, freshness, running: None };
            let ended = state.watch(&messages, scope);
            state.cancel();
            ended
        })
    }

    /// Renders once; says what it reads before it begins to.
    fn round(
        &self,
        context: &Context,
        tell: &Sender<Message>,
        cancel: &AtomicBool,
    ) -> Result<Vec<Written>, Stop> {
        let noted = Arc::new(Noted::new());
        noted.note(&self.script.script, false);
        let media = Arc::clone(&noted) as Arc<dyn Media>;
        let planned = script::plan_as_far(&self.script, &self.request, media, &context.terminal);
        let mut reads = noted.reads();
        let plan = planned.as_ref().ok().and_then(|(planned, _)| planned.as_ref());
        for file in plan.into_iter().flat_map(|planned| planned.plan.files()) {
            reads.entry(file).or_insert_with_key(|file| Print::of(file, false));
        }
        // Whoever listens no more has stopped this.
        drop(tell.send(Message::Read(reads)));
        let (planned, right) = planned?;
        let planned = planned.filter(|_| right).ok_or(Stop::Wrong)?;
        rendering::films_until(&planned, &self.machine, true, context, cancel)
    }
}

/// A render under way.
struct Running {
    cancel: Arc<AtomicBool>,
    since: Instant,
    /// It was told to stop.
    stale: bool,
}

struct State<'a> {
    watch: &'a Watch,
    context: &'a Context,
    bell: Bell,
    every: Duration,
    tell: Sender<Message>,
    freshness: Freshness<Reads>,
    running: Option<Running>,
}

impl<'a> State<'a> {
    fn watch<'s>(
        &mut self,
        messages: &Receiver<Message>,
        scope: &'s std::thread::Scope<'s, 'a>,
    ) -> Result<Value, Stop> {
        self.begin(scope)?;
        let mut beat = Instant::now() + self.every;
        let mut due = None;
        loop {
            let rest = self.freshness.next().filter(|_| self.running.is_none());
            let next = [due, rest].into_iter().flatten().fold(beat, Instant::min);
            match messages.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Message::Hint) => {
                    // Changes come in flocks.
                    due.get_or_insert(Instant::now() + TOGETHER);
                    continue;
                }
                Ok(Message::Signal) => return self.end(messages),
                Ok(Message::Read(reads)) => self.has_read(reads),
                Ok(Message::Ended(outcome)) => self.ended(outcome)?,
                Err(_) => {}
            }
            self.bell.heard();
            due = None;
            beat = Instant::now() + self.every;
            self.look(scope)?;
        }
    }

    fn look<'s>(&mut self, scope: &'s std::thread::Scope<'s, 'a>) -> Result<(), Stop> {
        let there =
            self.freshness.of().iter().map(|(path, print)| (path.clone(), print.again(path))).collect();
        match (self.freshness.look(&there, Instant::now()), &mut self.running) {
            (Look::Fresh, _) => {}
            (Look::Changing | Look::Stale, Some(running)) => {
                running.stale = true;
                running.cancel.store(true, Ordering::Relaxed);
            }
            (Look::Changing, None) => {}
            (Look::Stale, None) => {
                let changed =
                    self.freshness.of().iter().filter(|(path, print)| there.get(*path) != Some(print));
                let files: Vec<String> = changed.map(|(path, _)| path.display().to_string()).collect();
                self.context.terminal.object(&json!({"type": "changed", "files": files}))?;
                self.context.terminal.status(&styled(FAINT, &format!("changed: {}", files.join(", "))));
                self.freshness.begin(there);
                self.begin(scope)?;
            }
        }
        Ok(())
    }

    fn begin<'s>(&mut self, scope: &'s std::thread::Scope<'s, 'a>) -> Result<(), Stop> {
        let cancel = Arc::new(AtomicBool::new(false));
        let (watch, context, tell) = (self.watch, self.context, self.tell.clone());
        self.running = Some(Running { cancel: Arc::clone(&cancel), since: Instant::now(), stale: false });
        scope.spawn(move || {
            let round = AssertUnwindSafe(|| watch.round(context, &tell, &cancel));
            let outcome = catch_unwind(round).unwrap_or(Err(Stop::Failed));
            // Whoever listens no more has stopped this.
            drop(tell.send(Message::Ended(outcome)));
        });
        Ok(())
    }

    fn has_read(&mut self, reads: Reads) {
        let folders: BTreeSet<PathBuf> = reads.keys().flat_map(|path| folders_of(path)).collect();
        listen(&mut self.bell, &folders, &mut self.every, &self.context.terminal);
        self.freshness.read(reads);
    }

    fn ended(&mut self, outcome: Result<Vec<Written>, Stop>) -> Result<(), Stop> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let seconds = running.since.elapsed().as_secs_f64();
        let terminal = &self.context.terminal;
        let stale = running.stale && outcome.is_err();
        match outcome {
            Err(Stop::Interrupted) if stale => self.freshness.stopped(),
            // Nobody reads what is printed.
            Err(stop @ (Stop::Interrupted | Stop::Closed)) => return Err(stop),
            _ => {}
        }
        let written = outcome.as_deref().unwrap_or_default();
        rendering::tell(written, seconds, terminal)?;
        let files: Vec<_> = written.iter().map(|file| file.file.to_string_lossy()).collect();
        let rendered = json!({"type": "rendered", "ok": outcome.is_ok(), "stale": stale, "files": files, "seconds": seconds});
        terminal.object(&rendered)?;
        if !stale {
            let files: Vec<_> = self.freshness.of().keys().map(|path| path.to_string_lossy()).collect();
            terminal.object(&json!({"type": "watching", "files": files}))?;
            let what = format!("watching {}", count(files.len() as u64, "file"));
            terminal.status(&styled(FAINT, &what));
        }
        Ok(())
    }

    /// A signal came: stops the render and waits for its end.
    fn end(&mut self, messages: &Receiver<Message>) -> Result<Value, Stop> {
        self.cancel();
        while self.running.is_some() {
            if let Ok(Message::Ended(_)) | Err(_) = messages.recv() {
                self.running = None;
            }
        }
        Err(Stop::Interrupted)
    }

    fn cancel(&self) {
        if let Some(running) = &self.running {
            running.cancel.store(true, Ordering::Relaxed);
        }
    }
}
