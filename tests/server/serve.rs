//! `vfxb serve` as a process: what it says when it starts, what it refuses, how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

pub(crate) const SECRET: &str = "kE9mQ2xv7Tz4Rb8Lw1Yc6Nf3Hs5Jd0Pg";

/// Longest wait for an answer on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, in a folder, with nothing configured but what is given.
fn serve(folder: &Path, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vfxb"));
    command
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.env("NO_COLOR", "1").envs(environment.iter().copied()).args(["serve", "--json"]);
    command
}

/// A service that listens; killed if a test ends before it.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: BufReader<std::process::ChildStdout>,
    pub(crate) host: String,
    told: Value,
}

impl Running {
    pub(crate) fn start(folder: &Path, environment: &[(&str, &str)]) -> Running {
        Running::listening(&mut serve(folder, environment))
    }

    /// With files of so many bytes at most: what lies beyond fails as on a full disk.
    #[cfg(unix)]
    pub(crate) fn start_limited(folder: &Path, environment: &[(&str, &str)], bytes: u64) -> Running {
        // A signal would end it; ignored, the limit is an error.
        Running::start_after(folder, environment, &format!("trap '' XFSZ; ulimit -f {}", bytes / 512))
    }

    /// After commands of a shell, which set limits.
    #[cfg(unix)]
    fn start_after(folder: &Path, environment: &[(&str, &str)], commands: &str) -> Running {
        let plain = serve(folder, environment);
        let shell = format!("{commands}; exec \"$0\" \"$@\"");
        let mut command = Command::new("/bin/sh");
        command
            .current_dir(folder)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.env("NO_COLOR", "1").envs(environment.iter().copied());
        command.args(["-c", &shell]).arg(plain.get_program()).args(plain.get_args());
        Running::listening(&mut command)
    }

