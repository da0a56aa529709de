//! The two halves of a control or door stream. They carry whole buffers; where
//! a message begins and ends is for the codecs of those who use them.

use super::{
    Live,
    close::{StreamError, code},
};
use crate::limits::WRITE_BYTES;
use bytes::{Bytes, BytesMut};
use quinn::{RecvStream, SendStream};
use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
    time::{Sleep, sleep, timeout},
};

/// What goes out. Dropping it ends the stream in good order.
///
/// It can also be written to as to any stream; a peer that takes nothing for too
/// long is then an error of kind `TimedOut`.
pub struct Sender {
    stream: SendStream,
    live: Arc<Live>,
    /// Runs while the peer takes nothing of what is written.
    stalled: Option<Pin<Box<Sleep>>>,
}

/// What comes in, in buffers or as from any stream. Dropping it tells the other
/// side to stop.
pub struct Receiver {
    stream: RecvStream,
    live: Arc<Live>,
}

/// Chunks taken from a channel for one write: a busy driver's turn.
const CHUNKS_MAX: usize = 256;
/// Bytes of one read: a control message has a few hundred.
const READ_BYTES: usize = 64 << 10;

impl Sender {
    pub(super) fn new(stream: SendStream, live: &Arc<Live>) -> Sender {
        // Control goes before blobs where both wait.
        let _ = stream.set_priority(1);
        Sender {
            stream,
            live: Arc::clone(live),
            stalled: None,
        }
    }

    /// Sends one buffer. A peer that takes nothing for
    /// [`Timing::write`](super::Timing) loses the stream.
    pub async fn send(&mut self, chunk: Bytes) -> Result<(), StreamError> {
        write(&mut self.stream, &self.live, &mut [chunk]).await
    }

    /// Sends many buffers; small ones go together, which makes them twelve
    /// times cheaper than one by one. Losing the future loses the rest of them,
    /// perhaps in the middle of one.
    pub async fn send_many(&mut self, chunks: Vec<Bytes>) -> Result<(), StreamError> {
        write(&mut self.stream, &self.live, &mut together(chunks)).await
    }

    /// Sends what comes through a channel until that ends, then ends the stream.
    /// What is ready goes together.
    pub async fn pump(mut self, mut chunks: mpsc::Receiver<Bytes>) -> Result<(), StreamError> {
        let mut ready = Vec::new();
        while chunks.recv_many(&mut ready, CHUNKS_MAX).await > 0 {
            self.send_many(std::mem::take(&mut ready)).await?;
        }
        self.finish();
        Ok(())
    }

    /// Ends the stream in good order: all that was sent arrives first.
    pub fn finish(mut self) {
        // One that was reset needs no end.
        let _ = self.stream.finish();
    }

    /// Ends the stream in good order and waits until the other side has all of
    /// it. For what must arrive before the session is closed.
    pub async fn delivered(mut self) -> Result<(), StreamError> {
        let _ = self.stream.finish();
        match timeout(self.live.timing.write, self.stream.stopped()).await {
            Ok(Ok(None)) => Ok(()),
            Ok(Ok(Some(code))) => Err(StreamError::of_code(code)),
            Ok(Err(_)) => Err(StreamError::Closed(self.live.ending.closed().await)),
            Err(_) => Err(StreamError::TooSlow),
        }
    }

    /// Gives the stream up: what did not arrive yet never will.
    pub fn reset(mut self) {
        let _ = self.stream.reset(code::CANCELLED);
    }
}

impl Receiver {
    pub(super) fn new(stream: RecvStream, live: &Arc<Live>) -> Receiver {
        Receiver {
            stream,
            live: Arc::clone(live),
        }
    }

    /// The next buffer, of any size; `None` at the end. Losing the future loses
    /// no bytes.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, StreamError> {
        match self.stream.read_chunk(READ_BYTES, true).await {
            Ok(chunk) => Ok(chunk.map(|chunk| chunk.bytes)),
            Err(error) => Err(StreamError::read(&self.live.ending, &error)),
        }
    }
}

impl AsyncWrite for Sender {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Poll::Ready(written) = Pin::new(&mut this.stream).poll_write(context, bytes) {
            this.stalled = None;
            return Poll::Ready(written.map_err(io::Error::from));
        }
        let within = this.live.timing.write;
        let stalled = this.stalled.get_or_insert_with(|| Box::pin(sleep(within)));
        ready!(stalled.as_mut().poll(context));
        let _ = this.stream.reset(code::TOO_SLOW);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What was taken is sent without being asked.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = self.get_mut().stream.finish();
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Receiver {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.get_mut().stream), context, buffer)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.stream.id()).finish()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.stream.id()).finish()
    }
}

/// Writes all of it, as long as the peer takes something now and then.
pub(super) async fn write(
    stream: &mut SendStream,
    live: &Live,
    chunks: &mut [Bytes],
) -> Result<(), StreamError> {
    let mut done = 0;
    while let Some(left) = chunks.get_mut(done..).filter(|left| !left.is_empty()) {
        match timeout(live.timing.write, stream.write_chunks(left)).await {
            Ok(Ok(written)) => done += written.chunks,
            Ok(Err(error)) => return Err(StreamError::write(&live.ending, &error)),
            Err(_) => {
                let _ = stream.reset(code::TOO_SLOW);
                return Err(StreamError::TooSlow);
            }
        }
    }
    Ok(())
}

/// Joins small buffers to larger ones; leaves large ones as they are.
fn together(chunks: Vec<Bytes>) -> Vec<Bytes> {
    if chunks.len() < 2 {
        return chunks;
    }
    let mut joined = Vec::new();
    let mut small = BytesMut::new();
    for chunk in chunks {
        if !small.is_empty() && small.len() + chunk.len() > WRITE_BYTES {
            joined.push(small.split().freeze());
        }
        if chunk.len() >= WRITE_BYTES {
            joined.push(chunk);
        } else {
            small.extend_from_slice(&chunk);
        }
    }
    if !small.is_empty() {
        joined.push(small.freeze());
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_buffers_are_joined_in_order_and_large_ones_left() {
        let large = Bytes::from(vec![9; WRITE_BYTES]);
        let joined = together(vec![
            Bytes::from_static(b"ab"),
            Bytes::new(),
            Bytes::from_static(b"c"),
            large.clone(),
            Bytes::from_static(b"d"),
        ]);
        assert_eq!(
            joined,
            [
                Bytes::from_static(b"abc"),
                large.clone(),
                Bytes::from_static(b"d")
            ]
        );
        assert_eq!(joined[1].as_ptr(), large.as_ptr(), "not copied");
    }
}
