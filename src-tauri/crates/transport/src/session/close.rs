//! How connections and streams end, and what each side learns of it.

use super::wire::{FrameError, Refusal};
use quinn::{ConnectionError, ReadError, VarInt, WriteError};
use std::{fmt, sync::OnceLock};

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    #[error("it was closed in good order")]
    Goodbye,
    #[error("the device does not belong to the pool any more")]
    Revoked,
    #[error("the same device connected anew, perhaps from a copy of its data folder")]
    Superseded,
    #[error("the other side speaks another version")]
    OtherVersion,
    #[error("too many streams were reset")]
    TooManyResets,
    #[error("the other side broke the rules of the wire")]
    Broken,
    #[error("the coordinator is stopping")]
    Stopping,
    /// A packet came back from an endpoint that knows nothing of us.
    #[error("the other side was restarted")]
    Restarted,
    #[error("nothing was heard for too long")]
    TimedOut,
    #[error("the other side refused the certificate")]
    NotAdmitted,
    #[error("the connection failed")]
    Failed,
}

impl CloseReason {
    /// The code on the wire. What no side says on purpose has none.
    pub(crate) const fn code(self) -> u32 {
        match self {
            CloseReason::Goodbye => 0,
            CloseReason::Revoked => 1,
            CloseReason::Superseded => 2,
            CloseReason::OtherVersion => 3,
            CloseReason::TooManyResets => 4,
            CloseReason::Broken
            | CloseReason::Restarted
            | CloseReason::TimedOut
            | CloseReason::NotAdmitted
            | CloseReason::Failed => 5,
            CloseReason::Stopping => 6,
        }
    }

