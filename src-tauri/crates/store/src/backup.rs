//! A copy of the database once a day, made beside the running store.

use crate::layout::{is_full, sync_folder, time_name};
use crate::limits::{BACKUP_EVERY, BACKUPS};
use crate::quarantine::backups;
use crate::reader::Reader;
use crate::sqlite::{Meaning, meaning};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Why no backup was made; the store itself is not concerned.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("the disk that holds the data folder is full")]
    Full,
    #[error("cannot make a backup: {0}")]
    Failed(String),
}

impl Reader {
    /// Makes a backup when the newest is older than a day, and lets the oldest
    /// go when there are more than three. Returns the new one.
    ///
    /// Blobs are not in it: they stay in their folder.
    pub async fn back_up(&self) -> Result<Option<PathBuf>, BackupError> {
        match self.backup_is_due()? {
            true => self.back_up_now().await.map(Some),
            false => Ok(None),
        }
    }

    /// Makes a backup whenever the last one was.
    pub async fn back_up_now(&self) -> Result<PathBuf, BackupError> {
        let folder = self.layout().backups();
        let half = folder.join("unfinished");
        remove_if_there(&half)?;
        let copied = self.copy_into(&half).await;
        if let Err(error) = copied {
            // What is left would only take space that is short already.
            let _ = fs::remove_file(&half);
            return Err(error);
        }
        let backup = folder.join(format!("skep-{}.db", time_name()));
        File::open(&half)?.sync_all()?;
        fs::rename(&half, &backup)?;
        sync_folder(&folder)?;
        for old in backups(self.layout())?.iter().skip(BACKUPS) {
            fs::remove_file(old)?;
        }
        Ok(backup)
    }

    async fn copy_into(&self, path: &Path) -> Result<(), BackupError> {
        let path = path
            .to_str()
            .ok_or_else(|| BackupError::Failed("the data folder's name is not text".to_owned()))?;
        let mut connection = self
            .connection()
            .await
            .map_err(|error| BackupError::Failed(error.to_string()))?;
        let copied = sqlx::query("VACUUM INTO ?")
            .bind(path)
            .execute(&mut *connection)
            .await;
        copied.map(drop).map_err(|error| match meaning(&error) {
            Meaning::Full => BackupError::Full,
            Meaning::Damaged | Meaning::ReadOnly | Meaning::Other => {
                BackupError::Failed(error.to_string())
            }
        })
    }

    fn backup_is_due(&self) -> Result<bool, BackupError> {
        let Some(newest) = backups(self.layout())?.into_iter().next() else {
            return Ok(true);
        };
        let made = fs::metadata(newest)?.modified()?;
        // A clock that went backwards must not stop backups.
        Ok(SystemTime::now()
            .duration_since(made)
            .map_or(true, |age| age >= BACKUP_EVERY))
    }
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> BackupError {
        if is_full(&error) {
            BackupError::Full
        } else {
            BackupError::Failed(error.to_string())
        }
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
