//! The one writer: a batch is one transaction, on disk when `commit` returns.

use crate::Write;
use crate::batch;
use crate::inspect::Health;
use crate::layout::Layout;
use crate::limits::{CHECKPOINT_FRAMES, IDLE, IDLE_LOG_BYTES, LOG_LOOK_BYTES, LOG_LOOK_COMMITS};
use crate::lock::Lock;
use crate::mark::{MarkFile, State};
use crate::sqlite::{Meaning, meaning};
use crate::sum::{StoreId, Sums};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Executor, Row};
use std::fs;
use std::time::{Duration, Instant};

/// The one connection that writes. Its owner commits batch after batch, calls
/// [`Writer::maintain`] once the answers to a batch have left, and again after
/// [`crate::limits::IDLE`] without one.
///
/// After [`CommitError::Fatal`] nothing may be told to anybody and the process
/// ends: whether the batch is on disk shows only at the next start.
#[derive(Debug)]
pub struct Writer {
    /// Goes before the connection: SQLite removes the log as it closes, and a
    /// mark that still says open would then tell of a lost one.
    mark: MarkFile,
    connection: SqliteConnection,
    layout: Layout,
    identity: Identity,
    id: StoreId,
    sums: Sums,
    commits: u64,
    /// Of the last commits, in microseconds; the newest counts an eighth.
    commit_micros: u32,
    last_commit: Instant,
    since_look: Work,
    health: Health,
    broken: Option<String>,
    _lock: Lock,
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing changed; the same batch may be tried again.
    #[error("the disk that holds the data folder is full")]
    Full,
    /// The outcome is not known; the process must end.
    #[error("cannot go on writing: {0}")]
    Fatal(String),
}

/// What has gone into the log since its length was last asked for.
#[derive(Debug, Default)]
struct Work {
    commits: u32,
    bytes: u64,
    /// Nothing is left to copy from the log.
    none: bool,
}

