//! The verbs of those who look on: watching, samples and thumbnails.

use super::{Inner, verbs};
use crate::answer::{Answer, Then};
use crate::clock::wall_ms;
use crate::library::Library;
use crate::limits::PIECE_BYTES;
use crate::thumbnail;
use crate::watch::{self, Surroundings};
use api::{BytesOf, Contribution, Error, ErrorCode, MachineView, Reply, SampleSpan, Status};
use bytes::Bytes;
use pool::Counts;
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc;

pub(super) async fn watch(
    node: &Arc<Inner>,
    library: Library,
    job: Option<String>,
) -> Result<Answer, Error> {
    let job = match job {
        Some(job) => Some(library.find(&job).await?),
        None => None,
    };
    let surroundings = Around(node.clone());
    let (events, end) = watch::watch(node.watches.clone(), job, library, surroundings);
    Ok(Answer {
        reply: Reply::Following,
        then: Then::Events(events, end),
    })
}

pub(super) async fn samples(node: &Inner, machine: &str, span: SampleSpan) -> Result<Reply, Error> {
    // All machines of this pool are this machine; another name is none.
    node.library.machine(machine).await?;
    let file = node.samples.clone()?;
    let read = tokio::task::spawn_blocking(move || file.read(span, wall_ms())).await;
    let (every_ms, samples) = read.map_err(io::Error::other).flatten().map_err(|error| {
        Error::new(
            ErrorCode::FolderUnusable,
            format!("the samples cannot be read: {error}"),
        )
    })?;
    Ok(Reply::Samples { every_ms, samples })
}

pub(super) async fn thumbnail(
    node: &Inner,
    job: &str,
    index: u32,
    pixels: u32,
) -> Result<Answer, Error> {
    let _turn = node
        .thumbnails
        .acquire()
        .await
        .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
    let id = node.library.find(job).await?;
    let (_, length, mut pieces) = node
        .library
        .read_attempt(id, index, BytesOf::Result)
        .await?;
    thumbnail::check(length, pixels)?;
    let mut picture = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    while let Some(piece) = pieces.recv().await {
        picture.extend_from_slice(&piece?);
    }
    let made = tokio::task::spawn_blocking(move || thumbnail::thumbnail(&picture, pixels)).await;
    let made = made.map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))??;
    let made = Bytes::from(made);
    let bytes = made.len() as u64;
    let (to, pieces) = mpsc::channel(made.len().div_ceil(PIECE_BYTES).max(1));
    for start in (0..made.len()).step_by(PIECE_BYTES) {
        // The channel has room for all of them.
        let _ = to.try_send(Ok(made.slice(start..made.len().min(start + PIECE_BYTES))));
    }
    Ok(Answer {
        reply: Reply::Bytes { bytes },
        then: Then::Bytes(pieces),
    })
}

/// The node around those who watch it.
struct Around(Arc<Inner>);

impl Surroundings for Around {
    fn storage(&self) -> Option<String> {
        self.0.space.said()
    }

    async fn contribution(&self) -> Result<Contribution, Error> {
        verbs::contribution(&self.0).await
    }

    fn status(
        &self,
        counts: Counts,
        machines: Vec<MachineView>,
        contribution: Contribution,
    ) -> Status {
        verbs::status_of(&self.0, counts, machines, contribution)
    }
}
