//! The other side: a process that asks a running node. It answers like
//! [`crate::Node::call`], so that who asks need not know which it has.

use super::wire::{self, Frame};
use super::{FRAMES_WAITING, HELLO_TIME, PIECES_WAITING};
use crate::answer::{Answer, Then, Upload};
use api::frame::{Hello, Kind};
use api::{Error, ErrorCode, Event, Reply, Request};
use bytes::Bytes;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::{mpsc, oneshot};

/// A connection to the node. Cheap to clone; it closes when the last clone is
/// dropped. All streams share it: one that is neither read nor dropped holds up
/// the others, because nothing is buffered without bound.
#[derive(Clone, Debug)]
pub struct Client {
    frames: mpsc::Sender<Bytes>,
    open: Arc<Mutex<Open>>,
    next: Arc<AtomicU32>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no socket, or nobody listens on it.
    #[error("no node runs")]
    Nobody,
    #[error("the node does not answer: {0}")]
    Silent(io::Error),
    #[error("the node speaks version {theirs} of the contract, this is version {}", api::VERSION)]
    Version { theirs: u32, program: String },
    #[error("{0}")]
    Refused(Error),
}

/// Requests that wait for something, or `None` once the connection has ended.
type Open = Option<HashMap<u32, Waiting>>;

#[derive(Debug)]
enum Waiting {
    Reply { to: oneshot::Sender<Result<Answer, Error>>, follows: bool },
    Bytes(mpsc::Sender<Result<Bytes, Error>>),
    Events(mpsc::Sender<Event>, oneshot::Sender<Reply>),
}

impl Client {
    /// Connects, trying a socket that does not answer for five seconds.
    ///
    /// # Errors
    /// When there is nobody, or somebody else.
    pub async fn connect(socket: &Path) -> Result<Client, ConnectError> {
        tokio::time::timeout(HELLO_TIME, connect(socket))
            .await
            .unwrap_or_else(|_| Err(ConnectError::Silent(io::ErrorKind::TimedOut.into())))
    }

    /// As [`crate::Node::call`].
    ///
    /// # Errors
    /// The node's, or [`ErrorCode::Unreachable`] when it went away.
    pub async fn call(&self, request: Request, upload: Option<Upload>) -> Result<Answer, Error> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let follows = matches!(request, Request::Logs { follow: true, .. } | Request::Follow { .. });
        let (to, answer) = oneshot::channel();
        match self.open.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(open) => drop(open.insert(id, Waiting::Reply { to, follows })),
            None => return Err(gone()),
        }
        let frame = wire::json(Kind::Request, id, &request)
            .map_err(|error| Error::new(ErrorCode::Usage, format!("the request cannot be sent: {error}")))?;
        self.frames.send(frame).await.map_err(|_| gone())?;
        if let Some(upload) = upload {
            tokio::spawn(send(id, upload, self.frames.clone()));
        }
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

async fn connect(socket: &Path) -> Result<Client, ConnectError> {
    let stream = UnixStream::connect(socket).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory => ConnectError::Nobody,
        // A path too long for a socket is one where nobody can listen.
        io::ErrorKind::InvalidInput => ConnectError::Nobody,
        _ => ConnectError::Silent(error),
    })?;
    let (reader, writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let (frames, waiting) = mpsc::channel(FRAMES_WAITING);
    tokio::spawn(wire::write_all(waiting, writer));
    frames.send(wire::hello().map_err(ConnectError::Silent)?).await.map_err(|_| ConnectError::Nobody)?;
    match wire::read(&mut reader).await.map_err(ConnectError::Silent)? {
        // It ended between our connecting and its hello.
        None => return Err(ConnectError::Nobody),
        Some(Frame { kind: Kind::Hello, body, .. }) => {
            let theirs: Hello = serde_json::from_slice(&body).map_err(|error| ConnectError::Silent(error.into()))?;
            if theirs.version != api::VERSION {
                return Err(ConnectError::Version { theirs: theirs.version, program: theirs.program });
            }
        }
        Some(Frame { kind: Kind::Reply, body, .. }) => {
            return Err(match serde_json::from_slice(&body) {
                Ok(api::frame::Answer::Err(error)) => ConnectError::Refused(error),
                Ok(Ok(_)) | Err(_) => ConnectError::Silent(io::ErrorKind::InvalidData.into()),
            });
        }
        Some(_) => return Err(ConnectError::Silent(io::ErrorKind::InvalidData.into())),
    }
    let open = Arc::new(Mutex::new(Some(HashMap::new())));
    tokio::spawn({
        let open = open.clone();
        async move {
            let ended = read(&mut reader, &open).await;
            if let Err(error) = ended {
                tracing::debug!(%error, "the connection to the node ended badly");
            }
            let left = open.lock().unwrap_or_else(PoisonError::into_inner).take();
            for waiting in left.into_iter().flat_map(HashMap::into_values) {
                waiting.end().await;
            }
        }
    });
    Ok(Client { frames, open, next: Arc::new(AtomicU32::new(1)) })
}

