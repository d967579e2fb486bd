//! The queue from outside: keys used at once, jobs that kill their workers, no room among the waiting and on the disk.

use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};
use vfxb_tests::films::{Film, Sound};

use crate::client::{Service, answer};
use crate::inspect::{eventually, kill, renderers, sound, stored, temporary};

/// A script of one colour.
fn colour(canvas: &str, colour: &str, duration: &str) -> Value {
    let script = format!(
        "canvas {canvas} fps:25\ntimeline {{\n color \"{colour}\" duration:{duration}\n}}\noutput \"out.mp4\"\n"
    );
    json!({"script": script, "format": "vfx"})
}

fn submit(service: &Service, body: &Value) -> String {
    service.posted("/api/renders", body)["jobId"].as_str().unwrap().to_owned()
}

/// Row 30.
#[test]
fn a_key_that_is_used_twenty_times_at_once_is_one_job() {
    let service = Service::start(&[]);
    let ask = |key: &str, name: &str| {
        let body = colour("64x48", name, "1s");
        answer(service.request(Method::POST, "/api/renders").header("Idempotency-Key", key).json(&body))
    };
    let said: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..20).map(|_| scope.spawn(|| ask("one", "teal"))).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert!(said[0].0 == 202 && said.iter().all(|one| *one == said[0]), "{said:?}");
    service.completed(said[0].1["jobId"].as_str().unwrap());
    assert_eq!(service.get("/api/renders").1["total"], 1);
    assert_eq!((ask("one", "teal"), ask("one", "red").0), (said[0].clone(), 422));
    // With another body at once: whoever comes first has the key.
    let mut said: Vec<u16> = std::thread::scope(|scope| {
        let asked = ["teal", "red"].map(|name| scope.spawn(move || ask("two", name).0));
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    said.sort_unstable();
    assert_eq!(said, [202, 422]);
    assert_eq!(service.get("/api/renders").1["total"], 2);
}

/// Row 40.
#[test]
fn a_job_that_kills_its_worker_twice_is_failed_and_the_next_goes_on() {
    let service = Service::start(&[("JOBS_RUNNING", "1")]);
    let uploads = service.folder.path().join("uploads");
    let poison = submit(&service, &colour("640x360", "red", "3600s"));
    let next = submit(&service, &colour("64x48", "teal", "1s"));
    let own = poison.replace('-', "");
    let mut deaths = Vec::new();
    eventually("it is failed", || {
        for (job, worker) in renderers(&uploads) {
            if job == own && !deaths.contains(&worker) {
                kill(worker);
                deaths.push(worker);
            }
        }
        deaths.len() > 1 && service.get(&format!("/api/renders/{poison}")).1["state"] == "failed"
    });
    assert_eq!(deaths.len(), 2);
    let render = service.ended(&poison);
    assert_eq!(render["error"]["code"], "crashed", "{render}");
    let (status, said) = service.get(&format!("/api/renders/{poison}/outputs/out.mp4"));
    assert_eq!((status, &said["message"]), (422, &render["error"]["message"]));
    let next = service.completed(&next);
    // It did not have to wait until the other was given up.
    assert!(next["finishedAt"].as_str() < render["finishedAt"].as_str(), "{next} {render}");
    sound(service.folder.path());
}

/// Row 40, by the system's own limit.
#[test]
fn a_job_that_takes_too_much_memory_is_failed_and_the_next_goes_on() {
    let service = Service::start(&[("JOBS_RUNNING", "1"), ("JOB_MEMORY", "96MiB")]);
    let poison = submit(&service, &colour("7680x4320", "red", "2s"));
    let next = submit(&service, &colour("64x48", "teal", "1s"));
    service.completed(&next);
    let render = service.ended(&poison);
    assert_eq!(render["state"], "failed", "{render}");
    // Whoever runs out of memory first says so in its own way.
    assert!(render["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{render}");
    sound(service.folder.path());
}

/// Row 41.
#[test]
fn a_full_queue_says_when_to_come_back() {
    let service = Service::start(&[("JOBS_RUNNING", "1"), ("JOBS_WAITING", "2")]);
    let uploads = service.folder.path().join("uploads");
    let long = colour("640x360", "red", "3600s");
    let running = submit(&service, &long);
    eventually("it is rendered", || !renderers(&uploads).is_empty());
    let waiting = [submit(&service, &long), submit(&service, &long)];
    let ask = |body: &Value| {
        let asked =
            service.request(Method::POST, "/api/renders").header("Idempotency-Key", "late").json(body);
        asked.send().unwrap()
    };
    let short = colour("64x48", "teal", "1s");
    let refused = ask(&short);
    let again: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!((refused.status().as_u16(), (1..=300).contains(&again)), (503, true), "{again}");
    assert_eq!(refused.json::<Value>().unwrap()["code"], "busy");
    assert_eq!(service.get("/api/renders").1["total"], 3, "nothing is kept of it");
    assert_eq!(service.delete(&format!("/api/renders/{}", waiting[0])).0, 200);
    let taken = ask(&short);
    assert_eq!(taken.status(), 202, "the key was not used up");
    let taken = taken.json::<Value>().unwrap()["jobId"].as_str().unwrap().to_owned();
    assert_eq!(ask(&short).status(), 202, "what is there already needs no room");
    for job in [&running, &waiting[1]] {
        assert_eq!(service.delete(&format!("/api/renders/{job}")).0, 200);
    }
    service.completed(&taken);
    sound(service.folder.path());
}

/// A minute of film whose sound is little as AAC, and 11 MB as plain samples.
fn quiet(folder: &Path) -> PathBuf {
    let path = folder.join("film.mp4");
    let mut film = Film::new(60 * 25);
    film.sound = Some(Sound::clicks("aac", 48_000, 2, 60 * 48_000, &[24_000]));
    film.write(&path).unwrap();
    path
}

/// The worker meets the quota in the middle of its file: no other try is made, and what is left serves others.
#[test]
fn a_render_beyond_the_quota_says_so_and_leaves_nothing() {
    let service = Service::start(&[("QUOTA", "5MB"), ("MAX_FILE_SIZE", "5MB"), ("JOB_ATTEMPTS", "100")]);
    let uploads = service.folder.path().join("uploads");
    let id = service.upload(&quiet(service.folder.path()));
    let script = format!("timeline {{\n video \"video:{id}\"\n}}\noutput \"out.wav\"\n");
    let render = service.ended(&submit(&service, &json!({"script": script, "format": "vfx"})));
    assert_eq!((&render["state"], &render["error"]["code"]), (&json!("failed"), &json!("quota")), "{render}");
    assert!(render["error"]["message"].as_str().unwrap().contains("5000000 bytes"), "{render}");
    eventually("its files go", || temporary(&uploads).is_empty());
    service.completed(&submit(&service, &colour("64x48", "teal", "1s")));
    sound(service.folder.path());
}

/// Row 44.
#[test]
fn a_video_that_is_deleted_while_it_is_rendered_stays_until_the_render_has_ended() {
    let service = Service::start(&[("JOBS_RUNNING", "1")]);
    let uploads = service.folder.path().join("uploads");
    let film = service.folder.path().join("film.mp4");
    Film { width: 640, height: 360, ..Film::new(250) }.write(&film).unwrap();
    let video = service.upload(&film);
    let script = format!(
        "timeline {{\n video \"video:{video}\" loop:2 | sepia\n}}\noutput \"out.mp4\" quality:high\n"
    );
    let body = json!({"script": script, "format": "vfx"});
    let bytes = |job: &str| {
        service.completed(job);
        let said =
            service.request(Method::GET, &format!("/api/renders/{job}/outputs/out.mp4")).send().unwrap();
        said.bytes().unwrap()
    };
    let whole = bytes(&submit(&service, &body));
    let job = submit(&service, &body);
    eventually("it is rendered", || !renderers(&uploads).is_empty());
    assert_eq!(service.delete(&format!("/api/video/{video}")).0, 200);
    assert_eq!(service.get(&format!("/api/video/{video}")).0, 404);
    assert_eq!(service.get(&format!("/api/renders/{job}")).1["state"], "running", "it was deleted in time");
    assert!(bytes(&job) == whole, "the same film as with the video there");
    // Results keep what they were made of, so that they can be edited.
    assert_eq!(stored(&uploads).len(), 2);
    for row in service.get("/api/video?fields=id").1["videos"].as_array().unwrap() {
        assert_eq!(service.delete(&format!("/api/video/{}", row["id"].as_str().unwrap())).0, 200);
    }
    eventually("it goes with them", || stored(&uploads).is_empty());
    sound(service.folder.path());
}

/// Row 44.
#[test]
fn on_a_full_disk_uploads_and_renders_fail_and_the_service_goes_on() {
    let service = Service::start_cramped(&[("JOB_ATTEMPTS", "1")], 3 << 20);
    let folder = Path::new("/proc").join(service.child.id().to_string()).join("root");
    let folder = folder.join(service.folder.path().strip_prefix("/").unwrap());
    let film = quiet(service.folder.path());
    let large = service.folder.path().join("large.mp4");
    std::fs::write(&large, [std::fs::read(&film).unwrap(), vec![0; 8 << 20]].concat()).unwrap();
    let form = reqwest::blocking::multipart::Form::new().file("video", &large).unwrap();
    let (status, said) = answer(service.request(Method::POST, "/api/video/upload").multipart(form));
    assert_eq!((status, &said["code"]), (507, &json!("no_room")), "{said}");
    assert!(temporary(&folder.join("uploads")).is_empty());

    let id = service.upload(&film);
    let script = |output: &str| {
        let script = format!("timeline {{\n video \"video:{id}\"\n}}\noutput \"{output}\"\n");
        json!({"script": script, "format": "vfx"})
    };
    let render = service.ended(&submit(&service, &script("out.wav")));
    assert_eq!(render["state"], "failed", "{render}");
    assert_eq!(render["outputs"], json!([]), "{render}");
    let message = render["error"]["message"].as_str().unwrap();
    assert!(["No space left", "File too large"].iter().any(|why| message.contains(why)), "{render}");
    assert!(temporary(&folder.join("uploads")).is_empty());
    service.completed(&submit(&service, &colour("64x48", "teal", "1s")));
    assert_eq!(service.get("/api/health").0, 200);
    sound(&folder);
}
