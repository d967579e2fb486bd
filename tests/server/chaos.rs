//! Rows 37 and 38: the service and its workers are killed at seeded random moments while clients upload, edit, render
//! and delete. Nothing that was taken is lost, nothing is done twice, nothing half-made stays.
//!
//! `VFXB_KILLS` says how often (50 otherwise), `VFXB_SEED` at which moments.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use vfxb_tests::films::Film;

use crate::client::Service;
use crate::inspect::{
    Random, children, count, entries, kill, renderers, rows, sound, stored, temporary, within,
};

/// Clients at once.
const CLIENTS: u64 = 4;

/// The longest wait for a moment that was chosen: it may never come.
const MOMENT: Duration = Duration::from_secs(2);

/// What was asked for and taken.
struct Taken {
    key: String,
    path: &'static str,
    body: Value,
    job: String,
}

/// Clients that ask until they are answered, however often that takes.
struct Crowd {
    /// Where the service is now.
    url: Mutex<String>,
    /// Nothing new any more.
    closing: AtomicBool,
    films: Vec<Vec<u8>>,
    original: String,
    taken: Mutex<Vec<Taken>>,
    /// Uploads that were answered, and which film each is.
    uploaded: Mutex<BTreeMap<String, usize>>,
    /// Uploads whose answer never came: they may be there or not.
    unanswered: AtomicU64,
    /// Videos whose deletion was answered.
    deleted: Mutex<BTreeSet<String>>,
}

impl Crowd {
    /// Asks until the answer is good; what the other answers may be is said here.
    fn persist(&self, ask: impl Fn(&str) -> RequestBuilder, cut: impl Fn()) -> (u16, Value) {
        loop {
            let url = self.url.lock().unwrap().clone();
            let said = match ask(&url).send() {
                Ok(said) => said,
                Err(error) => {
                    // What nobody listened to was not cut off.
                    if !error.is_connect() {
                        cut();
                    }
                    std::thread::park_timeout(Duration::from_millis(20));
                    continue;
                }
            };
            let status = said.status().as_u16();
            let Ok(text) = said.text() else {
                cut();
                continue;
            };
            let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            match (status, body["code"].as_str()) {
                (200..300, _) | (404, _) => return (status, body),
                // The worker that looked into it was killed.
                (500, Some("processing_failed")) | (415, _) => {}
                _ => panic!("{status} {body}"),
            }
        }
    }

    fn client(&self, seed: u64) {
        let mut random = Random(seed);
        let client = Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        while !self.closing.load(Ordering::Relaxed) {
            match random.below(10) {
                0..4 => self.render(&client, &mut random),
                4..6 => self.trim(&client, &mut random),
                6 => self.upload(&client, &mut random),
                7 => self.resume(&client, &mut random),
                8 => self.delete(&client, &mut random),
                _ => self.again(&client, &mut random),
            }
            // People think; a queue that only grows would take its time at the end.
            std::thread::park_timeout(Duration::from_millis(50 + random.below(350)));
        }
    }

    fn render(&self, client: &Client, random: &mut Random) {
        let colour = random.below(1 << 24);
        let frames = 10 + random.below(90);
        let script = format!(
            "canvas 320x180 fps:25\ntimeline {{\n color \"#{colour:06x}\" duration:{frames}f\n}}\noutput \"out.mp4\"\n"
        );
        self.submit(client, random, "/api/renders", json!({"script": script, "format": "vfx"}));
    }

    fn trim(&self, client: &Client, random: &mut Random) {
        let start = random.below(25) as f64 / 25.0;
        let end = start + (1 + random.below(25)) as f64 / 25.0;
        let body = json!({"videoId": self.original, "startTime": start, "endTime": end});
        self.submit(client, random, "/api/video/trim", body);
    }

    fn submit(&self, client: &Client, random: &mut Random, path: &'static str, body: Value) {
        let key = format!("{:016x}", random.below(u64::MAX));
        let job = self.job(client, path, &key, &body);
        self.taken.lock().unwrap().push(Taken { key, path, body, job });
    }

    fn job(&self, client: &Client, path: &str, key: &str, body: &Value) -> String {
        let ask = |url: &str| client.post(format!("{url}{path}")).header("Idempotency-Key", key).json(body);
        let (status, said) = self.persist(ask, || ());
        assert_eq!(status, 202, "{said}");
        said["jobId"].as_str().unwrap().to_owned()
    }

