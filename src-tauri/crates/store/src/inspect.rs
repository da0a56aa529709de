//! Looking at a database before anything is built on it.

use crate::image;
use crate::layout::Layout;
use crate::reader::ReadError;
use crate::sqlite::{APPLICATION_ID, MIGRATIONS, Meaning, SCHEMA_VERSION, meaning, reading};
use crate::sum::{StoreId, Sums, Table};
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tokio::task::JoinHandle;

/// What a sound database says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sound {
    pub(crate) id: StoreId,
    pub(crate) commits: u64,
}

/// What is wrong with a database.
#[derive(Debug)]
pub(crate) enum Unsound {
    Damaged(String),
    TooNew { found: i64 },
    ReadOnly(String),
    Full,
    Other(String),
}

/// How thoroughly to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// What it is, and the rows that a start trusts.
    Rows,
    /// Every page too.
    Pages,
}

/// What a check in the background has found.
#[derive(Debug, Default)]
pub(crate) struct Health {
    damage: Arc<OnceLock<String>>,
    check: Option<JoinHandle<()>>,
}

/// Looks at the first bytes of the file, before SQLite does: SQLite takes an
/// empty one for a new database and deletes the log beside it.
pub(crate) fn header(layout: &Layout) -> io::Result<Result<(), String>> {
    let mut header = [0; 100];
    let said = |what: &str| Ok(Err(what.to_owned()));
    let mut file = match File::open(layout.database()) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return said("it is missing"),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    if length == 0 {
        return said("it is empty");
    }
    match file.read_exact(&mut header) {
        Ok(()) if header.starts_with(b"SQLite format 3\0") => {}
        Ok(()) => return said("it does not begin like a database"),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return said("it is cut off"),
        Err(error) => return Err(error),
    }
    // A checkpoint that was killed may have the first page written before the
    // last, which is then still in the log.
    let log = std::fs::metadata(layout.log()).map_or(0, |log| log.len());
    if log == 0 && length < length_said(&header) {
        said("it is cut off")
    } else {
        Ok(Ok(()))
    }
}

/// The length that a database's header says it has.
fn length_said(header: &[u8; 100]) -> u64 {
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        page => u64::from(page),
    };
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    page * u64::from(pages)
}

/// Reads the file once from end to end, which makes a check of it from a cold
/// disk five times faster. Only before SQLite opens it: closing any descriptor
/// of the file would drop SQLite's locks.
pub(crate) async fn warm(path: PathBuf) -> io::Result<()> {
    let read = move || io::copy(&mut File::open(path)?, &mut io::sink()).map(drop);
    tokio::task::spawn_blocking(read)
        .await
        .map_err(io::Error::other)?
}

/// Looks without changing anything. The connection comes back open, so that the
/// log that was looked at stays the log.
pub(crate) async fn look(path: &Path, how: Look) -> Result<(SqliteConnection, Sound), Unsound> {
    let mut connection = reading(path).connect().await?;
    match examine(&mut connection, how).await {
        Ok(sound) => Ok((connection, sound)),
        Err(unsound) => {
            // Whatever closing says, what was found stands.
            let _ = connection.close().await;
            Err(unsound)
        }
    }
}

async fn examine(connection: &mut SqliteConnection, how: Look) -> Result<Sound, Unsound> {
    let version = number(connection, "PRAGMA user_version").await?;
    if number(connection, "PRAGMA application_id").await? != APPLICATION_ID {
        return Err(Unsound::Damaged(
            "it is a database of another program".to_owned(),
        ));
    }
    if version > SCHEMA_VERSION {
        return Err(Unsound::TooNew { found: version });
    }
    if how == Look::Pages {
        check_pages(connection).await?;
    }
    if version < SCHEMA_VERSION || schema(connection).await? != expected_schema().await? {
        return Err(Unsound::Damaged(
            "its tables are not the ones that Skep makes".to_owned(),
        ));
    }
    let (sound, sums) = identity(connection).await?;
    image::load(connection, &sums).await?;
    Ok(sound)
}

/// Which store this is.
pub(crate) async fn identity(connection: &mut SqliteConnection) -> Result<(Sound, Sums), Unsound> {
    let damaged = || Unsound::Damaged("its own name in it is damaged".to_owned());
    let row = sqlx::query("SELECT id, commits, sum FROM store")
        .fetch_optional(connection)
        .await?;
    let row = row.ok_or_else(damaged)?;
    let id: StoreId = row
        .try_get::<Vec<u8>, _>(0)?
        .try_into()
        .map_err(|_| damaged())?;
    let commits = u64::try_from(row.try_get::<i64, _>(1)?).map_err(|_| damaged())?;
    let sums = Sums::new(&id);
    image::verify(
        sums.store(&id, commits),
        row.try_get(2)?,
        Table::Store,
        || "its own row".to_owned(),
    )?;
    Ok((Sound { id, commits }, sums))
}

async fn check_pages(connection: &mut SqliteConnection) -> Result<(), Unsound> {
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(connection)
        .await?;
    if found == "ok" {
        Ok(())
    } else {
        Err(Unsound::Damaged(found))
    }
}

async fn number(
    connection: &mut SqliteConnection,
    pragma: &'static str,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(pragma).fetch_one(connection).await
}

type Schema = Vec<(String, String, Option<String>)>;

async fn schema(connection: &mut SqliteConnection) -> Result<Schema, sqlx::Error> {
    sqlx::query_as("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")
        .fetch_all(connection)
        .await
}

/// The schema that the migrations make, asked of themselves.
async fn expected_schema() -> Result<Schema, Unsound> {
    let options = SqliteConnectOptions::new()
        .in_memory(true)
        .disable_statement_logging();
    let mut memory = options.connect().await?;
    MIGRATIONS.run(&mut memory).await?;
    Ok(schema(&mut memory).await?)
}

impl Health {
    /// Checks every page beside the running store.
    pub(crate) fn check_in_background(path: PathBuf) -> Health {
        let damage = Arc::new(OnceLock::new());
        let found = Arc::clone(&damage);
        let check = tokio::spawn(async move {
            let outcome = match reading(&path).connect().await {
                Ok(mut connection) => check_pages(&mut connection).await,
                Err(error) => Err(error.into()),
            };
            match outcome {
                Ok(()) => tracing::info!("every page of the database was checked"),
                Err(Unsound::Damaged(damage)) => {
                    tracing::error!(%damage, "the database is damaged");
                    let _ = found.set(damage);
                }
                Err(unsound) => tracing::warn!(?unsound, "the database could not be checked"),
            }
        });
        Health {
            damage,
            check: Some(check),
        }
    }

    pub(crate) fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        if let Some(check) = &self.check {
            check.abort();
        }
    }
}

impl From<sqlx::Error> for Unsound {
    fn from(error: sqlx::Error) -> Unsound {
        match meaning(&error) {
            Meaning::Damaged => Unsound::Damaged(error.to_string()),
            Meaning::ReadOnly => Unsound::ReadOnly(error.to_string()),
            Meaning::Full => Unsound::Full,
            Meaning::Other => Unsound::Other(error.to_string()),
        }
    }
}

impl From<MigrateError> for Unsound {
    fn from(error: MigrateError) -> Unsound {
        if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
            error.into()
        } else {
            Unsound::Other(error.to_string())
        }
    }
}

impl From<ReadError> for Unsound {
    fn from(error: ReadError) -> Unsound {
        match error {
            ReadError::Corrupt { .. } => Unsound::Damaged(error.to_string()),
            ReadError::Damaged(damage) => Unsound::Damaged(damage),
            ReadError::Database(error) => Unsound::Other(error),
        }
    }
}
