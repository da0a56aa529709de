//! The other side: a process that asks a running node. It answers like
//! [`crate::Node::call`], so that who asks need not know which it has.

use super::wire::{self, Frame};
use super::{FRAMES_WAITING, HELLO_TIME, PIECES_WAITING};
use crate::answer::{Answer, Then, Upload};
use crate::member::Member;
use api::frame::{Hello, Kind};
use api::{Error, ErrorCode, Event, Reply, Request};
use bytes::Bytes;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot, watch};

/// A way to the node. Cheap to clone; it closes when the last clone is dropped.
///
/// Plain requests share one connection. What streams (uploads, downloads,
/// following) has one of its own each, so that a stream that is read slowly
/// holds up nothing else, and dropping its receiver is how one leaves it.
#[derive(Clone, Debug)]
pub struct Client {
    way: Way,
    frames: mpsc::Sender<Bytes>,
    open: Arc<Mutex<Open>>,
    next: Arc<AtomicU32>,
    ended: watch::Receiver<()>,
}

/// Where the node is.
#[derive(Clone, Debug)]
enum Way {
    /// Behind a socket of this machine.
    Socket(PathBuf),
    /// The coordinator of the pool that this device is a member of.
    Wire(Arc<Member>),
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no socket, or nobody listens on it.
    #[error("no node runs")]
    Nobody,
    #[error("the node does not answer: {0}")]
    Silent(io::Error),
    #[error(
        "the node speaks version {theirs} of the contract, this is version {}",
        api::VERSION
    )]
    Version { theirs: u32, program: String },
    #[error("{0}")]
    Refused(Error),
}

type Reader = BufReader<Box<dyn AsyncRead + Send + Unpin>>;

/// Requests that wait for their reply, or `None` once the connection has ended.
type Open = Option<HashMap<u32, oneshot::Sender<Result<Reply, Error>>>>;

/// The one request of a connection that streams.
const STREAM: u32 = 1;

impl Client {
    /// Connects, trying a socket that does not answer for five seconds.
    ///
    /// # Errors
    /// When there is nobody, or somebody else.
    pub async fn connect(socket: &Path) -> Result<Client, ConnectError> {
        Client::over(Way::Socket(socket.to_owned())).await
    }

    /// Connects to the coordinator, where it is reached.
    pub(crate) async fn of_member(member: Arc<Member>) -> Result<Client, ConnectError> {
        Client::over(Way::Wire(member)).await
    }

    async fn over(way: Way) -> Result<Client, ConnectError> {
        let (mut reader, frames) = connect(&way, None).await?;
        let open = Arc::new(Mutex::new(Some(HashMap::new())));
        let (living, ended) = watch::channel(());
        tokio::spawn({
            let open = open.clone();
            async move {
                let _living = living;
                if let Err(error) = replies(&mut reader, &open).await {
                    tracing::debug!(%error, "the connection to the node ended badly");
                }
                // Dropping what waits tells everyone that the node is gone.
                drop(open.lock().unwrap_or_else(PoisonError::into_inner).take());
            }
        });
        Ok(Client {
            way,
            frames,
            open,
            next: Arc::new(AtomicU32::new(1)),
            ended,
        })
    }

    /// Whether the node has gone away already.
    pub(crate) fn is_gone(&self) -> bool {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }

    /// Waits until the node has gone away.
    pub async fn gone(&self) {
        // Nothing is ever sent; that the sender is dropped is the message.
        let _ = self.ended.clone().changed().await;
    }

