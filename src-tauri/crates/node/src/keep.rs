//! Blobs that nothing durable names yet, kept from deletion until something
//! does: uploads, inputs on their way to acceptance, outputs on their way to
//! the coordinator.

use crate::limits::{NAMED_BLOB_TIME, REPORTED_BLOB_TIME, UNNAMED_BLOB_TIME};
use crate::space::Space;
use bytes::Bytes;
use pool::Digest;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use store::{BlobWriter, Blobs, GetError, Hold, PutError};

/// The blob folder, and what is kept in it for a while.
#[derive(Clone, Debug)]
pub(crate) struct Keep {
    blobs: Blobs,
    space: Space,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    held: HashMap<Digest, (Hold, Instant)>,
    sweeping: bool,
}

impl Keep {
    pub(crate) fn new(blobs: Blobs, space: Space) -> Keep {
        Keep {
            blobs,
            space,
            kept: Arc::default(),
        }
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    pub(crate) async fn put(&self, bytes: Bytes, keep_for: Duration) -> Result<Digest, PutError> {
        // Held before it is looked for: an equal one may be deleted right now.
        let digest = Digest(*blake3::hash(&bytes).as_bytes());
        self.keep(digest, keep_for);
        self.blobs
            .put(bytes)
            .await
            .map_err(|error| self.heed(error))?;
        Ok(digest)
    }

    pub(crate) async fn put_many(
        &self,
        many: Vec<Bytes>,
        keep_for: Duration,
    ) -> Result<Vec<Digest>, PutError> {
        for bytes in &many {
            self.keep(Digest(*blake3::hash(bytes).as_bytes()), keep_for);
        }
        Ok(self
            .blobs
            .put_many(many)
            .await
            .map_err(|error| self.heed(error))?
            .into_iter()
            .map(Digest)
            .collect())
    }

    /// Of at most `cap` bytes.
    pub(crate) async fn put_file(
        &self,
        path: &Path,
        cap: u64,
        keep_for: Duration,
    ) -> Result<(Digest, u64), PutError> {
        loop {
            let (digest, bytes) = self
                .blobs
                .put_file(path, cap)
                .await
                .map_err(|error| self.heed(error))?;
            if self.kept_in_time(digest, keep_for).await {
                return Ok((Digest(digest), bytes));
            }
        }
    }

    /// `None` where an equal blob was deleted in the moment between; whoever
    /// wrote it does so again.
    pub(crate) async fn finish(
        &self,
        writer: BlobWriter,
        keep_for: Duration,
    ) -> Result<Option<(Digest, u64)>, PutError> {
        let (digest, bytes) = writer.finish().await.map_err(|error| self.heed(error))?;
        Ok(self
            .kept_in_time(digest, keep_for)
            .await
            .then_some((Digest(digest), bytes)))
    }

    /// Keeps a blob from deletion, whether it is there already or on its way.
    pub(crate) fn hold_for(&self, digest: Digest, span: Duration) {
        self.keep(digest, span);
    }

    /// A blob was not written: where that is for want of space, people are told.
    pub(crate) fn heed(&self, error: PutError) -> PutError {
        if matches!(error, PutError::Full) {
            self.space.low();
        }
        error
    }

    /// Where the blob lies, verified, for a reader that wants a path.
    pub(crate) async fn path(&self, digest: &Digest) -> Result<PathBuf, GetError> {
        self.blobs.path(&digest.0).await
    }

    /// Deletes a blob that no record names. False where it stays because
    /// somebody means to name it.
    pub(crate) async fn delete(&self, digest: Digest) -> bool {
        self.forget_old();
        match self.blobs.delete(&digest.0).await {
            Ok(deleted) => deleted,
            Err(error) => {
                tracing::warn!(%digest, %error, "a blob could not be deleted; the sweep tries again");
                true
            }
        }
    }

    /// Deletes what nothing names: no record, by what `named` says once it is
    /// asked, and nobody here.
    pub(crate) async fn sweep<E>(
        &self,
        named: impl Future<Output = Result<HashSet<Digest>, E>>,
    ) -> Result<(), E> {
        self.forget_old();
        self.kept().sweeping = true;
        let named = named.await;
        if let Ok(named) = &named {
            let keep = |digest: &store::Digest| named.contains(&Digest(*digest));
            match self.blobs.sweep(keep, UNNAMED_BLOB_TIME).await {
                Ok(0) => {}
                Ok(files) => tracing::info!(files, "blobs that nothing named were deleted"),
                Err(error) => tracing::warn!(%error, "the blob folder could not be swept"),
            }
        }
        self.kept().sweeping = false;
        named.map(drop)
    }

    /// Records name these now. What was kept for their sake is kept for a
    /// moment still, because somebody may just have found that no record did;
    /// a sweep may have found so a while ago.
    pub(crate) fn named(&self, digests: impl IntoIterator<Item = Digest>) {
        let until = Instant::now() + NAMED_BLOB_TIME;
        for digest in digests {
            let mut kept = self.kept();
            if kept.sweeping {
                drop(kept);
                self.keep(digest, REPORTED_BLOB_TIME);
            } else if let Some(held) = kept.held.get_mut(&digest) {
                held.1 = until;
            }
        }
    }

    async fn kept_in_time(&self, digest: store::Digest, keep_for: Duration) -> bool {
        self.keep(Digest(digest), keep_for);
        self.blobs.length(&digest).is_ok()
    }

    fn keep(&self, digest: Digest, span: Duration) {
        let until = Instant::now() + span;
        let hold = self.blobs.hold(&digest.0);
        self.kept().held.entry(digest).or_insert((hold, until)).1 = until;
    }

    fn forget_old(&self) {
        let now = Instant::now();
        self.kept().held.retain(|_, (_, until)| *until > now);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Whole after every statement, whoever panicked.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
