//! A service of one's own in a folder, and a client that talks to it as a front end does.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::blocking::multipart::Form;
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;

use crate::vfxb;

/// How long a render of a test may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A service that listens; killed when it goes out of sight.
pub(crate) struct Service {
    /// Where it keeps everything.
    pub(crate) folder: TempDir,
    /// Its process.
    pub(crate) child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// Sent with every request, if there is one.
    pub(crate) token: Option<String>,
    settings: Vec<(String, String)>,
    /// Bytes that its upload folder has room for, if not the disk's.
    room: Option<u64>,
    client: Client,
}

impl Service {
    /// In a new folder, without limits on how often one may ask, and with these settings.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Service {
        Service::start_in(settings, None)
    }

    /// With room for so many bytes in its upload folder: a disk of its own, which nobody else sees, or, where the
    /// system lets nobody make one, files that may not grow beyond that.
    #[cfg(target_os = "linux")]
    pub(crate) fn start_cramped(settings: &[(&str, &str)], bytes: u64) -> Service {
        Service::start_in(settings, Some(bytes))
    }

    fn start_in(settings: &[(&str, &str)], room: Option<u64>) -> Service {
        let off = ["GENERAL", "AI", "UPLOAD", "STATUS"]
            .map(|name| (format!("RATE_LIMIT_{name}"), "off".to_owned()));
        let given = settings.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let settings: Vec<_> = off.into_iter().chain(given).collect();
        let folder = tempfile::tempdir().unwrap();
        let (child, url) = listen(folder.path(), &settings, room);
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        Service { folder, child, url, token: None, settings, room, client }
    }

    /// Kills it as a power cut would, and starts it again in its folder.
    pub(crate) fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, self.url) = listen(self.folder.path(), &self.settings, self.room);
    }

    /// Kills it as a power cut would, and the same with its next start, so long after that began; then it starts
    /// again.
    #[cfg(target_os = "linux")]
    pub(crate) fn kill_twice_and_restart(&mut self, after: Duration) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut next = process(self.folder.path(), &self.settings, self.room);
        std::thread::park_timeout(after);
        next.kill().unwrap();
        next.wait().unwrap();
        (self.child, self.url) = listen(self.folder.path(), &self.settings, self.room);
    }

    /// A request to a path, with the token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::GET, path))
    }

    pub(crate) fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::DELETE, path))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.request(Method::POST, path).json(body))
    }

    /// What a request that must be taken answers.
    pub(crate) fn posted(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(path, body);
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// Uploads a file as a form does; the video's id.
    pub(crate) fn upload(&self, file: &Path) -> String {
        let form = Form::new().file("video", file).unwrap();
        let (status, answer) = answer(self.request(Method::POST, "/api/video/upload").multipart(form));
        assert_eq!(status, 200, "{answer}");
        answer["videoId"].as_str().unwrap().to_owned()
    }

    /// Waits until a render has ended; what it is then.
    pub(crate) fn ended(&self, job: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, render) = self.get(&format!("/api/renders/{job}"));
            assert_eq!(status, 200, "{render}");
            if !matches!(render["state"].as_str(), Some("queued" | "running")) {
                return render;
            }
            assert!(Instant::now() < deadline, "{render}");
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// Waits until a render is completed.
    pub(crate) fn completed(&self, job: &str) -> Value {
        let render = self.ended(job);
        assert_eq!(render["state"], "completed", "{render}");
        render
    }

    /// Stores what a path gives.
    pub(crate) fn download(&self, path: &str, name: &str) -> PathBuf {
        let mut answer = self.request(Method::GET, path).send().unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let file = self.folder.path().join(name);
        answer.copy_to(&mut std::fs::File::create(&file).unwrap()).unwrap();
        file
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status and body of a request.
pub(crate) fn answer(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A disk of its own in a name space of its own, which goes with the process; else a limit that is an error and not a
/// signal.
const CRAMPED: &str = r#"
mkdir -p uploads
room=$1
shift
if unshare -rm mount -t tmpfs -o size="$room" small uploads 2>/dev/null; then
    exec unshare -rm sh -c 'mount -t tmpfs -o size="$0" small uploads && exec "$@"' "$room" "$@"
fi
trap '' XFSZ
ulimit -f $((room / 512))
exec "$@"
"#;

fn process(folder: &Path, settings: &[(String, String)], room: Option<u64>) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = match room {
        None => Command::new(vfxb()),
        Some(bytes) => {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", CRAMPED, "sh", &bytes.to_string()]).arg(vfxb());
            shell
        }
    };
    command
        .args(["serve", "--json", "--port", "0"])
        .current_dir(folder)
        .env_clear()
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn listen(folder: &Path, settings: &[(String, String)], room: Option<u64>) -> (Child, String) {
    let mut child = process(folder, settings, room);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line)
        .unwrap_or_else(|_| panic!("{line}{}", std::fs::read_to_string(folder.join("log")).unwrap()));
    assert_eq!(told["type"], "listening", "{line}");
    (child, told["url"].as_str().unwrap().trim_end_matches('/').to_owned())
}
