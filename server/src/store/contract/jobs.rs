//! Jobs from their being stored to their end.

use std::sync::Arc;

use tokio::task::JoinSet;
use uuid::Uuid;

use super::rows::{
    AMPLE, at, blob, finished, job, job_for, metadata, output, result, script, script_bytes, video,
};
use crate::model::{
    Folder, Job, JobError, JobOutput, JobProgress, JobState, Made, ScriptText, Video, VideoStatus,
};
use crate::store::{Added, Ended, Idempotency, Keyed, Page, Room, Store, StoreError};

fn ended(state: JobState) -> Ended {
    Ended {
        state,
        error: Some(JobError {
            code: "timeout".to_owned(),
            message: "It took too long.".to_owned(),
            help: Some("Ask for less.".to_owned()),
        }),
        diagnostics: vec![serde_json::json!({"code": "V0002", "at": [1, 2]})],
        crashed: false,
        not_before: None,
    }
}

async fn running(store: &Arc<dyn Store>, job: &Job, video: Option<&Video>) {
    assert_eq!(store.add_job(job, video, None, AMPLE).await.expect("a job"), Added::New);
    assert_eq!(store.claim(at(3)).await.expect("a claim").expect("a job").id, job.id);
}

pub(crate) async fn keeps_a_job_and_the_video_that_it_makes(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let video = result(owner, &[Uuid::new_v4(), Uuid::new_v4()]);
    let job = Job { priority: -100, ..job_for(&video) };
    assert_eq!(store.add_job(&job, Some(&video), None, AMPLE).await.expect("a job"), Added::New);
    assert_eq!(store.job(owner, job.id).await.expect("a read"), Some(job.clone()));
    assert_eq!(store.job(Uuid::new_v4(), job.id).await.expect("a read"), None);
    let made = video.made.clone().map(|made| Made { job: Some(job.id), ..made });
    let expected = Video { status: VideoStatus::Processing, made, ..video.clone() };
    assert_eq!(store.video(owner, video.id).await.expect("a read"), Some(expected));

    let second = Job { created_at: at(50), ..super::rows::job(owner) };
    store.add_job(&second, None, None, AMPLE).await.expect("a job");
    let listed = store.jobs(owner, &Page::default()).await.expect("a page");
    // A list does not read scripts.
    let unscripted = |job: Job| {
        let script = ScriptText { text: String::new(), vars: [].into(), ..job.script };
        Job { script, ..job }
    };
    assert_eq!((listed.total, listed.rows), (2, vec![unscripted(second), unscripted(job)]));
    assert_eq!(store.jobs(Uuid::new_v4(), &Page::default()).await.expect("a page").total, 0);
}

pub(crate) async fn takes_an_idempotency_key_once(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let key = |body: &str| Idempotency { key: "k".to_owned(), body: body.to_owned() };
    let first = job(owner);
    assert_eq!(store.add_job(&first, None, Some(&key("a")), AMPLE).await.expect("a job"), Added::New);
    let same = store.add_job(&job(owner), None, Some(&key("a")), AMPLE).await.expect("an answer");
    assert_eq!(same, Added::Same(Box::new(first.clone())));
    // The answer is the same when there is no room for more.
    let none = Room { waiting: 0, waiting_of_one: 0, quota: 0 };
    let same = store.add_job(&job(owner), None, Some(&key("a")), none).await.expect("an answer");
    assert_eq!(same, Added::Same(Box::new(first)));
    let other = store.add_job(&job(owner), None, Some(&key("b")), AMPLE).await.expect("an answer");
    assert_eq!(other, Added::OtherBody);
    let another = store.add_job(&job(Uuid::new_v4()), None, Some(&key("b")), AMPLE).await.expect("an answer");
    assert_eq!(another, Added::New);
    assert_eq!(store.queue_depth().await.expect("a read"), (2, 0));

    store.forget_keys(at(2)).await.expect("a write");
    let kept = store.add_job(&job(owner), None, Some(&key("b")), AMPLE).await.expect("an answer");
    assert_eq!(kept, Added::OtherBody);
    store.forget_keys(at(3)).await.expect("a write");
    let anew = store.add_job(&job(owner), None, Some(&key("b")), AMPLE).await.expect("an answer");
    assert_eq!(anew, Added::New);
}