    fn of_code(code: VarInt) -> CloseReason {
        match code.into_inner() {
            0 => CloseReason::Goodbye,
            1 => CloseReason::Revoked,
            2 => CloseReason::Superseded,
            3 => CloseReason::OtherVersion,
            4 => CloseReason::TooManyResets,
            5 => CloseReason::Broken,
            6 => CloseReason::Stopping,
            _ => CloseReason::Failed,
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Nothing was heard for too long: the other side may still be at work.
    pub timed_out: bool,
    /// This side ended it.
    pub by_us: bool,
    pub reason: CloseReason,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

/// A connection, and why this side ended it if it did.
pub(crate) struct Ending {
    connection: quinn::Connection,
    ours: OnceLock<CloseReason>,
}

impl Ending {
    pub(crate) fn new(connection: quinn::Connection) -> Ending {
        Ending {
            connection,
            ours: OnceLock::new(),
        }
    }

    pub(crate) fn connection(&self) -> &quinn::Connection {
        &self.connection
    }

    /// Ends it; the first reason counts. The peer gets a code and no text.
    pub(crate) fn close(&self, reason: CloseReason) {
        let reason = *self.ours.get_or_init(|| reason);
        self.connection.close(VarInt::from_u32(reason.code()), b"");
    }

    pub(crate) async fn closed(&self) -> Closed {
        let error = self.connection.closed().await;
        self.read(&error)
    }

    pub(crate) fn read(&self, error: &ConnectionError) -> Closed {
        Closed::of(error, self.ours.get().copied())
    }
}

impl Closed {
    /// `ours`: why this side ended it. Without a reason its endpoint stops.
    pub(crate) fn of(error: &ConnectionError, ours: Option<CloseReason>) -> Closed {
        let reason = match error {
            ConnectionError::LocallyClosed => ours.unwrap_or(CloseReason::Stopping),
            ConnectionError::ApplicationClosed(close) => CloseReason::of_code(close.error_code),
            ConnectionError::TimedOut => CloseReason::TimedOut,
            ConnectionError::Reset => CloseReason::Restarted,
            ConnectionError::ConnectionClosed(close) if tls_alert(close.error_code).is_some() => {
                CloseReason::NotAdmitted
            }
            ConnectionError::ConnectionClosed(_)
            | ConnectionError::TransportError(_)
            | ConnectionError::VersionMismatch
            | ConnectionError::CidsExhausted => CloseReason::Failed,
        };
        Closed {
            timed_out: matches!(error, ConnectionError::TimedOut),
            by_us: matches!(error, ConnectionError::LocallyClosed),
            reason,
        }
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ending")
            .field("remote", &self.connection.remote_address())
            .field("ours", &self.ours)
            .finish()
    }
}

/// The alert of TLS within a code of QUIC's.
pub(crate) fn tls_alert(code: quinn::TransportErrorCode) -> Option<u8> {
    let code = u64::from(code);
    (0x100..0x200)
        .contains(&code)
        .then_some((code & 0xFF) as u8)
}

/// Why a stream came to no good end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    #[error("the connection ended: {0}")]
    Closed(Closed),
    #[error("the other side refused: {0}")]
    Refused(Refusal),
    #[error("the other side gave the stream up")]
    Reset,
    #[error("the other side was too slow")]
    TooSlow,
    #[error("the stream ended after {got} of {declared} bytes")]
    EarlyEnd { got: u64, declared: u64 },
    #[error("more came than the {declared} bytes that were announced")]
    TooLong { declared: u64 },
    #[error("what came is no frame of this wire")]
    Broken,
}

/// Codes with which a stream is reset or stopped.
pub(crate) mod code {
    use super::{Refusal, VarInt};

    /// Whoever wanted it wants it no more; also what quinn says by itself.
    pub(crate) const CANCELLED: VarInt = VarInt::from_u32(0);
    pub(crate) const TOO_SLOW: VarInt = VarInt::from_u32(1);
    pub(crate) const TOO_LONG: VarInt = VarInt::from_u32(2);
    pub(crate) const BROKEN: VarInt = VarInt::from_u32(3);
    const REFUSED: u32 = 0x100;

    pub(crate) fn refused(refusal: Refusal) -> VarInt {
        VarInt::from_u32(REFUSED + u32::from(refusal.code()))
    }

    pub(super) fn refusal(code: VarInt) -> Option<Refusal> {
        let code = code.into_inner().checked_sub(u64::from(REFUSED))?;
        Refusal::of_code(u8::try_from(code).ok()?)
    }
}

impl StreamError {
    pub(super) fn of_code(given: VarInt) -> StreamError {
        match code::refusal(given) {
            Some(refusal) => StreamError::Refused(refusal),
            None if given == code::TOO_SLOW => StreamError::TooSlow,
            None => StreamError::Reset,
        }
    }

    pub(super) fn connection(ending: &Ending, error: &ConnectionError) -> StreamError {
        StreamError::Closed(ending.read(error))
    }

    pub(super) fn read(ending: &Ending, error: &ReadError) -> StreamError {
        match error {
            ReadError::Reset(code) => StreamError::of_code(*code),
            ReadError::ConnectionLost(error) => StreamError::connection(ending, error),
            // A stream of ours that was stopped or ended, or early data, which
            // there is none of.
            ReadError::ClosedStream
            | ReadError::IllegalOrderedRead
            | ReadError::ZeroRttRejected => StreamError::Reset,
        }
    }

    pub(super) fn write(ending: &Ending, error: &WriteError) -> StreamError {
        match error {
            WriteError::Stopped(code) => StreamError::of_code(*code),
            WriteError::ConnectionLost(error) => StreamError::connection(ending, error),
            WriteError::ClosedStream | WriteError::ZeroRttRejected => StreamError::Reset,
        }
    }

    pub(super) fn frame(ending: &Ending, error: &FrameError) -> StreamError {
        match error {
            FrameError::Read(error) => StreamError::read(ending, error),
            FrameError::Write(error) => StreamError::write(ending, error),
            // The other side ended its half instead of answering.
            FrameError::Ended => StreamError::Reset,
            FrameError::TooSlow => StreamError::TooSlow,
            FrameError::TooLong(_) | FrameError::Empty | FrameError::Broken => StreamError::Broken,
        }
    }
}