/// Hands every frame to who waits for it, until the node leaves.
async fn read(reader: &mut BufReader<OwnedReadHalf>, open: &Mutex<Open>) -> io::Result<()> {
    let take = |id| open.lock().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(|open| open.remove(&id));
    let keep = |id, waiting| {
        if let Some(open) = open.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            open.insert(id, waiting);
        }
    };
    while let Some(Frame { kind, id, body }) = wire::read(reader).await? {
        let Some(waiting) = take(id) else { continue };
        match (waiting, kind) {
            (Waiting::Reply { to, follows }, Kind::Reply) => {
                let answer = serde_json::from_slice::<api::frame::Answer>(&body)?.map(|reply| {
                    let then = match &reply {
                        Reply::Bytes { .. } => {
                            let (pieces, then) = mpsc::channel(PIECES_WAITING);
                            keep(id, Waiting::Bytes(pieces));
                            Then::Bytes(then)
                        }
                        _ if follows => {
                            let (events, then) = mpsc::channel(PIECES_WAITING);
                            let (last, reply) = oneshot::channel();
                            keep(id, Waiting::Events(events, last));
                            Then::Events(then, reply)
                        }
                        _ => Then::Nothing,
                    };
                    Answer { reply, then }
                });
                // Who asked may have stopped waiting.
                drop(to.send(answer));
            }
            (Waiting::Bytes(pieces), Kind::Bytes) => {
                // A stream that nobody reads any more is read to its end all the same.
                drop(pieces.send(Ok(body)).await);
                keep(id, Waiting::Bytes(pieces));
            }
            (Waiting::Bytes(_), Kind::EndOfBytes) => {}
            (Waiting::Bytes(pieces), Kind::Reply) => {
                if let Err(error) = serde_json::from_slice::<api::frame::Answer>(&body)? {
                    drop(pieces.send(Err(error)).await);
                }
            }
            (Waiting::Events(events, last), Kind::Event) => {
                drop(events.send(serde_json::from_slice(&body)?).await);
                keep(id, Waiting::Events(events, last));
            }
            (Waiting::Events(events, last), Kind::Reply) => {
                if let Ok(reply) = serde_json::from_slice::<api::frame::Answer>(&body)? {
                    drop(last.send(reply));
                }
                drop(events);
            }
            (_, kind) => return Err(io::Error::other(format!("the node sent {kind:?} out of turn"))),
        }
    }
    Ok(())
}

impl Waiting {
    /// The node is gone: whoever waits is told. Events just end, without their
    /// last reply.
    async fn end(self) {
        match self {
            Waiting::Reply { to, .. } => drop(to.send(Err(gone()))),
            Waiting::Bytes(pieces) => drop(pieces.send(Err(gone())).await),
            Waiting::Events(..) => {}
        }
    }
}

async fn send(id: u32, mut upload: Upload, frames: mpsc::Sender<Bytes>) {
    while let Some(bytes) = upload.recv().await {
        for piece in wire::pieces(id, bytes) {
            if frames.send(piece).await.is_err() {
                return;
            }
        }
    }
    if let Ok(end) = wire::write(Kind::EndOfBytes, id, &[]) {
        drop(frames.send(end).await);
    }
}

fn gone() -> Error {
    Error::new(ErrorCode::Unreachable, "the node went away")
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Error {
        let message = error.to_string();
        match error {
            ConnectError::Nobody => Error::new(ErrorCode::NoNode, "no node runs for this data folder").hint("skep coordinator start"),
            ConnectError::Silent(_) => Error::new(ErrorCode::Unreachable, message).hint("see whether its process hangs, end it, and start it again"),
            ConnectError::Version { program, .. } => {
                Error::new(ErrorCode::VersionMismatch, message).hint(format!("the node is {program}; restart it after an update"))
            }
            ConnectError::Refused(error) => error,
        }
    }
}
