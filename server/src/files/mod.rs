//! Files on disk, by our own names: `UPLOAD_DIR/{videos,audio,images,temp}/ID.EXTENSION`.
//!
//! Streams come in and are hashed on their way to a temporary file; a file that is whole is moved to its place. No
//! user's name ever becomes part of a path. Which rows a file belongs to is the store's business.

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::model::{Blob, Folder};

/// The upload folder.
#[derive(Debug, Clone)]
pub struct Files {
    root: PathBuf,
}

impl Files {
    /// Opens an upload folder, and makes what is missing in it.
    ///
    /// # Errors
    /// If it cannot be made or written to.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Files> {
        let files = Files { root: root.into() };
        for folder in [Folder::Videos, Folder::Audio, Folder::Images, Folder::Temp] {
            std::fs::create_dir_all(files.folder(folder))?;
        }
        Ok(files)
    }

    /// The upload folder itself.
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
}
