//! A machine's frames, carried to the rules and back.

use crate::driver::{Driving, Input};
use crate::keep::Keep;
use crate::limits::{REMOTE_FRAMES, REPORTED_BLOB_TIME};
use pool::codec::Decoder;
use pool::message::ToCoordinator;
use pool::report::{Outcome, Payload, Reports};
use tokio::sync::mpsc;
use transport::{CloseReason, Receiver, Sender, Session};

/// Until the stream or the connection ends.
pub(super) async fn converse(
    session: Session,
    (to, from): (Sender, Receiver),
    driving: Driving,
    keep: Keep,
) {
    let peer = driving.peer();
    let device = pool::DeviceId(session.device().0);
    let (frames, waiting) = mpsc::channel(REMOTE_FRAMES);
    if driving
        .send(Input::Joined(peer, device, frames))
        .await
        .is_err()
    {
        return;
    }
    let mut writing = tokio::spawn(to.pump(waiting));
    tokio::select! {
        heard = hear(from, &driving, &keep, peer) => if let Err(what) = heard {
            tracing::warn!(%device, %what, "a machine broke the rules of the wire");
            session.close(CloseReason::Broken);
        },
        // The rules have no more to say to it.
        _ = &mut writing => {}
    }
    // The stream ends with the connection, which may say why a moment later.
    let ended = tokio::time::timeout(std::time::Duration::from_secs(1), session.closed()).await;
    let timed_out = ended.is_ok_and(|closed| closed.timed_out);
    let _ = driving.send(Input::Disconnected(peer, timed_out)).await;
    writing.abort();
}

async fn hear(
    mut from: Receiver,
    driving: &Driving,
    keep: &Keep,
    peer: pool::Peer,
) -> Result<(), String> {
    let mut decoder = Decoder::default();
    while let Ok(Some(some)) = from.recv().await {
        decoder.push(&some);
        let mut messages = Vec::new();
        while let Some(message) = decoder.decode().map_err(|error| error.to_string())? {
            messages.push(match message {
                ToCoordinator::Results(mut results) => {
                    see_to_blobs(keep, &mut results.reports);
                    ToCoordinator::Results(results)
                }
                ToCoordinator::Hello(_)
                | ToCoordinator::Heartbeat(_)
                | ToCoordinator::Output(_)
                | ToCoordinator::Return(_)
                | ToCoordinator::Goodbye
                | ToCoordinator::Health(_)
                | ToCoordinator::Stock(_) => message,
            });
        }
        if !messages.is_empty() && driving.send(Input::Messages(peer, messages)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Holds the blobs of a report until its record names them. A result whose
/// bytes are not here is none: its task is tried again, where its lease still
/// counts.
fn see_to_blobs(keep: &Keep, reports: &mut Reports) {
    let Reports::Each(each) = reports else {
        return;
    };
    for report in each {
        let missing = report.blobs().find(|digest| {
            keep.hold_for(*digest, REPORTED_BLOB_TIME);
            keep.blobs().length(&digest.0).is_err()
        });
        if let Some(missing) = missing {
            report.outcome = Outcome::Refused {
                why: format!("its result {missing} did not come"),
            };
            report.output = Payload::empty();
            report.log = Payload::empty();
            report.files = None;
        }
    }
}
