//! The service from outside: its workers as processes of the real binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(target_os = "linux")]
mod cancel;
#[cfg(target_os = "linux")]
mod chaos;
mod client;
#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
mod inspect;
mod javascript;
mod journey;
#[cfg(target_os = "linux")]
mod queue;
mod readme;
mod serve;
#[cfg(target_os = "linux")]
mod slow;
mod sockets;
mod uploads;
mod worker;

use std::path::PathBuf;

/// The binary.
fn vfxb() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_vfxb"))
}
