//! What libav and the disk say, in the user's words: error codes come in, [`MediaError`]s with a file's name and a
//! remedy go out. Nothing here decides whether an error matters.

use std::path::Path;

use ffmpeg_next as ff;

use super::{MediaError, MediaErrorKind};

impl MediaError {
    /// An error without a remedy.
    pub(crate) fn new(kind: MediaErrorKind, message: impl Into<String>) -> Self {
        MediaError { kind, message: message.into(), help: None }
    }

    /// The same with a remedy.
    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// An error of the operating system at `path`.
    pub(crate) fn from_io(path: &Path, doing: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as E;
        let kind = match error.kind() {
            E::NotFound => MediaErrorKind::NotFound,
            E::PermissionDenied | E::ReadOnlyFilesystem | E::IsADirectory | E::NotADirectory => {
                MediaErrorKind::NotAllowed
            }
            E::StorageFull | E::QuotaExceeded => MediaErrorKind::Full,
            E::FileTooLarge => MediaErrorKind::Limit,
            _ => MediaErrorKind::Io,
        };
        let name = path.display();
        if kind == MediaErrorKind::NotFound {
            return Self::new(kind, format!("there is no file {name}"))
                .with_help("check the spelling; relative names start at the script's folder");
        }
        let failed = Self::new(kind, format!("cannot {doing} {name}: {error}"));
        match kind {
            MediaErrorKind::Full => failed.with_help("free some space or write to another disk"),
            // FAT32 ends files at 4 GiB, `ulimit -f` where it says.
            MediaErrorKind::Limit => failed.with_help(
                "the disk's format or a limit ends files here: write to another disk, or a smaller film",
            ),
            _ => failed,
        }
    }

    /// An error of libav's at `path`.
    pub(crate) fn from_av(path: &Path, doing: &str, error: ff::Error) -> Self {
        let name = path.display();
        match error {
            ff::Error::InvalidData | ff::Error::Eof => {
                Self::new(MediaErrorKind::Damaged, format!("cannot {doing} {name}: its data is broken"))
                    .with_help("play it in another program to see whether the file is whole")
            }
            ff::Error::DecoderNotFound | ff::Error::DemuxerNotFound | ff::Error::PatchWelcome => {
                Self::new(MediaErrorKind::Unsupported, format!("cannot {doing} {name}: {error}"))
                    .with_help("convert it to a common format such as H.264 in MP4 first")
            }
            ff::Error::Exit => Self::new(MediaErrorKind::Cancelled, "cancelled"),
            ff::Error::Other { errno: ff::error::ENOMEM } => {
                Self::new(MediaErrorKind::Limit, format!("cannot {doing} {name}: not enough memory"))
            }
            ff::Error::Other { errno } => {
                Self::from_io(path, doing, &std::io::Error::from_raw_os_error(errno))
            }
            other => Self::new(MediaErrorKind::Damaged, format!("cannot {doing} {name}: {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_file_has_its_own_remedy() {
        use std::io::ErrorKind as E;
        for (kind, remedy) in [
            (E::StorageFull, "free some space"),
            (E::QuotaExceeded, "free some space"),
            (E::FileTooLarge, "the disk's format or a limit"),
        ] {
            let error = MediaError::from_io(Path::new("a.mp4"), "write", &kind.into());
            assert!(error.help.as_ref().is_some_and(|help| help.starts_with(remedy)), "{error:?}");
        }
    }
}
