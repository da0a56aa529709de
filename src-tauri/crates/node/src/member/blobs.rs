//! Blobs on their way: modules and inputs that a member fetches once, and
//! results that it hands over before it says that they are there.

use super::Member;
use crate::keep::Keep;
use crate::limits::{FETCHED_BLOB_TIME, INPUT_BLOB_BYTES_MAX, REACH_MIN};
use pool::Digest;
use pool::report::Reports;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use store::{BlobWriter, PutError};
use tokio::io::{AsyncSeekExt, SeekFrom};
use transport::{Offered, Refusal, SendFromError, StreamError};

/// Fetches what is missing here; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Fetching {
    member: Arc<Member>,
    keep: Keep,
    /// Those that are on their way, so that each comes once.
    flights: Arc<Mutex<HashMap<Digest, Arc<tokio::sync::Mutex<()>>>>>,
}

/// Why a blob is not here, or not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    #[error("the coordinator does not give it: {0}")]
    Refused(Refusal),
    #[error("it has {0} bytes, which is more than an input may have")]
    TooLarge(u64),
    #[error("what came has another hash")]
    WrongBytes,
    #[error(transparent)]
    Kept(#[from] PutError),
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("it is gone: {0}")]
    Gone(store::GetError),
}

impl Fetching {
    pub(crate) fn new(member: Arc<Member>, keep: Keep) -> Fetching {
        Fetching {
            member,
            keep,
            flights: Arc::default(),
        }
    }

    /// Returns when the blob is here, and keeps it for a while. A connection
    /// that is lost is waited for; what came before is not asked for again.
    ///
    /// # Errors
    /// Where the coordinator refuses it, or it cannot be kept.
    pub(crate) async fn have(&self, digest: Digest) -> Result<(), BlobError> {
        self.keep.hold_for(digest, FETCHED_BLOB_TIME);
        if self.keep.blobs().length(&digest.0).is_ok() {
            return Ok(());
        }
        let flight = self.flight(digest);
        let _turn = flight.lock().await;
        let fetched = if self.keep.blobs().length(&digest.0).is_ok() {
            Ok(())
        } else {
            self.fetch(digest).await
        };
        self.flights().remove(&digest);
        fetched
    }

    async fn fetch(&self, digest: Digest) -> Result<(), BlobError> {
        let mut writer = self.keep.blobs().writer();
        loop {
            let uplink = self.member.up().await;
            match self.receive(&uplink, digest, &mut writer).await {
                Ok(()) => break,
                Err(Came::Never(error)) => return Err(error),
                Err(Came::Partly(error)) => {
                    tracing::debug!(%digest, %error, at = writer.length(), "a blob is asked for again");
                    tokio::time::sleep(REACH_MIN).await;
                }
            }
        }
        let kept = self.keep.finish(writer, FETCHED_BLOB_TIME).await?;
        match kept {
            Some((got, _)) if got == digest => Ok(()),
            Some((got, _)) => {
                self.keep.delete(got).await;
                Err(BlobError::WrongBytes)
            }
            None => Err(BlobError::WrongBytes),
        }
    }

    async fn receive(
        &self,
        uplink: &transport::Uplink,
        digest: Digest,
        writer: &mut BlobWriter,
    ) -> Result<(), Came> {
        let mut incoming = uplink.fetch(digest.0, writer.length()).await?;
        let total = incoming.bytes_total();
        if total > INPUT_BLOB_BYTES_MAX {
            return Err(Came::Never(BlobError::TooLarge(total)));
        }
        while let Some(piece) = incoming.next().await? {
            let written = writer.write(&piece).await;
            written.map_err(|error| Came::Never(self.keep.heed(error).into()))?;
        }
        Ok(())
    }

    /// Returns when the coordinator has every blob that the reports name.
    pub(crate) async fn deliver(&self, reports: &Reports) {
        for digest in reports.blobs() {
            if let Err(error) = self.give(digest).await {
                // The coordinator finds it missing, and the task runs again.
                tracing::warn!(%digest, %error, "a result could not be handed over");
            }
        }
    }

    async fn give(&self, digest: Digest) -> Result<(), BlobError> {
        loop {
            let uplink = self.member.up().await;
            match self.send(&uplink, digest).await {
                Ok(()) => return Ok(()),
                Err(Came::Never(error)) => return Err(error),
                Err(Came::Partly(error)) => {
                    tracing::debug!(%digest, %error, "a result is offered again");
                    tokio::time::sleep(REACH_MIN).await;
                }
            }
        }
    }

    async fn send(&self, uplink: &transport::Uplink, digest: Digest) -> Result<(), Came> {
        let opened = self.keep.blobs().open(&digest.0).await;
        let (file, bytes) = opened.map_err(|error| Came::Never(BlobError::Gone(error)))?;
        let Offered::Want(mut out) = uplink.offer(digest.0, bytes).await? else {
            return Ok(());
        };
        let mut file = tokio::fs::File::from_std(file);
        let unread = |error: io::Error| Came::Never(error.into());
        file.seek(SeekFrom::Start(out.offset()))
            .await
            .map_err(unread)?;
        out.send_from(&mut file)
            .await
            .map_err(|error| match error {
                SendFromError::Stream(error) => error.into(),
                SendFromError::Source(error) => unread(error),
                SendFromError::SourceEnded => unread(io::ErrorKind::UnexpectedEof.into()),
            })?;
        out.finish().await?;
        Ok(())
    }

    fn flight(&self, digest: Digest) -> Arc<tokio::sync::Mutex<()>> {
        self.flights().entry(digest).or_default().clone()
    }

    fn flights(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<tokio::sync::Mutex<()>>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far it came.
enum Came {
    /// The connection was lost, or the other side is busy: it is tried again.
    Partly(StreamError),
    /// Trying again would change nothing.
    Never(BlobError),
}

impl From<StreamError> for Came {
    fn from(error: StreamError) -> Came {
        match error {
            StreamError::Refused(Refusal::Busy | Refusal::RenewFirst | Refusal::NoRoom) => {
                Came::Partly(error)
            }
            StreamError::Refused(refusal) => Came::Never(BlobError::Refused(refusal)),
            StreamError::Closed(_)
            | StreamError::Reset
            | StreamError::TooSlow
            | StreamError::EarlyEnd { .. }
            | StreamError::TooLong { .. }
            | StreamError::Broken => Came::Partly(error),
        }
    }
}
