//! The worker's line to its coordinator: a pipe in memory where that is in the
//! same process, a control stream where it is another machine's.

use crate::driver::{Driving, Input};
use crate::limits::PIPE_FRAMES;
use crate::member::Member;
use bytes::Bytes;
use pool::{DeviceId, Peer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Where the coordinator is.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// In this process.
    Here(Driving),
    /// On another machine.
    There(Arc<Member>),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) to: To,
    pub(super) from: mpsc::Receiver<Bytes>,
}

/// Its outward half.
#[derive(Debug)]
pub(super) enum To {
    Driver {
        driving: Driving,
        inbox: mpsc::Sender<Input>,
        peer: Peer,
    },
    Wire {
        frames: mpsc::Sender<Bytes>,
        /// Ends when all that was sent has left.
        writing: JoinHandle<()>,
    },
}

/// Room for one buffer of frames.
pub(super) enum Room<'l> {
    Driver(mpsc::Permit<'l, Input>, Peer),
    Wire(mpsc::Permit<'l, Bytes>),
}

/// How long the last words may take to leave.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Way {
    /// A new connection, as soon as there can be one; `None` where nobody
    /// coordinates any more.
    pub(super) async fn open(&self, device: DeviceId) -> Option<Line> {
        match self {
            Way::Here(driving) => {
                let peer = driving.peer();
                let (frames, from) = mpsc::channel(PIPE_FRAMES);
                let inbox = driving.inbox();
                inbox
                    .send(Input::Connected(peer, device, frames))
                    .await
                    .ok()?;
                let to = To::Driver {
                    driving: driving.clone(),
                    inbox,
                    peer,
                };
                Some(Line { to, from })
            }
            Way::There(member) => {
                let (to, mut heard) = member.control().await;
                let (frames, waiting) = mpsc::channel(PIPE_FRAMES);
                let (hears, from) = mpsc::channel(PIPE_FRAMES);
                let writing = tokio::spawn(async move {
                    if let Err(error) = to.pump(waiting).await {
                        tracing::debug!(%error, "the coordinator is not reached any more");
                    }
                });
                tokio::spawn(async move {
                    while let Ok(Some(some)) = heard.recv().await {
                        if hears.send(some).await.is_err() {
                            return;
                        }
                    }
                });
                let to = To::Wire { frames, writing };
                Some(Line { to, from })
            }
        }
    }

    /// How long a grant takes to come back, beyond a commit: microseconds.
    pub(super) fn round_trip_micros(&self) -> u32 {
        match self {
            Way::Here(_) => 0,
            Way::There(member) => member.round_trip_micros(),
        }
    }
}

impl To {
    /// Room for frames; `None` where the line has ended.
    pub(super) async fn room(&self) -> Option<Room<'_>> {
        match self {
            To::Driver { inbox, peer, .. } => {
                let permit = inbox.reserve().await.ok()?;
                Some(Room::Driver(permit, *peer))
            }
            To::Wire { frames, .. } => Some(Room::Wire(frames.reserve().await.ok()?)),
        }
    }

    /// Sends the last words and ends it. False where nobody coordinates here
    /// any more.
    pub(super) async fn end(self, last: Bytes) -> bool {
        match self {
            To::Driver { driving, peer, .. } => {
                if !last.is_empty() && driving.send(Input::Frames(peer, last)).await.is_err() {
                    return false;
                }
                driving.send(Input::Disconnected(peer, false)).await.is_ok()
            }
            To::Wire { frames, writing } => {
                // A line that is gone takes no words.
                let _ = frames.send(last).await;
                drop(frames);
                let _ = tokio::time::timeout(LAST_WORDS, writing).await;
                true
            }
        }
    }
}

impl Room<'_> {
    pub(super) fn send(self, bytes: Bytes) {
        match self {
            Room::Driver(permit, peer) => permit.send(Input::Frames(peer, bytes)),
            Room::Wire(permit) => permit.send(bytes),
        }
    }
}
