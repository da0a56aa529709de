//! The bytes that a task left: inline in its entry, or read from the node.

use crate::failure::Failure;
use crate::reach::Door;
use crate::verbs::out_of_turn;
use api::{BytesOf, Request, ResultEntry};
use bytes::Bytes;
use node::{Answer, Then};

/// Adds the bytes of a result that is inline.
pub(super) fn inline(entry: &ResultEntry, to: &mut Vec<u8>) -> bool {
    match (&entry.text, &entry.base64) {
        (Some(text), _) => to.extend_from_slice(text.as_bytes()),
        (None, Some(base64)) => {
            to.extend(
                data_encoding::BASE64
                    .decode(base64.as_bytes())
                    .unwrap_or_default(),
            );
        }
        (None, None) => return entry.bytes == 0,
    }
    true
}

/// The bytes of a result, inline or fetched.
pub(super) async fn bytes_of(
    door: &Door,
    job: &str,
    entry: &ResultEntry,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if let Some(text) = &entry.text {
        return take(text.as_bytes());
    }
    if let Some(base64) = &entry.base64 {
        return take(
            &data_encoding::BASE64
                .decode(base64.as_bytes())
                .unwrap_or_default(),
        );
    }
    if entry.bytes == 0 {
        return Ok(());
    }
    download(door, job, entry.index, BytesOf::Result, take).await
}

/// Bytes of a task, piece by piece.
pub(crate) async fn download(
    door: &Door,
    job: &str,
    index: u32,
    what: BytesOf,
    take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let read = Request::Read {
        job: job.to_owned(),
        index,
        what,
    };
    bytes(door, read, take).await
}

/// The bytes that a request is answered with, piece by piece.
pub(crate) async fn bytes(
    door: &Door,
    request: Request,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    match door.call(request, None).await? {
        Answer {
            then: Then::Bytes(mut pieces),
            ..
        } => {
            while let Some(piece) = pieces.recv().await {
                let piece: Bytes = piece?;
                take(&piece)?;
            }
            Ok(())
        }
        Answer { .. } => Err(out_of_turn().into()),
    }
}
