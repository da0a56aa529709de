//! Frames on a stream.

use api::frame::{FrameError, HEADER_BYTES, Header, Hello, Kind, PIECE_BYTES_MAX};
use bytes::Bytes;
use serde::Serialize;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) id: u32,
    pub(super) body: Bytes,
}

/// The next frame; `None` where the peer has left between two.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Frame>> {
    let mut header = [0; HEADER_BYTES];
    if stream.read(&mut header[..1]).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut header[1..]).await?;
    let header = Header::read(header).map_err(io::Error::other)?;
    let mut body = vec![0; header.body];
    stream.read_exact(&mut body).await?;
    Ok(Some(Frame {
        kind: header.kind,
        id: header.id,
        body: body.into(),
    }))
}

pub(super) fn write(kind: Kind, id: u32, body: &[u8]) -> Result<Bytes, FrameError> {
    let header = Header {
        kind,
        id,
        body: body.len(),
    }
    .write()?;
    let mut frame = Vec::with_capacity(HEADER_BYTES + body.len());
    frame.extend_from_slice(&header);
    frame.extend_from_slice(body);
    Ok(frame.into())
}

pub(super) fn json(kind: Kind, id: u32, body: &impl Serialize) -> io::Result<Bytes> {
    write(kind, id, &serde_json::to_vec(body)?).map_err(io::Error::other)
}

pub(super) fn hello() -> io::Result<Bytes> {
    let hello = Hello {
        version: api::VERSION,
        program: format!("skep {}", env!("CARGO_PKG_VERSION")),
    };
    json(Kind::Hello, 0, &hello)
}

/// Bytes of a stream, cut to pieces that fit a frame.
pub(super) fn pieces(id: u32, mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let piece = bytes.split_to(bytes.len().min(PIECE_BYTES_MAX));
        write(Kind::Bytes, id, &piece).ok()
    })
}

/// Writes what comes until nobody can send any more or the peer is gone.
pub(super) async fn write_all(
    mut frames: mpsc::Receiver<Bytes>,
    mut stream: impl AsyncWrite + Unpin,
) {
    while let Some(frame) = frames.recv().await {
        if stream.write_all(&frame).await.is_err() {
            return;
        }
    }
    // The peer may have left already; then there is nobody to say goodbye to.
    drop(stream.shutdown().await);
}
