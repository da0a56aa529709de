//! How long each thing may take.

use crate::limits;
use std::time::Duration;

/// The deadlines of an endpoint and of the sessions on it. The defaults are
/// those of [`limits`](crate::limits), which give the reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A connection without a packet for so long has timed out.
    pub idle: Duration,
    /// A member sends something at least so often.
    pub keep_alive: Duration,
    /// From a first packet to the end of its handshake.
    pub handshake: Duration,
    /// From the opening of a stream to its complete header.
    pub header: Duration,
    /// A peer that takes nothing for so long has its stream reset.
    pub write: Duration,
    /// The wait for an answer, and what the slowest stream is measured over.
    pub slow: Duration,
    /// How long a member tries one address.
    pub connect: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            idle: limits::IDLE,
            keep_alive: limits::KEEP_ALIVE,
            handshake: limits::HANDSHAKE,
            header: limits::HEADER,
            write: limits::WRITE,
            slow: limits::SLOW,
            connect: limits::CONNECT,
        }
    }
}
