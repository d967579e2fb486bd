//! Files on disk, by our own names: `UPLOAD_DIR/{videos,audio,images,temp}/ID.EXTENSION`.
//!
//! Streams come in and are hashed on their way to a temporary file (`receive`); a file that is whole is moved to its
//! place (`place`); what belongs to nothing goes (`sweep`). No user's name ever becomes part of a path. Which rows
//! a file belongs to is the store's business.

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::error::{ApiError, Kind};
use crate::model::{Blob, Folder};

mod place;
mod receive;
mod sweep;

pub use receive::{ReceiveError, Received};
pub use sweep::Swept;

/// The upload folder.
#[derive(Debug, Clone)]
pub struct Files {
    root: PathBuf,
}

/// Why a file could not be kept or looked at.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The disk is full, or the service's share of it.
    #[error("the disk is full")]
    Full,
    /// What the system says otherwise; for the log alone.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> FileError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                FileError::Full
            }
            _ => FileError::Io(error),
        }
    }
}

/// What removing came to, where it is no failure that somebody else was faster.
///
/// # Errors
/// What the system says otherwise.
pub(crate) fn or_gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

impl From<FileError> for ApiError {
    fn from(error: FileError) -> ApiError {
        match error {
            FileError::Full => ApiError::new(Kind::NoRoom, "The service has no room left on its disk."),
            FileError::Io(error) => ApiError::internal(error.to_string()),
        }
    }
}

impl Files {
    /// Opens an upload folder, and makes what is missing in it.
    ///
    /// # Errors
    /// If it cannot be made or written to.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Files> {
        // Absolute, because workers may run in another folder.
        let files = Files { root: std::path::absolute(root.into())? };
        for folder in Folder::ALL {
            std::fs::create_dir_all(files.folder(folder))?;
        }
        std::fs::create_dir_all(files.jobs_folder())?;
        // A folder that is there and cannot be written to is found now, not by the first upload.
        tempfile::tempfile_in(files.folder(Folder::Temp))?;
        Ok(files)
    }

    /// The upload folder itself; absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where files of a kind lie.
    pub fn folder(&self, folder: Folder) -> PathBuf {
        self.root.join(folder.name())
    }

    /// Where a stored file lies.
    pub fn path(&self, blob: &Blob) -> PathBuf {
        self.folder(blob.folder).join(format!("{}.{}", blob.id.simple(), blob.extension))
    }

    /// A place for something temporary, which is not there yet.
    pub fn temporary(&self, extension: &str) -> PathBuf {
        self.folder(Folder::Temp).join(format!("{}.{extension}", Uuid::new_v4().simple()))
    }

    /// The folder that a job writes into; its caller makes and removes it.
    pub fn job_folder(&self, job: Uuid) -> PathBuf {
        self.jobs_folder().join(job.simple().to_string())
    }

    /// Bytes that the service may still write there. Blocks for a moment.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn free_space(&self) -> io::Result<u64> {
        let room = rustix::fs::statvfs(&self.root)?;
        Ok(room.f_bavail.saturating_mul(room.f_frsize))
    }

    /// Where all of these folders lie.
    pub fn jobs_folder(&self) -> PathBuf {
        self.folder(Folder::Temp).join("jobs")
    }
}

/// Runs what blocks where it may.
async fn blocking<T: Send + 'static, E: From<io::Error> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|died| Err(io::Error::other(died).into()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn makes_its_folders_and_finds_room() {
        let folder = TempDir::new().expect("a folder");
        let files = Files::open(folder.path().join("a/b")).expect("files");
        for name in ["videos", "audio", "images", "temp", "temp/jobs"] {
            assert!(folder.path().join("a/b").join(name).is_dir(), "{name}");
        }
        assert!(files.free_space().expect("room") > 0);
        let blob = Blob {
            id: Uuid::from_u128(0xabc),
            folder: Folder::Audio,
            extension: "mp3".to_owned(),
            hash: String::new(),
            size: 0,
        };
        let expected = folder.path().join("a/b/audio/00000000000000000000000000000abc.mp3");
        assert_eq!(files.path(&blob), expected);
        assert_eq!(std::fs::read_dir(files.folder(Folder::Temp)).expect("a folder").count(), 1);
    }

    #[test]
    fn tells_a_full_disk_from_other_failures() {
        let kind = |error: io::Error| ApiError::from(FileError::from(error)).kind;
        for full in [rustix::io::Errno::NOSPC, rustix::io::Errno::DQUOT, rustix::io::Errno::FBIG] {
            assert_eq!(kind(full.into()), Kind::NoRoom, "{full}");
        }
        assert_eq!(kind(rustix::io::Errno::IO.into()), Kind::Internal);
    }

    #[test]
    fn says_that_it_cannot_write() {
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("file"), "").expect("a file");
        assert!(Files::open(folder.path().join("file")).is_err());
    }
}
