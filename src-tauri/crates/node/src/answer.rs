//! What comes and goes with a request: who asks, bytes on the way in, and what
//! follows a reply on the way out.

use api::{Error, Event, Reply};
use bytes::Bytes;
use pool::DeviceId;
use tokio::sync::{mpsc, oneshot};

/// Who asks. Permission is decided by this and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The process that the node runs in.
    InProcess,
    /// A process of this machine, as the kernel tells.
    Local { uid: u32, pid: Option<i32> },
    /// A device of the pool, by the key of its connection.
    Device(DeviceId),
}

impl Caller {
    /// The device that asks over the network.
    pub(crate) fn device(self) -> Option<DeviceId> {
        match self {
            Caller::InProcess | Caller::Local { .. } => None,
            Caller::Device(device) => Some(device),
        }
    }
}

/// The bytes that follow a request, in pieces; its end is theirs.
pub type Upload = mpsc::Receiver<Bytes>;

/// A reply and what follows it.
#[derive(Debug)]
pub struct Answer {
    pub reply: Reply,
    pub then: Then,
}

#[derive(Debug)]
pub enum Then {
    Nothing,
    /// The bytes that [`Reply::Bytes`] announced. An error ends them early.
    Bytes(mpsc::Receiver<Result<Bytes, Error>>),
    /// Events until their sender is dropped, then the last reply. Dropping the
    /// receivers is how a follower leaves. Where the reply never comes, the
    /// node stopped first.
    Events(mpsc::Receiver<Event>, oneshot::Receiver<Reply>),
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer {
            reply,
            then: Then::Nothing,
        }
    }
}
