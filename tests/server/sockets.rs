//! Many sockets that say nothing, and some that do not read: memory stays bounded, and others do not notice. The protocol
//! by hand: how it goes with the official client is tested in tests/javascript.
//!
//! `VFXB_SOCKETS` says how many, 1,000 otherwise.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::serve::{Running, SECRET};

/// A video that nobody has.
const VIDEO: &str = "6f2c1c52-6df0-4b9f-8a3e-0d9b1c6a7e11";

/// Sockets are opened as often as is asked for.
const UNLIMITED: [(&str, &str); 1] = [("RATE_LIMIT_STATUS", "off")];

/// Longest wait for one message.
const PATIENCE: Duration = Duration::from_secs(30);

/// A web socket that is connected to the service.
struct Socket {
    stream: TcpStream,
}

impl Socket {
    fn open(service: &Running) -> Socket {
        let mut socket = Socket::raw(service);
        assert!(socket.text().starts_with("0{"), "Engine.IO opens");
        socket.send("40");
        assert!(socket.text().starts_with("40{"), "Socket.IO connects");
        socket
    }

    /// After the HTTP handshake.
    fn raw(service: &Running) -> Socket {
        let host = &service.host;
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let head = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
        Socket { stream }
    }

    /// One frame of text, masked with zeros.
    fn send(&mut self, text: &str) {
        let mut frame = vec![0x81];
        match u8::try_from(text.len()) {
            Ok(short @ 0..126) => frame.push(0x80 | short),
            _ => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.stream.write_all(&frame).unwrap();
    }

    /// The next frame; `None` once the service has closed.
    fn frame(&mut self) -> Option<String> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).ok()?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.stream.read_exact(&mut length).ok()?;
                u16::from_be_bytes(length).into()
            }
            short => usize::from(short),
        };
        let mut text = vec![0; length];
        self.stream.read_exact(&mut text).ok()?;
        (head[0] & 0x0f == 1).then(|| String::from_utf8(text).unwrap())
    }

    /// The next text that is no ping; pings are answered.
    fn text(&mut self) -> String {
        loop {
            let text = self.frame().unwrap();
            if text != "2" {
                return text;
            }
            self.send("3");
        }
    }

    /// Tells the others how far it is, and waits until it has come back: how long that took.
    fn round(&mut self, progress: f64) -> Duration {
        let began = Instant::now();
        let payload = json!({"videoId": VIDEO, "progress": progress});
        self.send(&format!("42[\"video:progress\",{payload}]"));
        loop {
            let text = self.text();
            let event: Value = serde_json::from_str(text.strip_prefix("42").unwrap()).unwrap();
            assert_eq!(event[0], "video:progress-update", "{event}");
            if event[1]["progress"] == json!(progress) {
                return began.elapsed();
            }
        }
    }
}

/// A session over polling that never polls again: what it is told waits in the service.
fn deaf(service: &Running) {
    let path = "/socket.io/?EIO=4&transport=polling";
    let opened = http(service, "GET", path, "");
    let opened: Value = serde_json::from_str(opened.strip_prefix('0').unwrap()).unwrap();
    let path = format!("{path}&sid={}", opened["sid"].as_str().unwrap());
    assert_eq!(http(service, "POST", &path, "40"), "ok");
    // The first ping is there before, too, or after; the next one is not answered.
    let mut told = http(service, "GET", &path, "");
    assert_eq!(http(service, "POST", &path, "3"), "ok");
    while !told.contains("40{") {
        told = http(service, "GET", &path, "");
    }
}

