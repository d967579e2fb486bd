//! Takes files in: a stream of bytes, or a file that is there already, becomes a [`Received`]: whole, measured, hashed,
//! and gone again unless it is placed.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;

use axum::body::Bytes;
use futures_util::{Stream, StreamExt};
use tempfile::{NamedTempFile, TempPath};
use uuid::Uuid;

use super::{FileError, Files, blocking};
use crate::error::{ApiError, Kind};
use crate::model::{Blob, Folder};

/// Bytes that are gathered for one write: with the client's chunk in hand, all the memory that an upload takes.
const GATHERED: usize = 256 << 10;

/// Why a file did not come in. Nothing of it stays.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It has more bytes than it may have.
    #[error("it has more than {limit} bytes")]
    TooLarge {
        /// Bytes that it may have.
        limit: u64,
    },
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// It broke off; the text says how.
    #[error("it broke off: {0}")]
    Cut(String),
    /// What the system says otherwise; for the log alone.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for ReceiveError {
    fn from(error: io::Error) -> ReceiveError {
        match FileError::from(error) {
            FileError::Full => ReceiveError::Full,
            FileError::Io(error) => ReceiveError::Io(error),
        }
    }
}

impl From<ReceiveError> for ApiError {
    fn from(error: ReceiveError) -> ApiError {
        match error {
            ReceiveError::TooLarge { limit } => {
                ApiError::new(Kind::TooLarge, format!("A file may have {limit} bytes; this one has more."))
            }
            ReceiveError::Cut(_) => {
                ApiError::validation(vec!["The upload broke off before its end; send it again.".to_owned()])
            }
            ReceiveError::Full => FileError::Full.into(),
            ReceiveError::Io(error) => FileError::Io(error).into(),
        }
    }
}

/// A whole file among the temporary ones. Removed when it is dropped; [`Files::place`] keeps it.
#[derive(Debug)]
pub struct Received {
    /// Bytes.
    pub size: u64,
    /// BLAKE3 of them, in hexadecimal.
    pub hash: String,
    pub(super) file: NamedTempFile,
}

impl Received {
    /// Where it lies until it is placed.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// A row for it, with an id of its own. The extension is chosen by content, never by a user.
    pub fn blob(&self, folder: Folder, extension: impl Into<String>) -> Blob {
        let extension = extension.into();
        Blob { id: Uuid::new_v4(), folder, extension, hash: self.hash.clone(), size: self.size }
    }
}

impl Files {
    /// Writes a stream to a temporary file, hashing it on its way, in memory that does not depend on its length.
    /// Whatever goes wrong, dropping this future included, nothing of it stays.
    ///
    /// # Errors
    /// [`ReceiveError`]; `TooLarge` as soon as there are more than `limit` bytes.
    pub async fn receive<E: Display>(
        &self,
        stream: impl Stream<Item = Result<Bytes, E>>,
        limit: u64,
    ) -> Result<Received, ReceiveError> {
        let path = self.temporary("part");
        let partial = blocking(move || Partial::create(path)).await?;
        fill(partial, stream, limit).await
    }

    /// Takes in a file that is there: a resumable upload that is complete, a job's output. Removed when it is dropped,
    /// as one that was received.
    ///
    /// # Errors
    /// If it is not there, or is no file with this one name (a worker that was taken over may have left a link to
    /// somebody else's).
    pub async fn adopt(&self, path: impl Into<PathBuf>) -> Result<Received, FileError> {
        let path = path.into();
        blocking(move || adopt(path)).await
    }
}

async fn fill<E: Display>(
    mut partial: Partial,
    stream: impl Stream<Item = Result<Bytes, E>>,
    limit: u64,
) -> Result<Received, ReceiveError> {
    let mut stream = pin!(stream);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|why| ReceiveError::Cut(why.to_string()))?;
        partial.size = partial.size.saturating_add(chunk.len() as u64);
        if partial.size > limit {
            return Err(ReceiveError::TooLarge { limit });
        }
        partial.gathered.extend_from_slice(&chunk);
        if partial.gathered.len() >= GATHERED {
            partial = blocking(|| partial.write()).await?;
        }
    }
    let partial = blocking(|| partial.write()).await?;
    let Partial { file, hasher, size, .. } = partial;
    Ok(Received { size, hash: hasher.finalize().to_hex().to_string(), file })
}

/// A file that is coming in. It moves to the blocking pool and back for every write, so that it is removed whenever
/// whoever has it lets go of it.
struct Partial {
    file: NamedTempFile,
    hasher: blake3::Hasher,
    /// Bytes that came, the gathered ones included.
    size: u64,
    gathered: Vec<u8>,
}

impl Partial {
    fn create(path: PathBuf) -> io::Result<Partial> {
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        let file = NamedTempFile::from_parts(file, TempPath::try_from_path(path)?);
        Ok(Partial { file, hasher: blake3::Hasher::new(), size: 0, gathered: Vec::with_capacity(GATHERED) })
    }

    fn write(mut self) -> io::Result<Partial> {
        self.hasher.update(&self.gathered);
        self.file.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(self)
    }
}

