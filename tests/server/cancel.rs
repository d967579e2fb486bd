//! Row 39: a render that is cancelled stops within a second, wherever it is, and nothing of it stays.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::client::Service;
use crate::inspect::{Random, children, eventually, renderers, sound, stored, temporary};

/// How long it may take until the machine is free.
const SOON: Duration = Duration::from_secs(1);

/// Renders of the second test.
const ROUNDS: u64 = 14;

/// Longer than any test.
const LONG: &str =
    "canvas 640x360 fps:25\ntimeline {\n color \"teal\" duration:3600s\n}\noutput \"long.mp4\"\n";

fn submit(service: &Service, script: &str) -> String {
    let said = service.posted("/api/renders", &json!({"script": script, "format": "vfx"}));
    said["jobId"].as_str().unwrap().to_owned()
}

/// The events of a render.
struct Events(BufReader<Response>);

impl Events {
    fn of(service: &Service, job: &str) -> Events {
        let said = service.request(Method::GET, &format!("/api/renders/{job}/events")).send().unwrap();
        assert_eq!(said.status(), 200);
        Events(BufReader::new(said))
    }
}

impl Iterator for Events {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }
}

/// Cancels, and sees that the machine is free when the answer comes.
fn cancel(service: &Service, job: &str) -> (u16, Value) {
    let began = Instant::now();
    let (status, said) = service.delete(&format!("/api/renders/{job}"));
    if status == 200 {
        let folder = service.folder.path().join("uploads/temp/jobs").join(job.replace('-', ""));
        assert!(!folder.exists(), "{said}");
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        assert_eq!(said["state"], "cancelled", "{said}");
    }
    (status, said)
}

#[test]
fn what_waits_and_what_runs_is_cancelled_and_leaves_nothing() {
    let service = Service::start(&[("JOBS_RUNNING", "1")]);
    let uploads = service.folder.path().join("uploads");
    let running = submit(&service, LONG);
    let waiting = submit(&service, LONG);
    eventually("it is rendered", || !renderers(&uploads).is_empty());
    let mut events = Events::of(&service, &running);
    assert_eq!(cancel(&service, &waiting).0, 200);
    assert_eq!(renderers(&uploads).len(), 1, "the other goes on");
    assert_eq!(cancel(&service, &running).0, 200);
    assert_eq!(children(service.child.id()), [0; 0]);
    assert!(temporary(&uploads).is_empty() && stored(&uploads).is_empty());
    let last = events.by_ref().last().unwrap();
    assert_eq!(last["state"], "cancelled", "{last}");
    for job in [&running, &waiting] {
        assert_eq!(service.delete(&format!("/api/renders/{job}")).0, 200, "again");
        assert_eq!(service.get(&format!("/api/renders/{job}")).1["state"], "cancelled");
        assert_eq!(service.get(&format!("/api/renders/{job}/outputs/long.mp4")).0, 410);
    }
    let next = submit(&service, &LONG.replace("3600s", "1s"));
    service.completed(&next);
    sound(service.folder.path());
}

/// When a render is cancelled.
enum When {
    /// So long after it was taken.
    After(Duration),
    /// As soon as it is told to be so far: the last of it is the end of encoding, and the end of the file.
    At(f64),
}

#[test]
fn cancelled_at_any_moment_a_render_is_cancelled_or_completed_and_never_both() {
    let mut random = Random(39);
    let service = Service::start(&[("JOBS_RUNNING", "1")]);
    let uploads = service.folder.path().join("uploads");
    // Every film is another one, so that none stands for two.
    let film = |n: u64| {
        format!("canvas 640x360 fps:25\ntimeline {{\n color \"#{n:06x}\" duration:6s\n}}\noutput \"a.mp4\"\n")
    };
    let began = Instant::now();
    service.completed(&submit(&service, &film(0)));
    let whole = began.elapsed();
    let (mut ends, mut kept) = (Vec::new(), 1);
    for n in 1..=ROUNDS {
        let when = match n % 2 {
            0 => When::After(whole.mul_f64(random.below(1100) as f64 / 1000.0)),
            _ => When::At([0.0, 0.3, 0.9, 1.0][(n / 2 % 4) as usize]),
        };
        let job = submit(&service, &film(n));
        let mut events = Events::of(&service, &job);
        let mut told = vec![];
        match when {
            When::After(time) => std::thread::park_timeout(time),
            When::At(far) => told.extend(
                events
                    .by_ref()
                    .find(|event| event["progress"].as_f64().unwrap() >= far && event["state"] != "queued"),
            ),
        }
        let (status, said) = cancel(&service, &job);
        told.extend(events);
        let end = match status {
            200 => "cancelled",
            409 => "completed",
            _ => panic!("{status} {said}"),
        };
        kept += usize::from(status == 409);
        one_end(&told, end);
        eventually("its worker ends", || children(service.child.id()).is_empty());
        assert_eq!(stored(&uploads).len(), kept, "{said}");
        ends.push((job, end));
    }
    for (job, end) in &ends {
        assert_eq!(service.get(&format!("/api/renders/{job}")).1["state"], *end);
    }
    let cancelled = ends.iter().filter(|(_, end)| *end == "cancelled").count();
    assert!(cancelled >= ends.len() / 3, "{ends:?}");
    assert_eq!(service.get("/api/video").1["total"], json!(kept));
    sound(service.folder.path());
    log_is_calm(service.folder.path());
}

/// One event of the end, as the last.
fn one_end(told: &[Value], end: &str) {
    let states: Vec<&str> = told.iter().map(|event| event["state"].as_str().unwrap()).collect();
    let over = states.iter().filter(|state| !matches!(**state, "queued" | "running")).count();
    assert_eq!((states.last(), over), (Some(&end), 1), "{states:?}");
}

/// Cancelling is no error of ours.
fn log_is_calm(folder: &Path) {
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("\"level\":\"ERROR\"")).collect();
    assert_eq!(errors, [""; 0]);
}
