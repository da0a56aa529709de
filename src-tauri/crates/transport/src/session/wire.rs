//! The few frames that are the wire's own: what opens a stream, and what
//! answers. A frame is a length (u16, little endian) and a postcard value.
//! Variants are only ever appended.

use super::StreamError;
use crate::limits::{ANSWER_BYTES_MAX, HEADER_BYTES_MAX};
use quinn::{ReadError, ReadExactError, RecvStream, SendStream, WriteError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::time::Duration;
use tokio::time::timeout;

/// What a stream is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Header {
    /// The first stream of a connection.
    Hello {
        version: u16,
    },
    Control,
    Fetch {
        digest: [u8; 32],
        offset: u64,
    },
    Offer {
        digest: [u8; 32],
        bytes: u64,
    },
    Door,
    Renew {
        #[serde(with = "serde_bytes")]
        csr: Vec<u8>,
    },
}

/// What the coordinator says to a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// To a hello. `wall_ms`: milliseconds since 1970 by its clock.
    Welcome {
        version: u16,
        wall_ms: u64,
        renew_first: bool,
    },
    OtherVersion {
        version: u16,
    },
    /// To a fetch: so many bytes the whole blob has.
    Granted {
        total: u64,
    },
    /// To an offer.
    Want {
        offset: u64,
    },
    Have,
    /// After the bytes of an offer.
    Kept,
    Renewed {
        #[serde(with = "serde_bytes")]
        leaf: Vec<u8>,
    },
    Refused(Refusal),
}

impl Answer {
    /// What it means where another one was waited for.
    pub(super) fn unexpected(&self) -> StreamError {
        if let Answer::Refused(refusal) = self {
            StreamError::Refused(*refusal)
        } else {
            StreamError::Broken
        }
    }
}

/// Why a request was refused. What is not there and what is not allowed are
/// one: nobody learns what others have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("it is not there, or not for this device")]
    NotGranted,
    #[error("this device's certificate has ended; it must be renewed first")]
    RenewFirst,
    #[error("it is too large")]
    TooLarge,
    #[error("there is no room for it on the disk")]
    NoRoom,
    #[error("the bytes are not those that were named")]
    WrongBytes,
    #[error("it cannot be read there")]
    Unreadable,
    #[error("the coordinator is busy; try again later")]
    Busy,
    #[error("the coordinator does not know this kind of request")]
    Unknown,
}

const REFUSALS: [Refusal; 8] = [
    Refusal::NotGranted,
    Refusal::RenewFirst,
    Refusal::TooLarge,
    Refusal::NoRoom,
    Refusal::WrongBytes,
    Refusal::Unreadable,
    Refusal::Busy,
    Refusal::Unknown,
];

impl Refusal {
    pub(super) fn code(self) -> u8 {
        self as u8
    }

    pub(super) fn of_code(code: u8) -> Option<Refusal> {
        REFUSALS.get(usize::from(code)).copied()
    }
}

/// Why a frame did not come or go.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error(transparent)]
    Read(ReadError),
    #[error(transparent)]
    Write(WriteError),
    #[error("the stream ended inside a frame or before it")]
    Ended,
    #[error("it took too long")]
    TooSlow,
    #[error("a frame of {0} bytes")]
    TooLong(usize),
    #[error("an empty frame")]
    Empty,
    #[error("no value of this wire")]
    Broken,
}

impl From<ReadExactError> for FrameError {
    fn from(error: ReadExactError) -> Self {
        match error {
            ReadExactError::FinishedEarly(_) => FrameError::Ended,
            ReadExactError::ReadError(error) => FrameError::Read(error),
        }
    }
}

pub(crate) async fn write_header(
    stream: &mut SendStream,
    header: &Header,
    within: Duration,
) -> Result<(), FrameError> {
    let bytes = postcard::to_stdvec(header).expect("plain data has a form");
    write_bytes(stream, &bytes, HEADER_BYTES_MAX, within).await
}

pub(crate) async fn read_header(
    stream: &mut RecvStream,
    within: Duration,
) -> Result<Header, FrameError> {
    decode(&read_bytes(stream, HEADER_BYTES_MAX, within).await?)
}

