//! The database file: opened, locked against a second process, migrated; one connection that writes and a few that
//! read, lent to closures on the blocking pool.
//!
//! SQL goes in as closures over a transaction; rows come out. What the rows mean is the other modules' business.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, ffi};
use rusqlite_migration::{M, Migrations};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::{Result, StoreError};

/// Each in a file of its own, in order; one that was released is never changed.
const MIGRATIONS: [&str; 2] =
    [include_str!("migrations/01_initial.sql"), include_str!("migrations/02_webhooks.sql")];

/// Reads that run at once. They take no lock in WAL mode; more than the cores could do would only cost memory.
const READERS: usize = 4;

/// Only tools of other people (a backup, `sqlite3`) can hold the database; a writer waits so long for them.
const BUSY: Duration = Duration::from_secs(5);

/// How long the lock of a service that was killed may outlive it: a worker that it was just starting has its parent's
/// files, and with them its lock, until its own program begins.
const LEFT: Duration = Duration::from_secs(2);

/// Between two looks at a lock.
const AGAIN: Duration = Duration::from_millis(10);

/// Statements that a connection keeps compiled: more than there are.
const STATEMENTS: usize = 128;

/// What a write outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlives {
    /// The machine losing power: whatever is answered must be true afterwards, and without a sync of the log at every
    /// commit (`synchronous = FULL`) WAL mode may forget the last commits.
    Machine,
    /// The process being killed: for what is written often and costs nothing when a little of it is lost.
    Process,
}

impl Outlives {
    fn synchronous(self) -> &'static str {
        match self {
            Outlives::Machine => "FULL",
            Outlives::Process => "NORMAL",
        }
    }
}

/// An open database. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Database {
    // Before the writer: the last connection to close tidies the log up, and must be able to write.
    readers: Pool,
    writer: Pool,
}

impl Database {
    /// Opens a database, and makes it if it is not there.
    pub(super) fn open(path: &Path) -> Result<Database> {
        let path = create(path).map_err(|error| opening(path, &error))?;
        let lock = Arc::new(lock(&path)?);
        let mut writer = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let mode: String = writer.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if !mode.eq_ignore_ascii_case("wal") {
            return Err(StoreError::Failed(format!(
                "{} lies on a file system that cannot share memory (journal mode {mode}); choose a local one",
                path.display()
            )));
        }
        writer.pragma_update(None, "journal_size_limit", 64 << 20)?;
        migrate(&mut writer, &path)?;
        let readers = (0..READERS)
            .map(|_| connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY))
            .collect::<Result<Vec<_>>>()?;
        Ok(Database { readers: Pool::new(readers, &lock), writer: Pool::new(vec![writer], &lock) })
    }

    /// One write transaction: all of `work`, or nothing of it. Runs to its end even if nobody waits for it any more.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        outlives: Outlives,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer
            .run(move |connection| {
                connection.pragma_update(None, "synchronous", outlives.synchronous())?;
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let value = work(&transaction)?;
                transaction.commit()?;
                Ok(value)
            })
            .await
    }

    /// Reads of one moment.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.run(move |connection| work(&connection.transaction()?)).await
    }
}

/// Connections that are lent one at a time.
#[derive(Debug, Clone)]
struct Pool {
    idle: Arc<Idle>,
    permits: Arc<Semaphore>,
}

#[derive(Debug)]
struct Idle {
    connections: Mutex<Vec<Connection>>,
    /// Held until the last connection is closed.
    _lock: Arc<File>,
}

impl Pool {
    fn new(connections: Vec<Connection>, lock: &Arc<File>) -> Pool {
        let permits = Arc::new(Semaphore::new(connections.len()));
        let idle = Idle { connections: Mutex::new(connections), _lock: Arc::clone(lock) };
        Pool { idle: Arc::new(idle), permits }
    }

    /// Waits for its turn without a thread, then works on one of the blocking pool's.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|closed| StoreError::Failed(closed.to_string()))?;
        let mut lent = Lent { connection: self.pop(), idle: Arc::clone(&self.idle), _permit: permit };
        tokio::task::spawn_blocking(move || match lent.connection.as_mut() {
            Some(connection) => work(connection),
            None => Err(StoreError::Failed("a permit without a connection".to_owned())),
        })
        .await
        .map_err(|died| StoreError::Failed(died.to_string()))?
    }

    fn pop(&self) -> Option<Connection> {
        self.idle.connections.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// A connection that goes back when this is dropped, before its permit does.
struct Lent {
    connection: Option<Connection>,
    idle: Arc<Idle>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut idle = self.idle.connections.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}

/// Makes the file (and its folder) if it is not there, for its owner's eyes alone: it holds password hashes. Comes back
/// with its real path, so that it is locked once whatever links lead to it.
fn create(path: &Path) -> io::Result<PathBuf> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    path.canonicalize()
}

/// Takes the lock beside a database. It goes with the process, however that ends; blocks for [`LEFT`] at most.
fn lock(database: &Path) -> Result<File> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let file = File::create(&path).map_err(|error| opening(&path, &error))?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if began.elapsed() < LEFT => std::thread::sleep(AGAIN),
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path)),
            Err(TryLockError::Error(error)) => return Err(opening(&path, &error)),
        }
    }
}

fn opening(path: &Path, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Failed(format!("{} cannot be opened: {error}", path.display())),
    }
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    use rusqlite_migration::{Error, MigrationDefinitionError};
    migrations().to_latest(connection).map_err(|error| match error {
        Error::RusqliteError { err, .. } => StoreError::from(err),
        Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead) => {
            StoreError::Failed(format!(
                "{} was written by a newer version of vfxb; use that one, or another database",
                path.display()
            ))
        }
        other => StoreError::Failed(other.to_string()),
    })
}

fn migrations() -> Migrations<'static> {
    Migrations::new(MIGRATIONS.iter().map(|sql| M::up(sql)).collect())
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        let Some(sqlite) = error.sqlite_error() else { return StoreError::Failed(error.to_string()) };
        match (sqlite.code, sqlite.extended_code) {
            (ErrorCode::DiskFull, _) => StoreError::Full,
            // The shared memory beside the log could not grow.
            (_, ffi::SQLITE_IOERR_SHMSIZE) => StoreError::Full,
            (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => StoreError::Taken,
            _ => StoreError::Failed(error.to_string()),
        }
    }
}
