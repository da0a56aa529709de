//! A blob on its own stream, either way. How long it is was said before; not a
//! byte more is taken, and not one less is an end. Hashing is the caller's.

use super::{
    Live,
    close::{StreamError, code},
    pipe::write,
    wire::{Answer, read_answer},
};
use crate::limits::{PIECE_BYTES, SLOW_BYTES_PER_SECOND};
use bytes::{Bytes, BytesMut};
use quinn::{RecvStream, SendStream};
use std::{
    fmt, io,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

/// A blob that arrives. Dropping it before its end tells the other side to stop.
pub struct Incoming {
    stream: RecvStream,
    live: Arc<Live>,
    total: u64,
    offset: u64,
    /// Bytes that came so far, after the offset.
    got: u64,
    pace: Pace,
    gathered: BytesMut,
    over: bool,
}

impl Incoming {
    pub(super) fn new(stream: RecvStream, live: &Arc<Live>, total: u64, offset: u64) -> Incoming {
        live.window.expect(total - offset);
        Incoming {
            stream,
            live: Arc::clone(live),
            total,
            offset,
            got: 0,
            pace: Pace::default(),
            gathered: BytesMut::new(),
            over: false,
        }
    }

    /// Bytes that the whole blob has.
    pub fn bytes_total(&self) -> u64 {
        self.total
    }

    /// Where in the blob the first byte that arrives belongs.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next piece, at least 256 KiB except the last; `None` once all of it
    /// has come and the other side has ended the stream. Losing the future
    /// loses no bytes.
    pub async fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        while !self.over && self.gathered.len() < PIECE_BYTES {
            if let Err(error) = self.gather().await {
                self.stop(&error);
                return Err(error);
            }
        }
        let piece = self.gathered.split().freeze();
        Ok((!piece.is_empty()).then_some(piece))
    }

    /// Takes what is there, or waits for something.
    async fn gather(&mut self) -> Result<(), StreamError> {
        let declared = self.total - self.offset;
        let mut chunks: [Bytes; CHUNKS] = [const { Bytes::new() }; CHUNKS];
        let slow = self.live.timing.slow;
        let asked = Instant::now();
        let read = timeout(self.pace.left(slow), self.stream.read_chunks(&mut chunks)).await;
        let count = match read {
            Ok(Ok(Some(count))) => count,
            Ok(Ok(None)) if self.got == declared => {
                self.over = true;
                return Ok(());
            }
            Ok(Ok(None)) => {
                let got = self.got;
                return Err(StreamError::EarlyEnd { got, declared });
            }
            Ok(Err(error)) => return Err(StreamError::read(&self.live.ending, &error)),
            Err(_) => 0,
        };
        let bytes: usize = chunks[..count].iter().map(Bytes::len).sum();
        if self.got + bytes as u64 > declared {
            return Err(StreamError::TooLong { declared });
        }
        if self.gathered.capacity() - self.gathered.len() < bytes {
            let room = (declared - self.got).min((PIECE_BYTES + ROOM) as u64);
            self.gathered.reserve(bytes.max(room as usize));
        }
        for chunk in &chunks[..count] {
            self.gathered.extend_from_slice(chunk);
        }
        self.got += bytes as u64;
        self.live.window.arrived(bytes as u64);
        if self.pace.too_slow(asked.elapsed(), bytes as u64, slow) {
            return Err(StreamError::TooSlow);
        }
        Ok(())
    }

    fn stop(&mut self, error: &StreamError) {
        let code = match error {
            StreamError::TooSlow => code::TOO_SLOW,
            StreamError::TooLong { .. } => code::TOO_LONG,
            StreamError::EarlyEnd { .. }
            | StreamError::Broken
            | StreamError::Refused(_)
            | StreamError::Reset
            | StreamError::Closed(_) => code::BROKEN,
        };
        // One that the other side ended needs no stop.
        let _ = self.stream.stop(code);
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.live
            .window
            .gave_up(self.total - self.offset - self.got);
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("total", &self.total)
            .field("offset", &self.offset)
            .field("got", &self.got)
            .finish_non_exhaustive()
    }
}

