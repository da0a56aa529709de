//! Blobs for machines and from them.

use crate::driver::Driving;
use crate::keep::Keep;
use crate::limits::REPORTED_BLOB_TIME;
use pool::{DeviceId, Digest};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use store::{BlobWriter, PutError};
use tokio::io::{AsyncSeekExt, SeekFrom};
use transport::{Fetch, Offer, Refusal};

/// Blobs of which a part came before the connection was lost. Their files are
/// the oldest's room.
const PARTIAL_MAX: usize = 16;

/// What came of blobs whose connection was lost, for the next offer of the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Partial(Arc<Mutex<VecDeque<(DeviceId, Digest, BlobWriter)>>>);

impl Partial {
    fn take(&self, device: DeviceId, digest: Digest) -> Option<BlobWriter> {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = parts
            .iter()
            .position(|(from, of, _)| (*from, *of) == (device, digest))?;
        parts.remove(at).map(|(_, _, writer)| writer)
    }

    fn leave(&self, device: DeviceId, digest: Digest, writer: BlobWriter) {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if parts.len() >= PARTIAL_MAX {
            parts.pop_front();
        }
        parts.push_back((device, digest, writer));
    }
}

/// Sends what a lease of the device names, and nothing else.
pub(super) async fn give(device: DeviceId, fetch: Fetch, driving: Driving, keep: Keep) {
    let digest = Digest(fetch.digest());
    let may = driving
        .look(move |rules| rules.may_fetch(device, &digest))
        .await;
    if may != Ok(true) {
        tracing::warn!(%device, %digest, "a blob was asked for that no lease of the device names");
        let _ = fetch.refuse(Refusal::NotGranted).await;
        return;
    }
    let (file, bytes) = match keep.blobs().open(&digest.0).await {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(%digest, %error, "a blob that a job needs cannot be read");
            let _ = fetch.refuse(Refusal::Unreadable).await;
            return;
        }
    };
    if let Err(error) = send(fetch, file, bytes).await {
        tracing::debug!(%device, %digest, %error, "a blob was not sent to its end");
    }
}

async fn send(
    fetch: Fetch,
    file: std::fs::File,
    bytes: u64,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut file = tokio::fs::File::from_std(file);
    let mut out = fetch.grant(bytes).await?;
    file.seek(SeekFrom::Start(out.offset())).await?;
    out.send_from(&mut file).await?;
    Ok(out.finish().await?)
}

/// Takes a result's blob from a device that holds leases, no larger than those
/// allow.
pub(super) async fn take(
    device: DeviceId,
    offer: Offer,
    driving: Driving,
    keep: Keep,
    partial: Partial,
) {
    let digest = Digest(offer.digest());
    let bytes = offer.bytes();
    let cap = driving.look(move |rules| rules.may_offer(device)).await;
    let cap = cap.ok().flatten();
    let told = match cap {
        None => offer.refuse(Refusal::NotGranted).await,
        Some(cap) if bytes > cap => offer.refuse(Refusal::TooLarge).await,
        Some(_) => {
            keep.hold_for(digest, REPORTED_BLOB_TIME);
            if keep.blobs().length(&digest.0).is_ok() {
                offer.have().await
            } else {
                receive(device, digest, offer, &keep, &partial).await
            }
        }
    };
    if let Err(error) = told {
        tracing::debug!(%device, %digest, %error, "a blob was not taken to its end");
    }
}

async fn receive(
    device: DeviceId,
    digest: Digest,
    offer: Offer,
    keep: &Keep,
    partial: &Partial,
) -> Result<(), transport::StreamError> {
    let mut writer = partial
        .take(device, digest)
        .unwrap_or_else(|| keep.blobs().writer());
    let (mut incoming, verdict) = offer.want(writer.length()).await?;
    loop {
        match incoming.next().await {
            Ok(Some(piece)) => {
                if let Err(error) = writer.write(&piece).await {
                    return verdict.refuse(unkept(&keep.heed(error))).await;
                }
            }
            Ok(None) => break,
            Err(error) => {
                partial.leave(device, digest, writer);
                return Err(error);
            }
        }
    }
    match keep.finish(writer, REPORTED_BLOB_TIME).await {
        Ok(Some((got, _))) if got == digest => verdict.kept().await,
        Ok(Some((got, _))) => {
            keep.delete(got).await;
            tracing::warn!(%device, %digest, "what came is not what was offered");
            verdict.refuse(Refusal::WrongBytes).await
        }
        Ok(None) => verdict.refuse(Refusal::Busy).await,
        Err(error) => verdict.refuse(unkept(&error)).await,
    }
}

fn unkept(error: &PutError) -> Refusal {
    match error {
        PutError::Full | PutError::OverQuota { .. } => Refusal::NoRoom,
        PutError::Io(_) | PutError::TooLarge { .. } | PutError::Source { .. } => {
            Refusal::Unreadable
        }
    }
}
