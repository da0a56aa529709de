//! How connections are opened, and what SQLite's errors mean to us.

use crate::limits::{BUSY_TIMEOUT, LOG_BYTES_MAX};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use std::path::Path;

pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The `application_id` and `user_version` that the migrations leave behind.
pub(crate) const APPLICATION_ID: i64 = 0x534B_4550;
pub(crate) const SCHEMA_VERSION: i64 = 1;

/// What an error of SQLite means for whoever met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// No space; rolled back, and may be tried again.
    Full,
    /// The file is not what SQLite wrote.
    Damaged,
    /// We may not write, or not even open.
    ReadOnly,
    Other,
}

pub(crate) fn reading(path: &Path) -> SqliteConnectOptions {
    careful(path).read_only(true)
}

/// The one connection that writes. It copies its log into the database itself:
/// SQLite says nothing when its own attempt at that fails.
pub(crate) fn writing(path: &Path) -> SqliteConnectOptions {
    let options = careful(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", "0")
        .pragma("journal_size_limit", LOG_BYTES_MAX.to_string());
    if cfg!(target_os = "macos") {
        // There a plain fsync stops at the drive's cache.
        options
            .pragma("fullfsync", "ON")
            .pragma("checkpoint_fullfsync", "ON")
    } else {
        options
    }
}

/// A database file may come from a restored backup: nothing in its schema is
/// trusted, and cells are checked as they are read.
fn careful(path: &Path) -> SqliteConnectOptions {
    use sqlx::ConnectOptions;
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("mmap_size", "0")
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

pub(crate) fn meaning(error: &sqlx::Error) -> Meaning {
    // From sqlite3.h; the primary code is the low byte of the extended one.
    const PERM: i32 = 3;
    const READONLY: i32 = 8;
    const CORRUPT: i32 = 11;
    const FULL: i32 = 13;
    const CANTOPEN: i32 = 14;
    const NOTADB: i32 = 26;
    const IOERR_SHORT_READ: i32 = 522;
    // The shared memory beside the log could not grow; the log is untouched.
    const IOERR_SHMSIZE: i32 = 4874;
    let Some(code) = error
        .as_database_error()
        .and_then(|error| error.code()?.parse::<i32>().ok())
    else {
        return Meaning::Other;
    };
    match (code, code & 0xFF) {
        (IOERR_SHMSIZE, _) | (_, FULL) => Meaning::Full,
        (IOERR_SHORT_READ, _) | (_, CORRUPT | NOTADB) => Meaning::Damaged,
        (_, PERM | READONLY | CANTOPEN) => Meaning::ReadOnly,
        _ => Meaning::Other,
    }
}
