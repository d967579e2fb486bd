//! Why a command ended early. What is wrong has been shown by then; this says which exit code that gives.

use std::io;
use std::process::ExitCode;

/// An early end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The script or the command line is wrong: nothing was rendered or written.
    Wrong,
    /// It was right and could not be done.
    Failed,
    /// A signal came.
    Interrupted,
    /// Whoever read standard output has gone: a clean end, as in `vfxb effects | head`.
    Closed,
}

impl Stop {
    /// What the process ends with.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Stop::Closed => 0,
            Stop::Failed => 1,
            Stop::Wrong => 2,
            Stop::Interrupted => INTERRUPTED,
        })
    }
}

/// 128 and the number of SIGINT, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

impl From<io::Error> for Stop {
    /// An error of writing to standard output or error.
    fn from(error: io::Error) -> Stop {
        if error.kind() == io::ErrorKind::BrokenPipe { Stop::Closed } else { Stop::Failed }
    }
}
