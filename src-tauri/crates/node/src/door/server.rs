//! The node's side: a socket, its peers, their requests.

use super::wire::{self, Frame};
use super::{CONNECTIONS_MAX, FRAMES_WAITING, HELLO_TIME, PIECES_WAITING, REQUESTS_OPEN_MAX};
use crate::answer::{Answer, Caller, Then, Upload};
use api::frame::{Hello, Kind};
use api::{Error, ErrorCode, Reply, Request};
use bytes::Bytes;
use pool::DeviceId;
use std::collections::HashMap;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncRead, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// Who answers behind the door.
pub trait Desk: Clone + Send + Sync + 'static {
    fn call(
        &self,
        request: Request,
        caller: Caller,
        upload: Option<Upload>,
    ) -> impl Future<Output = Result<Answer, Error>> + Send;
}

impl Desk for crate::Node {
    async fn call(
        &self,
        request: Request,
        caller: Caller,
        upload: Option<Upload>,
    ) -> Result<Answer, Error> {
        crate::Node::call(self, request, caller, upload).await
    }
}

/// The open door. Dropping it closes it and takes the socket away.
#[derive(Debug)]
pub struct Door {
    listener: UnixListener,
    path: PathBuf,
    /// Of the socket file, so that only our own is removed.
    inode: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    #[error("something that is not a control socket lies at {}", .0.display())]
    NotASocket(PathBuf),
    #[error("another node answers at {}", .0.display())]
    Taken(PathBuf),
    #[error("the control socket {} cannot be made: {why}", .path.display())]
    Unusable { path: PathBuf, why: io::Error },
}