fn adopt(path: PathBuf) -> Result<Received, FileError> {
    let is = std::fs::symlink_metadata(&path)?;
    #[cfg(unix)]
    let named_once = std::os::unix::fs::MetadataExt::nlink(&is) == 1;
    #[cfg(not(unix))]
    let named_once = true;
    if !is.is_file() || !named_once {
        return Err(FileError::Io(io::Error::other(format!("{} is no file of its own", path.display()))));
    }
    let file = File::options().read(true).write(true).open(&path)?;
    let file = NamedTempFile::from_parts(file, TempPath::try_from_path(path)?);
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file.as_file())?;
    Ok(Received { size: hasher.count(), hash: hasher.finalize().to_hex().to_string(), file })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::task::Poll;

    use futures_util::stream;
    use tempfile::TempDir;
    use tokio::sync::Notify;

    use super::*;

    fn files() -> (TempDir, Files) {
        let folder = TempDir::new().expect("a folder");
        let files = Files::open(folder.path()).expect("files");
        (folder, files)
    }

    /// Files in the temporary folder.
    fn left(files: &Files) -> usize {
        let entries = std::fs::read_dir(files.folder(Folder::Temp)).expect("a folder");
        entries.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_file())).count()
    }

    fn chunks(sizes: &[usize]) -> Vec<Bytes> {
        sizes.iter().enumerate().map(|(n, size)| Bytes::from(vec![n as u8; *size])).collect()
    }

    fn sent(chunks: Vec<Bytes>) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::iter(chunks.into_iter().map(Ok))
    }

    #[tokio::test]
    async fn receives_what_is_sent() {
        let (_folder, files) = files();
        for sizes in
            [vec![], vec![0, 1], vec![1; 1000], vec![GATHERED - 1, 1, 1], vec![3 * GATHERED, 7, GATHERED]]
        {
            let whole = chunks(&sizes).concat();
            let received = files.receive(sent(chunks(&sizes)), whole.len() as u64).await.expect("a file");
            assert_eq!(std::fs::read(received.path()).expect("the file"), whole);
            assert_eq!(received.size, whole.len() as u64);
            assert_eq!(received.hash, blake3::hash(&whole).to_hex().as_str());
            assert_eq!(left(&files), 1);
            drop(received);
            assert_eq!(left(&files), 0);
        }
    }

    #[tokio::test]
    async fn refuses_one_byte_too_many_at_once() {
        let (_folder, files) = files();
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let endless = stream::repeat_with(move || {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok::<_, Infallible>(Bytes::from_static(&[0; 1000]))
        });
        let refused = files.receive(endless, 1_000_999).await;
        assert!(matches!(refused, Err(ReceiveError::TooLarge { limit: 1_000_999 })), "{refused:?}");
        assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1001);
        assert_eq!(left(&files), 0);
    }

    #[tokio::test]
    async fn keeps_nothing_of_what_broke_off() {
        let (_folder, files) = files();
        let broken = sent(chunks(&[GATHERED, 5])).map(|chunk| chunk.map_err(|never| never.to_string()));
        let broken = broken.chain(stream::iter([Err("connection reset".to_owned())]));
        let refused = files.receive(broken, u64::MAX).await;
        assert!(matches!(&refused, Err(ReceiveError::Cut(why)) if why == "connection reset"), "{refused:?}");
        assert_eq!(left(&files), 0);
    }

    #[tokio::test]
    async fn keeps_nothing_when_nobody_waits_for_it() {
        let (_folder, files) = files();
        let stuck = Arc::new(Notify::new());
        let reached = Arc::clone(&stuck);
        let hanging = sent(chunks(&[GATHERED, 5])).chain(stream::poll_fn(move |_| {
            reached.notify_one();
            Poll::Pending
        }));
        {
            let mut receiving = pin!(files.receive(hanging, u64::MAX));
            tokio::select! {
                received = &mut receiving => panic!("{received:?}"),
                () = stuck.notified() => assert_eq!(left(&files), 1),
            }
        }
        assert_eq!(left(&files), 0);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn says_that_the_disk_is_full_and_keeps_nothing() {
        let (_folder, files) = files();
        let mut partial = Partial::create(files.temporary("part")).expect("a file");
        *partial.file.as_file_mut() = File::options().write(true).open("/dev/full").expect("/dev/full");
        assert_eq!(left(&files), 1);
        let refused = fill(partial, sent(chunks(&[GATHERED + 1])), u64::MAX).await;
        assert!(matches!(refused, Err(ReceiveError::Full)), "{refused:?}");
        assert_eq!(left(&files), 0);
    }

    #[tokio::test]
    async fn adopts_files_of_their_own_alone() {
        let (_folder, files) = files();
        let path = files.temporary("tus");
        std::fs::write(&path, "whole").expect("a file");
        let adopted = files.adopt(&path).await.expect("a file");
        assert_eq!((adopted.size, adopted.path()), (5, path.as_path()));
        assert_eq!(adopted.hash, blake3::hash(b"whole").to_hex().as_str());
        drop(adopted);
        assert_eq!(left(&files), 0);

        let secret = files.root().join("secret");
        std::fs::write(&secret, "somebody else's").expect("a file");
        let (symbolic, hard) = (files.temporary("mp4"), files.temporary("mp4"));
        std::os::unix::fs::symlink(&secret, &symbolic).expect("a link");
        std::fs::hard_link(&secret, &hard).expect("a link");
        for path in [symbolic, hard, files.folder(Folder::Temp), files.temporary("none")] {
            assert!(matches!(files.adopt(&path).await, Err(FileError::Io(_))), "{}", path.display());
        }
        assert!(secret.exists());
    }
}