pub(crate) async fn takes_a_key_once_for_a_video_that_is_made_later(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let key = |body: &str| Idempotency { key: "k".to_owned(), body: body.to_owned() };
    let mut adding = JoinSet::new();
    for _ in 0..16 {
        let (store, video, key) = (Arc::clone(store), result(owner, &[]), key("a"));
        adding.spawn(async move {
            match store.add_unmade_video(&video, Some(&key), u64::MAX).await.expect("an answer") {
                None => (video.id, true),
                Some(Keyed::Video(earlier)) => (earlier, false),
                other => panic!("{other:?}"),
            }
        });
    }
    let answers = adding.join_all().await;
    assert_eq!(answers.iter().filter(|(_, new)| *new).count(), 1);
    let kept = answers[0].0;
    assert!(answers.iter().all(|(id, _)| *id == kept));
    assert_eq!(store.videos(owner, &Page::default()).await.expect("a page").total, 1);

    assert_eq!(store.keyed(owner, &key("a")).await.expect("a read"), Some(Keyed::Video(kept)));
    assert_eq!(store.keyed(owner, &key("b")).await.expect("a read"), Some(Keyed::OtherBody));
    assert_eq!(store.keyed(Uuid::new_v4(), &key("a")).await.expect("a read"), None);
    let other = store.add_unmade_video(&result(owner, &[]), Some(&key("b")), u64::MAX).await;
    assert_eq!(other.expect("an answer"), Some(Keyed::OtherBody));
    // A key is one for jobs and videos.
    let as_job = store.add_job(&job(owner), None, Some(&key("b")), AMPLE).await.expect("an answer");
    assert_eq!(as_job, Added::OtherBody);
    let job = Idempotency { key: "job".to_owned(), body: "a".to_owned() };
    let stored = super::rows::job(owner);
    store.add_job(&stored, None, Some(&job), AMPLE).await.expect("a job");
    let as_video = store.add_unmade_video(&result(owner, &[]), Some(&job), u64::MAX).await;
    assert_eq!(as_video.expect("an answer"), Some(Keyed::Job(Box::new(stored))));
    assert_eq!(store.videos(owner, &Page::default()).await.expect("a page").total, 1);

    // What does not fit uses no key up, and a key goes with its video.
    let small = Idempotency { key: "small".to_owned(), body: "a".to_owned() };
    assert!(store.add_unmade_video(&result(owner, &[]), Some(&small), 1).await.is_err());
    assert_eq!(store.keyed(owner, &small).await.expect("a read"), None);
    store.delete_media(owner, kept).await.expect("a write").expect("a video");
    assert_eq!(store.keyed(owner, &key("a")).await.expect("a read"), None);
}

pub(crate) async fn takes_a_key_once_when_many_send_it_at_once(store: &Arc<dyn Store>) {
    let mut adding = JoinSet::new();
    for _ in 0..16 {
        let store = Arc::clone(store);
        adding.spawn(async move {
            let (video, key) = (result(Uuid::nil(), &[]), Idempotency { key: "k".into(), body: "b".into() });
            let job = job_for(&video);
            match store.add_job(&job, Some(&video), Some(&key), AMPLE).await.expect("an answer") {
                Added::New => (job.id, true),
                Added::Same(earlier) => (earlier.id, false),
                other => panic!("{other:?}"),
            }
        });
    }
    let answers = adding.join_all().await;
    assert_eq!(answers.iter().filter(|(_, new)| *new).count(), 1);
    assert!(answers.iter().all(|(id, _)| *id == answers[0].0));
    assert_eq!(store.queue_depth().await.expect("a read"), (1, 0));
    assert_eq!(store.videos(Uuid::nil(), &Page::default()).await.expect("a page").total, 1);
}

