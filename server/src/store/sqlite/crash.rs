//! Killed at seeded random moments, a process that adds, claims, ends and deletes leaves a database in which nothing is
//! half done, and nothing is lost that it had said was done.
//!
//! The child is this test binary again: [`child`] does nothing unless [`DATABASE`] is set.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use uuid::Uuid;

use super::SqliteStore;
use crate::model::{Folder, Job, JobProgress, JobState};
use crate::store::contract::rows::{AMPLE, at, blob, finished, job_for, output, result};
use crate::store::{Added, Ended, Idempotency, Jobs, Media};

const DATABASE: &str = "VFXB_TEST_CRASH_DATABASE";
const SEED: &str = "VFXB_TEST_CRASH_SEED";
const ROUNDS: u64 = 16;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// Says that something is stored. The parent believes it, whatever happens next.
fn say(what: &str, id: Uuid) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "said {what} {id}").expect("somebody listens");
    out.flush().expect("somebody listens");
}

#[tokio::test]
async fn child() {
    let (Some(database), Ok(seed)) = (std::env::var_os(DATABASE), std::env::var(SEED)) else { return };
    let store = SqliteStore::open(database).expect("a store");
    let mut random = Random(seed.parse().expect("a number"));
    store.requeue_running(at(9)).await.expect("a write");
    let (mut running, mut made) = (Vec::new(), Vec::new());
    loop {
        match random.below(8) {
            0..3 => add(&store, Uuid::from_u128(random.below(3) as u128)).await,
            3..5 => running.extend(store.claim(at(10)).await.expect("a claim")),
            _ if running.is_empty() => {}
            which => {
                let job = running.swap_remove(random.below(running.len()));
                made.extend(work(&store, job, which).await);
            }
        }
        if made.len() > 5 {
            let (owner, video) = made.swap_remove(random.below(made.len()));
            store.delete_media(owner, video).await.expect("a write");
            store.release_media().await.expect("a write");
        }
    }
}

async fn add(store: &SqliteStore, owner: Uuid) {
    let video = result(owner, &[Uuid::new_v4()]);
    let job = job_for(&video);
    let key = Idempotency { key: job.id.to_string(), body: "b".to_owned() };
    assert_eq!(store.add_job(&job, Some(&video), Some(&key), AMPLE).await.expect("a job"), Added::New);
    say("added", job.id);
}

/// A job's end, of one sort or another; the videos that it made.
async fn work(store: &SqliteStore, job: Job, which: usize) -> Vec<(Uuid, Uuid)> {
    let progress = JobProgress { progress: 0.5, ..JobProgress::default() };
    store.set_progress(job.id, &progress).await.expect("a write");
    if which < 7 {
        let files = ["a.mp4", "b.mp4"]
            .map(|name| output(name, blob(Folder::Videos, "mp4", &format!("{}{name}", job.id))));
        let done = store
            .finish(job.id, &finished(files.into()), u64::MAX, at(11))
            .await
            .expect("a write")
            .expect("an end");
        say("completed", job.id);
        return done.outputs.iter().filter_map(|output| Some((done.owner, output.video?))).collect();
    }
    let state = if job.attempts < 2 { JobState::Queued } else { JobState::Failed };
    let ended = Ended { state, error: None, diagnostics: vec![], crashed: true, not_before: None };
    store.end(job.id, &ended, at(11)).await.expect("a write").expect("an end");
    if state == JobState::Failed {
        say("failed", job.id);
    }
    Vec::new()
}

fn spawn(database: &Path, seed: u64) -> Child {
    let (_, module) = module_path!().split_once("::").expect("a module");
    Command::new(std::env::current_exe().expect("this binary"))
        .args([&format!("{module}::child"), "--exact", "--nocapture"])
        .env(DATABASE, database)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child")
}

/// What a child said until it was killed, which is at a random moment after it said so much.
fn killed_after(child: &mut Child, words: usize, spin: usize) -> Vec<(String, Uuid)> {
    let mut said = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("a line");
        let mut words_of = line.split_whitespace().skip_while(|word| *word != "said").skip(1);
        if let (Some(what), Some(id)) = (words_of.next(), words_of.next()) {
            // A line that was cut by the kill says nothing.
            said.extend(Uuid::try_parse(id).ok().map(|id| (what.to_owned(), id)));
        }
        if said.len() == words {
            (0..spin).for_each(|_| std::hint::spin_loop());
            child.kill().expect("a kill");
        }
    }
    child.wait().expect("an end");
    said
}

#[tokio::test]
async fn leaves_nothing_half_done_when_it_is_killed() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("vfxb.db");
    let mut random = Random(7);
    let mut said: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut child = spawn(&database, round);
        for (what, job) in killed_after(&mut child, 1 + random.below(60), random.below(200_000)) {
            said.entry(job).or_default().push(what);
        }
        let store = SqliteStore::open(&database).expect("a store");
        nothing_is_half_done(&store).await;
        for (job, said) in &said {
            let state = state(&store, *job).await;
            match said.last().map(String::as_str) {
                Some("added") => {}
                Some(end) => assert_eq!(state, end, "round {round}, job {job} that said {said:?}"),
                None => unreachable!("a job that said nothing"),
            }
            assert!(said.len() <= 2, "round {round}, job {job} ended twice: {said:?}");
        }
    }
    assert!(said.values().filter(|said| said.len() == 2).count() > 20, "{}", said.len());
}

async fn state(store: &SqliteStore, job: Uuid) -> String {
    store
        .database
        .read(move |transaction| {
            Ok(transaction.query_one("SELECT state FROM jobs WHERE id = ?", [job], |row| row.get(0))?)
        })
        .await
        .expect("a job that it had said was added")
}

/// Each counts rows that are in half a state.
const HALVES: [&str; 9] = [
    "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "SELECT count(*) FROM pragma_foreign_key_check",
    "SELECT count(*) FROM jobs j WHERE NOT EXISTS (SELECT 1 FROM idempotency_keys WHERE job = j.id)
        OR NOT EXISTS (SELECT 1 FROM job_sources WHERE job = j.id)",
    "SELECT count(*) FROM jobs j
        WHERE (state = 'completed') * 2 <> (SELECT count(*) FROM job_outputs WHERE job = j.id AND video IS NOT NULL)",
    "SELECT count(*) FROM jobs WHERE (state IN ('completed', 'failed', 'cancelled')) <> (finished_at IS NOT NULL)",
    "SELECT count(*) FROM jobs j WHERE state IN ('queued', 'running')
        AND NOT EXISTS (SELECT 1 FROM media WHERE id = j.video AND status = 'processing' AND made_job = j.id)",
    "SELECT count(*) FROM media m LEFT JOIN jobs j ON j.id = m.made_job
        WHERE m.status IS NOT CASE j.state WHEN 'completed' THEN 'ready' WHEN 'failed' THEN 'failed' ELSE 'processing' END",
    "SELECT count(*) FROM job_outputs o JOIN media m ON m.id = o.video WHERE m.blob IS NOT o.blob",
    "SELECT count(*) FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM media WHERE blob = b.id)",
];

async fn nothing_is_half_done(store: &SqliteStore) {
    for sql in HALVES {
        let half: u64 = store
            .database
            .read(move |transaction| Ok(transaction.query_one(sql, [], |row| row.get(0))?))
            .await
            .expect("a count");
        assert_eq!(half, 0, "{sql}");
    }
}
