//! Whose turn it is, also when many ask at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use uuid::Uuid;

use super::rows::{AMPLE, at, blob, finished, job, output};
use crate::model::{Folder, Job, JobProgress, JobState, Owner};
use crate::store::{Added, Ended, Page, Store};

async fn added(store: &Arc<dyn Store>, job: Job) -> Uuid {
    assert_eq!(store.add_job(&job, None, None, AMPLE).await.expect("a job"), Added::New);
    job.id
}

async fn claimed(store: &Arc<dyn Store>) -> Option<Job> {
    store.claim(at(10)).await.expect("a claim")
}

fn again(seconds: Option<i64>) -> Ended {
    Ended {
        state: JobState::Queued,
        error: None,
        diagnostics: vec![],
        crashed: false,
        not_before: seconds.map(at),
    }
}

pub(crate) async fn claims_by_priority_then_age(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let mut ids = Vec::new();
    for priority in [0, 5, -3, 5, 0] {
        ids.push(added(store, Job { priority, ..job(owner) }).await);
    }
    for expected in [1, 3, 0, 4, 2] {
        let job = claimed(store).await.expect("a job");
        assert_eq!(job.id, ids[expected]);
        assert_eq!((job.state, job.attempts, job.started_at), (JobState::Running, 1, Some(at(10))));
        assert_eq!(store.job(owner, job.id).await.expect("a read"), Some(job));
    }
    assert_eq!(claimed(store).await, None);
    assert_eq!(store.queue_depth().await.expect("a read"), (0, 5));
}

pub(crate) async fn claims_only_what_is_due(store: &Arc<dyn Store>) {
    let id = added(store, job(Uuid::nil())).await;
    claimed(store).await.expect("a job");
    assert_eq!(store.next_due(at(10)).await.expect("a read"), None);
    store.end(id, &again(Some(20)), at(10)).await.expect("a write").expect("a job");
    assert_eq!(store.claim(at(19)).await.expect("a claim"), None);
    assert_eq!(store.next_due(at(19)).await.expect("a read"), Some(at(20)));
    assert_eq!(store.claim(at(20)).await.expect("a claim").expect("a job").id, id);
    assert_eq!(store.next_due(at(19)).await.expect("a read"), None);
    // The clock was set back by half a day.
    store.end(id, &again(Some(20)), at(10)).await.expect("a write").expect("a job");
    assert_eq!(store.claim(at(20 - 12 * 3600)).await.expect("a claim").expect("a job").id, id);
}

pub(crate) async fn shares_workers_between_owners(store: &Arc<dyn Store>) {
    let [many, some, one]: [Owner; 3] = std::array::from_fn(|_| Uuid::new_v4());
    for owner in [many, many, many, many, some, some, one] {
        // A high priority counts among one's own jobs alone.
        added(store, Job { priority: if owner == many { 100 } else { 0 }, ..job(owner) }).await;
    }
    let mut turns = Vec::new();
    while let Some(job) = claimed(store).await {
        turns.push(job.owner);
    }
    assert_eq!(turns, [many, some, one, many, some, many, many]);
}

pub(crate) async fn shares_a_single_worker_between_owners(store: &Arc<dyn Store>) {
    let [many, one]: [Owner; 2] = std::array::from_fn(|_| Uuid::new_v4());
    for owner in [many, many, many, many, one, one] {
        added(store, job(owner)).await;
    }
    let mut turns = Vec::new();
    while let Some(job) = claimed(store).await {
        turns.push(job.owner);
        store.finish(job.id, &finished(vec![]), u64::MAX, at(11)).await.expect("a write").expect("an end");
    }
    assert_eq!(turns, [many, one, many, one, many, many]);
}

pub(crate) async fn queues_again_what_ran(store: &Arc<dyn Store>) {
    let first = added(store, job(Uuid::nil())).await;
    let second = added(store, job(Uuid::nil())).await;
    claimed(store).await.expect("a job");
    let progress = JobProgress { progress: 0.5, ..JobProgress::default() };
    store.set_progress(first, &progress).await.expect("a write");
    assert_eq!(store.requeue_running(at(12)).await.expect("a write"), 1);
    assert_eq!(store.requeue_running(at(12)).await.expect("a write"), 0);
    let waiting = store.job(Uuid::nil(), first).await.expect("a read").expect("the job");
    assert_eq!((waiting.state, waiting.revision, waiting.progress), (JobState::Queued, 3, progress));
    let resumed = claimed(store).await.expect("a job");
    assert_eq!((resumed.id, resumed.attempts, resumed.progress), (first, 1, JobProgress::default()));
    assert_eq!(claimed(store).await.expect("a job").id, second);
}

/// Adding, claiming, telling, ending, queueing again and listing, all at once.
pub(crate) async fn loses_no_job_and_does_none_twice(store: &Arc<dyn Store>) {
    const ADDERS: usize = 4;
    const JOBS: usize = 40;
    let mut tasks = JoinSet::new();
    for owner in 0..ADDERS {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            for _ in 0..JOBS {
                added(&store, job(Uuid::from_u128(owner as u128))).await;
            }
            Vec::new()
        });
    }
    for _ in 0..8 {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let mut done = Vec::new();
            while let Some(job) = next_until_all_ended(&store, ADDERS * JOBS).await {
                if work(&store, &job).await {
                    done.push(job.id);
                }
            }
            done
        });
    }
    let done: Vec<Uuid> = tasks.join_all().await.into_iter().flatten().collect();
    let mut times: BTreeMap<Uuid, usize> = BTreeMap::new();
    done.iter().for_each(|id| *times.entry(*id).or_default() += 1);
    assert_eq!(times.len(), ADDERS * JOBS);
    assert!(times.values().all(|times| *times == 1));
    assert_eq!(store.queue_depth().await.expect("a read"), (0, 0));
    for owner in 0..ADDERS {
        let owner = Uuid::from_u128(owner as u128);
        let jobs = store.jobs(owner, &Page::default()).await.expect("a page").rows;
        assert_eq!(jobs.len(), JOBS);
        for job in jobs {
            assert_eq!((job.state, job.attempts, job.revision), (JobState::Completed, 2, 5));
        }
        assert_eq!(store.videos(owner, &Page::default()).await.expect("a page").total, JOBS as u64);
    }
}

/// Every job is tried twice; `true` when it ended now.
async fn work(store: &Arc<dyn Store>, job: &Job) -> bool {
    if job.attempts == 1 {
        store.end(job.id, &again(None), at(11)).await.expect("a write").expect("the job");
        return false;
    }
    store.set_progress(job.id, &JobProgress::default()).await.expect("a write");
    let file = blob(Folder::Videos, "mp4", &job.id.to_string());
    store
        .finish(job.id, &finished(vec![output("o.mp4", file)]), u64::MAX, at(12))
        .await
        .expect("a write")
        .is_some()
}

async fn next_until_all_ended(store: &Arc<dyn Store>, jobs: usize) -> Option<Job> {
    loop {
        if let Some(job) = claimed(store).await {
            return Some(job);
        }
        if store.blob_ids().await.expect("a read").len() == jobs {
            return None;
        }
        tokio::task::yield_now().await;
    }
}