    fn listening(command: &mut Command) -> Running {
        let mut child = command.args(["--port", "0"]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["type"], "listening", "{line}");
        let host = told["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Running { child, lines, host, told }
    }

    /// Status and body of one request.
    pub(crate) fn request(&self, head: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let host = &self.host;
        let request =
            format!("{head}\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    }

    /// Exit code, the rest of standard output, and standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.lines.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ended(folder: &Path, environment: &[(&str, &str)], args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = serve(folder, environment).args(args).output().unwrap();
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

#[cfg(unix)]
#[test]
fn with_nothing_configured_it_serves_and_ends_in_order() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        // Neither the zone nor the decimal comma of a place changes what is told.
        let place = [("TZ", "Asia/Kolkata"), ("LC_ALL", "de_DE.UTF-8"), ("LANG", "de_DE.UTF-8")];
        let service = Running::start(folder.path(), &place);
        assert_eq!(service.told["open"], true);
        assert!(service.host.starts_with("127.0.0.1:"), "{}", service.host);
        let (status, health) = service.request("GET /api/health HTTP/1.1", "");
        assert_eq!((status, &health["status"]), (200, &json!("healthy")), "{health}");
        assert!(health["timestamp"].as_str().unwrap().ends_with('Z'), "{health}");
        assert!(health["uptime"].is_f64(), "{health}");
        let new = "POST /api/projects HTTP/1.1\r\nContent-Type: application/json";
        assert_eq!(service.request(new, r#"{"name": "kept"}"#).0, 201);
        service.signal(signal);
        let (code, out, err) = service.end();
        assert_eq!(
            (code, out.as_str()),
            (Some(0), "{\"type\":\"result\",\"ok\":true,\"command\":\"serve\"}\n"),
            "{err}"
        );
        let again = Running::start(folder.path(), &[]);
        let (_, listed) = again.request("GET /api/projects?fields=name HTTP/1.1", "");
        assert_eq!(listed["projects"], json!([{"name": "kept"}]));
        assert!(folder.path().join("uploads/videos").is_dir());
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let service = Running::start(folder.path(), &[]);
    // A request that does not end, so that the first signal cannot have ended it yet.
    let mut stream = TcpStream::connect(&service.host).unwrap();
    let head = format!(
        "POST /api/projects HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
        service.host
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100", "the handler waits for the body");
    service.signal("INT");
    // The socket closes when the first signal is heard.
    while TcpStream::connect(&service.host).is_ok() {
        std::thread::yield_now();
    }
    service.signal("INT");
    assert_eq!(service.end().0, Some(130));
}

#[test]
fn what_is_wrong_is_told_at_once_and_nothing_starts() {
    let folder = tempfile::tempdir().unwrap();
    let environment =
        [("JWT_SECRET", "hunter2"), ("PORT", "many"), ("RATE_LIMIT_AI", "often"), ("REDIS_URL", "redis://x")];
    let (code, said) = ended(folder.path(), &environment, &[]);
    assert_eq!(code, Some(2), "{said}");
    for name in ["JWT_SECRET", "PORT", "RATE_LIMIT_AI", "no longer needed"] {
        assert!(said.contains(name), "{name} in {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
    let (code, said) = ended(folder.path(), &[], &["--host", "0.0.0.0"]);
    assert!(code == Some(2) && said.contains("JWT_SECRET"), "{said}");
    let known = "your-super-secret-jwt-key-change-this-in-production";
    let (code, said) = ended(folder.path(), &[("JWT_SECRET", known)], &[]);
    assert!(code == Some(2) && said.contains("everybody knows") && !said.contains(known), "{said}");
}

#[test]
fn check_shows_what_was_read_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("vfxb.yaml"), "MAX_FILE_SIZE: 7MB\nOPENAI_API_KEY: sk-hidden\n")
        .unwrap();
    let (code, said) = ended(folder.path(), &[("JWT_SECRET", SECRET)], &["--check", "--config", "vfxb.yaml"]);
    assert_eq!(code, Some(0), "{said}");
    let settings: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let row =
        |name: &str| settings["settings"].as_array().unwrap().iter().find(|row| row["name"] == name).cloned();
    assert_eq!(row("MAX_FILE_SIZE"), Some(json!({"name": "MAX_FILE_SIZE", "value": "7MB", "from": "file"})));
    assert_eq!(
        row("JWT_SECRET"),
        Some(json!({"name": "JWT_SECRET", "value": "********", "from": "environment"}))
    );
    assert_eq!(row("PORT"), Some(json!({"name": "PORT", "value": "3001", "from": "default"})));
    assert!(!said.contains(SECRET) && !said.contains("sk-hidden"), "{said}");
}

#[test]
fn settings_of_dotenv_count_before_the_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("vfxb.yaml"), "PORT: 1\nQUOTA: 7GB\nREDIS_HOST: cache\n").unwrap();
    std::fs::write(folder.path().join(".env"), format!("PORT=2\nHOST=::1\nJWT_SECRET='{SECRET}'\n")).unwrap();
    let (code, said) = ended(folder.path(), &[("HOST", "127.0.0.1")], &["--check", "--config", "vfxb.yaml"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("no longer needed").count(), 1, "{said}");
    let settings = said.lines().find(|line| line.contains("\"settings\"")).unwrap();
    let settings: Value = serde_json::from_str(settings).unwrap();
    let from = |name: &str| {
        let rows = settings["settings"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).map(|row| (row["value"].clone(), row["from"].clone()))
    };
    assert_eq!(from("HOST"), Some((json!("127.0.0.1"), json!("environment"))));
    assert_eq!(from("PORT"), Some((json!("2"), json!(".env"))));
    assert_eq!(from("JWT_SECRET"), Some((json!("********"), json!(".env"))));
    assert_eq!(from("QUOTA"), Some((json!("7GB"), json!("file"))));
}

/// Connections that ask for nothing.
#[cfg(unix)]
fn idle(service: &Running, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(&service.host).unwrap()).collect()
}

#[cfg(unix)]
#[test]
fn more_files_are_opened_than_a_service_manager_lets_at_first() {
    let folder = tempfile::tempdir().unwrap();
    let service = Running::start_after(folder.path(), &[], "ulimit -Sn 128");
    let idle = idle(&service, 300);
    assert_eq!(service.request("GET /api/health HTTP/1.1", "").0, 200);
    drop(idle);
}

#[cfg(unix)]
#[test]
fn connections_that_no_file_is_left_for_wait_for_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Running::start_after(folder.path(), &[], "ulimit -n 128");
    let mut log = BufReader::new(service.child.stderr.take().unwrap());
    let mut said = String::new();
    // More than there are places, and no more than a system lets wait.
    let mut idle = idle(&service, 100);
    while !said.contains("the next one waits for a place") {
        assert_ne!(log.read_line(&mut said).unwrap(), 0, "{said}");
    }
    // It waits behind all of them, until there are few.
    idle.truncate(5);
    let (status, health) = service.request("GET /api/health HTTP/1.1", "");
    assert_eq!((status, &health["status"]), (200, &json!("healthy")), "{health}");
    service.signal("TERM");
    log.read_to_string(&mut said).unwrap();
    assert_eq!(service.child.wait().unwrap().code(), Some(0), "{said}");
    assert_eq!(said.matches("the next one waits for a place").count(), 1, "{said}");
    assert!(!said.contains("could not be taken"), "{said}");
}

/// A pipe holds 64 KiB, and each request writes more than 200 bytes.
#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let service = Running::start(folder.path(), &[("RATE_LIMIT_GENERAL", "off")]);
    for _ in 0..1000 {
        assert_eq!(service.request("GET /api/projects HTTP/1.1", "").0, 200);
    }
}

#[test]
fn a_second_service_on_the_same_database_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Running::start(folder.path(), &[]);
    let (code, said) = ended(folder.path(), &[], &["--port", "0"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("vfxb.db") && said.contains("DATABASE_URL"), "{said}");
}

#[cfg(unix)]
#[test]
fn no_secret_gets_into_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [("JWT_SECRET", SECRET), ("LOG_LEVEL", "trace"), ("LOG_FILE", "logs/app.log")];
    let service = Running::start(folder.path(), &environment);
    let register = "POST /api/auth/register HTTP/1.1\r\nContent-Type: application/json";
    let body = r#"{"email": "ada@example.org", "password": "correct horse battery"}"#;
    let (status, registered) = service.request(register, body);
    assert_eq!(status, 201, "{registered}");
    let token = registered["token"].as_str().unwrap().to_owned();
    let list = format!("GET /api/projects HTTP/1.1\r\nAuthorization: Bearer {token}");
    assert_eq!(service.request(&list, "").0, 200);
    assert_eq!(
        service.request(&format!("GET /api/projects?token={token}&signature=abcdef HTTP/1.1"), "").0,
        403
    );
    service.signal("TERM");
    let (code, _, err) = service.end();
    assert_eq!(code, Some(0), "{err}");
    let file = std::fs::read_dir(folder.path().join("logs")).unwrap().next().unwrap().unwrap().path();
    for log in [err, std::fs::read_to_string(file).unwrap()] {
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.iter().any(|line| line["route"] == "/api/projects" && line["status"] == 200), "{log}");
        assert!(lines.iter().any(|line| line["span"]["id"].is_string()), "{log}");
        for secret in [SECRET, "correct horse", token.as_str(), "abcdef", "argon2id"] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    }
}
