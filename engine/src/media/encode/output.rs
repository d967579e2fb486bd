//! Files that appear whole or not at all.
//!
//! A name comes in; what is written lies beside it under a temporary name until [`Output::commit`] puts it in its
//! place. Dropping it leaves nothing behind. Nothing here knows what the bytes mean.

use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::media::{MediaError, MediaErrorKind};

/// Whether `path` may be written: to be asked before anything is rendered.
///
/// # Errors
/// If it exists and `overwrite` is not set, is a folder or no regular file, is one of `inputs`, has no folder, or the
/// folder cannot be written to.
pub fn check_output(path: &Path, overwrite: bool, inputs: &[&Path]) -> Result<(), MediaError> {
    let refuse = |what: String, help: &str| {
        Err(MediaError::new(MediaErrorKind::NotAllowed, format!("cannot write {}: {what}", path.display()))
            .with_help(help))
    };
    let folder = folder_of(path);
    if let Ok(found) = std::fs::metadata(path) {
        if found.is_dir() {
            return refuse("it is a folder".into(), "give a file's name");
        }
        if !found.is_file() {
            return refuse("it is not a regular file".into(), "give another name");
        }
        let own = path.canonicalize().ok();
        if own.is_some() && inputs.iter().any(|input| input.canonicalize().ok() == own) {
            return refuse("it is one of the sources".into(), "give another name");
        }
        if !overwrite {
            return refuse("it exists already".into(), "give another name, or --overwrite");
        }
        if found.permissions().readonly() {
            return refuse("it is read-only".into(), "change its permissions or give another name");
        }
    } else if path.file_name().is_none() {
        return refuse("it is no file's name".into(), "give a file's name");
    }
    if !folder.is_dir() {
        return refuse(format!("there is no folder {}", folder.display()), "make the folder first");
    }
    match temporary(path) {
        Ok(_) => Ok(()),
        Err(error) => refuse(error.to_string(), "write to a folder that you may write to"),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file beside `path`, on the same disk, that goes away unless it is kept.
fn temporary(path: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let prefix = prefix();
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

/// What the names of this process's unfinished files begin with.
fn prefix() -> String {
    format!(".vfxb-{}-", std::process::id())
}

/// Removes what this process has begun to write for `path` and its neighbours: for a process that ends without
/// unwinding. What cannot be removed stays.
pub fn discard_partial(path: &Path) {
    let Ok(entries) = std::fs::read_dir(folder_of(path)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(&prefix()) && name.ends_with(SUFFIX)) {
            // Nobody is left to be told.
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
    pub(super) fn create(target: &Path, overwrite: bool) -> Result<(Output, File), MediaError> {
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

    /// Brings it to the disk and into its place.
    pub(super) fn commit(self) -> Result<(), MediaError> {
        let failed = |e: &std::io::Error| MediaError::from_io(&self.target, "write", e);
        File::options()
            .write(true)
            .open(&self.temporary)
            .and_then(|f| f.sync_all())
            .map_err(|e| failed(&e))?;
        let kept = if self.overwrite {
            self.temporary.persist(&self.target)
        } else {
            self.temporary.persist_noclobber(&self.target)
        };
        kept.map_err(|e| match e.error.kind() {
            std::io::ErrorKind::AlreadyExists => MediaError::new(
                MediaErrorKind::NotAllowed,
                format!("cannot write {}: it exists already", self.target.display()),
            )
            .with_help("give another name, or --overwrite"),
            _ => MediaError::from_io(&self.target, "write", &e.error),
        })?;
        // The new name is on disk only when its folder is; a folder that cannot be synced is no reason to fail.
        #[cfg(unix)]
        if let Ok(folder) = File::open(folder_of(&self.target)) {
            drop(folder.sync_all());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn outputs_are_checked_before_rendering() {
        let folder = tempfile::tempdir().unwrap();
        let (there, new) = (folder.path().join("a.mp4"), folder.path().join("b.mp4"));
        std::fs::write(&there, "x").unwrap();
        let kind = |r: Result<(), MediaError>| r.unwrap_err().kind;
        assert_eq!(kind(check_output(&there, false, &[])), MediaErrorKind::NotAllowed);
        assert!(check_output(&there, true, &[]).is_ok() && check_output(&new, false, &[&there]).is_ok());
        let roundabout = folder.path().join(".").join("a.mp4");
        assert!(
            check_output(&roundabout, true, &[&there]).unwrap_err().message.contains("one of the sources")
        );
        assert_eq!(kind(check_output(folder.path(), true, &[])), MediaErrorKind::NotAllowed);
        assert_eq!(
            kind(check_output(&folder.path().join("no/c.mp4"), true, &[])),
            MediaErrorKind::NotAllowed
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.bin");
        let (output, mut file) = Output::create(&target, false).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!target.exists());
        drop(output);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let (output, mut file) = Output::create(&target, false).unwrap();
        file.write_all(b"whole").unwrap();
        output.commit().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"whole");
        let (output, _) = Output::create(&target, false).unwrap();
        assert_eq!(output.commit().unwrap_err().kind, MediaErrorKind::NotAllowed);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