    /// What was taken once is the same job ever after.
    fn again(&self, client: &Client, random: &mut Random) {
        let (path, key, body, job) = {
            let taken = self.taken.lock().unwrap();
            if taken.is_empty() {
                return;
            }
            let one = &taken[random.below(taken.len() as u64) as usize];
            (one.path, one.key.clone(), one.body.clone(), one.job.clone())
        };
        assert_eq!(self.job(client, path, &key, &body), job);
    }

    fn upload(&self, client: &Client, random: &mut Random) {
        let film = random.below(self.films.len() as u64) as usize;
        // Sent whole: of a form that is streamed, a service that nobody listens for is no longer told from a cut.
        let head = "--b\r\nContent-Disposition: form-data; name=\"video\"; filename=\"a.mp4\"\r\n\r\n";
        let form = [head.as_bytes(), &self.films[film], b"\r\n--b--\r\n"].concat();
        let ask = |url: &str| {
            let upload = client.post(format!("{url}/api/video/upload"));
            upload.header("Content-Type", "multipart/form-data; boundary=b").body(form.clone())
        };
        let cut = || {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        };
        let (status, said) = self.persist(ask, cut);
        assert_eq!(status, 200, "{said}");
        self.uploaded.lock().unwrap().insert(said["videoId"].as_str().unwrap().to_owned(), film);
    }

    /// The same by tus: whatever is cut off goes on where it was.
    fn resume(&self, client: &Client, random: &mut Random) {
        let film = random.below(self.films.len() as u64) as usize;
        let content = &self.films[film];
        let ask = |method: Method, path: &str| {
            let url = self.url.lock().unwrap().clone();
            client.request(method, format!("{url}{path}")).header("Tus-Resumable", "1.0.0")
        };
        let send = |request: RequestBuilder| {
            let said = request.send().ok().map(|said| (said.status().as_u16(), said.headers().clone()));
            if said.is_none() {
                std::thread::park_timeout(Duration::from_millis(20));
            }
            said
        };
        let place = loop {
            let begun = send(ask(Method::POST, "/api/tus").header("Upload-Length", content.len()));
            if let Some((status, headers)) = begun {
                assert_eq!(status, 201);
                break headers["location"].to_str().unwrap().to_owned();
            }
        };
        let text = |headers: &HeaderMap, name: &str| Some(headers.get(name)?.to_str().unwrap().to_owned());
        loop {
            let Some((status, headers)) = send(ask(Method::HEAD, &place)) else { continue };
            if status == 404 || status == 410 {
                // The worker that looked into it was killed.
                return;
            }
            assert_eq!(status, 200);
            if let Some(result) = text(&headers, "upload-result") {
                let id = result.strip_prefix("video:").unwrap().to_owned();
                self.uploaded.lock().unwrap().insert(id, film);
                return;
            }
            let offset: usize = text(&headers, "upload-offset").unwrap().parse().unwrap();
            let part = &content[offset..content.len().min(offset + content.len() / 2 + 1)];
            let part = ask(Method::PATCH, &place)
                .header("Upload-Offset", offset)
                .header("Content-Type", "application/offset+octet-stream")
                .body(part.to_vec());
            if let Some((status, _)) = send(part) {
                assert!(matches!(status, 204 | 415), "{status}");
            }
        }
    }

    fn delete(&self, client: &Client, random: &mut Random) {
        let id = {
            let mut uploaded = self.uploaded.lock().unwrap();
            if uploaded.is_empty() {
                return;
            }
            let id = uploaded.keys().nth(random.below(uploaded.len() as u64) as usize).unwrap().clone();
            uploaded.remove(&id);
            id
        };
        // 404: it was deleted, and the answer was cut off.
        self.persist(|url| client.delete(format!("{url}/api/video/{id}")), || ());
        self.deleted.lock().unwrap().insert(id);
    }
}

