//! Whether a file is still what it was: by what its file system says of it, without reading it.
//!
//! A source is stamped when it is probed and looked at again when it is opened and when its render is done, so that no
//! film is made of two states of one file.

use std::fs::Metadata;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{MediaError, MediaErrorKind, SourceInfo};

/// What the file system says of a file's bytes. The time at which a file's *entry* last changed is left out on purpose:
/// a new permission or a second name changes it, and no byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileStamp {
    /// The device; 0 where the system has no such number.
    pub device: u64,
    /// The number on the device; 0 where the system has no such number.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When its bytes last changed, in nanoseconds since 1970; 0 where the system does not say.
    pub modified: i64,
}

impl FileStamp {
    /// Of a file as it is now.
    ///
    /// # Errors
    /// If there is no such file, or it cannot be asked for.
    pub fn of(path: &Path) -> std::io::Result<FileStamp> {
        std::fs::metadata(path).map(|found| FileStamp::from_metadata(&found))
    }

    fn from_metadata(found: &Metadata) -> FileStamp {
        #[cfg(unix)]
        let (device, inode) = {
            use std::os::unix::fs::MetadataExt;
            (found.dev(), found.ino())
        };
        #[cfg(not(unix))]
        let (device, inode) = (0, 0);
        let modified = found.modified().map_or(0, nanoseconds);
        FileStamp { device, inode, size: found.len(), modified }
    }
}

fn nanoseconds(time: SystemTime) -> i64 {
    let whole = |d: std::time::Duration| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX);
    time.duration_since(SystemTime::UNIX_EPOCH).map_or_else(|before| -whole(before.duration()), whole)
}

/// Whether a file is as it was.
pub(super) fn check(path: &Path, stamp: &FileStamp) -> Result<(), MediaError> {
    match FileStamp::of(path) {
        Ok(now) if now == *stamp => Ok(()),
        Ok(_) => Err(changed(path)),
        Err(_) => Err(gone(path)),
    }
}

/// Whether every file of a source is as it was when it was probed.
///
/// # Errors
/// [`MediaErrorKind::Changed`], with the name of the first that is not.
pub fn check_source(source: &SourceInfo) -> Result<(), MediaError> {
    source.files().zip(&source.stamps).try_for_each(|(path, stamp)| check(path, stamp))
}

/// The file is not what it was when it was first read.
pub(super) fn changed(path: &Path) -> MediaError {
    let message = format!("{} has changed since it was first read", path.display());
    MediaError::new(MediaErrorKind::Changed, message)
        .with_help("render again when nothing writes to it any more")
}

fn gone(path: &Path) -> MediaError {
    let message = format!("{} has gone since it was first read", path.display());
    MediaError::new(MediaErrorKind::Changed, message)
        .with_help("put it back and render again; it is needed until the film is done")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::time::Duration;

    #[test]
    fn a_file_is_known_by_its_bytes_and_not_by_its_entry() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        std::fs::write(&path, "four").unwrap();
        let dated =
            |seconds| File::options().write(true).open(&path).unwrap().set_modified(at(seconds)).unwrap();
        dated(1_000);
        let stamp = FileStamp::of(&path).unwrap();
        assert_eq!((stamp.size, stamp.modified), (4, 1_000_000_000_000));
        std::fs::hard_link(&path, folder.path().join("b")).unwrap();
        assert_eq!(check(&path, &stamp), Ok(()));
        dated(1_001);
        assert_eq!(check(&path, &stamp).unwrap_err().kind, MediaErrorKind::Changed);
        dated(1_000);
        std::fs::write(folder.path().join("c"), "four").unwrap();
        File::options().write(true).open(folder.path().join("c")).unwrap().set_modified(at(1_000)).unwrap();
        if cfg!(unix) {
            std::fs::rename(folder.path().join("c"), &path).unwrap();
            assert_eq!(check(&path, &stamp).unwrap_err().kind, MediaErrorKind::Changed);
        }
        std::fs::remove_file(&path).unwrap();
        assert!(check(&path, &stamp).unwrap_err().message.contains("has gone"));
        assert_eq!(nanoseconds(SystemTime::UNIX_EPOCH - Duration::from_nanos(1)), -1);
    }
}
