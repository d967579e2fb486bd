//! `vfxb watch` under way: its lines as they come, and signals to it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::*;

/// Nothing that is waited for takes so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A watch that runs; killed when it is dropped.
pub(super) struct Watching {
    child: Child,
    lines: Receiver<Value>,
    /// All that it has said.
    pub(super) said: Vec<Value>,
}

impl Watching {
    pub(super) fn start<S: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = S>) -> Watching {
        let mut child = vfxb(folder)
            .arg("watch")
            .args(args)
            .args(["--json", "--backend", "cpu"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                // One that was killed may have been in the middle of a line.
                let Ok(object) = serde_json::from_str(&line) else { break };
                if tell.send(object).is_err() {
                    break;
                }
            }
        });
        Watching { child, lines, said: Vec::new() }
    }

    /// The next line; `None` when it has ended.
    pub(super) fn next(&mut self) -> Option<Value> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.said.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing more was said after {:#?}", self.said),
        }
    }

    /// Waits for a line.
    pub(super) fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            match self.next() {
                Some(line) if wanted(&line) => return line,
                Some(_) => {}
                None => panic!("it ended after {:#?}", self.said),
            }
        }
    }

    /// Waits for a line of a type.
    pub(super) fn until_type(&mut self, kind: &str) -> Value {
        self.until(|line| line["type"] == kind)
    }

    /// Waits for a line of a type about a file.
    pub(super) fn until_input(&mut self, kind: &str, input: &str) -> Value {
        self.until(|line| line["type"] == kind && line["input"] == input)
    }

    /// The types of all that was said, but for progress and outputs.
    pub(super) fn types(&self) -> Vec<&str> {
        let types = self.said.iter().map(|line| line["type"].as_str().unwrap());
        types.filter(|kind| !matches!(*kind, "progress" | "output")).collect()
    }

    /// The files that something of a type was said about, in order.
    pub(super) fn inputs(&self, kind: &str) -> Vec<&str> {
        let of_kind = self.said.iter().filter(|line| line["type"] == kind);
        of_kind.map(|line| line["input"].as_str().unwrap()).collect()
    }

    /// Interrupts it, and waits for its end.
    #[cfg(unix)]
    pub(super) fn interrupt(mut self) -> Self {
        assert!(interrupted::kill("INT", &self.child));
        while self.next().is_some() {}
        assert_eq!(self.child.wait().unwrap().code(), Some(130));
        assert_eq!(
            self.said.last().unwrap().to_string(),
            r#"{"type":"result","ok":false,"command":"watch"}"#
        );
        self
    }

    /// As a power cut does.
    pub(super) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap();
        while self.next().is_some() {}
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so that nobody tells of.
pub(super) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}