/// Films of the same pictures and different bytes: what follows a film's own boxes is one more, of no meaning.
fn films(folder: &Path) -> (PathBuf, Vec<Vec<u8>>) {
    let path = folder.join("film.mp4");
    Film::new(50).write(&path).unwrap();
    let film = std::fs::read(&path).unwrap();
    let films = [100_000u32, 400_000, 2_000_000].map(|size| {
        let mut film = film.clone();
        film.extend_from_slice(&size.to_be_bytes());
        film.extend_from_slice(b"free");
        film.resize(film.len() + size as usize - 8, size as u8);
        film
    });
    (path, films.into())
}

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().unwrap())
}

/// What was done to the service.
#[derive(Debug, Default)]
struct Deeds {
    services: u64,
    starts: u64,
    renderers: u64,
    others: u64,
    /// Moments that were chosen and came, by what was waited for.
    moments: BTreeMap<&'static str, u64>,
    /// Jobs that lost their worker: once each, because after the second time they are failed.
    harmed: BTreeSet<String>,
}

/// Waits for a moment.
fn wait(uploads: &Path, random: &mut Random, deeds: &mut Deeds) {
    let (what, spread) = match random.below(5) {
        0 => ("a job is rendered", 300),
        1 => ("an upload comes", 20),
        2 => ("a file is placed", 4),
        3 => ("a job is claimed", 60),
        _ => ("any", 900),
    };
    let videos = || entries(&uploads.join("videos")).len();
    let before = videos();
    let came = within(MOMENT, || match what {
        "a job is rendered" => !renderers(uploads).is_empty(),
        "an upload comes" => entries(&uploads.join("temp")).iter().any(|file| file.is_file()),
        "a file is placed" => videos() > before,
        "a job is claimed" => !entries(&uploads.join("temp/jobs")).is_empty(),
        _ => true,
    });
    if came {
        *deeds.moments.entry(what).or_default() += 1;
    }
    std::thread::park_timeout(Duration::from_micros(random.below(spread * 1000)));
}

/// Kills somebody.
fn strike(service: &mut Service, random: &mut Random, deeds: &mut Deeds, crowd: &Crowd) {
    let uploads = service.folder.path().join("uploads");
    let whom = random.below(8);
    if whom < 4 {
        let fresh = renderers(&uploads).into_iter().find(|(job, _)| !deeds.harmed.contains(job));
        match fresh {
            Some((job, worker)) => {
                kill(worker);
                deeds.harmed.insert(job);
                deeds.renderers += 1;
            }
            None => {
                let busy: BTreeSet<u32> = renderers(&uploads).into_iter().map(|(_, pid)| pid).collect();
                let other = children(service.child.id()).into_iter().find(|pid| !busy.contains(pid));
                // One that has just begun a job counts as that job's.
                let jobs = entries(&uploads.join("temp/jobs")).is_empty();
                if let (Some(other), true) = (other, jobs) {
                    kill(other);
                    deeds.others += 1;
                }
            }
        }
    }
    // Some die alone, most with the service.
    if whom != 0 {
        deeds.services += 1;
        if random.below(4) == 0 {
            deeds.starts += 1;
            service.kill_twice_and_restart(Duration::from_millis(random.below(250)));
        } else {
            service.kill_and_restart();
        }
        *crowd.url.lock().unwrap() = service.url.clone();
    }
}

