//! What a member asks for on its streams, and how each is answered. A request
//! that is dropped is given up; its member sees a reset.

use super::{
    Live,
    blob::{Incoming, Outgoing},
    close::{StreamError, code},
    pipe::{Receiver, Sender},
    wire::{Answer, Refusal, write_answer},
};
use quinn::{RecvStream, SendStream};
use std::{fmt, sync::Arc};

/// A stream with its header read.
#[derive(Debug)]
pub enum Request {
    /// Frames of the pool's rules.
    Control(Sender, Receiver),
    /// Frames of the door.
    Door(Sender, Receiver),
    /// Wants a blob.
    Fetch(Fetch),
    /// Has a blob to give.
    Offer(Offer),
    /// Wants a new leaf for the key it has.
    Renew(Renewal),
}

/// The two halves of a stream that was not answered yet.
pub(super) struct Open {
    pub(super) send: SendStream,
    pub(super) recv: RecvStream,
    pub(super) live: Arc<Live>,
}

impl Open {
    async fn answer(&mut self, answer: &Answer) -> Result<(), StreamError> {
        write_answer(&mut self.send, answer, self.live.timing.write)
            .await
            .map_err(|error| StreamError::frame(&self.live.ending, &error))
    }

    async fn last(&mut self, answer: &Answer) -> Result<(), StreamError> {
        self.answer(answer).await?;
        let _ = self.send.finish();
        Ok(())
    }

    /// A stream on which nothing is answered.
    pub(super) fn pipe(self) -> (Sender, Receiver) {
        (
            Sender::new(self.send, &self.live),
            Receiver::new(self.recv, &self.live),
        )
    }

    /// Says no without a frame, where none is expected.
    pub(super) fn reset(mut self, refusal: Refusal) {
        let _ = self.send.reset(code::refused(refusal));
        let _ = self.recv.stop(code::refused(refusal));
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Open").field(&self.send.id()).finish()
    }
}

/// A member wants a blob, from an offset on.
#[derive(Debug)]
pub struct Fetch {
    pub(super) digest: [u8; 32],
    pub(super) offset: u64,
    pub(super) open: Open,
}

impl Fetch {
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Bytes that the member has already.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Gives it; `total` is what the whole blob has. An offset beyond that is
    /// refused for the caller.
    pub async fn grant(mut self, total: u64) -> Result<Outgoing, StreamError> {
        if self.offset > total {
            self.refuse(Refusal::NotGranted).await?;
            return Err(StreamError::Refused(Refusal::NotGranted));
        }
        self.open.answer(&Answer::Granted { total }).await?;
        let Open { send, live, .. } = self.open;
        Ok(Outgoing::new(send, &live, total, self.offset, None))
    }

    pub async fn refuse(mut self, refusal: Refusal) -> Result<(), StreamError> {
        self.open.last(&Answer::Refused(refusal)).await
    }
}

/// A member has a blob of so many bytes to give.
#[derive(Debug)]
pub struct Offer {
    pub(super) digest: [u8; 32],
    pub(super) bytes: u64,
    pub(super) open: Open,
}

impl Offer {
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Bytes that the member says the blob has. No more are ever taken.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// It is here already, whole.
    pub async fn have(mut self) -> Result<(), StreamError> {
        self.open.last(&Answer::Have).await
    }

    /// Takes it from an offset on. The member waits for the [`Verdict`].
    pub async fn want(mut self, offset: u64) -> Result<(Incoming, Verdict), StreamError> {
        // Asking for more than there is would be our own mistake.
        let offset = offset.min(self.bytes);
        self.open.answer(&Answer::Want { offset }).await?;
        let Open { send, recv, live } = self.open;
        let incoming = Incoming::new(recv, &live, self.bytes, offset);
        let open = Some((send, live));
        Ok((incoming, Verdict { open }))
    }

    pub async fn refuse(mut self, refusal: Refusal) -> Result<(), StreamError> {
        self.open.last(&Answer::Refused(refusal)).await
    }
}

/// The last word on an offer.
pub struct Verdict {
    open: Option<(SendStream, Arc<Live>)>,
}

impl Verdict {
    /// The blob is safe on the disk.
    pub async fn kept(self) -> Result<(), StreamError> {
        self.say(&Answer::Kept).await
    }

    /// It is not kept, and no byte of it.
    pub async fn refuse(self, refusal: Refusal) -> Result<(), StreamError> {
        self.say(&Answer::Refused(refusal)).await
    }

    async fn say(mut self, answer: &Answer) -> Result<(), StreamError> {
        let Some((send, live)) = &mut self.open else {
            return Err(StreamError::Reset);
        };
        write_answer(send, answer, live.timing.write)
            .await
            .map_err(|error| StreamError::frame(&live.ending, &error))?;
        let _ = send.finish();
        self.open = None;
        Ok(())
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        if let Some((send, _)) = &mut self.open {
            let _ = send.reset(code::CANCELLED);
        }
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verdict").finish_non_exhaustive()
    }
}

/// A member wants a new leaf. The request's key is the connection's own: one
/// with another key never comes this far.
#[derive(Debug)]
pub struct Renewal {
    pub(super) csr: Vec<u8>,
    pub(super) open: Open,
}

impl Renewal {
    /// The signing request (DER), for [`Ca::sign`](crate::Ca::sign).
    pub fn csr(&self) -> &[u8] {
        &self.csr
    }

    /// Hands the new leaf (DER) over.
    pub async fn grant(mut self, leaf: Vec<u8>) -> Result<(), StreamError> {
        self.open.last(&Answer::Renewed { leaf }).await
    }

    pub async fn refuse(mut self, refusal: Refusal) -> Result<(), StreamError> {
        self.open.last(&Answer::Refused(refusal)).await
    }
}
