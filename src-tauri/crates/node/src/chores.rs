//! What the rules want done that takes time: folds, lists of blobs, and blobs
//! that go.

use crate::driver::{Driving, Input};
use crate::fold;
use crate::keep::Keep;
use crate::limits::NAMED_BLOB_TIME;
use crate::stored::unread;
use crate::walk::Walk;
use pool::{Chore, ChoreDone, Digest, JobNo};
use store::{Reader, Write};

/// Results rows read at once to list their blobs.
const ROWS: u32 = 1024;
const BYTES: u64 = 4 << 20;

#[derive(Clone, Debug)]
pub(crate) struct Chores {
    pub(crate) driving: Driving,
    pub(crate) reader: Reader,
    pub(crate) keep: Keep,
}

impl Chores {
    /// Does it beside everything else, and tells the driver.
    pub(crate) fn start(&self, chore: Chore) {
        let this = self.clone();
        tokio::spawn(async move {
            if let Some(done) = this.carry_out(chore).await {
                // A node that has stopped is given the chore again.
                let _ = this.driving.send(Input::ChoreDone(done)).await;
            }
        });
    }

    /// These writes are on disk: what they name needs nobody else to keep it.
    pub(crate) fn named(&self, writes: &[Write]) {
        self.keep
            .named(writes.iter().filter_map(|write| match write {
                Write::Blob { digest, refs } if *refs > 0 => Some(Digest(*digest)),
                Write::Blob { .. }
                | Write::Meta { .. }
                | Write::Job { .. }
                | Write::Lease { .. }
                | Write::LeaseEnded { .. }
                | Write::Result { .. }
                | Write::ResultForgotten { .. }
                | Write::History { .. }
                | Write::HistoryEnded { .. }
                | Write::Forget { .. }
                | Write::Name { .. }
                | Write::Machine { .. }
                | Write::Registry { .. } => None,
            }));
    }

    async fn carry_out(&self, chore: Chore) -> Option<ChoreDone> {
        match chore {
            Chore::Fold {
                job,
                no,
                fold,
                count,
            } => {
                let result = fold::fold(fold, self.walk(no, count), &self.keep).await;
                Some(ChoreDone::Folded { job, result })
            }
            Chore::AssembleFoldInput { job, no, count } => {
                let result = fold::frames(self.walk(no, count), &self.keep).await;
                Some(ChoreDone::FoldInput { job, result })
            }
            Chore::ListBlobs { job, no } => match self.blobs(no).await {
                Ok(blobs) => Some(ChoreDone::BlobsListed { job, blobs }),
                Err(error) => {
                    tracing::error!(%job, error, "a job cannot be removed before its results can be read");
                    None
                }
            },
            Chore::DeleteBlob(digest) => {
                self.delete(digest).await;
                None
            }
        }
    }

    /// Unless a record names it again; where somebody means to, that is seen
    /// a moment later.
    async fn delete(&self, digest: Digest) {
        while let Ok(false) = self
            .driving
            .look(move |rules| rules.blob_is_referenced(&digest))
            .await
        {
            if self.keep.delete(digest).await {
                return;
            }
            tokio::time::sleep(NAMED_BLOB_TIME).await;
        }
    }

    fn walk(&self, no: JobNo, count: u32) -> Walk {
        Walk::new(self.reader.clone(), self.keep.blobs().clone(), no, count)
    }

    async fn blobs(&self, no: JobNo) -> Result<Vec<Digest>, String> {
        let mut blobs = Vec::new();
        let mut next = 0;
        loop {
            let rows = self
                .reader
                .results(no.0, next, ROWS, BYTES)
                .await
                .map_err(|error| unread(&error).message)?;
            let Some(last) = rows.last() else {
                return Ok(blobs);
            };
            next = last.first + last.count;
            for row in &rows {
                let stored =
                    pool::codec::decode_results(&row.value).map_err(|error| error.to_string())?;
                blobs.extend(stored.reports.blobs());
            }
        }
    }
}