#[test]
fn killed_at_any_moment_nothing_is_lost_done_twice_or_half_made() {
    let kills = setting("VFXB_KILLS", 50);
    let mut random = Random(setting("VFXB_SEED", 38));
    let mut service = Service::start(&[("JOBS_RUNNING", "2")]);
    let (film, films) = films(service.folder.path());
    let original = service.upload(&film);
    let crowd = Crowd {
        url: Mutex::new(service.url.clone()),
        closing: AtomicBool::new(false),
        films,
        original,
        taken: Mutex::default(),
        uploaded: Mutex::default(),
        unanswered: AtomicU64::new(0),
        deleted: Mutex::default(),
    };
    let mut deeds = Deeds::default();
    let uploads = service.folder.path().join("uploads");
    std::thread::scope(|scope| {
        let seeds: Vec<u64> = (0..CLIENTS).map(|_| random.below(u64::MAX)).collect();
        let _closes = Closes(&crowd.closing);
        for seed in seeds {
            let crowd = &crowd;
            scope.spawn(move || crowd.client(seed));
        }
        for _ in 0..kills {
            wait(&uploads, &mut random, &mut deeds);
            strike(&mut service, &mut random, &mut deeds, &crowd);
        }
    });
    let client = Client::new();
    let taken = crowd.taken.lock().unwrap();
    for one in taken.iter() {
        let render = service.completed(&one.job);
        assert_eq!(crowd.job(&client, one.path, &one.key, &one.body), one.job, "{render}");
        whole(&service, &render);
    }
    let jobs: BTreeSet<&str> = taken.iter().map(|one| one.job.as_str()).collect();
    assert_eq!(jobs.len(), taken.len(), "two keys, two jobs");
    assert_eq!(service.get("/api/renders?limit=1").1["total"], json!(taken.len()), "and no further ones");
    same_again(&service, &taken, &deeds);
    kept(&service, &crowd);
    sound(service.folder.path());
    let rows = rows(service.folder.path());
    let made = "SELECT count(*) FROM jobs j WHERE 1 <> (SELECT count(*) FROM media WHERE made_job = j.id)
        OR 1 <> (SELECT count(*) FROM job_outputs WHERE job = j.id)";
    assert_eq!(count(&rows, made), 0, "each job made one video, once");
    // A start with nothing to repair changes nothing.
    let before = stored(&uploads);
    service.kill_and_restart();
    assert_eq!(stored(&uploads), before);
    assert!(temporary(&uploads).is_empty());
    let told = format!(
        "{kills} moments: {deeds:?}; {} jobs, {} uploads ({} cut off), {} deletions\n",
        taken.len(),
        crowd.uploaded.lock().unwrap().len(),
        crowd.unanswered.load(Ordering::Relaxed),
        crowd.deleted.lock().unwrap().len()
    );
    std::io::stderr().write_all(told.as_bytes()).unwrap();
}

/// Lets clients end, also where the test fails before they should.
struct Closes<'a>(&'a AtomicBool);

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The file of a render, as it was noted; its tag.
fn whole(service: &Service, render: &Value) -> String {
    let outputs = render["outputs"].as_array().unwrap();
    assert_eq!(outputs.len(), 1, "{render}");
    let output = &outputs[0];
    let (id, name) = (render["id"].as_str().unwrap(), output["name"].as_str().unwrap());
    let said = service.request(Method::GET, &format!("/api/renders/{id}/outputs/{name}")).send().unwrap();
    assert_eq!(said.status(), 200, "{render}");
    let tag = said.headers()["etag"].to_str().unwrap().trim_matches('"').to_owned();
    let bytes = said.bytes().unwrap();
    assert_eq!((json!(bytes.len()), blake3::hash(&bytes).to_hex().as_str()), (output["size"].clone(), &*tag));
    tag
}

/// What lost its worker is what it would have been: the same script gives the same bytes.
fn same_again(service: &Service, taken: &[Taken], deeds: &Deeds) {
    let simple = |id: &str| id.replace('-', "");
    let harmed = taken.iter().filter(|one| deeds.harmed.contains(&simple(&one.job)));
    for one in harmed.take(3) {
        let said = service.posted(one.path, &one.body);
        let again = service.completed(said["jobId"].as_str().unwrap());
        let (_, first) = service.get(&format!("/api/renders/{}", one.job));
        assert_eq!(whole(service, &again), whole(service, &first), "{}", one.body);
    }
}

/// Every upload that was answered is there, byte for byte; of those that were not, some may be.
fn kept(service: &Service, crowd: &Crowd) {
    let uploaded = crowd.uploaded.lock().unwrap();
    for (id, film) in uploaded.iter() {
        let said = service.request(Method::GET, &format!("/api/video/{id}/file")).send().unwrap();
        assert_eq!(said.status(), 200, "{id}");
        assert!(said.bytes().unwrap() == crowd.films[*film], "{id} has other bytes");
    }
    for id in crowd.deleted.lock().unwrap().iter() {
        assert_eq!(service.get(&format!("/api/video/{id}")).0, 404, "{id} was deleted");
    }
    let rows = rows(service.folder.path());
    let there = count(&rows, "SELECT count(*) FROM media WHERE made_job IS NULL") - 1;
    let answered = uploaded.len() as u64;
    let unanswered = crowd.unanswered.load(Ordering::Relaxed);
    assert!(answered <= there && there <= answered + unanswered, "{answered} {there} {unanswered}");
}