/// The body that a request is answered with.
fn http(service: &Running, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(&service.host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (host, length) = (&service.host, body.len());
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n"
    );
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Resident memory in KiB.
#[cfg(target_os = "linux")]
fn memory(service: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn count() -> usize {
    std::env::var("VFXB_SOCKETS").ok().map_or(1000, |count| count.parse().unwrap())
}

/// Row 31.
#[cfg(target_os = "linux")]
#[test]
fn idle_and_slow_sockets_cost_little_and_disturb_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let service = Running::start(folder.path(), &UNLIMITED);
    let mut talker = Socket::open(&service);
    talker.round(0.0);
    let count = count();
    let before = memory(&service);
    let idle: Vec<Socket> = (0..count).map(|_| Socket::open(&service)).collect();
    let opened = memory(&service);
    (0..count / 10).for_each(|_| deaf(&service));
    let deafened = memory(&service);
    // More than may wait for one socket, as fast as one socket may send.
    let mut rounds: Vec<Duration> = Vec::new();
    let events = 300;
    let pace = Duration::from_millis(52);
    for n in 1..=events {
        let began = Instant::now();
        // Halves of halves are the same number after any reading and printing.
        rounds.push(talker.round(f64::from(n) / 512.0));
        std::thread::park_timeout(pace.saturating_sub(began.elapsed()));
    }
    rounds.sort();
    let (median, worst) = (rounds[rounds.len() / 2], rounds[rounds.len() - 1]);
    let began = Instant::now();
    assert!(http(&service, "GET", "/api/health", "").contains("\"uptime\""));
    let health = began.elapsed();
    let after = memory(&service);
    eprintln!(
        "{count} idle sockets: {before} KiB before, {opened} with them, {deafened} with {} that do not read, \
         {after} after {events} events; an event comes back in {median:?}, at worst in {worst:?}; health in {health:?}",
        count / 10
    );
    let each = |from: u64, to: u64, count: usize| to.saturating_sub(from) / u64::try_from(count).unwrap();
    assert!(each(before, opened, count) < 100, "a socket costs less than 100 KiB");
    assert!(each(deafened, after, count) < 100, "what waits is bounded");
    assert!(median < Duration::from_millis(500) && health < Duration::from_secs(2), "nobody else notices");
    drop(idle);
}

/// A message that is announced larger than any may be is refused before it is there.
#[test]
fn a_frame_that_would_fill_the_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let service = Running::start(folder.path(), &UNLIMITED);
    let mut socket = Socket::open(&service);
    let mut head = vec![0x81, 0x80 | 127];
    head.extend((60_u64 << 20).to_be_bytes());
    head.extend([0; 4]);
    socket.stream.write_all(&head).unwrap();
    while socket.frame().is_some() {}
    // Binary parts are not kept until a last one that never comes.
    let mut socket = Socket::open(&service);
    socket.send("45999-[\"chat:message\",{\"_placeholder\":true,\"num\":0}]");
    while socket.frame().is_some() {}
    Socket::open(&service).round(0.5);
}

/// A service with a login, and a user's token.
fn with_login(folder: &std::path::Path, lasts: &str) -> (Running, String) {
    let settings = [UNLIMITED[0], ("JWT_SECRET", SECRET), ("JWT_EXPIRES_IN", lasts)];
    let service = Running::start(folder, &settings);
    let register = "POST /api/auth/register HTTP/1.1\r\nContent-Type: application/json";
    let body = r#"{"email": "ada@example.org", "password": "correct horse"}"#;
    let (status, user) = service.request(register, body);
    assert_eq!(status, 201, "{user}");
    let token = user["token"].as_str().unwrap().to_owned();
    (service, token)
}

#[test]
fn a_socket_ends_with_its_login() {
    let folder = tempfile::tempdir().unwrap();
    let (service, token) = with_login(folder.path(), "1s");
    let mut socket = Socket::raw(&service);
    assert!(socket.text().starts_with("0{"), "Engine.IO opens");
    socket.send(&format!("40{}", json!({"token": token})));
    assert!(socket.text().starts_with("40{"), "Socket.IO connects");
    let told = socket.text();
    let event: Value = serde_json::from_str(told.strip_prefix("42").unwrap()).unwrap();
    assert_eq!((&event[0], &event[1]["code"]), (&json!("chat:error"), &json!("token_expired")), "{told}");
    assert_eq!(socket.text(), "41", "it is sent away");
}

#[test]
fn a_user_has_so_many_sockets_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let (service, token) = with_login(folder.path(), "1h");
    let connect = format!("40{}", json!({"token": token}));
    let open = || {
        let mut socket = Socket::raw(&service);
        socket.text();
        socket.send(&connect);
        let said = socket.text();
        (socket, said)
    };
    let mut sockets: Vec<_> = (0..100).map(|_| open()).collect();
    assert!(sockets.iter().all(|(_, said)| said.starts_with("40{")));
    let (_, refused) = open();
    assert_eq!(refused, r#"44{"message":"Too many sockets"}"#);
    let (mut gone, _) = sockets.pop().unwrap();
    gone.send("41");
    // Until the service has read it, there is no room.
    let began = Instant::now();
    while !open().1.starts_with("40{") {
        assert!(began.elapsed() < PATIENCE);
    }
}

#[cfg(unix)]
#[test]
fn sockets_close_when_the_service_stops() {
    let folder = tempfile::tempdir().unwrap();
    let service = Running::start(folder.path(), &UNLIMITED);
    let mut socket = Socket::open(&service);
    deaf(&service);
    service.signal("TERM");
    let began = Instant::now();
    while socket.frame().is_some() {}
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(service.end().0, Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