pub(crate) async fn write_answer(
    stream: &mut SendStream,
    answer: &Answer,
    within: Duration,
) -> Result<(), FrameError> {
    let bytes = postcard::to_stdvec(answer).expect("plain data has a form");
    write_bytes(stream, &bytes, ANSWER_BYTES_MAX, within).await
}

pub(crate) async fn read_answer(
    stream: &mut RecvStream,
    within: Duration,
) -> Result<Answer, FrameError> {
    decode(&read_bytes(stream, ANSWER_BYTES_MAX, within).await?)
}

/// A frame's bytes; `max` is looked at before there is room for them.
pub(crate) async fn read_bytes(
    stream: &mut RecvStream,
    max: usize,
    within: Duration,
) -> Result<Vec<u8>, FrameError> {
    let read = async {
        let mut length = [0; 2];
        stream.read_exact(&mut length).await?;
        let length = usize::from(u16::from_le_bytes(length));
        if length == 0 {
            return Err(FrameError::Empty);
        }
        if length > max {
            return Err(FrameError::TooLong(length));
        }
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    };
    timeout(within, read)
        .await
        .unwrap_or(Err(FrameError::TooSlow))
}

/// Writes a frame at once.
pub(crate) async fn write_bytes(
    stream: &mut SendStream,
    bytes: &[u8],
    max: usize,
    within: Duration,
) -> Result<(), FrameError> {
    let length = match u16::try_from(bytes.len()) {
        Ok(length) if bytes.len() <= max => length,
        Ok(_) | Err(_) => return Err(FrameError::TooLong(bytes.len())),
    };
    let mut frame = Vec::with_capacity(2 + bytes.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(bytes);
    match timeout(within, stream.write_all(&frame)).await {
        Ok(written) => written.map_err(FrameError::Write),
        Err(_) => Err(FrameError::TooSlow),
    }
}

/// All of the bytes, or none.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) | Err(_) => Err(FrameError::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What members of another release send. A change here is a new version.
    #[test]
    fn the_bytes_of_every_frame_stay_what_they_are() {
        let digest = [9; 32];
        let with = |first: u8, rest: &[u8]| [&[first][..], &digest, rest].concat();
        for (header, bytes) in [
            (Header::Hello { version: 1 }, vec![0, 1]),
            (Header::Control, vec![1]),
            (Header::Fetch { digest, offset: 5 }, with(2, &[5])),
            (Header::Offer { digest, bytes: 300 }, with(3, &[0xAC, 2])),
            (Header::Door, vec![4]),
            (Header::Renew { csr: vec![7, 8] }, vec![5, 2, 7, 8]),
        ] {
            assert_eq!(postcard::to_stdvec(&header).unwrap(), bytes);
            assert_eq!(decode::<Header>(&bytes).unwrap(), header);
        }
        let welcome = Answer::Welcome {
            version: 1,
            wall_ms: 2,
            renew_first: true,
        };
        for (answer, bytes) in [
            (welcome, vec![0, 1, 2, 1]),
            (Answer::OtherVersion { version: 1 }, vec![1, 1]),
            (Answer::Granted { total: 6 }, vec![2, 6]),
            (Answer::Want { offset: 6 }, vec![3, 6]),
            (Answer::Have, vec![4]),
            (Answer::Kept, vec![5]),
            (Answer::Renewed { leaf: vec![7] }, vec![6, 1, 7]),
            (Answer::Refused(Refusal::Unknown), vec![7, 7]),
        ] {
            assert_eq!(postcard::to_stdvec(&answer).unwrap(), bytes);
            assert_eq!(decode::<Answer>(&bytes).unwrap(), answer);
        }
        for (code, refusal) in REFUSALS.into_iter().enumerate() {
            assert_eq!(usize::from(refusal.code()), code);
            assert_eq!(postcard::to_stdvec(&refusal).unwrap(), [code as u8]);
            assert_eq!(Refusal::of_code(code as u8), Some(refusal));
        }
        assert_eq!(Refusal::of_code(8), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_frame_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(header) = decode::<Header>(&bytes) {
                // A number can be written longer than need be, never shorter.
                prop_assert!(postcard::to_stdvec(&header).unwrap().len() <= bytes.len());
            }
            if let Ok(answer) = decode::<Answer>(&bytes) {
                prop_assert!(postcard::to_stdvec(&answer).unwrap().len() <= bytes.len());
            }
        }
    }
}
