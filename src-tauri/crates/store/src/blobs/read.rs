//! Reading blobs: never a byte that was not verified.

use super::{Blobs, Shared, blocking, unpoisoned};
use crate::Digest;
use crate::limits::VERIFIED_BLOBS;
use bytes::Bytes;
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// Why a blob could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    #[error("the blob is not there")]
    Missing,
    #[error("the blob is damaged: its bytes are not the ones it is named after")]
    Corrupt,
    #[error("cannot read a blob: {0}")]
    Io(io::Error),
}

/// Files that had the right hash when this process read them, by what changes
/// when a file is written or replaced.
#[derive(Debug, Default)]
pub(super) struct Verified {
    files: HashMap<Digest, Stamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    modified: SystemTime,
    length: u64,
}

impl Blobs {
    /// The blob's bytes, hashed as they were read.
    pub async fn get(&self, digest: &Digest) -> Result<Bytes, GetError> {
        let (path, digest) = (self.shared.path(digest), *digest);
        blocking(move || {
            let bytes = std::fs::read(path)?;
            if blake3::hash(&bytes) == digest {
                Ok(bytes.into())
            } else {
                Err(GetError::Corrupt)
            }
        })
        .await
    }

    /// The blob as an open file at its beginning, and its length. It is hashed
    /// the first time in a process, and again when the file is another one.
    pub async fn open(&self, digest: &Digest) -> Result<(File, u64), GetError> {
        let (shared, digest) = (Arc::clone(&self.shared), *digest);
        blocking(move || shared.open_verified(&digest)).await
    }

    /// Where the blob lies, for who can only read files by name; verified as by
    /// [`Blobs::open`]. Nobody may write there.
    pub async fn path(&self, digest: &Digest) -> Result<PathBuf, GetError> {
        self.open(digest).await?;
        Ok(self.shared.path(digest))
    }

    /// The blob's length in bytes, without looking into it. The system answers
    /// in a microsecond or two: less than a thread for such work takes to wake.
    pub fn length(&self, digest: &Digest) -> Result<u64, GetError> {
        Ok(std::fs::metadata(self.shared.path(digest))?.len())
    }
}

impl Shared {
    pub(super) fn open_verified(&self, digest: &Digest) -> Result<(File, u64), GetError> {
        let mut file = File::open(self.path(digest))?;
        let stamp = Stamp::of(&file.metadata()?)?;
        if unpoisoned(&self.verified).knows(digest, stamp) {
            return Ok((file, stamp.length));
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(Read::by_ref(&mut file))?;
        if hasher.finalize() != *digest {
            return Err(GetError::Corrupt);
        }
        file.rewind()?;
        unpoisoned(&self.verified).remember(digest, stamp);
        Ok((file, stamp.length))
    }

    /// Of a file that was verified and touched since.
    pub(super) fn remember(&self, digest: &Digest, file: &File) -> io::Result<()> {
        let stamp = Stamp::of(&file.metadata()?)?;
        unpoisoned(&self.verified).remember(digest, stamp);
        Ok(())
    }
}

impl Verified {
    fn knows(&self, digest: &Digest, stamp: Stamp) -> bool {
        self.files.get(digest) == Some(&stamp)
    }

    fn remember(&mut self, digest: &Digest, stamp: Stamp) {
        if self.files.len() >= VERIFIED_BLOBS {
            self.files.clear();
        }
        self.files.insert(*digest, stamp);
    }

    pub(super) fn forget(&mut self, digest: &Digest) {
        self.files.remove(digest);
    }
}

impl Stamp {
    fn of(file: &Metadata) -> io::Result<Stamp> {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(file);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(Stamp {
            inode,
            modified: file.modified()?,
            length: file.len(),
        })
    }
}

impl From<io::Error> for GetError {
    fn from(error: io::Error) -> GetError {
        if error.kind() == io::ErrorKind::NotFound {
            GetError::Missing
        } else {
            GetError::Io(error)
        }
    }
}
