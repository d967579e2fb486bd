//! The outbox: ends that are still to be told, with fair shares between owners.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::rows::{AMPLE, at, job};
use crate::model::{Job, JobState, Owner};
use crate::store::{Added, Ended, Notice, Share, Store};

/// A job with a webhook that has ended.
async fn told(store: &Arc<dyn Store>, owner: Owner, seconds: i64) -> Uuid {
    let job = job(owner);
    assert_eq!(store.add_job(&job, None, None, AMPLE).await.expect("a job"), Added::New);
    let cancelled = Ended {
        state: JobState::Cancelled,
        error: None,
        diagnostics: vec![],
        crashed: false,
        not_before: None,
    };
    store.end(job.id, &cancelled, at(seconds)).await.expect("a write").expect("an end");
    job.id
}

fn share(all: u64, each: u64, busy: &[(Owner, u64)]) -> Share {
    Share { all, each, busy: busy.iter().copied().collect::<HashMap<_, _>>() }
}

async fn taken(store: &Arc<dyn Store>, now: Timestamp, share: Share) -> Vec<Uuid> {
    let notices = store.take_notices(now, at(1000), &share).await.expect("a write");
    notices.into_iter().map(|notice| notice.job.id).collect()
}

pub(crate) async fn tells_every_end_until_it_is_forgotten(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let silent = Job { webhook: None, ..job(owner) };
    store.add_job(&silent, None, None, AMPLE).await.expect("a job");
    let first = told(store, owner, 10).await;
    let second = told(store, owner, 20).await;
    assert_eq!(store.next_notice(Timestamp::UNIX_EPOCH).await.expect("a read"), Some(at(10)));
    assert_eq!(store.next_notice(at(10)).await.expect("a read"), Some(at(20)));
    assert_eq!(taken(store, at(9), share(9, 9, &[])).await, Vec::<Uuid>::new());
    let notices = store.take_notices(at(10), at(30), &share(9, 9, &[])).await.expect("a write");
    let [Notice { job, tries: 1 }] = &*notices else { panic!("{notices:?}") };
    assert_eq!((job.id, job.state), (first, JobState::Cancelled));
    assert_eq!(taken(store, at(20), share(9, 9, &[])).await, [second]);
    // Tried again in its time, and counted.
    let notices = store.take_notices(at(30), at(40), &share(9, 9, &[])).await.expect("a write");
    assert_eq!(notices.iter().map(|notice| (notice.job.id, notice.tries)).collect::<Vec<_>>(), [(first, 2)]);
    store.postpone_notice(first, at(35)).await.expect("a write");
    // The clock was set back by half a day.
    let back = at(35 - 12 * 3600);
    let notices = store.take_notices(back, at(35), &share(9, 9, &[])).await.expect("a write");
    assert_eq!(notices.iter().map(|notice| notice.job.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!(store.next_notice(at(30)).await.expect("a read"), Some(at(35)));
    for id in [first, second] {
        store.forget_notice(id).await.expect("a write");
    }
    assert_eq!(store.next_notice(Timestamp::UNIX_EPOCH).await.expect("a read"), None);
}

pub(crate) async fn shares_what_is_told_at_once_between_owners(store: &Arc<dyn Store>) {
    let [many, some, one]: [Owner; 3] = std::array::from_fn(|_| Uuid::new_v4());
    let mut ids = Vec::new();
    for (n, owner) in [many, many, many, many, many, some, some, one].into_iter().enumerate() {
        ids.push(told(store, owner, 10 + n as i64).await);
    }
    // Of every owner the first, then of every owner the second.
    let order = [ids[0], ids[5], ids[7], ids[1], ids[6]];
    assert_eq!(taken(store, at(50), share(5, 2, &[])).await, order);
    let busy = [(many, 2), (some, 2), (one, 1)];
    assert_eq!(taken(store, at(50), share(9, 2, &busy)).await, Vec::<Uuid>::new(), "their share is used");
    assert_eq!(taken(store, at(50), share(9, 2, &[(many, 1)])).await, [ids[2]]);
    assert_eq!(taken(store, at(50), share(9, 9, &[])).await, [ids[3], ids[4]]);
}