/// Packets taken at once.
const CHUNKS: usize = 32;
/// Room for them after a piece is nearly full, in bytes.
const ROOM: usize = CHUNKS * 1536;

/// Whether a peer sends too little while we wait for it. The time that the
/// caller takes for its disk is not the peer's.
#[derive(Debug, Default)]
struct Pace {
    waited: Duration,
    bytes: u64,
}

impl Pace {
    fn left(&self, slow: Duration) -> Duration {
        slow.saturating_sub(self.waited)
    }

    fn too_slow(&mut self, waited: Duration, bytes: u64, slow: Duration) -> bool {
        self.waited += waited;
        self.bytes += bytes;
        if self.waited < slow {
            return false;
        }
        let least = u128::from(SLOW_BYTES_PER_SECOND) * slow.as_millis() / 1000;
        let too_slow = u128::from(self.bytes) < least;
        *self = Pace::default();
        too_slow
    }
}

/// A blob that goes out. Dropping it before its end gives it up.
pub struct Outgoing {
    stream: SendStream,
    live: Arc<Live>,
    offset: u64,
    /// Bytes that are still to be sent.
    left: u64,
    declared: u64,
    /// Where the other side says at the end whether it keeps the blob.
    verdict: Option<RecvStream>,
}

impl Outgoing {
    pub(super) fn new(
        stream: SendStream,
        live: &Arc<Live>,
        total: u64,
        offset: u64,
        verdict: Option<RecvStream>,
    ) -> Outgoing {
        Outgoing {
            stream,
            live: Arc::clone(live),
            offset,
            left: total - offset,
            declared: total - offset,
            verdict,
        }
    }

    /// Where in the blob the first byte to send belongs.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Sends the next piece of any size.
    pub async fn send(&mut self, piece: Bytes) -> Result<(), StreamError> {
        let declared = self.declared;
        self.left = self
            .left
            .checked_sub(piece.len() as u64)
            .ok_or(StreamError::TooLong { declared })?;
        if piece.is_empty() {
            return Ok(());
        }
        write(&mut self.stream, &self.live, &mut [piece]).await
    }

    /// Sends what a source has, which must be all of the rest.
    pub async fn send_from(
        &mut self,
        source: &mut (impl AsyncRead + Unpin),
    ) -> Result<(), SendFromError> {
        while self.left > 0 {
            let room = self.left.min(PIECE_BYTES as u64) as usize;
            let mut piece = BytesMut::with_capacity(room);
            while piece.len() < room {
                let mut rest = (&mut *source).take((room - piece.len()) as u64);
                if rest.read_buf(&mut piece).await? == 0 {
                    return Err(SendFromError::SourceEnded);
                }
            }
            self.send(piece.freeze()).await?;
        }
        Ok(())
    }

    /// Ends the blob. Of one that was offered this waits for the other side's
    /// word, which means that it has the blob safe on its disk.
    pub async fn finish(mut self) -> Result<(), StreamError> {
        if self.left > 0 {
            let (got, declared) = (self.declared - self.left, self.declared);
            return Err(StreamError::EarlyEnd { got, declared });
        }
        let _ = self.stream.finish();
        self.declared = 0;
        let Some(verdict) = &mut self.verdict else {
            return Ok(());
        };
        match read_answer(verdict, self.live.timing.slow * VERDICT_SLOW).await {
            Ok(Answer::Kept) => Ok(()),
            Ok(other) => Err(other.unexpected()),
            Err(error) => Err(StreamError::frame(&self.live.ending, &error)),
        }
    }
}

/// A disk that syncs a large blob may be slower than any network.
const VERDICT_SLOW: u32 = 4;

/// Why a blob did not go out of a source.
#[derive(Debug, thiserror::Error)]
pub enum SendFromError {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error("the source cannot be read: {0}")]
    Source(#[from] io::Error),
    #[error("the source ended before all was sent")]
    SourceEnded,
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        // An end in good order would look like the blob's.
        if self.left > 0 {
            let _ = self.stream.reset(code::CANCELLED);
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("offset", &self.offset)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