pub(crate) async fn refuses_jobs_without_room(store: &Arc<dyn Store>) {
    let video = result(Uuid::nil(), &[]);
    let one = Room { waiting: 1, ..AMPLE };
    running(store, &job(Uuid::nil()), None).await;
    assert_eq!(store.add_job(&job(Uuid::nil()), None, None, one).await.expect("an answer"), Added::New);
    assert_eq!(store.queue_depth().await.expect("a read"), (1, 1));
    let refused = store.add_job(&job_for(&video), Some(&video), None, one).await.expect("an answer");
    assert_eq!(refused, Added::Full);
    assert_eq!(store.video_status(video.id).await.expect("a read"), None);
}

pub(crate) async fn refuses_jobs_of_who_fills_the_queue(store: &Arc<dyn Store>) {
    let (many, other) = (Uuid::new_v4(), Uuid::new_v4());
    let room = Room { waiting: 5, waiting_of_one: 2, ..AMPLE };
    let mut adding = JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(store);
        adding.spawn(async move { store.add_job(&job(many), None, None, room).await.expect("an answer") });
    }
    let answers = adding.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Added::New).count(), 2);
    assert_eq!(answers.iter().filter(|answer| **answer == Added::FullOfOwn).count(), 6);
    for expected in [Added::New, Added::New, Added::FullOfOwn] {
        assert_eq!(store.add_job(&job(other), None, None, room).await.expect("an answer"), expected);
    }
    // Full for all is full, whoever's the jobs are.
    for (owner, expected) in
        [(Uuid::new_v4(), Added::New), (Uuid::new_v4(), Added::Full), (many, Added::Full)]
    {
        assert_eq!(store.add_job(&job(owner), None, None, room).await.expect("an answer"), expected);
    }
    // What runs does not wait.
    store.claim(at(3)).await.expect("a claim").expect("a job");
    store.claim(at(3)).await.expect("a claim").expect("a job");
    assert_eq!(store.add_job(&job(many), None, None, room).await.expect("an answer"), Added::New);
}

pub(crate) async fn holds_jobs_and_results_to_the_quota(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let over = |answer: Result<_, StoreError>| matches!(answer, Err(StoreError::Quota { .. }));
    // A script, the script of its video, and a byte of a result.
    let needed = 2 * script_bytes() + 1;
    let video = result(owner, &[]);
    let key = Idempotency { key: "k".into(), body: "b".into() };
    let asked = job_for(&video);
    let add = |quota| store.add_job(&asked, Some(&video), Some(&key), Room { quota, ..AMPLE });
    assert!(over(add(needed - 1).await.map(drop)));
    assert_eq!(store.jobs(owner, &Page::default()).await.expect("a page").total, 0);
    assert_eq!(store.videos(owner, &Page::default()).await.expect("a page").total, 0);
    assert_eq!(add(needed).await.expect("an answer"), Added::New, "the key was not used up");

    let job = store.claim(at(3)).await.expect("a claim").expect("a job");
    let made = finished(vec![
        output("a.mp4", blob(Folder::Videos, "mp4", "1234")),
        output("b.png", blob(Folder::Images, "png", "567")),
    ]);
    let kept = 2 * script_bytes() + 4 + 3;
    assert!(over(store.finish(job.id, &made, kept - 1, at(4)).await.map(drop)));
    assert_eq!(store.blob_ids().await.expect("a read"), Vec::<Uuid>::new());
    assert_eq!(store.job(owner, job.id).await.expect("a read").expect("the job").state, JobState::Running);
    store.finish(job.id, &made, kept, at(4)).await.expect("a write").expect("an end");
    assert_eq!(store.bytes_kept(owner).await.expect("a read"), kept);
}

