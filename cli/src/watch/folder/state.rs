//! The loop around a watched folder: waits for hints, for the clock, for signals and for ends of renders, and looks into
//! the folder. What is done about single files stands beside it.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vfxb_dsl::source::SourceMap;

use super::super::bell::{Bell, Hint};
use super::super::inbox::{self, Inbox};
use super::super::job::{Ending, Kit, about};
use super::super::queue::Queue;
use super::super::stamp::Stamp;
use super::super::template::Template;
use super::super::{TOGETHER, folders_of, listen};
use super::Watch;
use crate::codes;
use crate::layout::{FAINT, styled};
use crate::stop::Stop;
use crate::terminal::{Terminal, placeless};

/// What the loop hears.
pub(super) enum Message {
    Hint(Hint),
    Signal,
    Ended(u64, Ending),
}

/// How many files came to what end.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) done: u64,
    pub(super) failed: u64,
}

/// What the loop works with.
pub(super) struct Parts<'a> {
    pub(super) watch: &'a Watch,
    pub(super) kit: &'a Kit,
    pub(super) terminal: &'a Terminal,
    /// The watched folder, from the root.
    pub(super) folder: PathBuf,
    pub(super) template: Template,
    pub(super) bell: Bell,
    /// How often is looked without a hint.
    pub(super) every: Duration,
    pub(super) tell: Sender<Message>,
    pub(super) queue: Queue,
}

/// The loop's own.
pub(super) struct State<'a> {
    pub(super) watch: &'a Watch,
    pub(super) kit: &'a Kit,
    pub(super) terminal: &'a Terminal,
    pub(super) folder: PathBuf,
    pub(super) template: Arc<Template>,
    template_stamp: Option<Stamp>,
    bell: Bell,
    every: Duration,
    pub(super) tell: Sender<Message>,
    pub(super) queue: Queue,
    pub(super) counts: Counts,
    /// What was said to be ignored.
    ignored: BTreeSet<String>,
    /// The folder is not there.
    away: bool,
    /// It was said that all is done.
    idle: bool,
}

impl<'a> State<'a> {
    pub(super) fn new(parts: Parts<'a>) -> Self {
        let Parts { watch, kit, terminal, folder, template, bell, every, tell, queue } = parts;
        State {
            watch,
            kit,
            terminal,
            folder,
            template_stamp: template.stamp(),
            template: Arc::new(template),
            bell,
            every,
            tell,
            queue,
            counts: Counts::default(),
            ignored: BTreeSet::new(),
            away: false,
            idle: false,
        }
    }

    /// Watches until something ends it, and says what.
    pub(super) fn watch<'s>(
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

    /// Stops what is under way and notes how it ended.
    pub(super) fn stop(&mut self, messages: &Receiver<Message>) -> Result<(), Stop> {
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
    pub(super) fn unkept(&self, error: &io::Error) -> Stop {
        let message = format!("cannot write to {}: {error}", self.watch.out.display());
        let help = "make room or mend the disk, and begin again: what was done is known".to_owned();
        self.terminal.findings(&[placeless(codes::WATCH_JOURNAL, message, Some(help))], &SourceMap::new());
        Stop::Failed
    }
}
