//! What is SQLite's own: the file, its lock, its versions, a full disk.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use super::SqliteStore;
use super::connection::Outlives;
use crate::model::User;
use crate::store::contract::{Fixture, contract};
use crate::store::{Store, StoreError, Users};

contract!(empty);

async fn empty() -> Fixture {
    let folder = TempDir::new().expect("a folder");
    let store = SqliteStore::open(folder.path().join("vfxb.db")).expect("a store");
    Fixture { store: Arc::new(store), _guard: Box::new(folder) }
}

fn user(email: &str) -> User {
    User {
        id: Uuid::new_v4(),
        email: email.to_owned(),
        password_hash: "x".repeat(2000),
        created_at: Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn keeps_everything_for_the_next_start() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("deep/er/vfxb.db");
    let user = user("a@example.org");
    SqliteStore::open(&path).expect("a store").add_user(&user).await.expect("a user");
    let store = SqliteStore::open(&path).expect("a store");
    assert_eq!(store.user(user.id).await.expect("a read"), Some(user));
}

#[test]
fn waits_for_a_lock_that_a_killed_service_left_to_a_process_it_was_starting() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("vfxb.db");
    let left = std::fs::File::create(folder.path().join("vfxb.db.lock")).expect("a file");
    left.try_lock().expect("a lock");
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| SqliteStore::open(&path));
        // The database is made just before its lock is asked for.
        while !path.exists() {
            std::thread::yield_now();
        }
        std::thread::park_timeout(std::time::Duration::from_millis(50));
        drop(left);
        opened.join().expect("an end").expect("a store");
    });
}

#[tokio::test]
async fn is_open_once_whatever_links_lead_to_it() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("vfxb.db");
    let store = SqliteStore::open(&path).expect("a store");
    store.alive().await.expect("alive");
    let link = folder.path().join("other.db");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    for path in [&path, &link] {
        match SqliteStore::open(path) {
            Err(StoreError::InUse(lock)) => assert!(lock.ends_with("vfxb.db.lock"), "{}", lock.display()),
            other => panic!("{other:?}"),
        }
    }
    drop(store);
    SqliteStore::open(&link).expect("a store");
}

#[test]
fn is_for_its_owners_eyes_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("vfxb.db");
    let _store = SqliteStore::open(&path).expect("a store");
    for name in ["vfxb.db", "vfxb.db-wal", "vfxb.db-shm"] {
        let mode = folder.path().join(name).metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn refuses_what_is_no_database_of_ours() {
    let folder = TempDir::new().expect("a folder");
    let text = folder.path().join("text.db");
    std::fs::write(&text, "not a database at all, but long enough to be looked at. ".repeat(100))
        .expect("a file");
    let newer = folder.path().join("newer.db");
    drop(SqliteStore::open(&newer).expect("a store"));
    let connection = Connection::open(&newer).expect("a database");
    connection.pragma_update(None, "user_version", 1000).expect("a write");
    drop(connection);
    for (path, expected) in [(&text, "file is not a database"), (&newer, "newer version of vfxb")] {
        match SqliteStore::open(path) {
            Err(StoreError::Failed(why)) => assert!(why.contains(expected), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn says_that_the_disk_is_full_and_goes_on() {
    let folder = TempDir::new().expect("a folder");
    let store = SqliteStore::open(folder.path().join("vfxb.db")).expect("a store");
    let limit = |pages: Option<u32>| {
        store.database.write(Outlives::Process, move |transaction| {
            let there: u32 = transaction.pragma_query_value(None, "page_count", |row| row.get(0))?;
            transaction.pragma_update(None, "max_page_count", pages.map_or(u32::MAX, |more| there + more))?;
            Ok(())
        })
    };
    limit(Some(4)).await.expect("a limit");
    let mut kept = Vec::new();
    let refused = loop {
        let user = user(&format!("{}@example.org", kept.len()));
        match store.add_user(&user).await {
            Ok(()) => kept.push(user),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full), "{refused:?}");
    assert!(!kept.is_empty());
    for user in &kept {
        assert_eq!(store.user(user.id).await.expect("a read").as_ref(), Some(user));
    }
    limit(None).await.expect("a limit");
    store.add_user(&user("last@example.org")).await.expect("room again");
    assert!(store.user_by_email("last@example.org").await.expect("a read").is_some());
}

#[tokio::test]
async fn undoes_what_a_transaction_did_before_it_failed() {
    let folder = TempDir::new().expect("a folder");
    let store = SqliteStore::open(folder.path().join("vfxb.db")).expect("a store");
    let insert = "INSERT INTO users (id, email, password_hash, created_at) VALUES (x'00', 'a', 'b', 0)";
    let failed: Result<(), _> = store
        .database
        .write(Outlives::Machine, move |transaction| {
            transaction.execute(insert, [])?;
            Err(StoreError::Taken)
        })
        .await;
    assert!(matches!(failed, Err(StoreError::Taken)));
    let died: Result<(), _> = store
        .database
        .write(Outlives::Machine, move |transaction| {
            transaction.execute(insert, [])?;
            panic!("in the middle")
        })
        .await;
    assert!(matches!(died, Err(StoreError::Failed(_))));
    // The connection came back, and nothing is left of either.
    assert_eq!(store.user_by_email("a").await.expect("a read"), None);
    store.alive().await.expect("alive");
}
