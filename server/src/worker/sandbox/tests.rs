//! What is locked is tried, each time by a process of its own that has locked itself in: this test program again, told
//! by its environment to run [`in_the_sandbox`] alone.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use super::*;
use crate::model::{ScriptSpelling, ScriptText};
use crate::worker::protocol::{Limits, Task, Work};

const ATTEMPT: &str = "VFXB_TEST_ATTEMPT";
const FOLDER: &str = "VFXB_TEST_FOLDER";
/// Stands before what came of an attempt.
const MARK: &str = "came of it: ";

const LIMITS: Limits = Limits { memory: 256 << 20, cpu_seconds: 1, file_size: 1 << 20 };

/// A folder with a file that the order names, one that it does not, and the worker's own folder.
struct Yard(tempfile::TempDir);

impl Yard {
    fn new() -> Yard {
        let yard = Yard(tempfile::tempdir().unwrap());
        fs::create_dir(yard.0.path().join("own")).unwrap();
        fs::write(yard.0.path().join("given"), "given").unwrap();
        fs::write(yard.0.path().join("other"), "other").unwrap();
        yard
    }

    /// What came of an attempt: `Ok`, or the kind of error; and how the process ended.
    fn attempt(&self, what: &str) -> (String, ExitStatus) {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "worker::sandbox::tests::in_the_sandbox", "--nocapture", "--test-threads=1"])
            .env(ATTEMPT, what)
            .env(FOLDER, self.0.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let came = text.lines().find_map(|line| Some(line.split_once(MARK)?.1.to_owned()));
        (came.unwrap_or_default(), output.status)
    }

    fn came_of(&self, what: &str) -> String {
        self.attempt(what).0
    }
}

/// Nothing by itself: what the tests below start.
#[test]
fn in_the_sandbox() {
    let Ok(attempt) = std::env::var(ATTEMPT) else { return };
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let script = ScriptText { text: String::new(), spelling: ScriptSpelling::Vfx, vars: Default::default() };
    let work = Work { script, files: [("video:1".to_owned(), folder.join("given"))].into() };
    let order = Order {
        task: Task::Render { work, folder: folder.join("own"), file_size: u64::MAX },
        limits: LIMITS,
    };
    enter(&order).unwrap();
    let came = match perform(&attempt, &folder) {
        Ok(()) => "Ok".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    };
    // The harness writes to the same line.
    writeln!(io::stdout(), "\n{MARK}{came}").unwrap();
}

fn perform(attempt: &str, folder: &Path) -> io::Result<()> {
    let (what, argument) = attempt.split_once(' ').unwrap_or((attempt, ""));
    let at = |name: &str| folder.join(name);
    match what {
        "read" => fs::read(at(argument)).map(drop),
        "list" => fs::read_dir(at(argument)).map(drop),
        "write" => fs::write(at(argument), "x"),
        "keep" => fs::write(at("own/part"), "x").and_then(|()| fs::rename(at("own/part"), at("own/film"))),
        "carry-out" => fs::write(at("own/part"), "x").and_then(|()| fs::rename(at("own/part"), at("film"))),
        "link" => std::os::unix::fs::symlink(at("other"), at("own/link")),
        "connect" => TcpStream::connect(argument).map(drop),
        "connect-here" => UnixStream::connect(at("socket")).map(drop),
        "start" => Command::new("/bin/true").status().map(drop),
        "become" => Err(Command::new("/bin/true").exec()),
        "end-parent" => {
            let parent = rustix::process::getppid().ok_or(io::ErrorKind::NotFound)?;
            Ok(rustix::process::kill_process(parent, rustix::process::Signal::CONT)?)
        }
        "fill" => Ok(Vec::<u8>::new().try_reserve_exact(LIMITS.memory as usize + 1)?),
        "swell" => File::create(at("own/large"))?.write_all(&vec![0; LIMITS.file_size as usize + 1]),
        "spin" => loop {
            std::hint::spin_loop();
        },
        "thread" => std::thread::spawn(|| ()).join().map_err(|_| io::ErrorKind::Other.into()),
        other => panic!("there is no attempt {other}"),
    }
}

#[test]
fn only_the_orders_files_are_read() {
    if !support().landlock {
        return;
    }
    let yard = Yard::new();
    assert_eq!(yard.came_of("read given"), "Ok");
    for other in ["other", "/etc/passwd", "/proc/self/environ", "own/../other"] {
        assert_eq!(yard.came_of(&format!("read {other}")), "PermissionDenied", "{other}");
    }
    assert_eq!(yard.came_of("list ."), "PermissionDenied");
    assert_eq!(yard.came_of("list /"), "PermissionDenied");
}

#[test]
fn only_its_own_folder_is_written() {
    if !support().landlock {
        return;
    }
    let yard = Yard::new();
    assert_eq!(yard.came_of("keep"), "Ok");
    for other in ["given", "other", "new", "/tmp/vfxb-test-new"] {
        assert_eq!(yard.came_of(&format!("write {other}")), "PermissionDenied", "{other}");
    }
    assert_ne!(yard.came_of("carry-out"), "Ok");
    assert_ne!(yard.came_of("link"), "Ok");
    assert!(!yard.0.path().join("film").exists() && !yard.0.path().join("own/link").exists());
    assert_eq!(fs::read_to_string(yard.0.path().join("given")).unwrap(), "given");
}

#[test]
fn nobody_is_called_and_nothing_is_started() {
    if !support().seccomp {
        return;
    }
    let yard = Yard::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let _here = UnixListener::bind(yard.0.path().join("socket")).unwrap();
    assert_eq!(yard.came_of(&format!("connect {}", tcp.local_addr().unwrap())), "Unsupported");
    assert_eq!(yard.came_of("connect-here"), "Unsupported");
    assert_eq!(yard.came_of("start"), "Unsupported");
    assert_eq!(yard.came_of("end-parent"), "Unsupported");
    assert_eq!(yard.came_of("thread"), "Ok");
    let (came, status) = yard.attempt("become");
    assert_eq!((came.as_str(), status.signal()), ("", Some(libc::SIGSYS)));
}

#[test]
fn no_more_is_taken_than_is_allowed() {
    let yard = Yard::new();
    assert_eq!(yard.came_of("fill"), "OutOfMemory");
    assert_eq!(yard.came_of("swell"), "FileTooLarge");
    assert!(fs::metadata(yard.0.path().join("own/large")).unwrap().len() <= LIMITS.file_size);
    let (came, status) = yard.attempt("spin");
    assert_eq!((came.as_str(), status.signal()), ("", Some(libc::SIGXCPU)));
}
