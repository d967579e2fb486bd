//! A folder whose files are rendered through a template as they come, each exactly once.
//!
//! One thread looks into the folder, keeps the queue and starts renders on others; what they meet comes back to it.
//! Files stay where they are, but for those that fail: these go to a side folder. What was done is in a journal in the
//! folder of the films, which one watch at a time works in.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::source::SourceMap;
use vfxb_engine::exec::drawings::Drawings;
use vfxb_engine::media::encode::discard_broken_off;
use vfxb_engine::plan::Request;
use vfxb_engine::text::Fonts;

use super::bell::{Bell, Hint};
use super::failed::Place;
use super::inbox::{self, Inbox};
use super::job::{Ending, Job, Kit, about, tell};
use super::journal::Journal;
use super::queue::{Claim, MOST_TRIES, Queue};
use super::stamp::Stamp;
use super::template::{Filled, Given, Template, stems};
use super::{TOGETHER, folders_of, listen, listening};
use crate::Context;
use crate::args::{MachineOptions, ScriptOptions};
use crate::codes;
use crate::layout::{FAINT, GOOD, WRONG, styled};
use crate::rendering;
use crate::stop::Stop;
use crate::terminal::{Terminal, placeless};

/// What was done, in the folder of the films.
const JOURNAL: &str = ".vfxb-watch.jsonl";
/// Held by the one watch that works there.
const LOCK: &str = ".vfxb-watch.lock";

/// What is watched, and what becomes of it.
pub(crate) struct Watch {
    /// Where files come.
    pub(crate) folder: PathBuf,
    /// The template, and values for its own variables.
    pub(crate) template: ScriptOptions,
    /// Where films go.
    pub(crate) out: PathBuf,
    /// Where files go that fail.
    pub(crate) failed: PathBuf,
    pub(crate) request: Request,
    pub(crate) machine: MachineOptions,
    /// Renders at once.
    pub(crate) jobs: usize,
    /// How long a file stands still before it counts as complete.
    pub(crate) settle: Duration,
    /// Looks by the clock alone, this often.
    pub(crate) poll: Option<Duration>,
    /// Films that were not made here may be replaced.
    pub(crate) overwrite: bool,
}

enum Message {
    Hint(Hint),
    Signal,
    Ended(u64, Ending),
}

impl Watch {
    /// Watches until a signal comes.
    pub(crate) fn run(self, context: &Context) -> Result<Value, Stop> {
        let terminal = &context.terminal;
        let template = Template::read(&self.template, terminal)?;
        let folder = self.root(terminal)?;
        let making = context.interrupt.rendering(vec![self.out.join(JOURNAL)]);
        let (queue, lock) = self.open(terminal)?;
        let kit = Kit {
            request: self.request.clone(),
            machine: self.machine.shared(self.jobs),
            deny_warnings: self.template.deny_warnings,
            drawings: Arc::new(Drawings::new(Fonts::new(self.template.system_fonts))),
        };
        let (tell, messages) = channel();
        let hints = tell.clone();
        // Whoever listens no more needs no hint.
        let (bell, every) = listening(self.poll, terminal, move |hint| drop(hints.send(Message::Hint(hint))));
        let signals = tell.clone();
        context.interrupt.wake(move || drop(signals.send(Message::Signal)));
        let ended = std::thread::scope(|scope| {
            let mut state = State {
                template_stamp: Stamp::of(&self.template.script),
                template: Arc::new(template),
                watch: &self,
                kit: &kit,
                terminal,
                folder,
                bell,
                every,
                tell,
                queue,
                ignored: BTreeSet::new(),
                away: false,
                idle: false,
                counts: Counts::default(),
            };
            let ended = state.watch(&messages, scope);
            state.stop(&messages)?;
            ended
        });
        // The folder stays, with what is in it.
        making.keep();
        drop(lock);
        ended
    }

    /// The folder as it is named from the root.
    fn root(&self, terminal: &Terminal) -> Result<PathBuf, Stop> {
        let wrong = |what: String, help: &str| {
            terminal.fail(placeless(codes::WATCH_FOLDER, what, Some(help.to_owned())), Stop::Wrong)
        };
        let shown = self.folder.display();
        let root = match self.folder.canonicalize() {
            Ok(root) if root.is_dir() => root,
            Ok(_) => return wrong(format!("{shown} is no folder"), "name the folder that files come into"),
            Err(error) => {
                return wrong(format!("{shown} cannot be watched: {error}"), "make the folder first");
            }
        };
        if root.to_str().is_none() {
            return wrong(format!("the name of {shown} is no text"), "a template cannot name it: rename it");
        }
        for (side, what) in [(&self.out, "films"), (&self.failed, "failures")] {
            if side.canonicalize().is_ok_and(|side| side == root) {
                let help = "films would be taken for new files: name another folder, inside it if you like";
                return wrong(format!("{shown} cannot be the folder of {what} too"), help);
            }
        }
        Ok(root)
    }

