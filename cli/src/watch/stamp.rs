//! What tells one version of a file from another without reading it.

use std::fs::Metadata;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// Size, time and number of a file. The device is left out on purpose: it gets another number when a share is mounted
/// anew, and a file of the same number, size and nanosecond is the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Bytes.
    pub(crate) size: u64,
    /// When it was last written to, in nanoseconds since 1970. Only ever compared for being equal.
    pub(crate) modified: i64,
    /// Its number on its device; 0 where files have none.
    pub(crate) inode: u64,
}

impl Stamp {
    /// Of what a file system says.
    pub(crate) fn new(meta: &Metadata) -> Stamp {
        let modified = meta.modified().map_or(0, |time| match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_nanos()).unwrap_or(i64::MAX),
        });
        Stamp { size: meta.len(), modified, inode: inode(meta) }
    }

    /// Of a file, through symbolic links; `None` if there is none.
    pub(crate) fn of(path: &Path) -> Option<Stamp> {
        std::fs::metadata(path).ok().map(|meta| Stamp::new(&meta))
    }

    /// Whether it is the same file, whatever its name is by now.
    pub(crate) fn moved(&self, other: &Stamp) -> bool {
        self.inode != 0 && self == other
    }
}

/// The number of a file or folder on its device; 0 where there are none.
pub(crate) fn inode(meta: &Metadata) -> u64 {
    #[cfg(unix)]
    {
        std::os::unix::fs::MetadataExt::ino(meta)
    }
    #[cfg(not(unix))]
    {
        let _ = meta;
        0
    }
}
