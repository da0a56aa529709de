//! Opening a store: looking first, making a new one only where there never was
//! one, and setting aside what is damaged.

use crate::blobs::Blobs;
use crate::inspect::{self, Health, Look, Unsound};
use crate::layout::{Layout, is_full, is_read_only, make_private_folder, sync_folder};
use crate::limits::{FIRST_LOG_BYTES, FOREGROUND_CHECK_BYTES, READERS};
use crate::lock::Lock;
use crate::mark::{Found, Mark, MarkFile, State};
use crate::quarantine::{newest_backup, set_aside, set_aside_before};
use crate::reader::{Reader, Shared};
use crate::sqlite::{MIGRATIONS, SCHEMA_VERSION, reading, writing};
use crate::sum::{StoreId, Sums};
use crate::writer::Writer;
use sqlx::sqlite::{SqliteConnection, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection};
use std::io;
use std::path::{Path, PathBuf};

/// An open store: its one writer, its readers, its blobs.
#[derive(Debug)]
pub struct Store {
    pub writer: Writer,
    pub reader: Reader,
    pub blobs: Blobs,
    pub past: Past,
}

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A larger database has its pages checked in the background.
    pub foreground_check_bytes: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            foreground_check_bytes: FOREGROUND_CHECK_BYTES,
        }
    }
}

/// How the store was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// It was made just now.
    New,
    Closed,
    /// Its process ended without closing it; nothing that was committed is
    /// missing.
    Killed,
    /// It is older than what was committed here: its log was lost, or a backup
    /// was put in its place. A coordinator takes a term beyond any that it may
    /// have had, and the person is told.
    Restored {
        /// How many commits are missing, where that can be known.
        lost: Option<u64>,
    },
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It stays so until a person chose [`crate::restore_backup`] or
    /// [`crate::start_over`].
    #[error("the database is damaged: {what}{}", said_where(moved_to.as_deref()))]
    Damaged {
        what: String,
        /// Where the damaged files are now.
        moved_to: Option<PathBuf>,
        /// The newest backup.
        backup: Option<PathBuf>,
    },
    #[error(
        "the database was written by a newer version of Skep (format {found}, this one knows {known})"
    )]
    TooNew { found: i64, known: i64 },
    /// Only when opening read-only: no store was ever made here.
    #[error("there is no store in {}", dir.display())]
    Missing { dir: PathBuf },
    #[error("cannot write in the data folder {}: {why}", dir.display())]
    ReadOnly { dir: PathBuf, why: String },
    #[error("the disk that holds the data folder is full")]
    Full,
    #[error("cannot open the store in {}: {why}", dir.display())]
    Failed { dir: PathBuf, why: String },
}

impl Store {
    /// Opens the store in the locked data folder, or makes it where there never
    /// was one.
    pub async fn open(lock: &Lock, options: Options) -> Result<Store, OpenError> {
        let layout = Layout::new(lock.dir());
        let failed = |error| io_failed(layout.dir(), error);
        for folder in [layout.blobs(), layout.backups()] {
            make_private_folder(&folder).map_err(failed)?;
        }
        let blobs = Blobs::at(layout.blobs()).map_err(failed)?;
        // Nobody else writes here, so whatever is half written is nobody's.
        blobs.remove_temporary().map_err(failed)?;
        let mark = Mark::find(&layout).map_err(failed)?;
        let new = match &mark {
            Found::Mark(mark) => mark.state == State::New,
            Found::Missing => untouched(&layout).map_err(failed)?,
            Found::Damaged => false,
        };
        let (writer, past) = match new {
            true => (create(lock, &layout).await?, Past::New),
            false => reopen(lock, &layout, mark, options).await?,
        };
        let reader = readers(&layout, Sums::new(&writer.id())).await?;
        Ok(Store {
            writer,
            reader,
            blobs,
            past,
        })
    }

