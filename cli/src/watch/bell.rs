//! Hints that something may have changed: from the system where it tells of changes, else from the clock alone.
//!
//! A hint is never the truth. Whoever hears one looks for himself, and looks from time to time without one: hints get
//! lost where changes are many, and on shares they never come.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::stamp::inode;

/// A hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Something changed somewhere.
    Changed,
    /// Whoever wrote this file has closed it, or put it there whole under this name.
    Closed(PathBuf),
}

/// Listens to folders.
pub(crate) struct Bell {
    watcher: Option<RecommendedWatcher>,
    /// The folders by name, each with its number: one that was made anew is another.
    folders: BTreeMap<PathBuf, u64>,
    rung: Arc<AtomicBool>,
    open: Arc<Open>,
}

/// Files that somebody has written to and not closed since. Only Linux tells of closing: elsewhere there are none.
#[derive(Default)]
struct Open(Mutex<BTreeSet<PathBuf>>);

impl Open {
    fn change(&self, change: impl FnOnce(&mut BTreeSet<PathBuf>)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn hear(&self, event: &Event) {
        let paths = event.paths.iter();
        match event.kind {
            _ if event.need_rescan() => self.change(BTreeSet::clear),
            EventKind::Modify(ModifyKind::Data(_)) if cfg!(target_os = "linux") => {
                self.change(|open| open.extend(paths.cloned()));
            }
            EventKind::Access(AccessKind::Close(AccessMode::Write)) | EventKind::Remove(_) => {
                self.change(|open| open.retain(|path| !event.paths.contains(path)));
            }
            _ => {}
        }
    }
}

impl Bell {
    /// Listens by the system, and passes hints to `tell`. If that does not work here, why.
    pub(crate) fn system(tell: impl Fn(Hint) + Send + 'static) -> (Bell, Option<String>) {
        let silent = Bell::silent();
        let (heard, written) = (Arc::clone(&silent.rung), Arc::clone(&silent.open));
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let Ok(event) = event else { return ring(&heard, &tell) };
            written.hear(&event);
            if event.paths.is_empty() || event.paths.iter().any(|path| !is_ours(path)) {
                hear(&event, &heard, &tell);
            }
        });
        match watcher {
            Ok(watcher) => (Bell { watcher: Some(watcher), ..silent }, None),
            Err(error) => (silent, Some(error.to_string())),
        }
    }

    /// Never rings.
    pub(crate) fn silent() -> Bell {
        Bell { watcher: None, folders: BTreeMap::new(), rung: Arc::default(), open: Arc::default() }
    }

    /// The names of files in a folder that somebody has written to and not closed since, as far as the system tells.
    pub(crate) fn open_in(&self, folder: &Path) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.open.change(|open| {
            // One that was renamed is written to under its new name, if at all.
            open.retain(|path| path.exists());
            let inside = open.iter().filter(|path| path.parent() == Some(folder));
            names.extend(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())));
        });
        names
    }

    /// Takes note of a hint: the next change rings again.
    pub(crate) fn heard(&self) {
        self.rung.store(false, Ordering::Relaxed);
    }

    /// Listens to these folders and no others; to those that are there by now.
    ///
    /// # Errors
    /// If the system refuses: too many are listened to. It is silent from there on.
    pub(crate) fn listen(&mut self, folders: &BTreeSet<PathBuf>) -> Result<(), String> {
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        let wanted: BTreeMap<PathBuf, u64> = folders
            .iter()
            .filter_map(|folder| Some((folder.clone(), inode(&std::fs::metadata(folder).ok()?))))
            .collect();
        for (folder, _) in self.folders.iter().filter(|(folder, id)| wanted.get(*folder) != Some(id)) {
            // It may be gone, which ends the listening by itself.
            drop(watcher.unwatch(folder));
        }
        let mut refused = None;
        for (folder, _) in wanted.iter().filter(|(folder, id)| self.folders.get(*folder) != Some(id)) {
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive)
                && !matches!(error.kind, notify::ErrorKind::PathNotFound)
                && folder.is_dir()
            {
                refused = Some(error.to_string());
            }
        }
        self.folders = wanted;
        match refused {
            None => Ok(()),
            Some(why) => {
                self.watcher = None;
                Err(why)
            }
        }
    }
}

/// Passes on what matters of an event. That files are opened and read does not: reading them is what a render does.
fn hear(event: &Event, rung: &AtomicBool, tell: &impl Fn(Hint)) {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
            event.paths.iter().for_each(|path| tell(Hint::Closed(path.clone())));
            ring(rung, tell);
        }
        EventKind::Access(_) => {}
        _ => ring(rung, tell),
    }
}

/// One hint at a time waits to be heard, however much changes.
fn ring(rung: &AtomicBool, tell: &impl Fn(Hint)) {
    if !rung.swap(true, Ordering::Relaxed) {
        tell(Hint::Changed);
    }
}

/// Whether it is a file that a render or this watch itself is writing.
fn is_ours(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".vfxb-"))
}
