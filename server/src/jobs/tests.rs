//! What becomes of jobs, with workers that do as they are told and a real store.

use std::sync::atomic::Ordering;

use super::fake::{PATIENCE, Service, job};
use super::*;
use crate::model::OPEN_OWNER;

#[tokio::test]
async fn a_job_runs_and_its_file_is_in_its_place() {
    let service = Service::new();
    let mut events = service.app.jobs.events();
    let _running = service.start();
    let id = service.submit("film one").await.id;
    let done = service.end(id).await;
    assert_eq!((done.state, done.attempts, done.progress.progress), (JobState::Completed, 1, 1.0));
    let [output] = &*done.outputs else { panic!("{done:?}") };
    let blob = service.app.store.blob(output.blob).await.unwrap().unwrap();
    let path = service.app.files.path(&blob);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "film one");
    assert_eq!(service.files(), [path], "nothing else is left");
    let video = service.app.store.video(OPEN_OWNER, output.video.unwrap()).await.unwrap().unwrap();
    assert_eq!((video.original_name.as_str(), video.metadata.unwrap().frames), ("out.mp4", 25));

    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        assert_eq!(event.script.text, "", "events hold no scripts");
        told.push((event.state, event.progress.progress, event.revision));
    }
    let states: Vec<_> = told.iter().map(|(state, progress, _)| (*state, *progress)).collect();
    assert_eq!(
        states,
        [
            (JobState::Queued, 0.0),
            (JobState::Running, 0.0),
            (JobState::Running, 0.5),
            (JobState::Completed, 1.0)
        ]
    );
    assert!(told.is_sorted_by_key(|(_, _, revision)| *revision), "{told:?}");
}

#[tokio::test]
async fn a_job_that_kills_its_workers_fails_and_the_next_runs() {
    let service = Service::new();
    let _running = service.start();
    let poison = service.submit("crash").await.id;
    let next = service.submit("film").await.id;
    let poison = service.end(poison).await;
    assert_eq!((poison.state, poison.crashes, poison.attempts), (JobState::Failed, 2, 2));
    assert_eq!(poison.error.unwrap().code, "crashed");
    assert_eq!(service.end(next).await.state, JobState::Completed);
}

