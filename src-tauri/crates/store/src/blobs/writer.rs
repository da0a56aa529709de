//! A blob that comes in pieces.

use super::{Blobs, PutError, Shared, blocking};
use crate::Digest;
use crate::limits::BLOB_PIECE_BYTES;
use std::io::Write;
use std::sync::Arc;
use tempfile::NamedTempFile;

/// Takes a blob's bytes piece by piece. Dropped before [`BlobWriter::finish`],
/// nothing is left of them.
#[derive(Debug)]
pub struct BlobWriter {
    shared: Arc<Shared>,
    gathered: Vec<u8>,
    state: Option<State>,
    length: u64,
}

#[derive(Debug)]
struct State {
    /// Made with the first bytes that leave for the disk.
    temp: Option<NamedTempFile>,
    hasher: Box<blake3::Hasher>,
}

impl Blobs {
    /// Begins a blob whose bytes come in pieces.
    pub fn writer(&self) -> BlobWriter {
        let state = State {
            temp: None,
            hasher: Box::new(blake3::Hasher::new()),
        };
        BlobWriter {
            shared: Arc::clone(&self.shared),
            gathered: Vec::new(),
            state: Some(state),
            length: 0,
        }
    }
}

impl BlobWriter {
    /// After an error the blob cannot be finished any more.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), PutError> {
        self.gathered.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        if self.gathered.len() >= BLOB_PIECE_BYTES {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// How many bytes were written so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Keeps the blob; it is on disk when this returns.
    pub async fn finish(mut self) -> Result<(Digest, u64), PutError> {
        self.flush().await?;
        let (shared, length) = (Arc::clone(&self.shared), self.length);
        let State { temp, hasher } = self.state.take().ok_or_else(given_up)?;
        let temp = temp.ok_or_else(given_up)?;
        let digest = blocking(move || shared.keep(temp, *hasher.finalize().as_bytes())).await?;
        Ok((digest, length))
    }

    async fn flush(&mut self) -> Result<(), PutError> {
        // Taken, and only put back when all went well: what was half written
        // can never be finished.
        let State { temp, mut hasher } = self.state.take().ok_or_else(given_up)?;
        let (shared, bytes) = (Arc::clone(&self.shared), std::mem::take(&mut self.gathered));
        let state = blocking(move || -> Result<State, PutError> {
            let mut temp = match temp {
                Some(temp) => temp,
                None => shared.new_temporary()?,
            };
            hasher.update(&bytes);
            temp.write_all(&bytes)?;
            Ok(State {
                temp: Some(temp),
                hasher,
            })
        });
        self.state = Some(state.await?);
        Ok(())
    }
}

fn given_up() -> PutError {
    PutError::Io(std::io::Error::other(
        "the blob was given up after an error",
    ))
}
