//! The rules' records as rows of the store, and rows as the image that the
//! rules go on from.

use crate::contribute::PausedUntil;
use pool::record::{Image, JobRow, RangeRow, Record, RegistryRow};
use pool::registry::EntryKey;
use pool::{Digest, JobId, JobNo, MachineId, Moment, Term};
use store::Write;

const TERM: &str = "term";
const MOMENT: &str = "moment";
const PAUSED: &str = "paused_until";

pub(crate) fn write(record: Record) -> Write {
    match record {
        Record::Term(term) => Write::Meta {
            key: TERM,
            value: signed(term.0),
        },
        Record::Moment(moment) => Write::Meta {
            key: MOMENT,
            value: signed(moment.0),
        },
        Record::Job {
            no,
            id,
            ended,
            spec,
            state,
            wall_ms,
        } => Write::Job {
            no: no.0,
            id: id.0,
            ended,
            spec,
            state,
            wall_ms,
        },
        Record::Lease {
            no,
            first,
            count,
            value,
        } => Write::Lease {
            no: no.0,
            first,
            count,
            value,
        },
        Record::LeaseEnded { no, first } => Write::LeaseEnded { no: no.0, first },
        Record::Result {
            no,
            first,
            count,
            value,
        } => Write::Result {
            no: no.0,
            first,
            count,
            value,
        },
        Record::ResultForgotten { no, first } => Write::ResultForgotten { no: no.0, first },
        Record::History {
            no,
            first,
            count,
            value,
        } => Write::History {
            no: no.0,
            first,
            count,
            value,
        },
        Record::HistoryEnded { no, first } => Write::HistoryEnded { no: no.0, first },
        Record::Blob { digest, refs } => Write::Blob {
            digest: digest.0,
            refs,
        },
        Record::Forget { no } => Write::Forget { no: no.0 },
        Record::Machine { id, value } => Write::Machine { id: id.0, value },
        Record::Registry { key, value } => Write::Registry { key: key.0, value },
    }
}

/// A person's pause of this machine.
pub(crate) fn pause(until: Option<PausedUntil>) -> Write {
    Write::Meta {
        key: PAUSED,
        value: PausedUntil::to_row(until),
    }
}

/// The pause that was written last.
pub(crate) fn paused(image: &store::Image) -> Option<PausedUntil> {
    let row = image.meta.iter().find(|(name, _)| name == PAUSED)?;
    PausedUntil::from_row(row.1)
}

pub(crate) fn image(image: store::Image) -> Image {
    let meta = |key: &str| {
        image
            .meta
            .iter()
            .find(|(name, _)| name == key)
            .map_or(0, |(_, value)| value.cast_unsigned())
    };
    Image {
        term: Term(meta(TERM)),
        moment: Moment(meta(MOMENT)),
        jobs: image
            .jobs
            .into_iter()
            .map(|job| JobRow {
                no: JobNo(job.no),
                id: JobId(job.id),
                ended: job.ended,
                spec: job.spec,
                state: job.state,
                wall_ms: job.wall_ms,
            })
            .collect(),
        leases: image.leases.into_iter().map(range).collect(),
        histories: image.histories.into_iter().map(range).collect(),
        done: image
            .done
            .into_iter()
            .map(|(no, ranges)| (JobNo(no), ranges))
            .collect(),
        blobs: image
            .blobs
            .into_iter()
            .map(|(digest, refs)| (Digest(digest), refs))
            .collect(),
        machines: image
            .machines
            .into_iter()
            .map(|(id, value)| (MachineId(id), value))
            .collect(),
        registry: image
            .registry
            .into_iter()
            .map(|(key, value)| RegistryRow {
                key: EntryKey(key),
                value,
            })
            .collect(),
    }
}

fn range(row: store::RangeRow) -> RangeRow {
    RangeRow {
        no: JobNo(row.no),
        first: row.first,
        count: row.count,
        value: row.value,
    }
}

/// The store keeps signed numbers; the bits are the same.
fn signed(n: u64) -> i64 {
    n.cast_signed()
}
