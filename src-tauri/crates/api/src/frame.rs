//! How requests, replies and bytes travel over a local socket.
//!
//! A frame is: u32 LE length of the rest (at most [`BODY_BYTES_MAX`] + 5), u8
//! kind, u32 LE request id, body. Bodies of hello, request, reply and event
//! are JSON; bytes come in pieces of at most [`PIECE_BYTES_MAX`].

use serde::{Deserialize, Serialize};

/// Largest body of a frame: a page of a thousand rows with inline results is
/// cut to fit.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// Largest piece of bytes in one frame: small enough that other requests on
/// the same socket do not wait for it.
pub const PIECE_BYTES_MAX: usize = 64 << 10;
/// Before the body: length, kind and id.
pub const HEADER_BYTES: usize = 9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Hello = 0,
    Request = 1,
    Reply = 2,
    Event = 3,
    Bytes = 4,
    EndOfBytes = 5,
}

/// The first frame in each direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub version: u32,
    pub program: String,
}

/// The body of a reply frame.
pub type Answer = Result<crate::Reply, crate::Error>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    pub id: u32,
    pub body: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes is longer than allowed")]
    TooLong(usize),
    #[error("a frame is too short to have a header")]
    TooShort,
    #[error("unknown frame kind {0}")]
    Kind(u8),
}

impl Header {
    /// # Errors
    /// When the length or kind is not one that can be.
    pub fn read(bytes: [u8; HEADER_BYTES]) -> Result<Header, FrameError> {
        let [a, b, c, d, kind, e, f, g, h] = bytes;
        let rest = u32::from_le_bytes([a, b, c, d]) as usize;
        let body = rest
            .checked_sub(HEADER_BYTES - 4)
            .ok_or(FrameError::TooShort)?;
        if body > BODY_BYTES_MAX {
            return Err(FrameError::TooLong(body));
        }
        let kind = match kind {
            0 => Kind::Hello,
            1 => Kind::Request,
            2 => Kind::Reply,
            3 => Kind::Event,
            4 => Kind::Bytes,
            5 => Kind::EndOfBytes,
            other => return Err(FrameError::Kind(other)),
        };
        Ok(Header {
            kind,
            id: u32::from_le_bytes([e, f, g, h]),
            body,
        })
    }

    /// # Errors
    /// When the body is longer than a frame may be.
    pub fn write(self) -> Result<[u8; HEADER_BYTES], FrameError> {
        if self.body > BODY_BYTES_MAX {
            return Err(FrameError::TooLong(self.body));
        }
        let rest = u32::try_from(self.body + HEADER_BYTES - 4)
            .map_err(|_| FrameError::TooLong(self.body))?;
        let mut out = [0; HEADER_BYTES];
        out[..4].copy_from_slice(&rest.to_le_bytes());
        out[4] = self.kind as u8;
        out[5..].copy_from_slice(&self.id.to_le_bytes());
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::{BODY_BYTES_MAX, FrameError, HEADER_BYTES, Header, Kind};

    #[test]
    fn a_header_reads_as_it_was_written() {
        for kind in [
            Kind::Hello,
            Kind::Request,
            Kind::Reply,
            Kind::Event,
            Kind::Bytes,
            Kind::EndOfBytes,
        ] {
            let header = Header {
                kind,
                id: 0xdead_beef,
                body: 17,
            };
            assert_eq!(Header::read(header.write().unwrap()), Ok(header));
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_before_any_allocation() {
        let mut bytes = [0; HEADER_BYTES];
        assert_eq!(Header::read(bytes), Err(FrameError::TooShort));
        bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(Header::read(bytes), Err(FrameError::TooLong(_))));
        assert!(
            Header {
                kind: Kind::Bytes,
                id: 0,
                body: BODY_BYTES_MAX + 1
            }
            .write()
            .is_err()
        );
        bytes[..4].copy_from_slice(&5u32.to_le_bytes());
        bytes[4] = 9;
        assert_eq!(Header::read(bytes), Err(FrameError::Kind(9)));
    }
}