    /// Opens what was committed for reading, without the lock; a node may be
    /// writing meanwhile.
    pub async fn open_read_only(dir: &Path) -> Result<(Reader, Blobs), OpenError> {
        let layout = Layout::new(dir);
        let failed = |error| io_failed(dir, error);
        let mark = Mark::find(&layout).map_err(failed)?;
        let database = layout.database().try_exists().map_err(failed)?;
        let making = matches!(&mark, Found::Mark(mark) if mark.state == State::New);
        if making || (!database && matches!(mark, Found::Missing)) {
            return Err(OpenError::Missing {
                dir: dir.to_owned(),
            });
        }
        // SQLite alone opens it here: a node in this process may hold its locks.
        let damaged = |what| OpenError::Damaged {
            what,
            moved_to: None,
            backup: newest_backup(&layout),
        };
        match std::fs::metadata(layout.database()).map(|file| file.len()) {
            Ok(0) => return Err(damaged("it is empty".to_owned())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (what, moved_to) =
                    set_aside_before(&layout).unwrap_or_else(|| ("it is missing".to_owned(), None));
                return Err(OpenError::Damaged {
                    what,
                    moved_to,
                    backup: newest_backup(&layout),
                });
            }
            Err(error) => return Err(failed(error)),
        }
        let (connection, sound) = match inspect::look(&layout.database(), Look::Rows).await {
            Ok(found) => found,
            Err(Unsound::Damaged(what)) => return Err(damaged(what)),
            Err(unsound) => return Err(unsound_failed(dir, unsound)),
        };
        let reader = readers(&layout, Sums::new(&sound.id)).await?;
        closed(connection, dir).await?;
        Ok((reader, Blobs::at(layout.blobs()).map_err(failed)?))
    }
}

