//! How much of the disk the blobs take, and how much they may.

use super::{Blobs, PutError, Shared, blocking};
use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counted as blobs come and go, in bytes of their content. Two that come at
/// once may both find room for the last one: it is no wall.
#[derive(Debug)]
pub(super) struct Room {
    used: AtomicU64,
    quota: AtomicU64,
}

impl Default for Room {
    fn default() -> Room {
        Room {
            used: AtomicU64::new(0),
            quota: AtomicU64::new(u64::MAX),
        }
    }
}

impl Room {
    pub(super) fn check(&self, bytes: u64) -> Result<(), PutError> {
        let (used, quota) = (
            self.used.load(Ordering::Relaxed),
            self.quota.load(Ordering::Relaxed),
        );
        if used.saturating_add(bytes) > quota {
            Err(PutError::OverQuota { used, quota })
        } else {
            Ok(())
        }
    }

    pub(super) fn take(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn give(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        // It always says what comes next.
        let _ = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

impl Blobs {
    /// What all blobs may have together, in bytes, from now on. Those that are
    /// there stay.
    pub fn set_quota(&self, bytes: u64) {
        self.shared.room.quota.store(bytes, Ordering::Relaxed);
    }

    /// What all blobs have together, in bytes; true once [`Blobs::measure`] has
    /// looked.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.shared.room.used.load(Ordering::Relaxed)
    }

    /// Counts what is on disk. What comes or goes meanwhile may be counted
    /// wrong until the next time.
    pub async fn measure(&self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let used = shared.bytes_on_disk()?;
            shared.room.used.store(used, Ordering::Relaxed);
            Ok(())
        })
        .await
    }
}

impl Shared {
    fn bytes_on_disk(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for folder in fs::read_dir(&self.folder)? {
            let folder = folder?.path();
            if !folder.is_dir() || folder == self.temporary() {
                continue;
            }
            for entry in fs::read_dir(&folder)? {
                match entry?.metadata() {
                    Ok(file) => bytes += file.len(),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(bytes)
    }
}
