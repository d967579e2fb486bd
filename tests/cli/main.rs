//! The binary from outside: scripts, files, signals and pipes in; exit codes, text and films out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod commands;
mod examples;
mod five_edits;
mod interrupted;
mod names;
mod watch_folder;
mod watch_script;
mod watching;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;
use vfxb_engine::media::{DecodeOptions, LibavMedia, Media, SourceInfo, VideoReader};
use vfxb_tests::films::{Film, Sound};
use vfxb_tests::scripts::still;

/// The binary, to be run in a folder.
fn vfxb(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vfxb"));
    command.current_dir(folder).stdin(Stdio::null()).env_remove("VFXB_SIMD").env("NO_COLOR", "1");
    command
}

/// Runs it to its end.
fn run<S: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = S>) -> Run {
    Run(vfxb(folder).args(args).output().unwrap())
}

/// What came of a run.
struct Run(Output);

impl Run {
    fn code(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// The objects of `--json`.
    fn objects(&self) -> Vec<Value> {
        self.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn ok(self) -> Self {
        assert_eq!(self.code(), 0, "{}{}", self.out(), self.err());
        self
    }
}

/// A folder with a film of 50 pictures at 25 a second in it, and a script that shows one second of it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Film::new(50).write(&folder.path().join("film.mp4")).unwrap();
    write(
        folder.path(),
        "edit.vfx",
        "timeline {\n  video \"film.mp4\"[500ms..1.5s]\n}\noutput \"out.mp4\"\n",
    );
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// Every name in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn probe(path: &Path) -> Arc<SourceInfo> {
    LibavMedia::default().probe(path).unwrap()
}

/// How many pictures of a film decode.
fn pictures(path: &Path) -> u64 {
    let source = probe(path);
    let mut reader = VideoReader::open(&source, DecodeOptions::default()).unwrap();
    let count = source.video.as_ref().unwrap().times.count();
    (0..count).filter(|n| reader.picture(*n).is_ok()).count() as u64
}

/// The project's folder.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
