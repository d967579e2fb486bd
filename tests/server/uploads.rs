//! Uploads against the real binary: real videos through real workers, and what goes wrong on the way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vfxb_tests::films::Film;

use crate::serve::{Running, SECRET};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nothing is counted; and what is said of each request would fill a pipe that nobody reads.
const UNLIMITED: [(&str, &str); 4] = [
    ("RATE_LIMIT_GENERAL", "off"),
    ("RATE_LIMIT_UPLOAD", "off"),
    ("RATE_LIMIT_STATUS", "off"),
    ("LOG_LEVEL", "warn"),
];

/// An answer.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        });
        line.unwrap_or_default()
    }
}

/// Sends a request as it stands, and reads its answer.
fn exchange(host: &str, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    answer(stream)
}

fn answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: bytes[end + 4..].to_vec() }
}

/// A request's head and body.
fn request(host: &str, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head =
        format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

fn call(service: &Running, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    exchange(&service.host, &request(&service.host, line, headers, body))
}

fn form_body(field: &str, name: &str, content: &[u8]) -> Vec<u8> {
    let head =
        format!("--b\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n");
    [head.as_bytes(), content, b"\r\n--b--\r\n"].concat()
}

const FORM: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=b");

fn upload(service: &Running, name: &str, content: &[u8]) -> Answer {
    call(service, "POST /api/video/upload", &[FORM], &form_body("video", name, content))
}

fn total(service: &Running) -> Value {
    call(service, "GET /api/video", &[], b"").json()["total"].clone()
}

/// Two seconds of 64×48 at 25 pictures a second.
fn film(folder: &Path) -> Vec<u8> {
    let path = folder.join("film.mp4");
    Film::new(50).write(&path).unwrap();
    std::fs::read(path).unwrap()
}

/// Files in a folder of the upload folder.
fn files(folder: &Path, name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("uploads").join(name)).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}

/// Bytes of the temporary files.
fn temporary(folder: &Path) -> u64 {
    files(folder, "temp").iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_real_video_goes_in_and_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path());
    let service = Running::start(folder.path(), &UNLIMITED);
    let said = upload(&service, "../holiday.mp4", &film);
    assert_eq!(said.status, 200, "{}", said.json());
    let said = said.json();
    assert_eq!((&said["originalName"], &said["size"]), (&json!("holiday.mp4"), &json!(film.len())));
    let metadata = &said["metadata"];
    assert_eq!((&metadata["width"], &metadata["height"]), (&json!(64), &json!(48)), "{metadata}");
    assert_eq!(
        (&metadata["fps"], &metadata["frames"], &said["duration"]),
        (&json!(25.0), &json!(50), &json!(2.0))
    );
    let id = said["videoId"].as_str().unwrap();
    let url = said["url"].as_str().unwrap();
    assert_eq!(call(&service, &format!("GET {url}"), &[], b"").body, film);
    let part = call(&service, &format!("GET {url}"), &[("Range", "bytes=10-19")], b"");
    assert_eq!((part.status, part.body.as_slice()), (206, &film[10..20]));
    let head = call(&service, &format!("HEAD {url}"), &[], b"");
    assert_eq!((head.status, head.header("content-length")), (200, &*film.len().to_string()));

    let picture = call(&service, &format!("GET /api/video/{id}/thumbnail?at=1&rows=24"), &[], b"");
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/jpeg"), "{}", picture.json());
    // ITU-T T.81 §B.2.2: after SOF0 come its length, the precision, the rows and the columns.
    let frame = picture.body.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    assert_eq!(picture.body[frame + 5..frame + 9], [0, 24, 0, 32]);
    assert_eq!(temporary(folder.path()), 0);

    for (name, content) in [
        ("empty.mp4", Vec::new()),
        ("zip.mp4", b"PK\x03\x04\x14\0\0\0\x08\0".to_vec()),
        ("list.mp4", b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n".to_vec()),
        ("head.mp4", film[..64].to_vec()),
        ("noise.mp4", (0..4096u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()),
    ] {
        let refused = upload(&service, name, &content);
        assert_eq!(refused.status, 415, "{name}: {}", refused.json());
        let told = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(!told.contains("uploads") && !told.contains(".part"), "{told}");
    }
    assert_eq!((total(&service), temporary(folder.path())), (json!(1), 0));
    assert_eq!(call(&service, &format!("DELETE /api/video/{id}"), &[], b"").status, 200);
    assert!(files(folder.path(), "videos").is_empty());
}

#[test]
fn too_large_is_413_however_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let limit = [&UNLIMITED[..], &[("MAX_FILE_SIZE", "1000000")]].concat();
    let service = Running::start(folder.path(), &limit);
    let large = vec![0u8; 3_000_000];
    let said = upload(&service, "a.mp4", &large);
    assert_eq!((said.status, &said.json()["error"]), (413, &json!("File too large")));

    let mut chunked = b"POST /api/upload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in form_body("file", "a.mp4", &large).chunks(100_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(exchange(&service.host, &chunked).status, 413);
    assert_eq!((total(&service), temporary(folder.path())), (json!(0), 0));
}