pub(crate) async fn lets_one_job_make_a_video(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let unmade = result(owner, &[]);
    store.add_unmade_video(&unmade, None, u64::MAX).await.expect("a video");
    let first = job_for(&unmade);
    assert_eq!(store.add_job(&first, Some(&unmade), None, AMPLE).await.expect("a job"), Added::New);
    let again =
        async || store.add_job(&job_for(&unmade), Some(&unmade), None, AMPLE).await.expect("an answer");
    assert_eq!(again().await, Added::Same(Box::new(first.clone())));
    store.end(first.id, &ended(JobState::Failed), at(4)).await.expect("a write").expect("an end");
    assert_eq!(store.video_status(unmade.id).await.expect("a read"), Some(VideoStatus::Failed));

    let second = job_for(&unmade);
    running(store, &second, Some(&unmade)).await;
    let made = finished(vec![output("o.mp4", blob(Folder::Videos, "mp4", "made"))]);
    let done = store.finish(second.id, &made, u64::MAX, at(5)).await.expect("a write").expect("an end");
    assert_eq!(again().await, Added::Same(Box::new(done)));
    assert_eq!(store.videos(owner, &Page::default()).await.expect("a page").total, 1);
}

pub(crate) async fn finishes_with_files_and_videos(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let there = video(Uuid::new_v4(), "same");
    store.add_video(&there, u64::MAX).await.expect("a video");
    let video = Video { metadata: None, ..result(owner, &[there.id]) };
    let job = job_for(&video);
    running(store, &job, Some(&video)).await;
    store
        .set_progress(job.id, &JobProgress { progress: 0.5, fps: 99.0, eta_seconds: None, segment: 7 })
        .await
        .expect("a write");

    let still = blob(Folder::Images, "png", "still");
    let own = blob(Folder::Videos, "mp4", "own");
    let made = finished(vec![
        output("still.png", still.clone()),
        output("own.mp4", own.clone()),
        output("same.mp4", blob(Folder::Videos, "mp4", "same")),
    ]);
    let done = store.finish(job.id, &made, u64::MAX, at(60)).await.expect("a write").expect("an end");
    assert_eq!(store.job(owner, job.id).await.expect("a read"), Some(done.clone()));
    let shared = there.blob.expect("a file");
    let extra = done.outputs[2].video.expect("a video of its own");
    let file = |name: &str, blob, size, video| JobOutput { name: name.to_owned(), blob, size, video };
    let expected = Job {
        state: JobState::Completed,
        progress: JobProgress { progress: 1.0, fps: 99.0, eta_seconds: Some(0.0), segment: 7 },
        outputs: vec![
            file("still.png", still.id, 5, None),
            file("own.mp4", own.id, 3, Some(video.id)),
            file("same.mp4", shared.id, 4, Some(extra)),
        ],
        diagnostics: made.diagnostics.clone(),
        attempts: 1,
        revision: 3,
        started_at: Some(at(3)),
        finished_at: Some(at(60)),
        ..job.clone()
    };
    assert_eq!(done, expected);

    let seen = store.video(owner, video.id).await.expect("a read").expect("the video");
    assert_eq!((seen.status, seen.blob, seen.metadata), (VideoStatus::Ready, Some(own), Some(metadata())));
    let seen = store.video(owner, extra).await.expect("a read").expect("the other video");
    let origin = Made {
        operation: "trim".to_owned(),
        of: None,
        script: script(),
        output: Some("same.mp4".to_owned()),
        sources: vec![there.id],
        job: Some(job.id),
    };
    assert_eq!((seen.status, seen.blob, seen.made), (VideoStatus::Ready, Some(shared), Some(origin)));
    assert_eq!(store.finish(job.id, &made, u64::MAX, at(61)).await.expect("a write"), None);
    assert_eq!(store.bytes_kept(owner).await.expect("a read"), 5 + 3 + 4 + 3 * script_bytes());
}

pub(crate) async fn keeps_nothing_of_a_job_that_was_cancelled(store: &Arc<dyn Store>) {
    let video = result(Uuid::nil(), &[]);
    let job = job_for(&video);
    running(store, &job, Some(&video)).await;
    let cancelled =
        store.end(job.id, &ended(JobState::Cancelled), at(4)).await.expect("a write").expect("an end");
    let made = finished(vec![output("o.mp4", blob(Folder::Videos, "mp4", "made"))]);
    assert_eq!(store.finish(job.id, &made, u64::MAX, at(5)).await.expect("a write"), None);
    assert_eq!(store.blob_ids().await.expect("a read"), Vec::<Uuid>::new());
    assert_eq!(store.job(Uuid::nil(), job.id).await.expect("a read"), Some(cancelled));
    assert_eq!(store.video_status(video.id).await.expect("a read"), Some(VideoStatus::Failed));
    // Nor of one that no worker has, or that is not there.
    let queued = super::rows::job(Uuid::nil());
    store.add_job(&queued, None, None, AMPLE).await.expect("a job");
    assert_eq!(store.finish(queued.id, &made, u64::MAX, at(5)).await.expect("a write"), None);
    assert_eq!(store.finish(Uuid::new_v4(), &made, u64::MAX, at(5)).await.expect("a write"), None);
    assert_eq!(store.blob_ids().await.expect("a read"), Vec::<Uuid>::new());
}

