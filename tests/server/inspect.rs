//! What a service leaves on its machine, seen from outside: its processes, its files, its rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// SplitMix64 (Steele, Lea, Flood 2014): the same moments for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Below `n`, which is not 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Looks again and again, so long at most; whether it came.
pub(crate) fn within(time: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while !holds() {
        if started.elapsed() > time {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    true
}

/// Waits for what comes by itself.
pub(crate) fn eventually(what: &str, holds: impl FnMut() -> bool) {
    assert!(within(PATIENCE, holds), "{what}");
}

/// The processes that a process started and that still run.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Ends a process as the system does that has no memory left. It may have ended already.
pub(crate) fn kill(pid: u32) {
    let command = format!("kill -9 {pid} 2>/dev/null || true");
    assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
}

/// Kilobytes of memory that a process holds.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The jobs that are rendered now, and the processes that do it: unfinished files bear their number.
pub(crate) fn renderers(uploads: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for folder in entries(&uploads.join("temp/jobs")) {
        for file in entries(&folder) {
            let writer =
                name(&file).strip_prefix(".vfxb-").and_then(|rest| rest.split('-').next()?.parse().ok());
            found.extend(writer.map(|pid| (name(&folder).to_owned(), pid)));
        }
    }
    found
}

/// What lies in a folder, if it is there.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap()
}

/// Stored files by `folder/name`, with their size and hash. One that goes while they are read is not there.
pub(crate) fn stored(uploads: &Path) -> BTreeMap<String, (u64, String)> {
    let files = ["videos", "audio", "images"].map(|folder| {
        entries(&uploads.join(folder)).into_iter().filter_map(move |file| {
            let bytes = match std::fs::read(&file) {
                Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => return None,
                bytes => bytes.unwrap(),
            };
            let hash = blake3::hash(&bytes).to_hex().to_string();
            Some((format!("{folder}/{}", name(&file)), (bytes.len() as u64, hash)))
        })
    });
    files.into_iter().flatten().collect()
}

/// What is temporary: files, and folders of jobs.
pub(crate) fn temporary(uploads: &Path) -> Vec<PathBuf> {
    let jobs = uploads.join("temp/jobs");
    let mut found = entries(&uploads.join("temp"));
    found.retain(|path| *path != jobs);
    found.extend(entries(&jobs));
    found
}

/// Each counts rows that should not be.
const UNSOUND: [&str; 9] = [
    "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "SELECT count(*) FROM pragma_foreign_key_check",
    "SELECT count(*) FROM jobs WHERE state NOT IN ('completed', 'failed', 'cancelled')",
    "SELECT count(*) FROM jobs WHERE finished_at IS NULL",
    "SELECT count(*) FROM jobs j
        WHERE (state = 'completed') <> EXISTS (SELECT 1 FROM job_outputs WHERE job = j.id)",
    "SELECT count(*) FROM media m LEFT JOIN jobs j ON j.id = m.made_job WHERE m.made_job IS NOT NULL
        AND m.status IS NOT CASE j.state WHEN 'completed' THEN 'ready' ELSE 'failed' END",
    "SELECT count(*) FROM job_outputs o JOIN media m ON m.id = o.video WHERE m.blob IS NOT o.blob",
    "SELECT count(*) FROM media WHERE status = 'processing'",
    "SELECT count(*) FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM media WHERE blob = b.id)
        AND NOT EXISTS (SELECT 1 FROM job_outputs WHERE blob = b.id)",
];

/// The database of a service, to look into.
pub(crate) fn rows(folder: &Path) -> Connection {
    Connection::open_with_flags(folder.join("vfxb.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// A number that a statement gives.
pub(crate) fn count(rows: &Connection, sql: &str) -> u64 {
    rows.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// With nothing left to do, what a service keeps in this folder is whole: no row is half, every file that a row names
/// is there with its size and its content, no other is, and nothing is temporary.
pub(crate) fn sound(folder: &Path) {
    let uploads = folder.join("uploads");
    assert!(within(PATIENCE, || temporary(&uploads).is_empty()), "{:?}", temporary(&uploads));
    let rows = rows(folder);
    for sql in UNSOUND {
        assert_eq!(count(&rows, sql), 0, "{sql}");
    }
    let sql = "SELECT folder || '/' || lower(hex(id)) || '.' || extension, size, hash FROM blobs";
    let mut statement = rows.prepare(sql).unwrap();
    let blobs = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).unwrap();
    let known: BTreeMap<String, (u64, String)> = blobs.map(Result::unwrap).collect();
    assert_eq!(stored(&uploads), known);
}