#[tokio::test]
async fn only_what_may_pass_is_tried_again() {
    let service = Service::new();
    let _running = service.start();
    for (text, code, attempts) in [("wrong", "V0001", 1), ("late", "timeout", 1), ("machine", "V0001", 3)] {
        let id = service.submit(text).await.id;
        let failed = service.end(id).await;
        assert_eq!((failed.state, failed.attempts), (JobState::Failed, attempts), "{text}");
        assert_eq!(failed.error.unwrap().code, code);
    }
    assert_eq!(service.files(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn a_panic_is_that_jobs_alone() {
    let service = Service::new();
    let _running = service.start();
    let id = service.submit("panic").await.id;
    let next = service.submit("film").await.id;
    assert_eq!(service.end(id).await.error.unwrap().code, "crashed");
    assert_eq!(service.end(next).await.state, JobState::Completed);
    assert_eq!(service.files().len(), 1);
}

#[tokio::test]
async fn a_cancelled_job_leaves_nothing() {
    let service = Service::new();
    let _running = service.start();
    let running = service.submit("hang").await.id;
    let waiting = service.submit("film").await.id;
    service.workers.began.notified().await;
    for id in [waiting, running, running] {
        let cancelled = service.app.jobs.cancel(OPEN_OWNER, id).await.unwrap();
        assert_eq!(cancelled.state, JobState::Cancelled);
    }
    assert_eq!(service.files(), Vec::<std::path::PathBuf>::new(), "as soon as it is answered");
    let next = service.submit("film").await.id;
    service.end(next).await;
    assert_eq!(service.row(waiting).await.attempts, 0, "it never ran");
    let late = service.app.jobs.cancel(OPEN_OWNER, next).await.unwrap_err();
    assert_eq!(late.kind, Kind::Conflict);
    let stranger = service.app.jobs.cancel(Uuid::from_u128(1), next).await.unwrap_err();
    assert_eq!(stranger.kind, Kind::NotFound);
}

/// A cancel that comes while a job finishes wins or loses, and either way nothing is half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_while_finishing_wins_or_loses_wholly() {
    let service = Service::new();
    let _running = service.start();
    let mut kept = 0;
    for round in 0..40u64 {
        let id = service.submit(&format!("hold {round}")).await.id;
        service.workers.began.notified().await;
        service.workers.go.notify_one();
        // Seeded by the round: the cancel comes anywhere between the worker's end and the job's.
        for _ in 0..(round * 7919) % 50 {
            tokio::task::yield_now().await;
        }
        let answer = service.app.jobs.cancel(OPEN_OWNER, id).await;
        let job = service.end(id).await;
        match answer {
            Ok(_) => assert_eq!((job.state, job.outputs.len()), (JobState::Cancelled, 0)),
            Err(error) => {
                assert_eq!((error.kind, job.state), (Kind::Conflict, JobState::Completed));
                kept += 1;
            }
        }
        let gone = async {
            while service.app.jobs.running.lock().await.contains_key(&id) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.unwrap();
        assert_eq!(service.files().len(), kept, "round {round}");
    }
}

#[tokio::test]
async fn no_more_run_than_may() {
    let service = Service::with(|config| config.jobs.running = 2);
    let _running = service.start();
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(service.submit(&format!("hold {n}")).await.id);
    }
    for id in &ids[..2] {
        service.until(*id, |job| job.state == JobState::Running).await;
    }
    assert_eq!(service.app.store.queue_depth().await.unwrap(), (2, 2));
    service.workers.go.notify_one();
    service.until(ids[2], |job| job.state == JobState::Running).await;
    assert_eq!(service.app.store.queue_depth().await.unwrap(), (1, 2));
    assert_eq!(service.workers.busiest.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_stop_puts_back_what_runs_and_the_next_start_does_it() {
    let service = Service::new();
    let running = service.start();
    let id = service.submit("hold").await.id;
    service.workers.began.notified().await;
    service.app.jobs.stop();
    tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
    let back = service.row(id).await;
    assert_eq!((back.state, back.attempts, back.crashes), (JobState::Queued, 0, 0));
    assert_eq!(service.files(), Vec::<std::path::PathBuf>::new());
    let refused = service.app.jobs.submit(job("film"), None, None).await.unwrap_err();
    assert_eq!((refused.kind, refused.retry_after), (Kind::Busy, Some(10)));

    let mut again = service;
    again.app.jobs = Jobs::new(again.app.store.clone(), again.app.config.room());
    let _running = again.start();
    again.workers.go.notify_one();
    assert_eq!(again.end(id).await.state, JobState::Completed);
}

#[tokio::test]
async fn what_ran_when_the_service_died_runs_again() {
    let service = Service::new();
    let id = service.submit("film").await.id;
    service.app.store.claim(Timestamp::now()).await.unwrap().unwrap();
    let left = service.app.files.job_folder(id);
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("part"), "half").unwrap();
    let _running = service.start();
    let done = service.end(id).await;
    assert_eq!((done.state, done.attempts), (JobState::Completed, 1));
    assert!(!left.exists());
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let service = Service::with(|config| config.jobs.waiting = 1);
    service.submit("film").await;
    let refused = service.app.jobs.submit(job("film"), None, None).await.unwrap_err();
    assert_eq!((refused.kind, refused.retry_after), (Kind::Busy, Some(30)));
}

#[tokio::test]
async fn who_fills_the_queue_leaves_room_for_others() {
    let service = Service::with(|config| {
        let secret = crate::config::Secret::new("k".repeat(32));
        config.login = Some(crate::config::Login { secret, expires_in: Duration::from_secs(60) });
        config.jobs.waiting = 8;
    });
    let submit = |owner: u128| {
        let job = Job { owner: Uuid::from_u128(owner), ..job("film") };
        service.app.jobs.submit(job, None, None)
    };
    submit(1).await.unwrap();
    submit(1).await.unwrap();
    let refused = submit(1).await.unwrap_err();
    assert_eq!((refused.kind, refused.code), (Kind::Busy, Some("own_queue_full")));
    assert_eq!(refused.retry_after, Some(30));
    assert!(refused.message.contains("your own"), "{}", refused.message);
    submit(2).await.unwrap();
}

#[test]
fn one_user_has_a_share_of_the_queue_and_the_only_one_all_of_it() {
    let mut config = crate::config::Config::local("/here");
    let mut shares = Vec::new();
    for (waiting, given) in [(1000, None), (3, None), (1000, Some(7)), (5, Some(7))] {
        config.jobs.waiting = waiting;
        config.jobs.waiting_of_one = given;
        config.login = None;
        assert_eq!(config.room().waiting_of_one, waiting, "nobody else is there");
        let secret = crate::config::Secret::new("k".repeat(32));
        config.login = Some(crate::config::Login { secret, expires_in: Duration::from_secs(60) });
        shares.push(config.room().waiting_of_one);
    }
    assert_eq!(shares, [250, 1, 7, 5]);
}

/// Scripts and files count: of a film of so many bytes the job, the video and the file.
const FILM: usize = 1000;

fn film() -> String {
    format!("film {}", "x".repeat(FILM - 5))
}

#[tokio::test]
async fn renders_are_held_to_the_quota_when_they_are_asked_for() {
    let service = Service::with(|config| config.quota = 3100);
    let _running = service.start();
    let id = service.submit(&film()).await.id;
    assert_eq!(service.end(id).await.state, JobState::Completed);
    assert_eq!(service.workers.file_size.load(Ordering::SeqCst), 3100 - 1002);
    assert_eq!(service.app.store.bytes_kept(OPEN_OWNER).await.unwrap(), 3004);
    let refused = service.app.jobs.submit(job(&film()), None, None).await.unwrap_err();
    assert_eq!(refused.kind, Kind::NoRoom);
    assert!(refused.message.contains("3100 bytes"), "{}", refused.message);
    service.submit("film").await;
}

#[tokio::test]
async fn a_result_beyond_the_quota_fails_its_job_at_once_and_leaves_nothing() {
    let service = Service::with(|config| config.quota = 2900);
    let _running = service.start();
    let id = service.submit(&film()).await.id;
    let failed = service.end(id).await;
    assert_eq!((failed.state, failed.attempts), (JobState::Failed, 1), "no second try");
    let error = failed.error.unwrap();
    assert_eq!(error.code, "quota");
    assert!(error.message.contains("2900 bytes"), "{}", error.message);
    let gone = async {
        while service.app.jobs.running.lock().await.contains_key(&id) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    assert_eq!(service.files(), Vec::<std::path::PathBuf>::new());
    assert_eq!(service.app.store.bytes_kept(OPEN_OWNER).await.unwrap(), 1002);
}

/// A file that is too large is so again: for the quota if that was the smaller limit.
#[tokio::test]
async fn a_file_beyond_a_limit_is_tried_once_and_a_full_disk_again() {
    for (text, quota, file_size, code, attempts) in [
        ("large", 1000, 2000, "quota", 1),
        ("large", 2000, 1000, "V0001", 1),
        ("full", 1000, 2000, "V0001", 3),
    ] {
        let service = Service::with(|config| {
            config.quota = quota;
            config.jobs.file_size = file_size;
        });
        let _running = service.start();
        let id = service.submit(text).await.id;
        let failed = service.end(id).await;
        assert_eq!((failed.error.unwrap().code.as_str(), failed.attempts), (code, attempts), "{text}");
    }
}

/// Media on a host that is down may be there later; what is too large or missing stays so.
#[tokio::test]
async fn jobs_wait_for_hosts_that_are_down_and_for_nothing_else() {
    use axum::http::StatusCode;
    use axum::routing::get;
    let router = axum::Router::new()
        .route("/down.mp4", get(async || StatusCode::BAD_GATEWAY))
        .route("/none.mp4", get(async || StatusCode::NOT_FOUND))
        .route("/big.mp4", get(async || vec![0_u8; 2000]));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let service = Service::with(|config| {
        config.media_hosts = vec!["127.0.0.1".to_owned()];
        config.private_networks = vec!["127.0.0.0/8".parse().unwrap()];
        config.max_file_size = 1000;
    });
    let _running = service.start();
    for (file, code, attempts) in
        [("down", "media_unavailable", 3), ("none", "script_invalid", 1), ("big", "media_too_large", 1)]
    {
        let id = service.submit(&format!("film \"http://{host}/{file}.mp4\"")).await.id;
        let failed = service.end(id).await;
        let error = failed.error.unwrap();
        assert_eq!((error.code.as_str(), failed.attempts), (code, attempts), "{}", error.message);
        assert!(error.message.contains(&format!("/{file}.mp4`")), "{}", error.message);
    }
}
