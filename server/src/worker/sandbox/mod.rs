//! What a worker gives up before it looks at a stranger's byte.
//!
//! An order comes in; from then on the process may use so much memory, processor time and disk and no more; and on Linux
//! it reads the order's files alone, writes into one folder, and asks nothing of the system that decoding, drawing and
//! encoding do not need: no sockets, no programs, no other processes. It knows nothing of what the work is.
//!
//! Everything holds for the calling thread and those that it starts, so it must be the first that the process does.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod paths;
#[cfg(unix)]
mod shares;

use std::io;

use super::protocol::Order;

/// Which locks the system has. Limits on memory and time are there on every Unix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// Files and sockets by Landlock.
    pub landlock: bool,
    /// System calls by seccomp.
    pub seccomp: bool,
}

/// Which locks the system has; looked up in the system, and nothing is locked.
pub fn support() -> Support {
    #[cfg(target_os = "linux")]
    return Support { landlock: paths::available(), seccomp: calls::available() };
    #[cfg(not(target_os = "linux"))]
    return Support { landlock: false, seccomp: false };
}

/// Has the system end this process when the one that started it ends, however that comes about.
///
/// # Errors
/// If the system cannot do it, or the parent is gone already.
pub(super) fn die_with_parent() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let parent = rustix::process::getppid();
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // It may have gone before the system knew that we care.
        if rustix::process::getppid() != parent {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
    }
    Ok(())
}

/// Whether this process wanted to write more into a file than it may: what it said of it otherwise, it said for that.
pub(super) fn outgrew() -> bool {
    #[cfg(unix)]
    return shares::outgrew();
    #[cfg(not(unix))]
    return false;
}

/// Gives up everything that an order does not need. What the system lacks ([`support`]) is left out.
///
/// # Errors
/// If a lock that the system has cannot be closed: then nothing may be looked at.
pub(super) fn enter(order: &Order) -> io::Result<()> {
    #[cfg(unix)]
    shares::limit(&order.limits)?;
    #[cfg(target_os = "linux")]
    {
        let found = support();
        if found.landlock {
            paths::restrict(&order.task.reads(), order.task.folder())?;
        }
        if found.seccomp {
            calls::restrict()?;
        }
    }
    #[cfg(not(unix))]
    let _ = order;
    Ok(())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
