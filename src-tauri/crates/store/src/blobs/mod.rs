//! Bytes kept under their BLAKE3 hash: `blobs/ab/cdef…`.
//!
//! A blob is there in whole or not at all, on disk before its digest is told,
//! and verified whenever it is read. Who refers to it is its owner's business;
//! this folder only unlinks what it is told to.

mod put;
mod read;
mod room;
mod sweep;
mod writer;

pub use put::PutError;
pub use read::GetError;
pub use writer::BlobWriter;

use crate::Digest;
use crate::layout::make_private_folder;
use data_encoding::HEXLOWER;
use read::Verified;
use room::Room;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The folder of blobs. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Blobs {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    verified: Mutex<Verified>,
    /// How many [`Hold`]s there are on each blob.
    held: Mutex<HashMap<Digest, usize>>,
    room: Room,
}

/// Keeps a blob from being deleted while somebody is about to refer to it.
#[derive(Debug)]
pub struct Hold {
    shared: Arc<Shared>,
    digest: Digest,
}

impl Blobs {
    pub(crate) fn at(folder: PathBuf) -> io::Result<Blobs> {
        let verified = Mutex::default();
        Ok(Blobs {
            shared: Arc::new(Shared {
                folder,
                verified,
                held: Mutex::default(),
                room: Room::default(),
            }),
        })
    }

    /// Keeps the blob, there already or not, from being deleted until the hold
    /// is dropped. Hold first, then see whether it is there, then refer to it.
    pub fn hold(&self, digest: &Digest) -> Hold {
        *unpoisoned(&self.shared.held).entry(*digest).or_default() += 1;
        Hold {
            shared: Arc::clone(&self.shared),
            digest: *digest,
        }
    }
}

impl Shared {
    fn path(&self, digest: &Digest) -> PathBuf {
        let name = HEXLOWER.encode(digest);
        self.folder.join(&name[..2]).join(&name[2..])
    }

    /// Where blobs are written before they have their name; on the same file
    /// system, so that they can be renamed.
    fn temporary(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    fn new_temporary(&self) -> io::Result<tempfile::NamedTempFile> {
        let folder = self.temporary();
        tempfile::NamedTempFile::new_in(&folder).or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            make_private_folder(&folder)?;
            tempfile::NamedTempFile::new_in(&folder)
        })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = unpoisoned(&self.shared.held);
        if let Some(count) = held.get_mut(&self.digest) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.digest);
            }
        }
    }
}

/// The digest that a file in `blobs/ab/` is named after.
fn digest_of(folder: &Path, name: &str) -> Option<Digest> {
    let prefix = folder.file_name()?.to_str()?;
    HEXLOWER
        .decode(format!("{prefix}{name}").as_bytes())
        .ok()?
        .try_into()
        .ok()
}

/// These maps are whole after every statement, whoever panicked.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs what may wait for the disk on a thread where that is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
