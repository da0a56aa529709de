//! The member's end of a session.

use super::{
    CloseReason, Closed, Live, StreamError, Welcome,
    blob::{Incoming, Outgoing},
    pipe::{Receiver, Sender},
    request::Open,
    wire::{Answer, Header, Refusal, read_answer, write_header},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// A connection to the pool's coordinator, which has welcomed this device.
/// Clones share it; when the last clone and the last of its streams are gone it
/// closes as a goodbye.
#[derive(Clone, Debug)]
pub struct Uplink(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    live: Arc<Live>,
    welcome: Welcome,
}

/// What the coordinator says to a blob that it was offered.
#[derive(Debug)]
pub enum Offered {
    /// It has it, whole.
    Have,
    /// It wants the bytes from [`Outgoing::offset`] on.
    Want(Outgoing),
}

impl Uplink {
    pub(crate) fn new(live: Arc<Live>, welcome: Welcome) -> Uplink {
        Uplink(Arc::new(Shared { live, welcome }))
    }

    /// The address at which the coordinator answered.
    pub fn remote(&self) -> SocketAddr {
        self.0.live.remote()
    }

    /// The time to the coordinator and back, as measured lately.
    pub fn rtt(&self) -> Duration {
        self.0.live.rtt()
    }

    /// This device's leaf has ended: until [`Uplink::renew`] and a new
    /// connection every other stream is refused.
    pub fn renewal_only(&self) -> bool {
        self.0.welcome.renew_first
    }

    /// The coordinator's clock less ours, in milliseconds, as of the welcome.
    pub fn clock_skew_ms(&self) -> i64 {
        self.0.welcome.skew_ms
    }

    /// Ends the session; the first reason counts.
    pub fn close(&self, reason: CloseReason) {
        self.0.live.ending.close(reason);
    }

    /// Waits for the end.
    pub async fn closed(&self) -> Closed {
        self.0.live.ending.closed().await
    }

    /// A stream of the pool's rules.
    pub async fn open_control(&self) -> Result<(Sender, Receiver), StreamError> {
        Ok(self.open(&Header::Control).await?.pipe())
    }

    /// A stream of the door, on which this device is the caller.
    pub async fn open_door(&self) -> Result<(Sender, Receiver), StreamError> {
        Ok(self.open(&Header::Door).await?.pipe())
    }

    /// Asks for a blob, from an offset on. How long it is says
    /// [`Incoming::bytes_total`]: look at it before there is room for it.
    pub async fn fetch(&self, digest: [u8; 32], offset: u64) -> Result<Incoming, StreamError> {
        let mut open = self.open(&Header::Fetch { digest, offset }).await?;
        let _ = open.send.finish();
        let answer = self.answer(&mut open).await?;
        if let Answer::Granted { total } = answer
            && total >= offset
        {
            return Ok(Incoming::new(open.recv, &open.live, total, offset));
        }
        Err(answer.unexpected())
    }

    /// Offers a blob of so many bytes.
    pub async fn offer(&self, digest: [u8; 32], bytes: u64) -> Result<Offered, StreamError> {
        let mut open = self.open(&Header::Offer { digest, bytes }).await?;
        let answer = self.answer(&mut open).await?;
        let Open { send, recv, live } = open;
        if let Answer::Want { offset } = answer
            && offset <= bytes
        {
            let outgoing = Outgoing::new(send, &live, bytes, offset, Some(recv));
            return Ok(Offered::Want(outgoing));
        }
        if answer == Answer::Have {
            return Ok(Offered::Have);
        }
        Err(answer.unexpected())
    }

    /// Asks for a new leaf (DER) with a signing request for this device's key.
    /// Put it into the [`Membership`](crate::Membership) and connect anew.
    pub async fn renew(&self, csr: Vec<u8>) -> Result<Vec<u8>, StreamError> {
        let mut open = self.stream(&Header::Renew { csr }).await?;
        let _ = open.send.finish();
        let answer = self.answer(&mut open).await?;
        if let Answer::Renewed { leaf } = answer {
            return Ok(leaf);
        }
        Err(answer.unexpected())
    }

    async fn open(&self, header: &Header) -> Result<Open, StreamError> {
        if self.renewal_only() {
            return Err(StreamError::Refused(Refusal::RenewFirst));
        }
        self.stream(header).await
    }

    async fn stream(&self, header: &Header) -> Result<Open, StreamError> {
        let live = Arc::clone(&self.0.live);
        let (mut send, recv) = live
            .connection()
            .open_bi()
            .await
            .map_err(|error| StreamError::connection(&live.ending, &error))?;
        write_header(&mut send, header, live.timing.write)
            .await
            .map_err(|error| StreamError::frame(&live.ending, &error))?;
        Ok(Open { send, recv, live })
    }

    async fn answer(&self, open: &mut Open) -> Result<Answer, StreamError> {
        read_answer(&mut open.recv, self.0.live.timing.slow)
            .await
            .map_err(|error| StreamError::frame(&self.0.live.ending, &error))
    }
}