    /// The journal, which is this process's alone.
    fn open(&self, terminal: &Terminal) -> Result<(Queue, File), Stop> {
        let failed = |error: &io::Error| {
            let message = format!("cannot keep a journal in {}: {error}", self.out.display());
            let help = Some("name a folder that can be written to".to_owned());
            terminal.fail(placeless(codes::WATCH_JOURNAL, message, help), Stop::Failed)
        };
        let lock = match fs::create_dir_all(&self.out).and_then(|()| File::create(self.out.join(LOCK))) {
            Ok(lock) => lock,
            Err(error) => return failed(&error),
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("another watch works in {}", self.out.display());
                let help = Some("end it first, or name another folder for the films".to_owned());
                return terminal.fail(placeless(codes::WATCH_JOURNAL, message, help), Stop::Failed);
            }
            // Some shares lock nothing.
            Err(TryLockError::Error(error)) => {
                terminal.notice(&format!("{} cannot be locked: {error}", self.out.display()));
            }
        }
        let queue = Journal::open(&self.out.join(JOURNAL))
            .and_then(|journal| Queue::new(journal, self.jobs, self.settle));
        match queue {
            Ok(queue) => {
                queue.broken_off().into_iter().for_each(|process| discard_broken_off(&self.out, process));
                Ok((queue, lock))
            }
            Err(error) => failed(&error),
        }
    }
}

/// How many files came to what end.
#[derive(Default)]
struct Counts {
    done: u64,
    failed: u64,
}

struct State<'a> {
    watch: &'a Watch,
    kit: &'a Kit,
    terminal: &'a Terminal,
    /// The watched folder, from the root.
    folder: PathBuf,
    template: Arc<Template>,
    template_stamp: Option<Stamp>,
    bell: Bell,
    every: Duration,
    tell: Sender<Message>,
    queue: Queue,
    /// What was said to be ignored.
    ignored: BTreeSet<String>,
    /// The folder is not there.
    away: bool,
    /// It was said that all is done.
    idle: bool,
    counts: Counts,
}