pub(crate) async fn ends_jobs_and_their_videos(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let video = result(owner, &[]);
    let job = job_for(&video);
    running(store, &job, Some(&video)).await;
    let again = Ended { crashed: true, not_before: Some(at(30)), ..ended(JobState::Queued) };
    let queued = store.end(job.id, &again, at(10)).await.expect("a write").expect("a job");
    let expected = Job {
        state: JobState::Queued,
        error: again.error.clone(),
        diagnostics: again.diagnostics.clone(),
        attempts: 1,
        crashes: 1,
        revision: 2,
        started_at: Some(at(3)),
        not_before: Some(at(30)),
        ..job.clone()
    };
    assert_eq!(queued, expected);
    assert_eq!(store.job(owner, job.id).await.expect("a read"), Some(expected));
    assert_eq!(store.video_status(video.id).await.expect("a read"), Some(VideoStatus::Processing));

    let retried = store.claim(at(30)).await.expect("a claim").expect("a job");
    assert_eq!((retried.attempts, retried.error, retried.not_before), (2, None, None));
    let last = Ended { crashed: true, ..ended(JobState::Failed) };
    let failed = store.end(job.id, &last, at(40)).await.expect("a write").expect("an end");
    assert_eq!((failed.state, failed.crashes, failed.finished_at), (JobState::Failed, 2, Some(at(40))));
    assert_eq!(failed.error, last.error);
    assert_eq!(store.video_status(video.id).await.expect("a read"), Some(VideoStatus::Failed));
    assert_eq!(store.end(job.id, &ended(JobState::Cancelled), at(41)).await.expect("a write"), None);
    assert_eq!(store.end(Uuid::new_v4(), &last, at(41)).await.expect("a write"), None);
    assert!(store.end(job.id, &ended(JobState::Completed), at(41)).await.is_err());
    assert_eq!(store.queue_depth().await.expect("a read"), (0, 0));
}

pub(crate) async fn counts_every_change(store: &Arc<dyn Store>) {
    let job = job(Uuid::nil());
    running(store, &job, None).await;
    let progress = JobProgress { progress: 0.25, fps: f64::NAN, eta_seconds: Some(1.5), segment: 3 };
    assert_eq!(store.set_progress(job.id, &progress).await.expect("a write"), 2);
    assert_eq!(store.set_progress(job.id, &progress).await.expect("a write"), 3);
    let seen = store.job(Uuid::nil(), job.id).await.expect("a read").expect("the job");
    assert_eq!((seen.revision, seen.progress), (3, JobProgress { fps: 0.0, ..progress }));
    let cancelled =
        store.end(job.id, &ended(JobState::Cancelled), at(4)).await.expect("a write").expect("an end");
    assert_eq!(cancelled.revision, 4);
    // Late news of a job that has ended changes nothing.
    let late = JobProgress { progress: 1.0, ..progress };
    assert_eq!(store.set_progress(job.id, &late).await.expect("a write"), 4);
    assert_eq!(store.job(Uuid::nil(), job.id).await.expect("a read"), Some(cancelled));
    assert_eq!(store.set_progress(Uuid::new_v4(), &late).await.expect("a write"), 0);
}