impl Door {
    /// Binds the socket, replacing one that nobody listens on. Only for who
    /// holds the data folder's lock.
    ///
    /// # Errors
    /// When something else is there, or the folder cannot be written.
    pub async fn open(path: &Path) -> Result<Door, DoorError> {
        let unusable = |why| DoorError::Unusable {
            path: path.to_owned(),
            why,
        };
        clear(path).await?;
        let listener = UnixListener::bind(path).map_err(|why| {
            if why.kind() == io::ErrorKind::AddrInUse {
                DoorError::Taken(path.to_owned())
            } else {
                unusable(why)
            }
        })?;
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).map_err(unusable)?;
        let inode = std::fs::symlink_metadata(path).map_err(unusable)?.ino();
        Ok(Door {
            listener,
            path: path.to_owned(),
            inode,
        })
    }

    /// Lets peers in and answers them. Runs until it is dropped, and its
    /// connections end with it.
    pub async fn serve(&self, desk: impl Desk) {
        let mut connections = JoinSet::new();
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            while connections.try_join_next().is_some() {}
            let Ok(place) = room.clone().acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let desk = desk.clone();
                    connections.spawn(async move {
                        if let Err(error) = converse(stream, desk).await {
                            tracing::debug!(%error, "a connection ended badly");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of descriptors, most likely: others will be closed.
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if std::fs::symlink_metadata(&self.path).is_ok_and(|now| now.ino() == self.inode) {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// Takes a dead socket away; anything else stays and is an error.
async fn clear(path: &Path) -> Result<(), DoorError> {
    let unusable = |why| DoorError::Unusable {
        path: path.to_owned(),
        why,
    };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(why) => return Err(unusable(why)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(DoorError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(unusable)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(DoorError::Taken(path.to_owned())),
        Err(why) => Err(unusable(why)),
    }
}

async fn converse(stream: UnixStream, desk: impl Desk) -> io::Result<()> {
    let peer = stream.peer_cred()?;
    let (reader, writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let (frames, waiting) = mpsc::channel(FRAMES_WAITING);
    let writing = tokio::spawn(wire::write_all(waiting, writer));
    let outcome = async {
        let own = rustix::process::geteuid().as_raw();
        if peer.uid() != own && peer.uid() != 0 {
            let refusal = Error::new(
                ErrorCode::NotAllowed,
                "this pool belongs to another person of this computer",
            );
            return send(
                &frames,
                wire::json(Kind::Reply, 0, &api::frame::Answer::Err(refusal))?,
            )
            .await;
        }
        let caller = Caller::Local {
            uid: peer.uid(),
            pid: peer.pid(),
        };
        greet(&mut reader, &frames, caller, desk).await
    }
    .await;
    drop(frames);
    // What was answered last still goes out, unless the peer does not read.
    drop(tokio::time::timeout(HELLO_TIME, writing).await);
    outcome
}

/// Answers a device of the pool on a stream of its connection.
pub(crate) async fn serve_device(
    device: DeviceId,
    to: transport::Sender,
    from: transport::Receiver,
    desk: impl Desk,
) {
    let (frames, waiting) = mpsc::channel(FRAMES_WAITING);
    let writing = tokio::spawn(to.pump(waiting));
    let mut reader = BufReader::new(from);
    let served = greet(&mut reader, &frames, Caller::Device(device), desk).await;
    drop(frames);
    if let Err(error) = served {
        tracing::debug!(%device, %error, "a device's requests ended badly");
    }
    drop(tokio::time::timeout(HELLO_TIME, writing).await);
}

/// Exchanges hellos, then answers.
async fn greet(
    reader: &mut BufReader<impl AsyncRead + Unpin>,
    frames: &mpsc::Sender<Bytes>,
    caller: Caller,
    desk: impl Desk,
) -> io::Result<()> {
    let theirs = tokio::time::timeout(HELLO_TIME, wire::read(reader))
        .await
        .map_err(|_| io::ErrorKind::TimedOut)??;
    let Some(Frame {
        kind: Kind::Hello,
        body,
        ..
    }) = theirs
    else {
        return Ok(());
    };
    let theirs: Hello = serde_json::from_slice(&body)?;
    send(frames, wire::hello()?).await?;
    if theirs.version != api::VERSION {
        return Ok(());
    }
    requests(reader, frames, caller, desk).await
}

/// Reads requests and their uploads until the peer leaves; whatever it still
/// waits for ends then.
async fn requests(
    reader: &mut BufReader<impl AsyncRead + Unpin>,
    frames: &mpsc::Sender<Bytes>,
    caller: Caller,
    desk: impl Desk,
) -> io::Result<()> {
    let mut open = JoinSet::new();
    let mut uploads: HashMap<u32, mpsc::Sender<Bytes>> = HashMap::new();
    while let Some(Frame { kind, id, body }) = wire::read(reader).await? {
        while open.try_join_next().is_some() {}
        match kind {
            Kind::Request => {
                let request = match serde_json::from_slice(&body) {
                    Ok(_) if open.len() >= REQUESTS_OPEN_MAX => {
                        let many = format!(
                            "more than {REQUESTS_OPEN_MAX} requests at once on one connection"
                        );
                        Err(Error::new(ErrorCode::Usage, many))
                    }
                    Ok(request) => Ok(request),
                    Err(error) => Err(Error::new(
                        ErrorCode::Usage,
                        format!("the request cannot be read: {error}"),
                    )),
                };
                match request {
                    Ok(request) => {
                        let upload = matches!(request, Request::Upload { .. }).then(|| {
                            let (pieces, upload) = mpsc::channel(PIECES_WAITING);
                            uploads.insert(id, pieces);
                            upload
                        });
                        open.spawn(answer(
                            id,
                            request,
                            caller,
                            upload,
                            desk.clone(),
                            frames.clone(),
                        ));
                    }
                    Err(error) => send(frames, reply(id, &Err(error))?).await?,
                }
            }
            Kind::Bytes => {
                // The desk may have refused it already; then the rest is for nobody.
                if let Some(upload) = uploads.get(&id)
                    && upload.send(body).await.is_err()
                {
                    uploads.remove(&id);
                }
            }
            Kind::EndOfBytes => drop(uploads.remove(&id)),
            Kind::Hello | Kind::Reply | Kind::Event => {
                return Err(io::Error::other(format!("a client does not send {kind:?}")));
            }
        }
    }
    Ok(())
}

async fn answer(
    id: u32,
    request: Request,
    caller: Caller,
    upload: Option<Upload>,
    desk: impl Desk,
    frames: mpsc::Sender<Bytes>,
) -> io::Result<()> {
    let Answer { reply: first, then } = match desk.call(request, caller, upload).await {
        Ok(answer) => answer,
        Err(error) => return send(&frames, reply(id, &Err(error))?).await,
    };
    send(&frames, reply(id, &Ok(first))?).await?;
    match then {
        Then::Nothing => Ok(()),
        Then::Bytes(mut bytes) => {
            while let Some(some) = bytes.recv().await {
                match some {
                    Ok(some) => {
                        for piece in wire::pieces(id, some) {
                            send(&frames, piece).await?;
                        }
                    }
                    Err(error) => return send(&frames, reply(id, &Err(error))?).await,
                }
            }
            send(
                &frames,
                wire::write(Kind::EndOfBytes, id, &[]).map_err(io::Error::other)?,
            )
            .await
        }
        Then::Events(mut events, last) => {
            while let Some(event) = events.recv().await {
                send(&frames, wire::json(Kind::Event, id, &event)?).await?;
            }
            let last = last
                .await
                .map_err(|_| Error::new(ErrorCode::Stopping, "the node is stopping"));
            send(&frames, reply(id, &last)?).await
        }
    }
}

/// An answer that does not fit a frame is a mistake of ours, and said.
fn reply(id: u32, answer: &Result<Reply, Error>) -> io::Result<Bytes> {
    wire::json(Kind::Reply, id, answer).or_else(|error| {
        let error = Error::new(
            ErrorCode::Internal,
            format!("the answer cannot be sent: {error}"),
        );
        wire::json(Kind::Reply, id, &api::frame::Answer::Err(error))
    })
}

async fn send(frames: &mpsc::Sender<Bytes>, frame: Bytes) -> io::Result<()> {
    frames
        .send(frame)
        .await
        .map_err(|_| io::ErrorKind::BrokenPipe.into())
}

impl From<DoorError> for Error {
    fn from(error: DoorError) -> Error {
        let message = error.to_string();
        match error {
            DoorError::NotASocket(_) => Error::new(ErrorCode::SocketTaken, message)
                .hint("move it away, or choose another place with --data DIR"),
            DoorError::Taken(_) => Error::new(ErrorCode::SocketTaken, message)
                .hint("it serves another data folder: give this one a place of its own with --data DIR or --profile NAME"),
            DoorError::Unusable { .. } => Error::new(ErrorCode::FolderUnusable, message),
        }
    }
}
