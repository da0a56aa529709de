//! What reaches the driver, and the handle it is reached by.

use crate::follow::Follows;
use api::{Error, ErrorCode};
use bytes::Bytes;
use pool::message::ToCoordinator;
use pool::moment::Now;
use pool::{ChoreDone, Coordinator, DeviceId, Peer};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::Write;
use tokio::sync::{mpsc, oneshot};

pub(crate) enum Input {
    /// Of the device whose key the connection was made with.
    Connected(Peer, DeviceId, mpsc::Sender<Bytes>),
    /// The same of a machine of the network: one that takes no frames is not
    /// waited for.
    Joined(Peer, DeviceId, mpsc::Sender<Bytes>),
    /// Whole frames, one after the other.
    Frames(Peer, Bytes),
    /// The same, read already.
    Messages(Peer, Vec<ToCoordinator>),
    Disconnected(Peer, bool),
    ChoreDone(ChoreDone),
    /// Decides something; its answer leaves after the commit.
    Ask {
        ask: Ask,
        /// Waits while the disk is full instead of being refused.
        patient: bool,
    },
    /// Only reads.
    Look(Box<dyn FnOnce(&Coordinator) + Send>),
    Stop,
}

/// Decides in a turn, or is told why there is none.
pub(crate) type Ask = Box<dyn FnOnce(Result<Turn<'_>, Error>) -> Option<After> + Send>;
/// Carries an answer out.
pub(crate) type After = Box<dyn FnOnce() + Send>;

/// What a command may change.
#[derive(Debug)]
pub(crate) struct Turn<'d> {
    pub(crate) coordinator: &'d mut Coordinator,
    pub(crate) now: Now,
    /// Committed together with the rules' records.
    pub(crate) writes: &'d mut Vec<Write>,
    pub(crate) follows: &'d mut Follows,
}

/// Reaches the driver; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Driving {
    inbox: mpsc::Sender<Input>,
    /// Names of connections that were given.
    peers: Arc<AtomicU64>,
}

impl Driving {
    pub(crate) fn new(inbox: mpsc::Sender<Input>) -> Driving {
        Driving {
            inbox,
            peers: Arc::default(),
        }
    }

    /// The name of a connection, never used again.
    pub(crate) fn peer(&self) -> Peer {
        Peer(self.peers.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Decides something and answers when that is on disk. Refused while the
    /// disk is full.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut Turn<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.put(decide, false).await
    }

    /// As [`Driving::ask`], but waits for space.
    pub(crate) async fn ask_patiently<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut Turn<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.put(decide, true).await
    }

    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Coordinator) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.send(Input::Look(Box::new(move |coordinator| {
            // Whoever asked may have left.
            let _ = answer.send(look(coordinator));
        })))
        .await?;
        answered.await.map_err(|_| stopped())
    }

    pub(crate) async fn send(&self, input: Input) -> Result<(), Error> {
        self.inbox.send(input).await.map_err(|_| stopped())
    }

    pub(crate) fn inbox(&self) -> mpsc::Sender<Input> {
        self.inbox.clone()
    }

    async fn put<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut Turn<'_>) -> Result<T, Error> + Send + 'static,
        patient: bool,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let ask: Ask = Box::new(move |turn| match turn {
            Ok(mut turn) => {
                let decided = decide(&mut turn);
                Some(Box::new(move || drop(answer.send(decided))))
            }
            Err(error) => {
                let _ = answer.send(Err(error));
                None
            }
        });
        self.send(Input::Ask { ask, patient }).await?;
        answered.await.map_err(|_| stopped())?
    }
}

fn stopped() -> Error {
    Error::new(ErrorCode::Stopping, "the node is stopping")
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Input::Connected(..) => "Connected",
            Input::Joined(..) => "Joined",
            Input::Frames(..) => "Frames",
            Input::Messages(..) => "Messages",
            Input::Disconnected(..) => "Disconnected",
            Input::ChoreDone(_) => "ChoreDone",
            Input::Ask { .. } => "Ask",
            Input::Look(_) => "Look",
            Input::Stop => "Stop",
        })
    }
}
