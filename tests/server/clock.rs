//! Row 48: the clock of the machine jumps by hours while jobs wait, run and fail. Nothing hangs, is lost or done twice.
//!
//! The clock is that of libfaketime, which the service is started with; without that library nothing is tried.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::client::Service;
use crate::inspect::{count, eventually, kill, renderers, rows, sound};

/// A clock that can be set.
struct Clock {
    offset: PathBuf,
    /// What makes a process use it.
    settings: Vec<(&'static str, String)>,
}

impl Clock {
    fn new(folder: &Path) -> Option<Clock> {
        let places = std::fs::read_dir("/usr/lib").ok()?.flatten();
        let library =
            places.map(|place| place.path().join("faketime/libfaketime.so.1")).find(|lib| lib.exists());
        let offset = folder.join("offset");
        let settings = vec![
            ("LD_PRELOAD", library?.to_str()?.to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", offset.to_str()?.to_owned()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // How long something takes is not told by the clock on the wall.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ];
        let clock = Clock { offset, settings };
        clock.set(0);
        Some(clock)
    }

    /// Sets it so many hours from the true time.
    fn set(&self, hours: i64) {
        let next = self.offset.with_extension("next");
        std::fs::write(&next, format!("{:+}", hours * 3600)).unwrap();
        std::fs::rename(next, &self.offset).unwrap();
    }
}

fn state(service: &Service, job: &str) -> Value {
    service.get(&format!("/api/renders/{job}")).1["state"].clone()
}

#[test]
fn a_clock_that_jumps_delays_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(clock) = Clock::new(folder.path()) else {
        eprintln!("clocks that jump were not tried: there is no libfaketime");
        return;
    };
    let mut settings: Vec<_> = clock.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.push(("JOBS_RUNNING", "1"));
    let service = Service::start(&settings);
    let uploads = service.folder.path().join("uploads");
    let submit = |colour: &str| {
        let script = format!(
            "canvas 1280x720 fps:25\ntimeline {{\n color {colour} duration:40s\n}}\noutput \"out.mp4\"\n"
        );
        let said = service.posted("/api/renders", &json!({"script": script, "format": "vfx"}));
        said["jobId"].as_str().unwrap().to_owned()
    };
    let running = |job: &str| {
        let own = job.replace('-', "");
        renderers(&uploads).into_iter().find(|(folder, _)| *folder == own).map(|(_, worker)| worker)
    };
    // Forth, and far back beyond where it began: what was to be tried again soon would be due in nine hours.
    let first = submit("teal");
    let mut worker = None;
    eventually("the first runs", || {
        worker = running(&first);
        worker.is_some()
    });
    clock.set(3);
    let now: Timestamp = service.get("/api/health").1["timestamp"].as_str().unwrap().parse().unwrap();
    let ahead = now.duration_since(Timestamp::now());
    assert!((ahead - SignedDuration::from_hours(3)).abs() < SignedDuration::from_mins(1), "{ahead:?}");
    kill(worker.unwrap());
    eventually("it is to be tried again", || state(&service, &first) == "queued");
    clock.set(-6);
    let second = submit("red");
    assert_eq!(service.completed(&first)["state"], "completed");
    // Back while a job runs, and forth while one waits.
    let third = submit("plum");
    eventually("the third runs", || running(&third).is_some());
    clock.set(-9);
    let fourth = submit("navy");
    clock.set(5);
    for job in [&second, &third, &fourth] {
        assert_eq!(service.completed(job)["progress"], 1.0);
    }
    sound(service.folder.path());
    let rows = rows(service.folder.path());
    assert_eq!(count(&rows, "SELECT count(*) FROM jobs WHERE state = 'completed' AND attempts = 1"), 3);
    assert_eq!(count(&rows, "SELECT count(*) FROM jobs WHERE state = 'completed' AND attempts = 2"), 1);
    assert_eq!(count(&rows, "SELECT count(*) FROM media WHERE made_job IS NOT NULL"), 4);
}
