//! Which file of a watched folder is rendered next, and which render has become stale: looks into the folder and ends of
//! renders come in, jobs go out, and the journal is kept on the way. Renders nothing and waits for nothing; every
//! instant is given by the caller.
//!
//! A file is known by its name and its stamp. One that only changed its name is still known; one of a known name and
//! another stamp is rendered again, unless its bytes turn out to be the same, which the render finds out. A file that
//! went is forgotten, so that dropping it again renders it again; but not if the folder itself is another one, which is
//! what a share that is not mounted looks like.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use vfxb_engine::media::encode::numbered;

use super::inbox::Inbox;
use super::journal::{Begun, Journal, Line, Made, Record, State};
use super::settle::Settling;
use super::stamp::Stamp;

/// Starts of one render that the process did not live to see the end of. A crash cannot be told from a power cut, so
/// this is generous.
pub(crate) const MOST_TRIES: u32 = 10;

/// The files of a watched folder on their way.
#[derive(Debug)]
pub(crate) struct Queue {
    journal: Journal,
    settling: Settling,
    /// By tries and order of arrival: what may have ended the process comes last.
    ready: BTreeMap<(u32, u64), (String, Stamp)>,
    running: BTreeMap<u64, Running>,
    /// Most renders at once.
    jobs: usize,
    home: u64,
    count: u64,
}

/// A render under way.
#[derive(Debug)]
pub(crate) struct Running {
    /// What its file is called by now.
    pub(crate) name: String,
    /// What it was called when the render began, which reads it under that name.
    read_as: String,
    /// The version that is rendered.
    pub(crate) stamp: Stamp,
    /// What it writes into the journal's folder.
    outputs: Vec<String>,
    cancel: Arc<AtomicBool>,
}

/// A render that is to begin.
#[derive(Debug)]
pub(crate) struct Begin {
    /// Names it when it ends.
    pub(crate) id: u64,
    /// Set once it is stale.
    pub(crate) cancel: Arc<AtomicBool>,
    /// The digest of the version of this name that was rendered before.
    pub(crate) known: Option<String>,
}

/// Whom the name of an output belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Nobody.
    Free,
    /// The input itself: an earlier version made it.
    Own,
    /// Another input.
    Taken,
    /// It was there, and not made here.
    Foreign,
}

