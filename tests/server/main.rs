//! The service from outside: its workers as processes of the real binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;
mod javascript;
mod journey;
mod readme;
mod serve;
mod sockets;
mod uploads;
mod worker;

use std::path::PathBuf;

/// The binary.
fn vfxb() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_vfxb"))
}
