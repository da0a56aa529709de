//! Bytes of messages and rows. Decoding is total: any bytes give a value or a
//! typed error, never a panic, and a length that promises more than the frame
//! holds is refused before memory is taken for it.
//!
//! A frame is a u32 (little endian) with the length of what follows, then one
//! postcard message. A row of the store starts with the version of its form.

use crate::limits::FRAME_BYTES_MAX;
use crate::record::StoredResults;
use bytes::{Buf, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of a frame's length.
pub const PREFIX_BYTES: usize = 4;

/// The version of every row's form; a row of another one is not guessed at.
pub const ROW_VERSION: u8 = 1;

/// Why bytes are not a message or a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("a frame of {bytes} bytes is over the limit of {FRAME_BYTES_MAX}")]
    FrameTooLarge { bytes: usize },
    #[error("nothing where a message or row should be")]
    Empty,
    #[error("not a message or row of this version: {0}")]
    Malformed(postcard::Error),
    #[error("{bytes} bytes follow the end of the message or row")]
    Trailing { bytes: usize },
    #[error("a row of version {found}, which this program does not know")]
    RowVersion { found: u8 },
}

/// A message is too large for a frame; its sender should have cut it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of {bytes} bytes is over the frame limit of {FRAME_BYTES_MAX}")]
pub struct EncodeError {
    pub bytes: usize,
}

/// Appends `message` to `frames`, framed.
///
/// # Errors
/// When the message is larger than a frame may be; `frames` is as it was.
pub fn encode<M: Serialize>(message: &M, frames: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = frames.len();
    frames.extend_from_slice(&[0; PREFIX_BYTES]);
    *frames = to_bytes(message, core::mem::take(frames));
    let bytes = frames.len() - start - PREFIX_BYTES;
    match u32::try_from(bytes) {
        Ok(prefix) if bytes <= FRAME_BYTES_MAX => {
            frames[start..start + PREFIX_BYTES].copy_from_slice(&prefix.to_le_bytes());
            Ok(())
        }
        Ok(_) | Err(_) => {
            frames.truncate(start);
            Err(EncodeError { bytes })
        }
    }
}

/// Cuts a stream of bytes, however it was split on its way, into messages.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: BytesMut,
}

impl Decoder {
    /// Takes what was read. Call [`Decoder::decode`] until it has no more,
    /// and at most a frame is ever kept.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next message, if all of it is there.
    ///
    /// # Errors
    /// After an error the stream has lost its meaning: close the connection.
    pub fn decode<M: DeserializeOwned>(&mut self) -> Result<Option<M>, DecodeError> {
        let Some(prefix) = self.pending.first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let bytes = usize::try_from(u32::from_le_bytes(*prefix)).unwrap_or(usize::MAX);
        if bytes > FRAME_BYTES_MAX {
            return Err(DecodeError::FrameTooLarge { bytes });
        }
        if self.pending.len() < PREFIX_BYTES + bytes {
            return Ok(None);
        }
        self.pending.advance(PREFIX_BYTES);
        from_bytes(&self.pending.split_to(bytes)).map(Some)
    }

    /// Bytes of a frame that has only begun: not zero where a stream ends
    /// means that it broke off.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.pending.len()
    }
}

/// The value of a [`crate::record::Record::Result`] row.
#[must_use]
pub fn encode_results(results: &StoredResults) -> Bytes {
    encode_row(results)
}

/// Reads what [`encode_results`] wrote.
///
/// # Errors
/// When the row has another version or was damaged.
pub fn decode_results(row: &[u8]) -> Result<StoredResults, DecodeError> {
    decode_row(row)
}

pub(crate) fn encode_row<R: Serialize>(row: &R) -> Bytes {
    Bytes::from(to_bytes(row, vec![ROW_VERSION]))
}

/// A row whose form has grown once: in version 1 it ended earlier.
pub(crate) fn encode_grown<R: Serialize>(row: &R) -> Bytes {
    Bytes::from(to_bytes(row, vec![ROW_VERSION + 1]))
}

/// Reads it in either form; `absent` are the bytes of what version 1 had not.
pub(crate) fn decode_grown<R: DeserializeOwned>(
    row: &[u8],
    absent: &[u8],
) -> Result<R, DecodeError> {
    match row.split_first() {
        Some((&found, value)) if found == ROW_VERSION + 1 => from_bytes(value),
        Some((&ROW_VERSION, value)) => from_bytes(&[value, absent].concat()),
        Some((&found, _)) => Err(DecodeError::RowVersion { found }),
        None => Err(DecodeError::Empty),
    }
}

pub(crate) fn decode_row<R: DeserializeOwned>(row: &[u8]) -> Result<R, DecodeError> {
    let (&found, value) = row.split_first().ok_or(DecodeError::Empty)?;
    if found != ROW_VERSION {
        return Err(DecodeError::RowVersion { found });
    }
    from_bytes(value)
}

fn to_bytes<V: Serialize>(value: &V, to: Vec<u8>) -> Vec<u8> {
    postcard::to_extend(value, to)
        .expect("messages and rows know their lengths, so memory takes them all")
}

fn from_bytes<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(DecodeError::Malformed)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::Trailing { bytes: rest.len() })
    }
}
