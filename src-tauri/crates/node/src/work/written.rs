//! What tasks wrote, from their first byte to a report that names it on disk.

use crate::keep::Keep;
use crate::limits::{INLINE_BYTES, LOG_TAIL_BYTES, REPORTED_BLOB_TIME};
use bytes::Bytes;
use pool::Digest;
use pool::report::{Files, Outcome, Payload, Report};
use serde_bytes::ByteBuf;
use store::{BlobWriter, Blobs, PutError};

/// Bytes of a stream that are kept in memory before they go to a file.
const SPILL_BYTES: usize = 256 << 10;

/// One stream of the running task.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    spilled: Option<BlobWriter>,
    /// The first error; a result that cannot be kept is not the program's fault.
    error: Option<PutError>,
    pub(super) total: u64,
    pub(super) tail: Vec<u8>,
}

/// Why a result is not on disk.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unkept {
    #[error(transparent)]
    Put(#[from] PutError),
    #[error("an equal blob was deleted in the same moment")]
    Deleted,
}

/// The end of one task, what it wrote not all on disk.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) outcome: Outcome,
    pub(super) micros: u64,
    pub(super) output: Left,
    pub(super) log: Left,
    pub(super) log_truncated: bool,
    pub(super) files: Option<Files>,
}

/// What a task wrote to one stream.
#[derive(Debug)]
pub(super) enum Left {
    Memory(Bytes),
    Disk { digest: Digest, bytes: u64 },
}

impl Written {
    pub(super) async fn add(&mut self, keep: &Keep, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        if self.spilled.is_none() && self.bytes.len() + bytes.len() <= SPILL_BYTES {
            self.bytes.extend_from_slice(bytes);
            return;
        }
        self.keep_tail(bytes);
        if self.error.is_none()
            && let Err(error) = self.spill(keep.blobs(), bytes).await
        {
            self.error = Some(keep.heed(error));
        }
    }

    /// The last bytes that were written.
    pub(super) fn tail(&self) -> &[u8] {
        if self.total > self.bytes.len() as u64 {
            &self.tail
        } else {
            &self.bytes
        }
    }

    pub(super) async fn end(self, keep: &Keep) -> Result<Left, Unkept> {
        if let Some(error) = self.error {
            return Err(error.into());
        }
        match self.spilled {
            None => Ok(Left::Memory(self.bytes.into())),
            Some(writer) => {
                let kept = keep.finish(writer, REPORTED_BLOB_TIME).await?;
                kept.map(|(digest, bytes)| Left::Disk { digest, bytes })
                    .ok_or(Unkept::Deleted)
            }
        }
    }

    async fn spill(&mut self, blobs: &Blobs, bytes: &[u8]) -> Result<(), PutError> {
        let writer = match &mut self.spilled {
            Some(writer) => writer,
            None => {
                let mut writer = blobs.writer();
                writer.write(&std::mem::take(&mut self.bytes)).await?;
                self.spilled.insert(writer)
            }
        };
        writer.write(bytes).await
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        let keep = usize::try_from(LOG_TAIL_BYTES).unwrap_or(usize::MAX);
        self.tail
            .extend_from_slice(&bytes[bytes.len().saturating_sub(keep)..]);
        let over = self.tail.len().saturating_sub(keep);
        self.tail.drain(..over);
    }
}

impl Told {
    /// Of a task that has nothing to show.
    pub(super) fn bare(outcome: Outcome, micros: u64) -> Told {
        let nothing = || Left::Memory(Bytes::new());
        Told {
            outcome,
            micros,
            output: nothing(),
            log: nothing(),
            log_truncated: false,
            files: None,
        }
    }

    /// The result could not be kept, so the task is tried again.
    pub(super) fn refused(micros: u64, error: &Unkept) -> Told {
        Told::bare(
            Outcome::Refused {
                why: format!("its result could not be kept: {error}"),
            },
            micros,
        )
    }

    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let left = |left: &Left| match left {
            Left::Memory(bytes) => bytes.len(),
            Left::Disk { .. } => 40,
        };
        let message = match &self.outcome {
            Outcome::Done | Outcome::Elsewhere => 0,
            Outcome::Failed(failure) => {
                failure.message.len() + failure.backtrace.iter().map(String::len).sum::<usize>()
            }
            Outcome::Lost { why } | Outcome::Refused { why } => why.len(),
        };
        let files = self
            .files
            .as_ref()
            .map_or(0, |files| 32 * (files.blobs.len() + 1));
        32 + left(&self.output) + left(&self.log) + message + files
    }
}

/// Keeps what is too large to travel inline, all of it together, because many
/// blobs share their syncs.
pub(super) async fn keep_all(mut all: Vec<Told>, keep: &Keep) -> Vec<Report> {
    let mut large = Vec::new();
    for left in all.iter().flat_map(|told| [&told.output, &told.log]) {
        if let Some(bytes) = left.large() {
            large.push(bytes.clone());
        }
    }
    if !large.is_empty() {
        let lengths: Vec<u64> = large.iter().map(|bytes| bytes.len() as u64).collect();
        match keep.put_many(large, REPORTED_BLOB_TIME).await {
            Ok(digests) => {
                let mut kept = digests.into_iter().zip(lengths);
                for left in all
                    .iter_mut()
                    .flat_map(|told| [&mut told.output, &mut told.log])
                {
                    if left.large().is_some()
                        && let Some((digest, bytes)) = kept.next()
                    {
                        *left = Left::Disk { digest, bytes };
                    }
                }
            }
            Err(error) => {
                let error = error.into();
                for told in &mut all {
                    if told.output.large().is_some() || told.log.large().is_some() {
                        *told = Told::refused(told.micros, &error);
                    }
                }
            }
        }
    }
    all.into_iter().map(Report::from).collect()
}

impl Left {
    /// Bytes that do not travel inline.
    fn large(&self) -> Option<&Bytes> {
        match self {
            Left::Memory(bytes) if bytes.len() > INLINE_BYTES => Some(bytes),
            Left::Memory(_) | Left::Disk { .. } => None,
        }
    }
}

impl From<Told> for Report {
    fn from(told: Told) -> Report {
        Report {
            outcome: told.outcome,
            micros: told.micros,
            output: told.output.into(),
            log: told.log.into(),
            log_truncated: told.log_truncated,
            files: told.files,
        }
    }
}

impl From<Left> for Payload {
    fn from(left: Left) -> Payload {
        match left {
            Left::Memory(bytes) => Payload::Inline(ByteBuf::from(Vec::from(bytes))),
            Left::Disk { digest, bytes } => Payload::Blob { digest, bytes },
        }
    }
}