    /// As [`crate::Node::call`].
    ///
    /// # Errors
    /// The node's, or [`ErrorCode::Unreachable`] when it went away.
    pub async fn call(&self, request: Request, upload: Option<Upload>) -> Result<Answer, Error> {
        let streams = matches!(
            request,
            Request::Upload { .. }
                | Request::Follow { .. }
                | Request::Watch { .. }
                | Request::Read { .. }
                | Request::Thumbnail { .. }
                | Request::Report
                | Request::Logs { follow: true, .. }
        );
        if streams {
            return self.stream(&request, upload).await;
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (to, reply) = oneshot::channel();
        match self
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
        {
            Some(open) => drop(open.insert(id, to)),
            None => return Err(gone()),
        }
        self.frames
            .send(written(id, &request)?)
            .await
            .map_err(|_| gone())?;
        let reply = reply.await.unwrap_or_else(|_| Err(gone()))?;
        Ok(reply.into())
    }

    async fn stream(&self, request: &Request, upload: Option<Upload>) -> Result<Answer, Error> {
        let request = written(STREAM, request)?;
        let connected = connect(&self.way, Some(request)).await;
        let (mut reader, frames) = connected.map_err(|error| {
            if matches!(error, ConnectError::Nobody) {
                gone()
            } else {
                error.into()
            }
        })?;
        let uploading = upload.map(|upload| tokio::spawn(send(upload, frames.clone())));
        let reply = match wire::read(&mut reader).await {
            Ok(Some(Frame {
                kind: Kind::Reply,
                body,
                ..
            })) => parsed::<api::frame::Answer>(&body)?,
            Ok(_) | Err(_) => Err(gone()),
        };
        if let Some(uploading) = uploading {
            uploading.abort();
        }
        let reply = reply?;
        let then = if let Reply::Bytes { .. } = &reply {
            let (pieces, then) = mpsc::channel(PIECES_WAITING);
            tokio::spawn(download(reader, frames, pieces));
            Then::Bytes(then)
        } else if let Reply::Following | Reply::Logs { .. } = &reply {
            let (events, then) = mpsc::channel(PIECES_WAITING);
            let (last, reply) = oneshot::channel();
            tokio::spawn(follow(reader, frames, events, last));
            Then::Events(then, reply)
        } else {
            Then::Nothing
        };
        Ok(Answer { reply, then })
    }
}

/// Opens a connection; what is sent into the channel is written to it. A first
/// request goes with the hello, without waiting for the other side's.
async fn connect(
    way: &Way,
    first: Option<Bytes>,
) -> Result<(Reader, mpsc::Sender<Bytes>), ConnectError> {
    tokio::time::timeout(HELLO_TIME, greet(way, first))
        .await
        .unwrap_or_else(|_| Err(ConnectError::Silent(io::ErrorKind::TimedOut.into())))
}

async fn greet(
    way: &Way,
    first: Option<Bytes>,
) -> Result<(Reader, mpsc::Sender<Bytes>), ConnectError> {
    let (mut reader, frames) = match way {
        Way::Socket(socket) => dial(socket).await?,
        Way::Wire(member) => ring(member).await?,
    };
    let hello = wire::hello().map_err(ConnectError::Silent)?;
    for frame in std::iter::once(hello).chain(first) {
        frames.send(frame).await.map_err(|_| ConnectError::Nobody)?;
    }
    hear_hello(&mut reader).await?;
    Ok((reader, frames))
}

async fn ring(member: &Member) -> Result<(Reader, mpsc::Sender<Bytes>), ConnectError> {
    let uplink = member.soon().await.map_err(ConnectError::Refused)?;
    let opened = uplink.open_door().await;
    let (to, from) = opened.map_err(|error| ConnectError::Silent(io::Error::other(error)))?;
    let (frames, waiting) = mpsc::channel(FRAMES_WAITING);
    tokio::spawn(to.pump(waiting));
    Ok((BufReader::new(Box::new(from)), frames))
}

async fn dial(socket: &Path) -> Result<(Reader, mpsc::Sender<Bytes>), ConnectError> {
    let stream = UnixStream::connect(socket).await.map_err(|error| {
        use io::ErrorKind::{ConnectionRefused, InvalidInput, NotADirectory, NotFound};
        // A path too long for a socket (invalid input) is one where nobody can listen.
        if matches!(
            error.kind(),
            NotFound | ConnectionRefused | NotADirectory | InvalidInput
        ) {
            ConnectError::Nobody
        } else {
            ConnectError::Silent(error)
        }
    })?;
    let (reader, writer) = stream.into_split();
    let (frames, waiting) = mpsc::channel(FRAMES_WAITING);
    tokio::spawn(wire::write_all(waiting, writer));
    Ok((BufReader::new(Box::new(reader)), frames))
}

async fn hear_hello(reader: &mut Reader) -> Result<(), ConnectError> {
    match wire::read(reader).await {
        // It ended between our connecting and its hello.
        Ok(None) => Err(ConnectError::Nobody),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(ConnectError::Nobody),
        Err(error) => Err(ConnectError::Silent(error)),
        Ok(Some(Frame {
            kind: Kind::Hello,
            body,
            ..
        })) => {
            let theirs: Hello = serde_json::from_slice(&body)
                .map_err(|error| ConnectError::Silent(error.into()))?;
            if theirs.version != api::VERSION {
                return Err(ConnectError::Version {
                    theirs: theirs.version,
                    program: theirs.program,
                });
            }
            Ok(())
        }
        Ok(Some(Frame { body, .. })) => Err(match serde_json::from_slice(&body) {
            Ok(api::frame::Answer::Err(error)) => ConnectError::Refused(error),
            Ok(Ok(_)) | Err(_) => ConnectError::Silent(io::ErrorKind::InvalidData.into()),
        }),
    }
}

/// Hands every reply to who waits for it, until the node leaves.
async fn replies(reader: &mut Reader, open: &Mutex<Open>) -> io::Result<()> {
    while let Some(Frame { kind, id, body }) = wire::read(reader).await? {
        if kind != Kind::Reply {
            return Err(io::Error::other(format!(
                "the node sent {kind:?} out of turn"
            )));
        }
        let reply = serde_json::from_slice::<api::frame::Answer>(&body)?;
        let waiting = open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
            .and_then(|open| open.remove(&id));
        if let Some(to) = waiting {
            // Who asked may have stopped waiting.
            drop(to.send(reply));
        }
    }
    Ok(())
}

/// Reads bytes until their end; every other end is an error, said as such.
async fn download(
    mut reader: Reader,
    frames: mpsc::Sender<Bytes>,
    pieces: mpsc::Sender<Result<Bytes, Error>>,
) {
    let bad = loop {
        let frame = tokio::select! {
            frame = wire::read(&mut reader) => frame,
            () = pieces.closed() => return,
        };
        match frame {
            Ok(Some(Frame {
                kind: Kind::Bytes,
                body,
                ..
            })) => {
                if pieces.send(Ok(body)).await.is_err() {
                    return;
                }
            }
            Ok(Some(Frame {
                kind: Kind::EndOfBytes,
                ..
            })) => return,
            Ok(Some(Frame {
                kind: Kind::Reply,
                body,
                ..
            })) => match parsed::<api::frame::Answer>(&body) {
                Ok(Err(error)) | Err(error) => break error,
                Ok(Ok(_)) => break gone(),
            },
            Ok(_) | Err(_) => break gone(),
        }
    };
    drop(pieces.send(Err(bad)).await);
    drop(frames);
}

/// Reads events until the last reply. Where the node leaves first, the events
/// end without it.
async fn follow(
    mut reader: Reader,
    frames: mpsc::Sender<Bytes>,
    events: mpsc::Sender<Event>,
    last: oneshot::Sender<Reply>,
) {
    loop {
        let frame = tokio::select! {
            frame = wire::read(&mut reader) => frame,
            () = events.closed() => return,
        };
        match frame {
            Ok(Some(Frame {
                kind: Kind::Event,
                body,
                ..
            })) => {
                let Ok(event) = serde_json::from_slice(&body) else {
                    break;
                };
                if events.send(event).await.is_err() {
                    return;
                }
            }
            Ok(Some(Frame {
                kind: Kind::Reply,
                body,
                ..
            })) => {
                if let Ok(Ok(reply)) = parsed::<api::frame::Answer>(&body) {
                    drop(last.send(reply));
                }
                break;
            }
            Ok(_) | Err(_) => break,
        }
    }
    drop(frames);
}

async fn send(mut upload: Upload, frames: mpsc::Sender<Bytes>) {
    while let Some(bytes) = upload.recv().await {
        for piece in wire::pieces(STREAM, bytes) {
            if frames.send(piece).await.is_err() {
                return;
            }
        }
    }
    if let Ok(end) = wire::write(Kind::EndOfBytes, STREAM, &[]) {
        drop(frames.send(end).await);
    }
}

fn written(id: u32, request: &Request) -> Result<Bytes, Error> {
    wire::json(Kind::Request, id, request).map_err(|error| {
        Error::new(
            ErrorCode::Usage,
            format!("the request cannot be sent: {error}"),
        )
    })
}

fn parsed<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        Error::new(
            ErrorCode::Unreachable,
            format!("the node's answer cannot be read: {error}"),
        )
    })
}

fn gone() -> Error {
    Error::new(ErrorCode::Unreachable, "the node went away")
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Error {
        let message = error.to_string();
        match error {
            ConnectError::Nobody => {
                Error::new(ErrorCode::NoNode, "no node runs for this data folder")
                    .hint("skep coordinator start")
            }
            ConnectError::Silent(_) => Error::new(ErrorCode::Unreachable, message)
                .hint("see whether its process hangs, end it, and start it again"),
            ConnectError::Version { program, .. } => {
                Error::new(ErrorCode::VersionMismatch, message)
                    .hint(format!("the node is {program}; restart it after an update"))
            }
            ConnectError::Refused(error) => error,
        }
    }
}
