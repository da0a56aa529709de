//! Setting a damaged database aside, and the two ways on that only a person
//! chooses: from a backup, or anew.

use crate::inspect::{self, Look};
use crate::layout::{Layout, make_private_folder, sync_folder, time_name};
use crate::lock::Lock;
use crate::mark::{Found, Mark, MarkFile, State};
use crate::sum::StoreId;
use sqlx::Connection;
use std::fs;
use std::io;
use std::path::PathBuf;

/// Why a store could not be brought back.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error("there is no sound backup of this store")]
    NoBackup,
    #[error("cannot write in the data folder: {0}")]
    Io(#[from] io::Error),
}

/// Beside the files that were set aside.
const WHY: &str = "why";

/// Puts the newest sound backup in the place of the database, which is set
/// aside where there is one. What was committed after the backup is lost, and
/// the next opening says so. Returns the backup that was taken.
pub async fn restore_backup(lock: &Lock) -> Result<PathBuf, RecoverError> {
    let layout = Layout::new(lock.dir());
    let ours = match Mark::find(&layout)? {
        Found::Mark(mark) => Some(mark.id),
        Found::Missing | Found::Damaged => None,
    };
    for backup in backups(&layout)? {
        let Ok((connection, sound)) = inspect::look(&backup, Look::Pages).await else {
            continue;
        };
        // Closed before it is copied; what was seen stands whatever this says.
        let _ = connection.close().await;
        if ours.is_some_and(|ours| ours != sound.id) {
            continue;
        }
        let temp = tempfile::NamedTempFile::new_in(layout.dir())?;
        fs::copy(&backup, temp.path())?;
        temp.as_file().sync_all()?;
        set_aside(&layout, "replaced by a backup")?;
        temp.persist(layout.database())
            .map_err(|error| error.error)?;
        sync_folder(layout.dir())?;
        return Ok(backup);
    }
    Err(RecoverError::NoBackup)
}

/// Accepts that what was in the database is lost: sets aside what is left of it,
/// and lets the next opening make a new, empty one. Returns where it is now.
pub fn start_over(lock: &Lock) -> Result<Option<PathBuf>, RecoverError> {
    let layout = Layout::new(lock.dir());
    let moved_to = set_aside(&layout, "replaced by a new store")?;
    let mark = Mark {
        id: StoreId::default(),
        state: State::New,
        commits: 0,
    };
    MarkFile::create(&layout, mark)?;
    Ok(moved_to)
}

/// Moves the database with all that is beside it into a new folder of the
/// quarantine; `None` where there is nothing to move.
pub(crate) fn set_aside(layout: &Layout, why: &str) -> io::Result<Option<PathBuf>> {
    let mut files = Vec::new();
    for file in layout.database_files() {
        if file.try_exists()? {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Ok(None);
    }
    let folder = layout.quarantine().join(time_name());
    make_private_folder(&folder)?;
    for file in files {
        let name = file.file_name().expect("the layout names files");
        fs::rename(&file, folder.join(name))?;
    }
    fs::write(folder.join(WHY), why)?;
    sync_folder(&folder)?;
    sync_folder(&layout.quarantine())?;
    sync_folder(layout.dir())?;
    Ok(Some(folder))
}

/// Why and where to the database was set aside last.
pub(crate) fn set_aside_before(layout: &Layout) -> Option<(String, Option<PathBuf>)> {
    let folders = fs::read_dir(layout.quarantine()).ok()?;
    let newest = folders.filter_map(|entry| Some(entry.ok()?.path())).max()?;
    let why = fs::read_to_string(newest.join(WHY)).ok()?;
    Some((why, Some(newest)))
}

/// All backups, newest first: their names are times.
pub(crate) fn backups(layout: &Layout) -> io::Result<Vec<PathBuf>> {
    let mut backups = Vec::new();
    match fs::read_dir(layout.backups()) {
        Ok(entries) => {
            for entry in entries {
                let path = entry?.path();
                if path.extension().is_some_and(|end| end == "db") {
                    backups.push(path);
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    backups.sort_unstable_by(|a, b| b.cmp(a));
    Ok(backups)
}

pub(crate) fn newest_backup(layout: &Layout) -> Option<PathBuf> {
    backups(layout).ok()?.into_iter().next()
}
