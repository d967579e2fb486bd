//! Row 31: clients that take their bytes one by one hold up nobody, and cost little memory.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use vfxb_tests::films::Film;

use crate::client::Service;
use crate::inspect::{eventually, renderers, resident};

/// Slow clients at once.
const SLOW: usize = 40;

/// Bytes of the file that they read.
const LARGE: usize = 64 << 20;

/// Bytes that each takes, one after the other.
const TAKEN: usize = 400;

/// What everybody else waits for an answer, at most.
const PROMPT: Duration = Duration::from_secs(1);

/// Asks for something and does not read it yet.
fn ask(service: &Service, path: &str) -> TcpStream {
    let host = service.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
    stream
}

/// Reads one byte of each, again and again, while others ask; what each has read.
fn trickle(service: &Service, slow: &mut [TcpStream]) -> Vec<Vec<u8>> {
    let mut read = vec![Vec::new(); slow.len()];
    for n in 0..TAKEN {
        for (stream, read) in slow.iter_mut().zip(&mut read) {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            read.push(byte[0]);
        }
        if n % 20 == 0 {
            let began = Instant::now();
            assert_eq!(service.get("/api/renders?limit=1").0, 200);
            assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
        }
    }
    read
}

fn large(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("film.mp4");
    Film::new(50).write(&path).unwrap();
    let mut film = std::fs::read(&path).unwrap();
    // One more box, of no meaning.
    film.extend_from_slice(&(LARGE as u32).to_be_bytes());
    film.extend_from_slice(b"free");
    film.resize(film.len() + LARGE - 8, 7);
    std::fs::write(&path, film).unwrap();
    path
}

#[test]
fn slow_readers_of_a_file_hold_up_nobody() {
    let service = Service::start(&[]);
    let film = large(service.folder.path());
    let id = service.upload(&film);
    let path = format!("/api/video/{id}/file");
    let pid = service.child.id();
    let before = resident(pid);
    let mut slow: Vec<TcpStream> = (0..SLOW).map(|_| ask(&service, &path)).collect();
    let read = trickle(&service, &mut slow);
    assert!(read.iter().all(|read| read.starts_with(b"HTTP/1.1 200 OK\r\n")));
    let whole = service.request(Method::GET, &path).send().unwrap().bytes().unwrap();
    assert!(whole == std::fs::read(&film).unwrap());
    let grown = resident(pid).saturating_sub(before);
    // Less than the file, for all of them together.
    assert!(grown < (LARGE >> 10) as u64 / 2, "{grown} kB for {SLOW} readers");
    // Each of them gets on where it is.
    let head = String::from_utf8_lossy(&read[0]).find("\r\n\r\n");
    let mut rest = vec![0; 1 << 20];
    slow[0].read_exact(&mut rest).unwrap();
    let got = [&read[0][..], &rest].concat();
    let start = head.unwrap_or_else(|| got.windows(4).position(|four| four == b"\r\n\r\n").unwrap()) + 4;
    assert!(got[start..] == whole[..got.len() - start]);
}

#[test]
fn slow_readers_of_events_hold_up_nobody() {
    let service = Service::start(&[("JOBS_RUNNING", "1")]);
    let script =
        "canvas 640x360 fps:25\ntimeline {\n color \"teal\" duration:3600s\n}\noutput \"long.mp4\"\n";
    let said = service.posted("/api/renders", &json!({"script": script, "format": "vfx"}));
    let job = said["jobId"].as_str().unwrap();
    let path = format!("/api/renders/{job}/events");
    eventually("it is rendered", || !renderers(&service.folder.path().join("uploads")).is_empty());
    let pid = service.child.id();
    let before = resident(pid);
    let mut slow: Vec<TcpStream> = (0..SLOW).map(|_| ask(&service, &path)).collect();
    let mut read = trickle(&service, &mut slow);
    // Somebody who reads at once hears the end at once.
    let mut quick = service.request(Method::GET, &path).send().unwrap();
    let began = Instant::now();
    assert_eq!(service.delete(&format!("/api/renders/{job}")).0, 200);
    let mut told = String::new();
    quick.read_to_string(&mut told).unwrap();
    assert!(began.elapsed() < 2 * PROMPT, "{:?}", began.elapsed());
    assert!(told.contains("\"state\":\"cancelled\""), "{told}");
    let grown = resident(pid).saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} kB for {SLOW} readers");
    // The slow ones hear it too, when they get there.
    for (mut stream, read) in slow.into_iter().zip(&mut read) {
        let end = |read: &[u8]| String::from_utf8_lossy(read).contains("\"state\":\"cancelled\"");
        let mut more = [0; 4096];
        while !end(read) {
            let count = stream.read(&mut more).unwrap();
            assert_ne!(count, 0, "{}", String::from_utf8_lossy(read));
            read.extend_from_slice(&more[..count]);
        }
    }
}