/// Begins to send a form and stops in its middle.
fn half(host: &str, content: &[u8]) -> TcpStream {
    let whole = request(host, "POST /api/video/upload", &[FORM], &form_body("video", "a.mp4", content));
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(&whole[..whole.len() / 2]).unwrap();
    stream
}

#[test]
fn what_breaks_off_is_never_listed() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Running::start(folder.path(), &UNLIMITED);
    let content = [film(folder.path()), vec![0; 4_000_000]].concat();
    let stream = half(&service.host, &content);
    eventually("the first half comes", || temporary(folder.path()) > 1_000_000);
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);
    eventually("the first half goes", || files(folder.path(), "temp").is_empty());
    assert_eq!(total(&service), 0);

    let stream = half(&service.host, &content);
    eventually("the first half comes", || temporary(folder.path()) > 1_000_000);
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    drop(stream);
    assert!(temporary(folder.path()) > 1_000_000);
    let service = Running::start(folder.path(), &UNLIMITED);
    assert_eq!((total(&service), temporary(folder.path())), (json!(0), 0));
}

/// A disk that is full and a file that may not grow are told in the same way; the second needs no rights.
#[cfg(unix)]
#[test]
fn a_full_disk_is_507_and_the_service_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path());
    let service = Running::start_limited(folder.path(), &UNLIMITED, 4_000_000);
    let said = upload(&service, "a.mp4", &[film.clone(), vec![0; 8_000_000]].concat());
    assert_eq!((said.status, &said.json()["code"]), (507, &json!("no_room")), "{}", said.json());
    assert_eq!(temporary(folder.path()), 0);
    assert_eq!(upload(&service, "a.mp4", &film).status, 200);
    assert_eq!(total(&service), 1);
}

#[test]
fn anothers_video_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path());
    let login = [&UNLIMITED[..], &[("JWT_SECRET", SECRET)]].concat();
    let service = Running::start(folder.path(), &login);
    let [ada, bob] = ["ada", "bob"].map(|name| {
        let body = json!({"email": format!("{name}@example.org"), "password": "correct horse"}).to_string();
        let json = ("Content-Type", "application/json");
        let said = call(&service, "POST /api/auth/register", &[json], body.as_bytes());
        format!("Bearer {}", said.json()["token"].as_str().unwrap())
    });
    let ada = ("Authorization", ada.as_str());
    let bob = ("Authorization", bob.as_str());
    let body = form_body("video", "a.mp4", &film);
    assert_eq!(call(&service, "POST /api/video/upload", &[FORM], &body).status, 401);
    let said = call(&service, "POST /api/video/upload", &[FORM, ada], &body).json();
    let (id, url) = (said["videoId"].as_str().unwrap(), said["url"].as_str().unwrap());
    let tus = [ada, ("Tus-Resumable", "1.0.0"), ("Upload-Length", "100")];
    let place = call(&service, "POST /api/tus", &tus, b"").header("location").to_owned();
    for (line, expected) in [
        (format!("GET /api/video/{id}"), 200),
        (format!("GET /api/video/{id}/file"), 200),
        (format!("GET /api/video/{id}/thumbnail"), 200),
        (format!("GET {place}"), 200),
    ] {
        assert_eq!(call(&service, &line, &[], b"").status, 401, "{line}");
        assert_eq!(call(&service, &line, &[bob], b"").status, 404, "{line}");
        assert_eq!(call(&service, &line, &[ada], b"").status, expected, "{line}");
    }
    assert_eq!(call(&service, &format!("DELETE /api/video/{id}"), &[bob], b"").status, 404);
    assert_eq!(call(&service, "GET /api/video", &[bob], b"").json()["total"], 0);
    // The url opens its file alone, without a token.
    assert_eq!(call(&service, &format!("GET {url}"), &[], b"").body, film);
    let other = url.replace("/file?", "/thumbnail?");
    assert_eq!(call(&service, &format!("GET {other}"), &[], b"").status, 403);
    // The same content of another user is one file, and stays when the first goes.
    assert_eq!(call(&service, "POST /api/video/upload", &[FORM, bob], &body).status, 200);
    assert_eq!(files(folder.path(), "videos").len(), 1);
    assert_eq!(call(&service, &format!("DELETE /api/video/{id}"), &[ada], b"").status, 200);
    assert_eq!(files(folder.path(), "videos").len(), 1);
}

