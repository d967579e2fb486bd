//! Moves whole files to their places, so that they survive the machine, and removes them from there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::receive::Received;
use super::{FileError, Files, blocking, or_gone};
use crate::model::{Blob, Folder};

impl Files {
    /// Moves a file to its blob's place: its bytes are on disk before its name is, and its name when this returns.
    ///
    /// # Errors
    /// If that fails; the file is gone then.
    pub async fn place(&self, received: Received, blob: &Blob) -> Result<PathBuf, FileError> {
        let path = self.path(blob);
        blocking(move || {
            received.file.as_file().sync_all()?;
            persist(received.file, &path)?;
            sync_folder(&path)?;
            Ok(path)
        })
        .await
    }

    /// Takes in a job's output and moves it to a place of its own: [`Files::adopt`] and [`Files::place`].
    ///
    /// # Errors
    /// As those; the file is gone then, unless it was no file of its own.
    pub async fn place_file(
        &self,
        path: impl Into<PathBuf>,
        folder: Folder,
        extension: impl Into<String>,
    ) -> Result<Blob, FileError> {
        let received = self.adopt(path).await?;
        let blob = received.blob(folder, extension);
        self.place(received, &blob).await?;
        Ok(blob)
    }

    /// Removes a stored file. One that is gone already is no failure.
    ///
    /// # Errors
    /// If it is there and cannot be removed.
    pub async fn remove(&self, blob: &Blob) -> Result<(), FileError> {
        let path = self.path(blob);
        blocking(move || Ok(or_gone(std::fs::remove_file(path))?)).await
    }
}

/// Renames; where temporary files lie on another file system, copies to a neighbour first, so that a file is never half
/// there under its own name.
fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    match file.persist(path) {
        Ok(_) => Ok(()),
        Err(failed) if failed.error.kind() == io::ErrorKind::CrossesDevices => {
            let folder = path.parent().unwrap_or(Path::new("."));
            let neighbour = NamedTempFile::new_in(folder)?;
            std::fs::copy(failed.file.path(), neighbour.path())?;
            neighbour.as_file().sync_all()?;
            neighbour.persist(path).map(drop).map_err(|failed| failed.error)
        }
        Err(failed) => Err(failed.error),
    }
}

/// A rename is on disk when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Bytes;
    use futures_util::stream;
    use tempfile::TempDir;

    use super::*;

    #[tokio::test]
    async fn places_and_removes() {
        let folder = TempDir::new().expect("a folder");
        let files = Files::open(folder.path()).expect("files");
        let sent = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"film"))]);
        let received = files.receive(sent, 4).await.expect("a file");
        let from = received.path().to_owned();
        let blob = received.blob(Folder::Videos, "mp4");
        assert_eq!((blob.size, blob.hash.as_str()), (4, blake3::hash(b"film").to_hex().as_str()));
        let path = files.place(received, &blob).await.expect("a place");
        assert_eq!(path, files.path(&blob));
        assert_eq!(std::fs::read(&path).expect("the file"), b"film");
        assert!(!from.exists());
        files.remove(&blob).await.expect("a removal");
        assert!(!path.exists());
        files.remove(&blob).await.expect("nothing to do");
    }

    #[tokio::test]
    async fn places_what_a_job_made() {
        let folder = TempDir::new().expect("a folder");
        let files = Files::open(folder.path()).expect("files");
        let made = files.job_folder(uuid::Uuid::new_v4()).join("o.png");
        std::fs::create_dir_all(made.parent().expect("a folder")).expect("a folder");
        std::fs::write(&made, "picture").expect("a file");
        let blob = files.place_file(&made, Folder::Images, "png").await.expect("a place");
        assert_eq!((blob.size, blob.hash.as_str()), (7, blake3::hash(b"picture").to_hex().as_str()));
        assert_eq!(std::fs::read(files.path(&blob)).expect("the file"), b"picture");
        assert!(!made.exists());
    }

    #[tokio::test]
    async fn leaves_nothing_where_it_cannot_place() {
        let folder = TempDir::new().expect("a folder");
        let files = Files::open(folder.path()).expect("files");
        let made = files.temporary("mp4");
        std::fs::write(&made, "film").expect("a file");
        std::fs::remove_dir(files.folder(Folder::Audio)).expect("a removal");
        let refused = files.place_file(&made, Folder::Audio, "mp3").await;
        assert!(matches!(refused, Err(FileError::Io(_))), "{refused:?}");
        assert!(!made.exists());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn moves_from_one_file_system_to_another() {
        // Shared memory is a file system of its own on every Linux; where it is not, this tests a plain rename.
        let other = TempDir::new_in("/dev/shm").expect("a folder");
        let folder = TempDir::new().expect("a folder");
        let files = Files::open(folder.path()).expect("files");
        let made = other.path().join("o.mp4");
        std::fs::write(&made, "film").expect("a file");
        let blob = files.place_file(&made, Folder::Videos, "mp4").await.expect("a place");
        assert_eq!(std::fs::read(files.path(&blob)).expect("the file"), b"film");
        assert!(!made.exists());
        assert_eq!(std::fs::read_dir(files.folder(Folder::Videos)).expect("a folder").count(), 1);
    }
}
