//! The first stream: each side tells its version, the coordinator also its
//! clock. A member counts as connected when it was welcomed, because its own
//! handshake ends before the coordinator has looked at its certificate.

use super::{
    Timing,
    wire::{Answer, FrameError, Header, read_answer, read_header, write_answer, write_header},
};
use crate::limits::WIRE_VERSION;
use quinn::{Connection, ConnectionError, SendStream};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the coordinator told at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Welcome {
    /// Its clock less ours, in milliseconds, as seen at the answer's arrival.
    pub(crate) skew_ms: i64,
    pub(crate) renew_first: bool,
}

/// Why there was no greeting.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GreetError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the other side speaks version {theirs}")]
    OtherVersion { theirs: u16 },
}

/// The member's half.
pub(crate) async fn greet(connection: &Connection, timing: &Timing) -> Result<Welcome, GreetError> {
    let (mut send, mut recv) = connection.open_bi().await?;
    let hello = Header::Hello {
        version: WIRE_VERSION,
    };
    write_header(&mut send, &hello, timing.header).await?;
    // A stream that is ended cannot fail to end.
    let _ = send.finish();
    match read_answer(&mut recv, timing.connect).await? {
        Answer::Welcome {
            version: WIRE_VERSION,
            wall_ms,
            renew_first,
        } => Ok(Welcome {
            skew_ms: (wall_ms as i64).wrapping_sub(wall_ms_now() as i64),
            renew_first,
        }),
        Answer::Welcome {
            version: theirs, ..
        }
        | Answer::OtherVersion { version: theirs } => Err(GreetError::OtherVersion { theirs }),
        Answer::Granted { .. }
        | Answer::Want { .. }
        | Answer::Have
        | Answer::Kept
        | Answer::Renewed { .. }
        | Answer::Refused(_) => Err(FrameError::Broken.into()),
    }
}

/// The coordinator's half: waits for the member's hello. The stream that comes
/// back wants [`welcome`]. Another version is told ours before it is an error.
pub(crate) async fn hear_hello(
    connection: &Connection,
    timing: &Timing,
) -> Result<SendStream, GreetError> {
    let (mut send, mut recv) = tokio::time::timeout(timing.header, connection.accept_bi())
        .await
        .map_err(|_| FrameError::TooSlow)??;
    match read_header(&mut recv, timing.header).await? {
        Header::Hello {
            version: WIRE_VERSION,
        } => Ok(send),
        Header::Hello { version: theirs } => {
            let ours = Answer::OtherVersion {
                version: WIRE_VERSION,
            };
            write_answer(&mut send, &ours, timing.header).await?;
            let _ = send.finish();
            // Closing now would overtake the answer.
            let _ = tokio::time::timeout(timing.header, send.stopped()).await;
            Err(GreetError::OtherVersion { theirs })
        }
        Header::Control
        | Header::Fetch { .. }
        | Header::Offer { .. }
        | Header::Door
        | Header::Renew { .. } => Err(FrameError::Broken.into()),
    }
}

/// Answers a hello.
pub(crate) async fn welcome(
    mut send: SendStream,
    renew_first: bool,
    timing: &Timing,
) -> Result<(), GreetError> {
    let answer = Answer::Welcome {
        version: WIRE_VERSION,
        wall_ms: wall_ms_now(),
        renew_first,
    };
    write_answer(&mut send, &answer, timing.header).await?;
    let _ = send.finish();
    Ok(())
}

fn wall_ms_now() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