impl Queue {
    /// Goes on where the journal stands: what a process that ended too early has finished counts as done.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub(crate) fn new(mut journal: Journal, jobs: usize, settle: Duration) -> io::Result<Queue> {
        let mut lines = Vec::new();
        for (name, record) in journal.inputs() {
            let State::Begun(begun) = &record.state else { continue };
            let changed = |(output, before): &(String, Option<Stamp>)| {
                let now = Stamp::of(&journal.folder().join(output));
                now.is_some() && now != *before
            };
            if !begun.outputs.is_empty() && begun.outputs.iter().all(changed) {
                let outputs = begun.outputs.iter().map(|(output, _)| output.clone());
                lines.extend(made(name, outputs, journal.folder()));
                // The digest is that of the version before, if there is one.
                let done = Record { state: State::Done, digest: None, ..record.clone() };
                lines.push(Line::Input(name.clone(), Some(done)));
            }
        }
        journal.note(lines)?;
        Ok(Queue {
            journal,
            settling: Settling::new(settle),
            ready: BTreeMap::new(),
            running: BTreeMap::new(),
            jobs,
            home: 0,
            count: 0,
        })
    }

    /// The processes that did not see the end of what they began.
    pub(crate) fn broken_off(&self) -> BTreeSet<u32> {
        let states = self.journal.inputs().values().map(|record| &record.state);
        states.filter_map(|s| if let State::Begun(begun) = s { Some(begun.process) } else { None }).collect()
    }

    /// Takes a look into the folder in.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub(crate) fn look(&mut self, inbox: &Inbox, now: Instant) -> io::Result<()> {
        self.home = inbox.home;
        let here: BTreeMap<&str, Stamp> = inbox.entries.iter().map(|e| (e.name.as_str(), e.stamp)).collect();
        self.follow_names(inbox, &here)?;
        self.forget_gone(inbox, &here)?;
        for running in self.running.values() {
            if here.get(running.name.as_str()) != Some(&running.stamp) {
                running.cancel.store(true, Ordering::Relaxed);
            }
        }
        for entry in &inbox.entries {
            let (name, stamp) = (entry.name.as_str(), entry.stamp);
            let stands = |other: &Stamp| *other == stamp;
            if self.dealt_with(name).is_some_and(|s| stands(&s)) || self.is_running(name).is_some_and(stands)
            {
                self.settling.retain(|other| other != name);
                self.ready.retain(|_, (other, _)| other != name);
            } else if !self.ready.values().any(|(other, ready)| other == name && stands(ready)) {
                self.ready.retain(|_, (other, _)| other != name);
                self.settling.seen(name, stamp, now);
            }
        }
        self.settling.retain(|name| here.contains_key(name));
        self.ready.retain(|_, (name, _)| here.contains_key(name.as_str()));
        self.take_settled(now);
        Ok(())
    }

    fn take_settled(&mut self, now: Instant) {
        for (name, stamp) in self.settling.settled(now) {
            let tries = self.tries(&name, &stamp);
            self.count += 1;
            self.ready.insert((tries, self.count), (name, stamp));
        }
    }

    /// Files that are known under a name that went, and are here under another.
    fn follow_names(&mut self, inbox: &Inbox, here: &BTreeMap<&str, Stamp>) -> io::Result<()> {
        let mut renames: Vec<(String, String)> = Vec::new();
        let gone: Vec<(&String, &Record)> =
            self.journal.inputs().iter().filter(|(name, _)| !here.contains_key(name.as_str())).collect();
        if gone.is_empty() {
            return Ok(());
        }
        for entry in &inbox.entries {
            if self.journal.inputs().get(&entry.name).is_some_and(|record| record.stamp == entry.stamp) {
                continue;
            }
            let known = gone.iter().find(|(name, record)| {
                entry.stamp.moved(&record.stamp) && !renames.iter().any(|(from, _)| from == *name)
            });
            if let Some((name, _)) = known {
                renames.push(((*name).clone(), entry.name.clone()));
            }
        }
        for (from, to) in renames {
            self.journal.renamed(&from, &to)?;
            for running in self.running.values_mut().filter(|running| running.name == from) {
                running.name.clone_from(&to);
            }
        }
        Ok(())
    }

    fn forget_gone(&mut self, inbox: &Inbox, here: &BTreeMap<&str, Stamp>) -> io::Result<()> {
        let somewhere: HashSet<&Stamp> = inbox.stamps.iter().collect();
        let gone = self.journal.inputs().iter().filter(|(name, record)| {
            !here.contains_key(name.as_str())
                && record.home == inbox.home
                && !somewhere.contains(&record.stamp)
                && self.is_running(name).is_none()
        });
        let lines = gone.map(|(name, _)| Line::Input(name.clone(), None)).collect();
        self.journal.note(lines)
    }

    /// The version of a file that needs nothing more.
    fn dealt_with(&self, name: &str) -> Option<Stamp> {
        let record = self.journal.inputs().get(name)?;
        matches!(record.state, State::Done | State::Failed).then_some(record.stamp)
    }

    fn is_running(&self, name: &str) -> Option<&Stamp> {
        self.running.values().find(|running| running.name == name).map(|running| &running.stamp)
    }

    fn stamp(&self, output: &str) -> Option<Stamp> {
        Stamp::of(&self.journal.folder().join(output))
    }

    fn tries(&self, name: &str, stamp: &Stamp) -> u32 {
        match self.journal.inputs().get(name) {
            Some(Record { state: State::Begun(begun), stamp: of, .. }) if of == stamp => begun.tries,
            _ => 0,
        }
    }

    /// The files that somebody writes to and has not closed.
    pub(crate) fn open(&mut self, names: BTreeSet<String>) {
        self.settling.open(names);
    }

    /// Its writer has closed this file, before the last look.
    pub(crate) fn closed(&mut self, name: &str, now: Instant) {
        self.settling.closed(name);
        self.take_settled(now);
    }

    /// When a file may be complete.
    pub(crate) fn next_settled(&self) -> Option<Instant> {
        self.settling.next()
    }

    /// Whether nothing runs, and nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.settling.next().is_none() && self.ready.is_empty() && self.running.is_empty()
    }

    /// Whether something runs.
    pub(crate) fn is_running_any(&self) -> bool {
        !self.running.is_empty()
    }

    /// The file that is to be rendered next, with how often that was begun before; `None` if all places are taken.
    pub(crate) fn next(&self) -> Option<(String, Stamp, u32)> {
        if self.running.len() >= self.jobs {
            return None;
        }
        let (_, (name, stamp)) = self.ready.iter().find(|(_, (name, _))| self.is_running(name).is_none())?;
        Some((name.clone(), *stamp, self.tries(name, stamp)))
    }

    /// Takes a file back that has changed since it was ready: the next look finds out what it is.
    pub(crate) fn withdraw(&mut self, name: &str) {
        self.ready.retain(|_, (other, _)| other != name);
    }

    /// Whom a name for an output of this input belongs to.
    pub(crate) fn claim(&self, output: &Path, input: &str) -> Claim {
        let output = name_of(output);
        if self.running.values().any(|running| running.outputs.contains(&output)) {
            return Claim::Taken;
        }
        let path = self.journal.folder().join(&output);
        let there = Stamp::of(numbered(&path, 1).as_deref().unwrap_or(&path));
        let made = self.journal.output(&output).filter(|made| made.stamp.is_none() || made.stamp == there);
        let begun = match self.journal.inputs().get(input).map(|record| &record.state) {
            Some(State::Begun(begun)) => begun.outputs.iter().any(|(other, _)| *other == output),
            _ => false,
        };
        match (there, made) {
            (None, _) => Claim::Free,
            (Some(_), Some(made)) if made.by == input => Claim::Own,
            (Some(_), Some(_)) => Claim::Taken,
            (Some(_), None) if begun => Claim::Own,
            (Some(_), None) => Claim::Foreign,
        }
    }

    /// Begins the render of a file that [`Queue::next`] gave.
    ///
    /// # Errors
    /// If the journal cannot be written: it must not begin then.
    pub(crate) fn begin(&mut self, name: &str, stamp: Stamp, outputs: &[PathBuf]) -> io::Result<Begin> {
        let outputs: Vec<String> = outputs.iter().map(|output| name_of(output)).collect();
        let tries = self.tries(name, &stamp) + 1;
        let known = self.journal.inputs().get(name).and_then(|record| record.digest.clone());
        let before = outputs.iter().map(|output| (output.clone(), self.stamp(output))).collect();
        let begun = Begun { process: std::process::id(), tries, outputs: before };
        self.record(name, stamp, known.clone(), State::Begun(begun), Vec::new())?;
        self.withdraw(name);
        self.count += 1;
        let cancel = Arc::new(AtomicBool::new(false));
        let running = Running {
            name: name.to_owned(),
            read_as: name.to_owned(),
            stamp,
            outputs,
            cancel: Arc::clone(&cancel),
        };
        self.running.insert(self.count, running);
        Ok(Begin { id: self.count, cancel, known })
    }

    fn record(
        &mut self,
        name: &str,
        stamp: Stamp,
        digest: Option<String>,
        state: State,
        mut lines: Vec<Line>,
    ) -> io::Result<()> {
        lines.push(Line::Input(name.to_owned(), Some(Record { stamp, digest, home: self.home, state })));
        self.journal.note(lines)
    }

    /// A render whose films are in their places.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub(crate) fn done(&mut self, id: u64, digest: Option<String>) -> io::Result<()> {
        let Some(running) = self.running.remove(&id) else { return Ok(()) };
        let lines = made(&running.name, running.outputs.into_iter(), self.journal.folder()).collect();
        self.record(&running.name, running.stamp, digest, State::Done, lines)
    }

    /// A render that found its file to be what was done already, byte by byte.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub(crate) fn unchanged(&mut self, id: u64, digest: String) -> io::Result<()> {
        let Some(running) = self.running.remove(&id) else { return Ok(()) };
        self.record(&running.name, running.stamp, Some(digest), State::Done, Vec::new())
    }

    /// Whether what a render reads is not what lies in the folder any more, so that nothing is to be said of it: another
    /// version, or the same under another name, which it could not find.
    pub(crate) fn is_stale(&self, id: u64, folder: &Path) -> bool {
        let there = |running: &Running| Stamp::of(&folder.join(&running.read_as)) == Some(running.stamp);
        !self.running.get(&id).is_some_and(there)
    }

    /// A render that failed by itself.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub(crate) fn failed(&mut self, id: u64) -> io::Result<()> {
        let Some(running) = self.running.remove(&id) else { return Ok(()) };
        self.record(&running.name, running.stamp, None, State::Failed, Vec::new())
    }

    /// A render that was stopped, or whose file went: as if it had not begun.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub(crate) fn dropped(&mut self, id: u64) -> io::Result<()> {
        let Some(Running { name, stamp, .. }) = self.running.remove(&id) else { return Ok(()) };
        let Some(record) = self.journal.inputs().get(&name).filter(|record| record.stamp == stamp) else {
            return Ok(());
        };
        let State::Begun(begun) = &record.state else { return Ok(()) };
        let tries = begun.tries.saturating_sub(1);
        let kept = (tries > 0 || record.digest.is_some()).then(|| Record {
            state: State::Begun(Begun { tries, outputs: Vec::new(), ..begun.clone() }),
            ..record.clone()
        });
        self.journal.note(vec![Line::Input(name, kept)])
    }

    /// What a running render's file is called by now.
    pub(crate) fn name(&self, id: u64) -> Option<&str> {
        self.running.get(&id).map(|running| running.name.as_str())
    }

    /// Files that failed, and the version that did.
    pub(crate) fn failures(&self) -> Vec<(String, Stamp)> {
        let failed = self.journal.inputs().iter().filter(|(_, record)| record.state == State::Failed);
        failed.map(|(name, record)| (name.clone(), record.stamp)).collect()
    }

    /// Asks every render to stop.
    pub(crate) fn cancel_all(&self) {
        self.running.values().for_each(|running| running.cancel.store(true, Ordering::Relaxed));
    }
}

/// What the journal calls an output.
fn name_of(output: &Path) -> String {
    output.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Lines that say who made these outputs.
fn made(by: &str, outputs: impl Iterator<Item = String>, folder: &Path) -> impl Iterator<Item = Line> {
    outputs.map(move |output| {
        let stamp = Stamp::of(&folder.join(&output));
        Line::Output(output, Some(Made { by: by.to_owned(), stamp }))
    })
}

#[cfg(test)]
mod tests;