#[test]
fn the_same_file_at_once_is_two_videos_and_one_copy() {
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path());
    let service = Running::start(folder.path(), &UNLIMITED);
    let ids: Vec<Value> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..2).map(|_| scope.spawn(|| upload(&service, "a.mp4", &film).json())).collect();
        sent.into_iter().map(|said| said.join().unwrap()["videoId"].clone()).collect()
    });
    assert!(ids[0].is_string() && ids[0] != ids[1], "{ids:?}");
    assert_eq!((total(&service), files(folder.path(), "videos").len()), (json!(2), 1));
}

#[test]
fn a_resumable_upload_outlives_cuts_and_the_service() {
    let folder = tempfile::tempdir().unwrap();
    // What follows the film's own boxes is one more, of no meaning.
    let mut content = film(folder.path());
    content.extend_from_slice(&2_000_008u32.to_be_bytes());
    content.extend_from_slice(b"free");
    content.resize(content.len() + 2_000_000, 7);
    let mut service = Running::start(folder.path(), &UNLIMITED);
    let tus = ("Tus-Resumable", "1.0.0");
    let length = content.len().to_string();
    let place = call(&service, "POST /api/tus", &[tus, ("Upload-Length", &length)], b"")
        .header("location")
        .to_owned();
    let offset = |service: &Running| -> usize {
        let head = call(service, &format!("HEAD {place}"), &[tus], b"");
        assert_eq!(head.status, 200);
        head.header("upload-offset").parse().unwrap()
    };
    let part = |host: &str, offset: usize| {
        let at = offset.to_string();
        let headers = [tus, ("Content-Type", "application/offset+octet-stream"), ("Upload-Offset", &*at)];
        request(host, &format!("PATCH {place}"), &headers, &content[offset..])
    };
    // Cut off by the client.
    let whole = part(&service.host, 0);
    let mut stream = TcpStream::connect(&service.host).unwrap();
    stream.write_all(&whole[..whole.len() / 3]).unwrap();
    eventually("a third comes", || temporary(folder.path()) > 400_000);
    stream.shutdown(Shutdown::Both).unwrap();
    eventually("what came counts", || offset(&service) > 400_000);
    let first = offset(&service);
    // Killed, with more on the way.
    let whole = part(&service.host, first);
    let mut stream = TcpStream::connect(&service.host).unwrap();
    stream.write_all(&whole[..whole.len() / 2]).unwrap();
    eventually("more comes", || temporary(folder.path()) > first as u64 + 200_000);
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    let service = Running::start(folder.path(), &UNLIMITED);
    let second = offset(&service);
    assert!(second >= first, "{second} < {first}");
    let said = exchange(&service.host, &part(&service.host, second));
    assert_eq!(said.status, 204, "{}", said.head);
    let id = said.header("upload-result").strip_prefix("video:").unwrap().to_owned();
    assert_eq!(call(&service, &format!("GET /api/video/{id}/file"), &[], b"").body, content);
    assert_eq!((total(&service), files(folder.path(), "temp").len()), (json!(1), 0));
}