/// Which file the database's name stood for when it was opened.
#[derive(Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl Writer {
    pub(crate) async fn new(
        lock: Lock,
        mut connection: SqliteConnection,
        mark: MarkFile,
        id: StoreId,
        commits: u64,
        health: Health,
    ) -> Result<Writer, sqlx::Error> {
        let layout = Layout::new(lock.dir());
        connection.execute(batch::PREPARE).await?;
        Ok(Writer {
            connection,
            identity: Identity::of(&layout)?,
            layout,
            id,
            sums: Sums::new(&id),
            mark,
            commits,
            commit_micros: 0,
            last_commit: Instant::now(),
            since_look: Work::default(),
            health,
            broken: None,
            _lock: lock,
        })
    }

    pub(crate) fn id(&self) -> StoreId {
        self.id
    }

    /// Writes the batch as one transaction. When this returns, it is on disk. An
    /// empty batch writes nothing.
    ///
    /// Never inside `select!` or a timeout: a commit that was given up half-way
    /// is an unknown outcome, and every later one answers `Fatal`.
    pub async fn commit(&mut self, batch: &[Write]) -> Result<(), CommitError> {
        self.usable()?;
        if batch.is_empty() {
            return Ok(());
        }
        let rows = batch::rows(batch, &self.sums, &self.id, self.commits + 1)
            .map_err(|error| self.broken(error.to_string()))?;
        let bytes = rows.blob.len() as u64;
        let mut query = sqlx::query(batch::INSERT)
            .bind(rows.blob)
            .bind(rows.commits.cast_signed())
            .bind(rows.sum);
        for list in rows.lists {
            query = query.bind(list);
        }
        self.broken = Some("a commit was given up half-way".to_owned());
        let began = Instant::now();
        let outcome = query.execute(&mut self.connection).await;
        self.settle(outcome.map(|_| ()))?;

        self.commits += 1;
        self.last_commit = Instant::now();
        self.smooth(began.elapsed());
        self.since_look.add(bytes);
        // A mark that says too little is harmless; it may lag after a power cut.
        if let Err(error) = self.mark.count(self.commits) {
            tracing::warn!(%error, "the mark could not be written");
        }
        Ok(())
    }

    /// Copies the log into the database when it has grown, and cuts a long one
    /// when nothing has been written for a while.
    pub async fn maintain(&mut self) -> Result<(), CommitError> {
        self.usable()?;
        let idle = self.last_commit.elapsed() >= IDLE;
        if self.since_look.none || !(idle || self.since_look.enough()) {
            return Ok(());
        }
        let log = self.pragma("PRAGMA wal_checkpoint(NOOP)").await?;
        if log.frames - log.copied < CHECKPOINT_FRAMES && !idle {
            self.since_look = Work::default();
            return Ok(());
        }
        let long = fs::metadata(self.layout.log()).is_ok_and(|file| file.len() > IDLE_LOG_BYTES);
        let log = match idle && long {
            true => self.pragma("PRAGMA wal_checkpoint(TRUNCATE)").await?,
            false => self.pragma("PRAGMA wal_checkpoint(PASSIVE)").await?,
        };
        self.since_look = Work {
            none: log.frames == log.copied,
            ..Work::default()
        };
        Ok(())
    }

    /// How long a commit takes, smoothed, in microseconds; 0 before the first.
    pub fn commit_micros(&self) -> u32 {
        self.commit_micros
    }

    /// Leaves the store as one that was closed. Readers should be closed
    /// before, so that the log can go.
    pub async fn close(mut self) -> Result<(), CommitError> {
        self.usable()?;
        let state = self.mark.set(State::Closed, self.commits);
        state.map_err(|error| self.broken(format!("cannot write the mark: {error}")))?;
        self.connection
            .close()
            .await
            .map_err(|error| CommitError::Fatal(error.to_string()))
    }

    fn usable(&mut self) -> Result<(), CommitError> {
        if let Some(broken) = &self.broken {
            return Err(CommitError::Fatal(broken.clone()));
        }
        if let Some(damage) = self.health.damage() {
            // The next start looks before it opens; failing to say so only
            // means that it looks in the background again.
            let _ = self.mark.set(State::Suspect, self.commits);
            return Err(self.broken(format!("the database is damaged: {damage}")));
        }
        // SQLite goes on writing into a file that has no name any more.
        match Identity::of(&self.layout) {
            Ok(identity) if identity == self.identity => Ok(()),
            Ok(_) => Err(self.broken("the database was replaced while it was open".to_owned())),
            Err(error) => Err(self.broken(format!(
                "the database is gone from the data folder: {error}"
            ))),
        }
    }

    /// Sorts the outcome of a statement. One that failed has changed nothing.
    fn settle(&mut self, outcome: Result<(), sqlx::Error>) -> Result<(), CommitError> {
        let Err(error) = outcome else {
            self.broken = None;
            return Ok(());
        };
        match meaning(&error) {
            Meaning::Full => {
                self.broken = None;
                Err(CommitError::Full)
            }
            Meaning::Damaged => {
                let _ = self.mark.set(State::Suspect, self.commits);
                Err(self.broken(error.to_string()))
            }
            Meaning::ReadOnly | Meaning::Other => Err(self.broken(error.to_string())),
        }
    }

    async fn pragma(&mut self, pragma: &'static str) -> Result<Log, CommitError> {
        self.broken = Some("a checkpoint was given up half-way".to_owned());
        let outcome = sqlx::query(pragma).fetch_one(&mut self.connection).await;
        let log = outcome.and_then(|row| Log::from_row(&row));
        match log {
            Ok(log) => {
                self.broken = None;
                Ok(log)
            }
            Err(error) => Err(self.settle(Err(error)).expect_err("an error stays one")),
        }
    }

    fn broken(&mut self, why: String) -> CommitError {
        self.broken = Some(why.clone());
        CommitError::Fatal(why)
    }

    fn smooth(&mut self, took: Duration) {
        let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.commit_micros = match self.commit_micros {
            0 => took,
            known => known - known / 8 + took / 8,
        };
    }
}

/// The answer to a checkpoint: frames in the log, and how many of them are in
/// the database already. Busy readers are no error, they only keep some back.
struct Log {
    frames: u32,
    copied: u32,
}

impl Log {
    fn from_row(row: &SqliteRow) -> Result<Log, sqlx::Error> {
        // -1 where there is no log yet.
        let count = |place: usize| {
            row.try_get::<i64, _>(place)
                .map(|count| u32::try_from(count).unwrap_or(0))
        };
        Ok(Log {
            frames: count(1)?,
            copied: count(2)?,
        })
    }
}

impl Work {
    fn add(&mut self, bytes: u64) {
        self.none = false;
        self.commits += 1;
        self.bytes += bytes;
    }

    fn enough(&self) -> bool {
        self.commits >= LOG_LOOK_COMMITS || self.bytes >= LOG_LOOK_BYTES
    }
}

impl Identity {
    #[cfg(unix)]
    fn of(layout: &Layout) -> std::io::Result<Identity> {
        use std::os::unix::fs::MetadataExt;
        let file = fs::metadata(layout.database())?;
        Ok(Identity(file.dev(), file.ino()))
    }

    #[cfg(not(unix))]
    fn of(layout: &Layout) -> std::io::Result<Identity> {
        fs::metadata(layout.database()).map(|_| Identity(0, 0))
    }
}
