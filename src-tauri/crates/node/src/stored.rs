//! Results as they lie in the store: one task's end out of a row of many.

use crate::limits::LOG_TAIL_BYTES;
use api::{Error, ErrorCode};
use bytes::Bytes;
use pool::MachineId;
use pool::record::StoredResults;
use pool::report::{Files, Outcome, Payload, Reports};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use store::{Blobs, GetError, ReadError, ResultRow};

/// How one task ended.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) index: u32,
    pub(crate) attempt: u32,
    pub(crate) machine: MachineId,
    pub(crate) micros: u64,
    pub(crate) outcome: Outcome,
    pub(crate) output: Kept,
    pub(crate) log: Kept,
    pub(crate) files: Option<Files>,
}

/// Bytes that a task left, wherever they are.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    Inline(Bytes),
    Blob { digest: pool::Digest, bytes: u64 },
}

/// The tasks of a row from `from` on.
pub(crate) fn ends(row: &ResultRow, from: u32) -> Result<Vec<End>, Error> {
    let StoredResults {
        machine,
        attempt,
        reports,
    } = pool::codec::decode_results(&row.value).map_err(|error| {
        Error::new(
            ErrorCode::DataDamaged,
            format!("a result could not be read: {error}"),
        )
    })?;
    let end = |index, micros, outcome, output, log| End {
        index,
        attempt,
        machine,
        micros,
        outcome,
        output,
        log,
        files: None,
    };
    let ends: Vec<End> = match reports {
        Reports::Plain(plain) => {
            let micros = plain.micros / u64::from(row.count.max(1));
            let bytes = Bytes::from(plain.bytes.into_vec());
            let mut start = 0;
            let mut piece = |stop: u32| {
                let range = start..(stop as usize).clamp(start, bytes.len());
                start = range.end;
                bytes.slice(range)
            };
            (row.first..)
                .zip(plain.ends)
                .map(|(index, stop)| {
                    end(
                        index,
                        micros,
                        Outcome::Done,
                        Kept::Inline(piece(stop)),
                        Kept::Inline(Bytes::new()),
                    )
                })
                .collect()
        }
        Reports::Each(each) => (row.first..)
            .zip(each)
            .map(|(index, report)| End {
                files: report.files,
                ..end(
                    index,
                    report.micros,
                    report.outcome,
                    report.output.into(),
                    report.log.into(),
                )
            })
            .collect(),
    };
    Ok(ends.into_iter().filter(|end| end.index >= from).collect())
}

impl From<Payload> for Kept {
    fn from(payload: Payload) -> Kept {
        match payload {
            Payload::Inline(bytes) => Kept::Inline(bytes.into_vec().into()),
            Payload::Blob { digest, bytes } => Kept::Blob { digest, bytes },
        }
    }
}

impl Kept {
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Kept::Inline(bytes) => bytes.len() as u64,
            Kept::Blob { bytes, .. } => *bytes,
        }
    }

    /// Hex of its BLAKE3 hash.
    pub(crate) fn hash(&self) -> String {
        match self {
            Kept::Inline(bytes) => blake3::hash(bytes).to_hex().to_string(),
            Kept::Blob { digest, .. } => digest.to_string(),
        }
    }

    /// The last bytes, as many as a log's tail is made of.
    pub(crate) async fn tail(&self, blobs: &Blobs) -> Result<Bytes, Error> {
        match self {
            Kept::Inline(bytes) => Ok(bytes.clone()),
            Kept::Blob { digest, bytes } => {
                let (file, _) = blobs
                    .open(&digest.0)
                    .await
                    .map_err(|error| unreadable(&error))?;
                let from = bytes.saturating_sub(LOG_TAIL_BYTES);
                read_at(&file, from, bytes - from)
                    .map_err(|error| unreadable(&GetError::from(error)))
            }
        }
    }
}

fn read_at(file: &File, offset: u64, len: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes.into())
}

/// A blob that could not be read, at the door.
pub(crate) fn unreadable(error: &GetError) -> Error {
    match error {
        GetError::Missing => Error::new(ErrorCode::BlobMissing, "the bytes are not there any more")
            .hint("run the job again: skep job show prints its command"),
        GetError::Corrupt => Error::new(
            ErrorCode::BlobCorrupt,
            "the stored bytes are damaged, so they are not given out",
        )
        .hint("check the disk; then run the job again: skep job show prints its command"),
        GetError::Io(_) => Error::new(ErrorCode::FolderUnusable, error.to_string()),
    }
}

/// A row that could not be read, at the door.
pub(crate) fn unread(error: &ReadError) -> Error {
    match error {
        ReadError::Corrupt { .. } | ReadError::Damaged(_) => {
            Error::new(ErrorCode::DataDamaged, error.to_string())
                .hint("stop the node and start it again: it looks at the whole database then")
        }
        ReadError::Database(_) => Error::new(ErrorCode::FolderUnusable, error.to_string()),
    }
}
