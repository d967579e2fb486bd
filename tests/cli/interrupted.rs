//! Renders that do not get to their end leave nothing behind.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use super::*;

/// A folder with a script that renders for far longer than any test waits.
fn long() -> tempfile::TempDir {
    let folder = folder();
    let script = "canvas 1920x1080\ntimeline {\n  video \"film.mp4\" loop:true duration:1000s | blur 0.5\n}\noutput \"made/out.mp4\"\n";
    write(folder.path(), "long.vfx", script);
    folder
}

/// Starts it; comes back when frames are being made.
fn started(folder: &Path) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = vfxb(folder)
        .args(["render", "long.vfx", "--backend", "cpu", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.contains("\"progress\""), "{line}");
    (child, lines)
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    assert!(kill(name, child));
}

/// By the shell's own `kill`: a bare machine has no program of that name.
#[cfg(unix)]
fn kill(name: &str, child: &Child) -> bool {
    let command = format!("kill -{name} {}", child.id());
    Command::new("sh").args(["-c", &command]).stderr(Stdio::null()).status().unwrap().success()
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_render_cleanly() {
    for name in ["INT", "TERM"] {
        let folder = long();
        let before = names(folder.path());
        let (mut child, lines) = started(folder.path());
        signal(&child, name);
        let last = lines.lines().map_while(Result::ok).last().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        assert_eq!(last, r#"{"type":"result","ok":false,"command":"render"}"#);
        assert_eq!(names(folder.path()), before, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_it_at_once_and_leaves_no_part_either() {
    let folder = long();
    let (mut child, lines) = started(folder.path());
    signal(&child, "INT");
    // The first may have been enough by now.
    kill("INT", &child);
    drop(lines.lines().map_while(Result::ok).last());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let made = folder.path().join("made");
    assert!(!made.exists() || names(&made).is_empty(), "{:?}", names(&made));
}

#[test]
fn a_reader_that_goes_ends_it_cleanly() {
    let folder = long();
    let before = names(folder.path());
    let (child, lines) = started(folder.path());
    drop(lines);
    let run = Run(child.wait_with_output().unwrap());
    assert_eq!((run.code(), run.err().as_str()), (130, ""));
    assert_eq!(names(folder.path()), before);
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing() {
    let folder = folder();
    write(
        folder.path(),
        "wide.vfx",
        "timeline {\n  video \"film.mp4\"\n}\noutput \"out.mov\" quality:lossless size:1280x960\n",
    );
    let before = names(folder.path());
    // A limit on the size of files is the disk that is full for one process alone; blocks of 512 or 1024 bytes.
    let limited = "trap '' XFSZ; ulimit -f 16; exec \"$0\" render wide.vfx --backend cpu";
    let output = Command::new("sh")
        .args(["-c", limited, env!("CARGO_BIN_EXE_vfxb")])
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let run = Run(output);
    assert_eq!(run.code(), 1, "{}", run.err());
    assert!(run.err().contains("cannot write out.mov") && run.err().contains("= help:"), "{}", run.err());
    assert_eq!(names(folder.path()), before);
}

#[cfg(unix)]
#[test]
fn a_source_that_breaks_off_leaves_nothing() {
    let folder = long();
    let before = names(folder.path());
    let (child, lines) = started(folder.path());
    // The same file, cut short while it is read.
    let film = std::fs::OpenOptions::new().write(true).open(folder.path().join("film.mp4")).unwrap();
    film.set_len(600).unwrap();
    let objects: Vec<Value> =
        lines.lines().map_while(Result::ok).map(|line| serde_json::from_str(&line).unwrap()).collect();
    let run = Run(child.wait_with_output().unwrap());
    assert_eq!(run.code(), 1, "{}", run.err());
    let told = objects.iter().find(|object| object["type"] == "diagnostic").unwrap();
    assert!(told["message"].as_str().unwrap().contains("film.mp4"), "{told}");
    assert_eq!(names(folder.path()), before);
}
