//! The end of a growing file: bytes are gathered, written and made safe off the runtime's threads.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use crate::error::ApiError;
use crate::files::FileError;

/// Bytes that are gathered for one write.
const GATHERED: usize = 256 << 10;

/// A file that grows. It moves to the blocking pool and back for every write.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    gathered: Vec<u8>,
    /// Bytes of the file, the gathered ones included.
    end: u64,
}

impl Part {
    /// Opens a file to go on at `offset`; what lies behind it, of which nobody was told, is cut off.
    pub(super) async fn open(path: PathBuf, offset: u64) -> Result<Part, ApiError> {
        blocking(move || {
            let mut file = File::options().write(true).create(true).truncate(false).open(path)?;
            file.set_len(offset)?;
            file.seek(SeekFrom::Start(offset))?;
            Ok(Part { file, gathered: Vec::with_capacity(GATHERED), end: offset })
        })
        .await
    }

    /// Where the next byte goes.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Takes bytes in, and writes once there are enough.
    pub(super) async fn add(mut self, bytes: &[u8]) -> Result<Part, ApiError> {
        self.gathered.extend_from_slice(bytes);
        self.end += bytes.len() as u64;
        if self.gathered.len() < GATHERED {
            return Ok(self);
        }
        blocking(|| self.write()).await
    }

    /// Comes back when everything is on disk.
    pub(super) async fn sync(self) -> Result<Part, ApiError> {
        blocking(|| {
            let part = self.write()?;
            part.file.sync_all()?;
            Ok(part)
        })
        .await
    }

    fn write(mut self) -> io::Result<Part> {
        self.file.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(self)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|died| Err(io::Error::other(died)));
    done.map_err(|error| FileError::from(error).into())
}