pub(crate) async fn removes_ended_jobs_and_what_is_theirs_alone(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let video = result(owner, &[Uuid::new_v4()]);
    let job = job_for(&video);
    let key = Idempotency { key: "k".into(), body: "b".into() };
    assert_eq!(store.add_job(&job, Some(&video), Some(&key), AMPLE).await.expect("a job"), Added::New);
    assert_eq!(store.delete_job(owner, job.id).await.expect("a write"), None, "it waits");
    store.claim(at(3)).await.expect("a claim").expect("a job");
    assert_eq!(store.delete_job(owner, job.id).await.expect("a write"), None, "it runs");
    let (own, extra) = (blob(Folder::Videos, "mp4", "own"), blob(Folder::Videos, "mp4", "extra"));
    let (still, shared) = (blob(Folder::Images, "png", "still"), blob(Folder::Images, "png", "shared"));
    let files = [("own.mp4", &own), ("extra.mp4", &extra), ("still.png", &still), ("shared.png", &shared)];
    let made = finished(files.map(|(name, blob)| output(name, blob.clone())).into());
    let done = store.finish(job.id, &made, u64::MAX, at(4)).await.expect("a write").expect("an end");
    // Another job made the same picture.
    let other = super::rows::job(owner);
    running(store, &other, None).await;
    let same = finished(vec![output("same.png", blob(Folder::Images, "png", "shared"))]);
    store.finish(other.id, &same, u64::MAX, at(5)).await.expect("a write").expect("an end");

    assert_eq!(store.delete_job(Uuid::new_v4(), job.id).await.expect("a write"), None, "another's");
    assert_eq!(store.delete_job(owner, job.id).await.expect("a write"), Some(vec![still]));
    assert_eq!(store.delete_job(owner, job.id).await.expect("a write"), None);
    assert_eq!(store.job(owner, job.id).await.expect("a read"), None);
    assert_eq!(store.keyed(owner, &key).await.expect("a read"), None);
    for (id, file) in [(video.id, &own), (done.outputs[1].video.expect("a video"), &extra)] {
        let kept = store.video(owner, id).await.expect("a read").expect("the video");
        assert_eq!((kept.status, kept.blob.as_ref()), (VideoStatus::Ready, Some(file)));
        let made = kept.made.expect("a script");
        assert_eq!((made.job, made.sources), (None, job.sources.clone()));
    }
    // Who asks for it to be made again is told that it is there.
    let again = store.add_job(&job_for(&video), Some(&video), None, AMPLE).await.expect("an answer");
    assert_eq!(again, Added::Made);
    assert_eq!(store.delete_job(owner, other.id).await.expect("a write"), Some(vec![shared]));
    let kept = "ownextra".len() as u64 + 2 * script_bytes();
    assert_eq!(store.bytes_kept(owner).await.expect("a read"), kept);
}

pub(crate) async fn forgets_jobs_that_ended_long_ago(store: &Arc<dyn Store>) {
    let mut files = Vec::new();
    for seconds in [10, 11, 12, 13] {
        let job = job(Uuid::new_v4());
        running(store, &job, None).await;
        let still = blob(Folder::Images, "png", &seconds.to_string());
        let made = finished(vec![output("o.png", still.clone())]);
        store.finish(job.id, &made, u64::MAX, at(seconds)).await.expect("a write").expect("an end");
        files.push(still);
    }
    let failed = job(Uuid::nil());
    running(store, &failed, None).await;
    store.end(failed.id, &ended(JobState::Failed), at(9)).await.expect("a write").expect("an end");
    let waiting = job(Uuid::nil());
    store.add_job(&waiting, None, None, AMPLE).await.expect("a job");

    let forget = async |limit| store.forget_jobs(at(12), limit).await.expect("a write");
    assert_eq!(forget(2).await, (2, vec![files[0].clone()]), "the oldest first, and they say what goes");
    assert_eq!(forget(2).await, (1, vec![files[1].clone()]));
    assert_eq!(forget(2).await, (0, vec![]));
    assert_eq!(store.blob_ids().await.expect("a read").len(), 2);
    let left = store.jobs(Uuid::nil(), &Page::default()).await.expect("a page").rows;
    assert_eq!(left.into_iter().map(|job| job.id).collect::<Vec<_>>(), [waiting.id]);
}
