//! Keeping bytes: temporary file, fsync, rename, fsync of the folder.

use super::{Blobs, Shared, blocking};
use crate::Digest;
use crate::layout::{is_full, make_private_folder, sync_folder};
use crate::limits::SYNC_TOGETHER;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::NamedTempFile;

/// Why bytes were not kept; nothing is left of them.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    #[error("the disk that holds the data folder is full")]
    Full,
    /// Keeping them would go over what all blobs may have together.
    #[error("the blobs have {used} of the {quota} bytes that they may have")]
    OverQuota { used: u64, quota: u64 },
    #[error("it is larger than {cap} bytes")]
    TooLarge { cap: u64 },
    #[error("cannot read {}: {source}", path.display())]
    Source { path: PathBuf, source: io::Error },
    #[error("cannot write a blob: {0}")]
    Io(io::Error),
}

/// Bytes on disk that have no name yet.
struct Written {
    temp: NamedTempFile,
    digest: Digest,
}

impl Blobs {
    /// Keeps the bytes. They are on disk when this returns; keeping them again
    /// is harmless, and mends a damaged copy.
    pub async fn put(&self, bytes: Bytes) -> Result<Digest, PutError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.put(&bytes)).await
    }

    /// Keeps several blobs, in order. From eight on they share their syncs.
    pub async fn put_many(&self, many: Vec<Bytes>) -> Result<Vec<Digest>, PutError> {
        let shared = Arc::clone(&self.shared);
        blocking(
            move || match many.len() < SYNC_TOGETHER || !cfg!(target_os = "linux") {
                true => many.iter().map(|bytes| shared.put(bytes)).collect(),
                false => shared.put_together(&many),
            },
        )
        .await
    }

    /// Keeps a copy of a file of at most `cap` bytes. Returns its digest and
    /// its length.
    pub async fn put_file(&self, path: &Path, cap: u64) -> Result<(Digest, u64), PutError> {
        let (shared, path) = (Arc::clone(&self.shared), path.to_owned());
        blocking(move || {
            let unreadable = |source| PutError::Source {
                path: path.clone(),
                source,
            };
            let mut file = File::open(&path).map_err(unreadable)?;
            let mut temp = shared.new_temporary()?;
            let mut hasher = blake3::Hasher::new();
            let mut piece = vec![0; crate::limits::BLOB_PIECE_BYTES];
            let mut length = 0;
            loop {
                let count = match file.read(&mut piece) {
                    Ok(0) => break,
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(unreadable(error)),
                };
                length += count as u64;
                if length > cap {
                    return Err(PutError::TooLarge { cap });
                }
                hasher.update(&piece[..count]);
                temp.write_all(&piece[..count])?;
            }
            let digest = shared.keep(temp, *hasher.finalize().as_bytes())?;
            Ok((digest, length))
        })
        .await
    }
}

impl Shared {
    fn put(&self, bytes: &[u8]) -> Result<Digest, PutError> {
        let digest = *blake3::hash(bytes).as_bytes();
        if self.has(&digest)? {
            return Ok(digest);
        }
        let mut temp = self.new_temporary()?;
        temp.write_all(bytes)?;
        self.keep(temp, digest)
    }

    /// Whether the blob is there, sound and on disk, with the file's age set
    /// back so that a sweep takes it for a new one.
    fn has(&self, digest: &Digest) -> Result<bool, PutError> {
        let path = self.path(digest);
        let Ok((file, _)) = self.open_verified(digest) else {
            return Ok(false);
        };
        file.set_modified(std::time::SystemTime::now())?;
        self.remember(digest, &file)?;
        // Whoever renamed it may not have synced the folder yet.
        sync_folder(path.parent().expect("a blob lies in a folder"))?;
        Ok(true)
    }

    /// Syncs a temporary file and gives it its name.
    pub(super) fn keep(&self, temp: NamedTempFile, digest: Digest) -> Result<Digest, PutError> {
        self.room.check(temp.as_file().metadata()?.len())?;
        temp.as_file().sync_all()?;
        let folder = self.name(Written { temp, digest })?;
        sync_folder(&folder)?;
        Ok(digest)
    }

    fn put_together(&self, many: &[Bytes]) -> Result<Vec<Digest>, PutError> {
        let digests: Vec<Digest> = many
            .iter()
            .map(|bytes| *blake3::hash(bytes).as_bytes())
            .collect();
        let mut new = Vec::new();
        let mut seen = BTreeSet::new();
        for (bytes, digest) in many.iter().zip(&digests) {
            if !seen.insert(digest) || self.has(digest)? {
                continue;
            }
            let mut temp = self.new_temporary()?;
            temp.write_all(bytes)?;
            new.push(Written {
                temp,
                digest: *digest,
            });
        }
        if new.is_empty() {
            return Ok(digests);
        }
        let mut length = 0;
        for written in &new {
            length += written.temp.as_file().metadata()?.len();
        }
        self.room.check(length)?;
        self.sync_all_files()?;
        let mut folders = BTreeSet::new();
        for written in new {
            folders.insert(self.name(written)?);
        }
        match folders.len() < SYNC_TOGETHER {
            true => folders.iter().try_for_each(|folder| sync_folder(folder))?,
            false => self.sync_all_files()?,
        }
        Ok(digests)
    }

    /// Syncs the whole file system, which is cheaper than many single files.
    #[cfg(target_os = "linux")]
    fn sync_all_files(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(&self.folder)?)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn sync_all_files(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Renames, over whatever damaged copy is there. Returns the folder, which
    /// is still to be synced.
    fn name(&self, written: Written) -> io::Result<PathBuf> {
        let path = self.path(&written.digest);
        let folder = path.parent().expect("a blob lies in a folder").to_owned();
        let Written { temp, digest } = written;
        let length = temp.as_file().metadata()?.len();
        let before = fs::metadata(&path).map_or(0, |file| file.len());
        match temp.persist(&path) {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::NotFound => {
                make_private_folder(&folder)?;
                sync_folder(&self.folder)?;
                error.file.persist(&path).map_err(|error| error.error)?;
            }
            Err(error) => return Err(error.error),
        }
        self.room.give(before);
        self.room.take(length);
        super::unpoisoned(&self.verified).forget(&digest);
        Ok(folder)
    }
}

/// A blob cannot be larger than what the file system can hold either.
impl From<io::Error> for PutError {
    fn from(error: io::Error) -> PutError {
        if is_full(&error) {
            PutError::Full
        } else {
            PutError::Io(error)
        }
    }
}

impl Blobs {
    /// Removes what was half written.
    pub(crate) fn remove_temporary(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.shared.temporary()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
