//! Renders that do not get to their end leave nothing behind.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use super::*;

/// A folder with a script that renders for far longer than any test waits.
pub(super) fn long() -> tempfile::TempDir {
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
pub(super) fn kill(name: &str, child: &Child) -> bool {
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
fn a_second_signal_ends_it_at_once_and_leaves_nothing_either() {
    let folder = long();
    let before = names(folder.path());
    let (mut child, lines) = started(folder.path());
    // Both signals are there when it goes on, so that the second finds it as deep in its work as ever.
    for name in ["STOP", "INT", "TERM", "CONT"] {
        signal(&child, name);
    }
    let last = lines.lines().map_while(Result::ok).last();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_ne!(
        last.as_deref(),
        Some(r#"{"type":"result","ok":false,"command":"render"}"#),
        "it ended at once"
    );
    assert_eq!(names(folder.path()), before);
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
    let loud = Sound::clicks("pcm_s16le", 48_000, 2, 96_000, &[500]);
    Film { sound: Some(loud), ..Film::new(50) }.write(&folder.path().join("loud.mkv")).unwrap();
    still(&folder.path().join("noise.png"), (320, 240), |x, y| {
        let hash = (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761);
        [(hash >> 24) as u8, (hash >> 16) as u8, (hash >> 8) as u8, 255]
    });
    let stills = "timeline {\n  color black duration:80ms\n  image \"noise.png\" duration:80ms\n}\n";
    let film = "timeline {\n  video \"loud.mkv\"\n}\n";
    for (name, script) in [
        ("out.mov", format!("{film}output \"out.mov\" quality:lossless size:640x480\n")),
        ("out.wav", format!("{film}output \"out.wav\"\n")),
        ("part.wav", format!("{film}output \"still.png\" at:1s\noutput \"out.mp4\"\noutput \"part.wav\"\n")),
        ("out-0003.png", format!("canvas 320x240 fps:25\n{stills}output \"out-%04d.png\"\n")),
        // All its packets come when the first output is done.
        (
            "late.mov",
            format!("{film}output \"still.png\" at:1s\noutput \"late.mov\" quality:high size:640x480\n"),
        ),
    ] {
        write(folder.path(), "wide.vfx", &script);
        let before = names(folder.path());
        // A limit on the size of files stops writing as a full disk does, for one process alone; blocks of 512 or 1024
        // bytes.
        let limited = "trap '' XFSZ; ulimit -f 16; exec \"$0\" render wide.vfx --backend cpu";
        let output = Command::new("sh")
            .args(["-c", limited, env!("CARGO_BIN_EXE_vfxb")])
            .current_dir(folder.path())
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let run = Run(output);
        assert_eq!(run.code(), 1, "{name}: {}", run.err());
        let says = format!("error[V0701]: cannot write {name}: ");
        assert!(
            run.err().contains(&says)
                && run.err().contains("= help: the disk's format or a limit ends files here"),
            "{name}: {}",
            run.err()
        );
        assert_eq!(names(folder.path()), before, "{name}");
    }
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
    assert_eq!(told["message"], "film.mp4 has changed since it was first read");
    assert_eq!(told["code"], "V0708");
    assert_eq!(names(folder.path()), before);
}
