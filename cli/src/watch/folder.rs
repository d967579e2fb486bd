//! A folder whose files are rendered through a template as they come, each exactly once.
//!
//! One thread looks into the folder, keeps the queue and starts renders on others; what they meet comes back to it.
//! Files stay where they are, but for those that fail: these go to a side folder. What was done is in a journal in the
//! folder of the films, which one watch at a time works in.

mod render;
mod state;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value;
use vfxb_engine::media::encode::discard_broken_off;
use vfxb_engine::plan::Request;

use super::job::Kit;
use super::journal::Journal;
use super::listening;
use super::queue::Queue;
use super::template::Template;
use crate::Context;
use crate::args::{MachineOptions, ScriptOptions};
use crate::codes;
use crate::stop::Stop;
use crate::terminal::{Terminal, placeless};
use state::{Message, Parts, State};

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
            system_fonts: self.template.system_fonts,
        };
        let (tell, messages) = channel();
        let hints = tell.clone();
        // Whoever listens no more needs no hint.
        let (bell, every) = listening(self.poll, terminal, move |hint| drop(hints.send(Message::Hint(hint))));
        let signals = tell.clone();
        context.interrupt.wake(move || drop(signals.send(Message::Signal)));
        let ended = std::thread::scope(|scope| {
            let parts =
                Parts { watch: &self, kit: &kit, terminal, folder, template, bell, every, tell, queue };
            let mut state = State::new(parts);
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