impl<'a> State<'a> {
    fn watch<'s>(
        &mut self,
        messages: &Receiver<Message>,
        scope: &'s std::thread::Scope<'s, 'a>,
    ) -> Result<Value, Stop> {
        self.take_failures();
        let mut due = Some(Instant::now());
        let mut beat = Instant::now() + self.every;
        let mut closed = BTreeSet::new();
        loop {
            let next = [due, self.queue.next_settled()].into_iter().flatten().fold(beat, Instant::min);
            match messages.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Message::Hint(hint)) => {
                    if let Hint::Closed(path) = hint {
                        closed.extend(path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
                    }
                    due.get_or_insert(Instant::now() + TOGETHER);
                    continue;
                }
                Ok(Message::Signal) => return Err(Stop::Interrupted),
                Ok(Message::Ended(id, ending)) => {
                    self.ended(id, ending)?;
                    self.start(scope)?;
                    // A look now would come once for each of many small files.
                    due.get_or_insert(Instant::now() + TOGETHER);
                    continue;
                }
                Err(_) => {}
            }
            self.bell.heard();
            due = None;
            beat = Instant::now() + self.every;
            self.look(std::mem::take(&mut closed))?;
            self.start(scope)?;
            self.rest()?;
        }
    }

    fn look(&mut self, closed: BTreeSet<String>) -> Result<(), Stop> {
        self.look_at_template();
        let folders = folders_of(&self.watch.template.script).chain([self.folder.clone()]).collect();
        listen(&mut self.bell, &folders, &mut self.every, self.terminal);
        let inbox = match inbox::look(&self.folder) {
            Ok(inbox) => inbox,
            Err(error) => {
                if !std::mem::replace(&mut self.away, true) {
                    let shown = self.watch.folder.display();
                    self.terminal.notice(&format!("{shown} cannot be looked into: {error}; waiting for it"));
                }
                return Ok(());
            }
        };
        self.away = false;
        let now = Instant::now();
        self.queue.open(self.bell.open_in(&self.folder));
        self.queue.look(&inbox, now).map_err(|error| self.unkept(&error))?;
        closed.iter().for_each(|name| self.queue.closed(name, now));
        self.say_ignored(&inbox)
    }

    /// A changed template serves the files from now on; one that is wrong does not.
    fn look_at_template(&mut self) {
        let stamp = Stamp::of(&self.watch.template.script);
        if stamp.is_none() || stamp == self.template_stamp {
            return;
        }
        self.template_stamp = stamp;
        match Template::read(&self.watch.template, self.terminal) {
            Ok(template) => self.template = Arc::new(template),
            Err(_) => self.terminal.notice("the template is wrong: going on with the one from before"),
        }
    }

    fn say_ignored(&mut self, inbox: &Inbox) -> Result<(), Stop> {
        for (name, why) in &inbox.ignored {
            if self.ignored.insert(name.clone()) {
                self.terminal.object(&about(name, json!({"type": "ignored", "why": why})))?;
                self.terminal.status(&styled(FAINT, &format!("  {name} is ignored: {why}")));
            }
        }
        self.ignored.retain(|name| inbox.ignored.iter().any(|(other, _)| other == name));
        Ok(())
    }

    /// Says once that all is done.
    fn rest(&mut self) -> Result<(), Stop> {
        let idle = self.queue.is_idle() && !self.away;
        if idle && !self.idle {
            let (folder, out) = (self.watch.folder.to_string_lossy(), self.watch.out.to_string_lossy());
            let Counts { done, failed } = self.counts;
            let object =
                json!({"type": "watching", "folder": folder, "out": out, "done": done, "failed": failed});
            self.terminal.object(&object)?;
            self.terminal.status(&styled(FAINT, &format!("watching {folder}")));
        }
        self.idle = idle;
        Ok(())
    }

    fn start<'s>(&mut self, scope: &'s std::thread::Scope<'s, 'a>) -> Result<(), Stop> {
        while let Some((name, stamp, tries)) = self.queue.next() {
            // Files may wait for their turn for long.
            if Stamp::of(&self.folder.join(&name)) != Some(stamp) {
                self.queue.withdraw(&name);
                continue;
            }
            let Some(job) = self.job(&name, stamp, tries)? else { continue };
            let (kit, terminal, tell) = (self.kit, self.terminal, self.tell.clone());
            let template = Arc::clone(&self.template);
            self.terminal.object(&about(&name, json!({"type": "began"})))?;
            scope.spawn(move || {
                let id = job.id;
                let run = AssertUnwindSafe(|| job.run(kit, terminal));
                let ending =
                    catch_unwind(run).unwrap_or_else(|_| Ending::Failed { findings: broken(), template });
                // Whoever listens no more has stopped this.
                drop(tell.send(Message::Ended(id, ending)));
            });
        }
        Ok(())
    }

    /// The job for a file; `None` if it failed before it began.
    fn job(&mut self, name: &str, stamp: Stamp, tries: u32) -> Result<Option<Job>, Stop> {
        let filled = if tries < MOST_TRIES { self.fill(name) } else { Err(poison(name, tries)) };
        let outputs: &[PathBuf] = filled.as_ref().map_or(&[], |filled| &filled.0.outputs);
        let begin = self.queue.begin(name, stamp, outputs).map_err(|error| self.unkept(&error))?;
        match filled {
            Ok((filled, overwrite, findings)) => Ok(Some(Job {
                id: begin.id,
                name: name.to_owned(),
                input: self.folder.join(name),
                template: Arc::clone(&self.template),
                filled,
                findings,
                overwrite,
                known: begin.known,
                cancel: begin.cancel,
            })),
            Err(findings) => {
                let template = Arc::clone(&self.template);
                self.ended(begin.id, Ending::Failed { findings, template })?;
                Ok(None)
            }
        }
    }

    /// The template filled in for a file, with a stem that no other file's films have; whether they replace some; and
    /// what was found.
    fn fill(&self, name: &str) -> Result<(Filled, bool, Vec<Diagnostic>), Vec<Diagnostic>> {
        let input = self.folder.join(name).to_string_lossy().into_owned();
        for stem in stems(name) {
            let given = Given { input: input.clone(), name: name.to_owned(), stem };
            let (filled, findings) = self.template.fill(&given, &self.watch.out)?;
            let claims: Vec<Claim> =
                filled.outputs.iter().map(|output| self.queue.claim(output, name)).collect();
            if claims.contains(&Claim::Taken) {
                continue;
            }
            let foreign = filled.outputs.iter().zip(&claims).find(|(_, claim)| **claim == Claim::Foreign);
            if let Some((output, _)) = foreign.filter(|_| !self.watch.overwrite) {
                let message =
                    format!("cannot write {}: it is there, and was not made by this watch", output.display());
                let help = "move it away, or watch with --overwrite".to_owned();
                return Err(vec![placeless(vfxb_engine::codes::OUTPUT_REFUSED, message, Some(help))]);
            }
            let overwrite = claims.iter().any(|claim| *claim != Claim::Free);
            return Ok((filled, overwrite, findings));
        }
        let message = format!("the films of {name} have names that other files' films have");
        let help = "write ${stem} into the names of the template's outputs, or rename the file".to_owned();
        Err(vec![placeless(vfxb_engine::codes::SAME_OUTPUT, message, Some(help))])
    }

    fn ended(&mut self, id: u64, ending: Ending) -> Result<(), Stop> {
        let Some(name) = self.queue.name(id).map(str::to_owned) else { return Ok(()) };
        let say = |object: Value| self.terminal.object(&about(&name, object));
        match ending {
            Ending::Done { digest, written, seconds } => {
                self.queue.done(id, Some(digest)).map_err(|error| self.unkept(&error))?;
                self.counts.done += 1;
                written.iter().try_for_each(|file| say(rendering::output(file)))?;
                let files: Vec<_> = written.iter().map(|file| file.file.to_string_lossy()).collect();
                say(json!({"type": "done", "files": files, "seconds": seconds}))?;
                let line = format!("{} {name}  {}", styled(GOOD, "✓"), files.join("  "));
                self.terminal.print(&format!("{line}  {}\n", styled(FAINT, &format!("in {seconds:.1} s"))))
            }
            Ending::Same(digest) => {
                self.queue.unchanged(id, digest).map_err(|error| self.unkept(&error))?;
                say(json!({"type": "same"}))?;
                self.terminal.status(&styled(FAINT, &format!("  {name} is what it was")));
                Ok(())
            }
            // What is still being written may well be no film yet.
            Ending::Failed { findings, template }
                if !self.queue.is_stale(id, &self.folder)
                    && !self.bell.open_in(&self.folder).contains(&name) =>
            {
                let report = tell(self.terminal, &name, &findings, &template.text().map);
                self.failed(id, &name, &report)
            }
            Ending::Failed { .. } | Ending::Stopped => {
                self.queue.dropped(id).map_err(|error| self.unkept(&error))?;
                say(json!({"type": "dropped"}))
            }
            Ending::Closed => {
                self.queue.dropped(id).map_err(|error| self.unkept(&error))?;
                Err(Stop::Interrupted)
            }
        }
    }

    /// The text is there before the failure is noted, and that before the file is moved: whatever happens between, the
    /// next start goes on from there.
    fn failed(&mut self, id: u64, name: &str, report: &str) -> Result<(), Stop> {
        let place = Place::new(&self.watch.failed, name);
        let kept = place.explain(&format!("{name} could not be rendered.\n\n{report}"));
        kept.and_then(|()| self.queue.failed(id)).map_err(|error| self.unkept(&error))?;
        self.counts.failed += 1;
        let moved = place.take(&self.folder.join(name)).map(|file| file.to_string_lossy().into_owned());
        let report = place.report().to_string_lossy().into_owned();
        self.terminal.object(&about(name, json!({"type": "failed", "report": report, "file": moved})))?;
        self.terminal.print(&format!("{} {name}  {report}\n", styled(WRONG, "✗")))
    }

    /// Moves what failed and was not moved: the process ended before it could, or the disk was another.
    fn take_failures(&self) {
        for (name, stamp) in self.queue.failures() {
            let file = self.folder.join(&name);
            if Stamp::of(&file) == Some(stamp) {
                Place::new(&self.watch.failed, &name).take(&file);
            }
        }
    }

    /// Stops what is under way and notes how it ended.
    fn stop(&mut self, messages: &Receiver<Message>) -> Result<(), Stop> {
        self.queue.cancel_all();
        while self.queue.is_running_any() {
            match messages.recv() {
                Ok(Message::Ended(id, ending)) => self.ended(id, ending)?,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Without a journal nothing may go on: what is done would be done again.
    fn unkept(&self, error: &io::Error) -> Stop {
        let message = format!("cannot write to {}: {error}", self.watch.out.display());
        let help = "make room or mend the disk, and begin again: what was done is known".to_owned();
        self.terminal.findings(&[placeless(codes::WATCH_JOURNAL, message, Some(help))], &SourceMap::new());
        Stop::Failed
    }
}

fn broken() -> Vec<Diagnostic> {
    let help = "please report it, with this file".to_owned();
    vec![placeless(codes::WATCH_BROKEN, "the renderer broke".to_owned(), Some(help))]
}

fn poison(name: &str, tries: u32) -> Vec<Diagnostic> {
    let message = format!("the program ended {tries} times while it rendered {name}");
    let help = "the file may be broken in a way that ends the program".to_owned();
    vec![placeless(codes::WATCH_POISON, message, Some(help))]
}
