//! How much of the machine a worker may take, by the system's resource limits.
//!
//! Memory is limited by `RLIMIT_DATA`: what the process has written or may write (heap, stacks, private mappings), which
//! since Linux 4.7 counts `mmap` too. `RLIMIT_AS` would count address space instead, and an allocator's arenas, thread
//! stacks and libraries reserve many times of what they ever touch.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use rlimit::Resource;

use crate::worker::protocol::Limits;

/// Files that may be open at once: a render's sources (16), its outputs, and what threads talk through.
const OPEN_FILES: u64 = 1024;
/// Seconds between the signal that ends a worker whose processor time is over, and the one that nothing survives.
const LAST_SECONDS: u64 = 2;

/// Set when a file was to grow beyond its limit.
static OUTGREW: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Whether a file was to grow beyond its limit.
pub(super) fn outgrew() -> bool {
    OUTGREW.load(Ordering::Relaxed)
}

/// Lowers what may be taken, for good.
pub(super) fn limit(limits: &Limits) -> io::Result<()> {
    // A write beyond the limit is an error of that write, and not the end of the process.
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::clone(&OUTGREW))?;
    lower(Resource::CORE, 0, 0)?;
    lower(Resource::NOFILE, OPEN_FILES, 0)?;
    lower(Resource::FSIZE, limits.file_size, 0)?;
    lower(Resource::CPU, limits.cpu_seconds, LAST_SECONDS)?;
    lower(Resource::DATA, limits.memory, 0)
}

/// Nothing is raised: a system may have given us less already.
fn lower(resource: Resource, to: u64, reserve: u64) -> io::Result<()> {
    let (_, hard) = resource.get()?;
    let to = to.min(hard);
    resource.set(to, to.saturating_add(reserve).min(hard))
}
