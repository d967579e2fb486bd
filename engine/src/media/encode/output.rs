//! Files that appear whole or not at all.
//!
//! A name comes in; what is written lies beside it under a temporary name until [`place`] puts it in its place, together
//! with all that belongs to it. Dropping it leaves nothing behind. Nothing here knows what the bytes mean.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{NamedTempFile, TempPath};

use crate::media::{MediaError, MediaErrorKind};

fn refused(path: &Path, what: &str, help: &str) -> MediaError {
    MediaError::new(MediaErrorKind::NotAllowed, format!("cannot write {}: {what}", path.display()))
        .with_help(help)
}

/// Whether a file of this name may be written: to be asked before anything is rendered. `sources` are the canonical
/// names of what is read.
///
/// # Errors
/// If it exists and `overwrite` is not set, is read-only, a folder or no regular file, is one of `sources`, or cannot be
/// a file's name.
pub fn check_output(path: &Path, overwrite: bool, sources: &HashSet<PathBuf>) -> Result<(), MediaError> {
    let refuse = |what: &str, help: &str| Err(refused(path, what, help));
    if path.file_name().is_none() {
        return refuse("it is no file's name", "give a file's name");
    }
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return match path.symlink_metadata() {
                Ok(_) if !overwrite => refuse("it is a link to nothing", "give another name, or --overwrite"),
                _ => Ok(()),
            };
        }
        Err(error) => return refuse(&error.to_string(), "give another name"),
    };
    if found.is_dir() {
        return refuse("it is a folder", "give a file's name");
    }
    if !found.is_file() {
        return refuse("it is not a regular file", "give another name");
    }
    if path.canonicalize().is_ok_and(|own| sources.contains(&own)) {
        return refuse("it is one of the sources", "give another name");
    }
    if !overwrite {
        return refuse("it exists already", "give another name, or --overwrite");
    }
    if found.permissions().readonly() {
        return refuse("it is read-only", "change its permissions or give another name");
    }
    Ok(())
}

/// Whether files can be made where this one is to go: tried by making one.
///
/// # Errors
/// If there is no such folder, or it cannot be written to.
pub fn check_folder(path: &Path) -> Result<(), MediaError> {
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(refused(
            path,
            &format!("there is no folder {}", folder.display()),
            "make the folder first",
        ));
    }
    let _gate = gate()?;
    temporary(path)
        .map(drop)
        .map_err(|error| refused(path, &error.to_string(), "write to a folder that you may write to"))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file beside `path`, on the same disk, that goes away unless it is kept.
fn temporary(path: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let prefix = prefix(std::process::id());
    builder.prefix(&prefix).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What a file made in the usual way would have; the process's mask is taken off by the system.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder_of(path))
}

const SUFFIX: &str = ".part";

/// What the names of a process's unfinished files begin with.
fn prefix(process: u32) -> String {
    format!(".vfxb-{process}-")
}

/// Held while files are begun or put in their places; true from when no more may be.
static ABANDONED: Mutex<bool> = Mutex::new(false);

/// The right to begin files or put them in their places, which nobody abandons meanwhile.
pub(super) struct Gate {
    _open: MutexGuard<'static, bool>,
}

/// Waits for the right.
pub(super) fn gate() -> Result<Gate, MediaError> {
    let open = ABANDONED.lock().unwrap_or_else(PoisonError::into_inner);
    if *open {
        return Err(MediaError::new(MediaErrorKind::Cancelled, "cancelled"));
    }
    Ok(Gate { _open: open })
}

/// Removes what this process has begun to write for `files` and their neighbours, and lets it begin no more: for a
/// process that is about to end without unwinding. What cannot be removed stays.
pub fn abandon<'a>(files: impl Iterator<Item = &'a Path>) {
    *ABANDONED.lock().unwrap_or_else(PoisonError::into_inner) = true;
    for folder in files.map(folder_of).collect::<BTreeSet<_>>() {
        discard(folder, std::process::id());
    }
}

/// Removes what a process that was killed has left unfinished in a folder. Nothing, if there is such a process again.
pub fn discard_broken_off(folder: &Path, process: u32) {
    if process != std::process::id() && !Path::new("/proc").join(process.to_string()).exists() {
        discard(folder, process);
    }
}

