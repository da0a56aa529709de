//! Results that the coordinator may not have yet.

use super::span;
use crate::id::JobId;
use crate::limits::FRAME_BYTES_MAX;
use crate::message::{Chunk, Results};
use crate::report::{Outcome, Payload, Plain, Report, Reports};
use serde_bytes::ByteBuf;

/// Half a frame: what a message adds around its reports is far less than the
/// other half.
const REPORT_BYTES_MAX: usize = FRAME_BYTES_MAX / 2;

/// Kept in the order the tasks ended, until the coordinator has answered for
/// every task of a message.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    kept: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    results: Results,
    /// Tasks that were neither accepted nor called stale yet.
    open: Vec<Chunk>,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Keeps the reports, cut so that each message fits a frame, and returns
    /// the messages.
    pub(super) fn keep(&mut self, chunk: Chunk, reports: Reports) -> Vec<Results> {
        let mut cut = Vec::with_capacity(1);
        split(Results { chunk, reports }, &mut cut);
        self.kept.extend(cut.iter().map(|results| Kept {
            results: results.clone(),
            open: vec![results.chunk],
        }));
        cut
    }

    pub(super) fn open(&self) -> impl Iterator<Item = Chunk> {
        self.kept.iter().flat_map(|kept| kept.open.iter().copied())
    }

    /// The coordinator has answered for these tasks.
    pub(super) fn settle(&mut self, chunk: &Chunk) {
        self.trim(|open| {
            span::same_grant(open, chunk)
                .then(|| span::overlap(open, chunk))
                .flatten()
        });
    }

    /// The coordinator wants nothing of these tasks up to this attempt.
    pub(super) fn drop_through(&mut self, chunk: &Chunk) {
        self.trim(|open| {
            (open.attempt <= chunk.attempt)
                .then(|| span::overlap(open, chunk))
                .flatten()
        });
    }

    pub(super) fn forget(&mut self, job: JobId) {
        self.kept.retain(|kept| kept.results.chunk.job != job);
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    /// The messages with tasks that still wait for an answer.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Results> {
        self.kept.iter().map(|kept| &kept.results)
    }

    fn trim(&mut self, settled: impl Fn(&Chunk) -> Option<Chunk>) {
        self.kept.retain_mut(|kept| {
            let mut open = Vec::with_capacity(kept.open.len());
            for chunk in &kept.open {
                match settled(chunk) {
                    Some(part) => open.extend(span::without(chunk, &part)),
                    None => open.push(*chunk),
                }
            }
            kept.open = open;
            !kept.open.is_empty()
        });
    }
}

fn split(results: Results, into: &mut Vec<Results>) {
    if results.chunk.count <= 1 || bytes_of(&results.reports) <= REPORT_BYTES_MAX {
        into.push(results);
        return;
    }
    let at = results.chunk.count / 2;
    let (left, right) = halve(results.reports, at);
    split(
        Results {
            chunk: Chunk {
                count: at,
                ..results.chunk
            },
            reports: left,
        },
        into,
    );
    let rest = Chunk {
        first: results.chunk.first + at,
        count: results.chunk.count - at,
        ..results.chunk
    };
    split(
        Results {
            chunk: rest,
            reports: right,
        },
        into,
    );
}

fn halve(reports: Reports, at: u32) -> (Reports, Reports) {
    match reports {
        Reports::Plain(plain) => {
            let count = plain.ends.len() as u64;
            let (left, right) = plain.ends.split_at(at as usize);
            let cut = left.last().copied().unwrap_or(0);
            let micros = plain.micros * u64::from(at) / count.max(1);
            let (before, after) = plain.bytes.split_at(cut as usize);
            (
                Reports::Plain(Plain {
                    micros,
                    ends: left.to_vec(),
                    bytes: ByteBuf::from(before),
                }),
                Reports::Plain(Plain {
                    micros: plain.micros - micros,
                    ends: right.iter().map(|end| end - cut).collect(),
                    bytes: ByteBuf::from(after),
                }),
            )
        }
        Reports::Each(mut each) => {
            let right = each.split_off(at as usize);
            (Reports::Each(each), Reports::Each(right))
        }
    }
}

/// What the reports take in a frame, rounded up.
fn bytes_of(reports: &Reports) -> usize {
    /// The longest varint of a `u32`.
    const END_BYTES: usize = 5;
    match reports {
        Reports::Plain(plain) => plain.bytes.len() + plain.ends.len() * END_BYTES,
        Reports::Each(each) => each.iter().map(report_bytes).sum(),
    }
}

fn report_bytes(report: &Report) -> usize {
    /// Everything in a report but its payloads, digests of files and texts.
    const FIXED_BYTES: usize = 64;
    /// A digest, or a digest with a length.
    const DIGEST_BYTES: usize = 44;
    let payload = |payload: &Payload| match payload {
        Payload::Inline(bytes) => bytes.len(),
        Payload::Blob { .. } => DIGEST_BYTES,
    };
    let outcome = match &report.outcome {
        Outcome::Done | Outcome::Elsewhere => 0,
        Outcome::Failed(failure) => {
            failure.message.len()
                + failure
                    .backtrace
                    .iter()
                    .map(|line| line.len() + 5)
                    .sum::<usize>()
        }
        Outcome::Lost { why } | Outcome::Refused { why } => why.len(),
    };
    let files = report
        .files
        .as_ref()
        .map_or(0, |files| (files.blobs.len() + 1) * DIGEST_BYTES);
    FIXED_BYTES + payload(&report.output) + payload(&report.log) + outcome + files
}