/// Whether no store was ever made here: a database that is missing beside blobs
/// or a log is lost, not new.
fn untouched(layout: &Layout) -> io::Result<bool> {
    for file in layout.database_files() {
        if file.try_exists()? {
            return Ok(false);
        }
    }
    let folders = [layout.blobs(), layout.backups(), layout.quarantine()];
    for folder in folders {
        if folder.try_exists()? && folder_holds_files(&folder)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn folder_holds_files(folder: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || folder_holds_files(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn create(lock: &Lock, layout: &Layout) -> Result<Writer, OpenError> {
    let failed = |error| io_failed(layout.dir(), error);
    let sql_failed = |error: sqlx::Error| unsound_failed(layout.dir(), error.into());
    let mut id = StoreId::default();
    getrandom::fill(&mut id).map_err(|error| failed(io::Error::other(error)))?;
    let mut mark = MarkFile::create(
        layout,
        Mark {
            id,
            state: State::New,
            commits: 0,
        },
    )
    .map_err(failed)?;
    // A mark that says new: what is here was left by a start that was killed.
    for file in layout.database_files() {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
    }
    private_file(&layout.database()).map_err(failed)?;
    let mut connection = writing(&layout.database())
        .connect()
        .await
        .map_err(sql_failed)?;
    MIGRATIONS
        .run(&mut connection)
        .await
        .map_err(|error| unsound_failed(layout.dir(), error.into()))?;
    sqlx::query("INSERT INTO store (one, id, commits, sum) VALUES (1, ?, 0, ?)")
        .bind(&id[..])
        .bind(Sums::new(&id).store(&id, 0))
        .execute(&mut connection)
        .await
        .map_err(sql_failed)?;
    grow_log(&mut connection).await.map_err(sql_failed)?;
    sync_folder(layout.dir()).map_err(failed)?;
    mark.set(State::Open, 0).map_err(failed)?;
    Writer::new(lock.clone(), connection, mark, id, 0, Health::default())
        .await
        .map_err(sql_failed)
}

/// Commits into a log that has grown already are a third faster.
async fn grow_log(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("CREATE TABLE growth (value BLOB)")
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO growth VALUES (zeroblob(?))")
        .bind(FIRST_LOG_BYTES)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DROP TABLE growth")
        .execute(&mut *connection)
        .await?;
    sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
        .fetch_one(connection)
        .await?;
    Ok(())
}

async fn reopen(
    lock: &Lock,
    layout: &Layout,
    mark: Found,
    options: Options,
) -> Result<(Writer, Past), OpenError> {
    let failed = |error| io_failed(layout.dir(), error);
    let known = match mark {
        Found::Mark(mark) => Some(mark),
        Found::Missing | Found::Damaged => None,
    };
    let database = layout.database();
    if let Err(what) = inspect::header(layout).map_err(failed)? {
        return Err(quarantined(layout, what));
    }
    let log_is_gone = known.is_some_and(|mark| mark.state == State::Open)
        && !layout.log().try_exists().map_err(failed)?;
    let small =
        std::fs::metadata(&database).map_err(failed)?.len() <= options.foreground_check_bytes;
    let suspect = known.is_some_and(|mark| mark.state == State::Suspect);
    let how = if small || suspect {
        Look::Pages
    } else {
        Look::Rows
    };
    if how == Look::Pages {
        inspect::warm(database.clone()).await.map_err(failed)?;
    }
    let (looking, sound) = match inspect::look(&database, how).await {
        Ok(found) => found,
        Err(Unsound::Damaged(what)) => return Err(quarantined(layout, what)),
        Err(unsound) => return Err(unsound_failed(layout.dir(), unsound)),
    };
    if known.is_some_and(|mark| mark.id != sound.id) {
        closed(looking, layout.dir()).await?;
        return Err(quarantined(
            layout,
            "it belongs to another store".to_owned(),
        ));
    }
    let past = past(known, sound.commits, log_is_gone);
    let connection = writing(&database).connect().await;
    let connection = connection.map_err(|error| unsound_failed(layout.dir(), error.into()))?;
    closed(looking, layout.dir()).await?;
    let open = Mark {
        id: sound.id,
        state: State::Open,
        commits: sound.commits,
    };
    let mut file = match known {
        Some(mark) => MarkFile::open(layout, mark).map_err(failed)?,
        None => MarkFile::create(layout, open).map_err(failed)?,
    };
    file.set(State::Open, sound.commits).map_err(failed)?;
    let health = match how {
        Look::Pages => Health::default(),
        Look::Rows => Health::check_in_background(database),
    };
    let writer = Writer::new(
        lock.clone(),
        connection,
        file,
        sound.id,
        sound.commits,
        health,
    )
    .await
    .map_err(|error| unsound_failed(layout.dir(), error.into()))?;
    Ok((writer, past))
}

fn past(mark: Option<Mark>, commits: u64, log_is_gone: bool) -> Past {
    match mark {
        None => Past::Restored { lost: None },
        Some(mark) if mark.commits > commits => Past::Restored {
            lost: Some(mark.commits - commits),
        },
        // After a power cut the mark may say too little.
        Some(_) if log_is_gone => Past::Restored { lost: None },
        Some(mark) if mark.state == State::Closed => Past::Closed,
        Some(_) => Past::Killed,
    }
}

async fn readers(layout: &Layout, sums: Sums) -> Result<Reader, OpenError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(READERS)
        // A question before each question would cost a hop and find nothing.
        .test_before_acquire(false)
        .connect_with(reading(&layout.database()))
        .await;
    let pool = pool.map_err(|error| unsound_failed(layout.dir(), error.into()))?;
    Ok(Reader::new(
        pool,
        Shared {
            sums,
            layout: layout.clone(),
        },
    ))
}

/// Makes an empty file that only its owner can read: it will hold inputs and
/// results, and what SQLite keeps beside it takes its permissions from it.
fn private_file(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

async fn closed(connection: SqliteConnection, dir: &Path) -> Result<(), OpenError> {
    connection
        .close()
        .await
        .map_err(|error| unsound_failed(dir, error.into()))
}

/// Sets the damaged files aside and says so.
fn quarantined(layout: &Layout, what: String) -> OpenError {
    let backup = newest_backup(layout);
    match set_aside(layout, &what) {
        Ok(Some(moved_to)) => OpenError::Damaged {
            what,
            moved_to: Some(moved_to),
            backup,
        },
        Ok(None) => {
            let (what, moved_to) = set_aside_before(layout).unwrap_or((what, None));
            OpenError::Damaged {
                what,
                moved_to,
                backup,
            }
        }
        Err(error) => {
            tracing::error!(%error, "the damaged database could not be set aside");
            OpenError::Damaged {
                what,
                moved_to: None,
                backup,
            }
        }
    }
}

pub(crate) fn unsound_failed(dir: &Path, unsound: Unsound) -> OpenError {
    let dir = dir.to_owned();
    match unsound {
        Unsound::Damaged(what) => OpenError::Damaged {
            what,
            moved_to: None,
            backup: None,
        },
        Unsound::TooNew { found } => OpenError::TooNew {
            found,
            known: SCHEMA_VERSION,
        },
        Unsound::ReadOnly(why) => OpenError::ReadOnly { dir, why },
        Unsound::Full => OpenError::Full,
        Unsound::Other(why) => OpenError::Failed { dir, why },
    }
}

fn io_failed(dir: &Path, error: io::Error) -> OpenError {
    let (dir, why) = (dir.to_owned(), error.to_string());
    if is_full(&error) {
        OpenError::Full
    } else if is_read_only(&error) {
        OpenError::ReadOnly { dir, why }
    } else {
        OpenError::Failed { dir, why }
    }
}

fn said_where(moved_to: Option<&Path>) -> String {
    moved_to.map_or_else(String::new, |path| {
        format!("; it was set aside in {}", path.display())
    })
}