fn discard(folder: &Path, process: u32) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(&prefix(process)) && name.ends_with(SUFFIX)) {
            // What cannot be removed stays, and harms nobody.
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

/// A file that is being written.
pub(super) struct Output {
    target: PathBuf,
    temporary: TempPath,
    overwrite: bool,
}

impl Output {
    /// Beside `target`, with a handle to write it through.
    pub(super) fn create(_: &Gate, target: &Path, overwrite: bool) -> Result<(Output, File), MediaError> {
        let (file, temporary) =
            temporary(target).map_err(|e| MediaError::from_io(target, "write", &e))?.into_parts();
        Ok((Output { target: target.to_owned(), temporary, overwrite }, file))
    }

    /// Where it lies for now.
    pub(super) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Where it goes.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Brings its bytes to the disk: after this only its name is missing.
    pub(super) fn sync(&self) -> Result<(), MediaError> {
        let synced = File::options().write(true).open(&self.temporary).and_then(|file| file.sync_all());
        synced.map_err(|e| MediaError::from_io(&self.target, "write", &e))
    }

    /// Puts it in its place.
    fn put(self) -> Result<Placed, MediaError> {
        let Output { target, temporary, overwrite } = self;
        let previous = if overwrite { second_name(&target) } else { None };
        let put = if overwrite { temporary.persist(&target) } else { temporary.persist_noclobber(&target) };
        match put {
            Ok(()) => Ok(Placed { target, previous }),
            Err(e) if e.error.kind() == ErrorKind::AlreadyExists => {
                Err(refused(&target, "it exists already", "give another name, or --overwrite"))
            }
            Err(e) => Err(MediaError::from_io(&target, "write", &e.error)),
        }
    }
}

/// A second name of a file that is about to be replaced, so that it can come back. `None` if there is no such file, or
/// its disk knows no second names.
fn second_name(target: &Path) -> Option<TempPath> {
    let mut builder = tempfile::Builder::new();
    let prefix = prefix(std::process::id());
    builder.prefix(&prefix).suffix(SUFFIX);
    let linked = builder.make_in(folder_of(target), |name| std::fs::hard_link(target, name));
    linked.ok().map(NamedTempFile::into_temp_path)
}

/// A file in its place, and the one that was there before.
struct Placed {
    target: PathBuf,
    previous: Option<TempPath>,
}

impl Placed {
    /// As if it had never been there. What cannot be undone stays: there is an error to tell already.
    fn undo(self) {
        match self.previous {
            Some(previous) => drop(previous.persist(&self.target)),
            None => drop(std::fs::remove_file(&self.target)),
        }
    }
}

/// Puts files in their places, all of them or none.
pub(super) fn place(outputs: Vec<Output>) -> Result<(), MediaError> {
    let _gate = gate()?;
    let mut placed: Vec<Placed> = Vec::with_capacity(outputs.len());
    for output in outputs {
        match output.put() {
            Ok(done) => placed.push(done),
            Err(error) => {
                placed.into_iter().rev().for_each(Placed::undo);
                return Err(error);
            }
        }
    }
    // New names are on disk only when their folders are; a folder that cannot be synced is no reason to fail.
    #[cfg(unix)]
    for folder in placed.iter().map(|p| folder_of(&p.target)).collect::<BTreeSet<_>>() {
        if let Ok(folder) = File::open(folder) {
            drop(folder.sync_all());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn written(target: &Path, overwrite: bool, text: &str) -> Output {
        let (output, mut file) = Output::create(&gate().unwrap(), target, overwrite).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        output
    }

    fn count(folder: &tempfile::TempDir) -> usize {
        std::fs::read_dir(folder.path()).unwrap().count()
    }

    #[test]
    fn outputs_are_checked_before_rendering() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a.mp4"), "x").unwrap();
        let sources = HashSet::from([at("a.mp4").canonicalize().unwrap()]);
        let told = |name: &str, overwrite, sources: &HashSet<PathBuf>| {
            let result = check_folder(&at(name)).and_then(|()| check_output(&at(name), overwrite, sources));
            result.map_err(|error| (error.kind, error.message)).err()
        };
        let none = HashSet::new();
        assert_eq!(told("a.mp4", true, &none), None);
        assert_eq!(told("b.mp4", false, &sources), None);
        let long = format!("{}.mp4", "x".repeat(300));
        for (name, overwrite, sources, says) in [
            ("a.mp4", false, &none, "it exists already"),
            ("./a.mp4", true, &sources, "it is one of the sources"),
            ("", true, &none, "it is a folder"),
            ("..", true, &none, "it is no file's name"),
            ("no/c.mp4", true, &none, "there is no folder"),
            (&long, false, &none, "name too long"),
        ] {
            let (kind, message) = told(name, overwrite, sources).unwrap();
            assert_eq!(kind, MediaErrorKind::NotAllowed, "{name}");
            assert!(message.contains(says), "{name}: {message}");
        }
        assert_eq!(count(&folder), 1);
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.bin");
        let half = written(&target, false, "half");
        assert!(!target.exists());
        drop(half);
        assert_eq!(count(&folder), 0);
        place(vec![written(&target, false, "whole")]).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"whole");
        let again = place(vec![written(&target, false, "other")]);
        assert_eq!(again.unwrap_err().kind, MediaErrorKind::NotAllowed);
        assert_eq!((count(&folder), std::fs::read(&target).unwrap().as_slice()), (1, &b"whole"[..]));
    }

    #[test]
    fn files_that_belong_together_appear_together_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("kept"), "old").unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        let outputs = vec![
            written(&at("new"), false, "n"),
            written(&at("kept"), true, "k"),
            written(&at("folder"), true, "f"),
        ];
        assert!(place(outputs).is_err());
        assert!(!at("new").exists());
        assert_eq!(std::fs::read(at("kept")).unwrap(), b"old");
        assert_eq!(count(&folder), 2);
        place(vec![written(&at("new"), false, "n"), written(&at("kept"), true, "k")]).unwrap();
        assert_eq!(std::fs::read(at("kept")).unwrap(), b"k");
        assert_eq!(count(&folder), 3);
    }
}
