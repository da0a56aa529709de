//! Unlinking blobs that nobody refers to any more.

use super::{Blobs, Shared, blocking, digest_of, unpoisoned};
use crate::Digest;
use crate::layout::sync_folder;
use std::fs::{self, DirEntry};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

impl Blobs {
    /// Unlinks the blob. False where it stays, because somebody holds it; one
    /// that is gone already is no error.
    pub async fn delete(&self, digest: &Digest) -> io::Result<bool> {
        let (shared, digest) = (Arc::clone(&self.shared), *digest);
        blocking(move || shared.delete(&digest)).await
    }

    /// Unlinks every blob that `keep` does not want and every temporary file,
    /// where it is older than `grace` and nobody holds it. Returns how many
    /// files went.
    pub async fn sweep(
        &self,
        keep: impl Fn(&Digest) -> bool,
        grace: Duration,
    ) -> io::Result<usize> {
        let shared = Arc::clone(&self.shared);
        let (blobs, mut unwanted) = blocking(move || shared.older_than(grace)).await?;
        let blobs: Vec<Digest> = blobs.into_iter().filter(|digest| !keep(digest)).collect();
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let mut gone = 0;
            for digest in &blobs {
                gone += usize::from(shared.delete(digest)?);
            }
            for path in unwanted.drain(..) {
                gone += usize::from(unlink(&path)?);
            }
            Ok(gone)
        })
        .await
    }
}

impl Shared {
    fn delete(&self, digest: &Digest) -> io::Result<bool> {
        // The lock is kept over the unlinking: whoever holds the blob from now
        // on sees whether it is there.
        let held = unpoisoned(&self.held);
        if held.contains_key(digest) {
            return Ok(false);
        }
        let path = self.path(digest);
        let length = fs::metadata(&path).map_or(0, |file| file.len());
        if unlink(&path)? {
            self.room.give(length);
            unpoisoned(&self.verified).forget(digest);
            sync_folder(path.parent().expect("a blob lies in a folder"))?;
        }
        Ok(true)
    }

    /// Blobs and temporary files that are older than `grace`.
    fn older_than(&self, grace: Duration) -> io::Result<(Vec<Digest>, Vec<PathBuf>)> {
        let (mut blobs, mut temporary) = (Vec::new(), Vec::new());
        for folder in fs::read_dir(&self.folder)? {
            let folder = folder?.path();
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let entry = entry?;
                if !is_older(&entry, grace)? {
                    continue;
                }
                // What has no digest for a name was not put there by us, but
                // in the folder for temporary files.
                match entry
                    .file_name()
                    .to_str()
                    .and_then(|name| digest_of(&folder, name))
                {
                    Some(digest) => blobs.push(digest),
                    None if folder == self.temporary() => temporary.push(entry.path()),
                    None => {}
                }
            }
        }
        Ok((blobs, temporary))
    }
}

fn is_older(entry: &DirEntry, grace: Duration) -> io::Result<bool> {
    let file = match entry.metadata() {
        Ok(file) => file,
        // A temporary file got its name meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    // A file from the future is new.
    Ok(SystemTime::now()
        .duration_since(file.modified()?)
        .is_ok_and(|age| age >= grace))
}

/// False where it was gone already.
fn unlink(path: &std::path::Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
