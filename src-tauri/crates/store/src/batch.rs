//! From a batch of changes to the one row that is inserted for it.
//!
//! What a batch does is written in `batch.sql`. Rows come as a JSON list for
//! each table; their values are cut from one BLOB that all of them share.

use crate::limits::JOB_NO_MAX;
use crate::sum::{StoreId, Sums, Table};
use crate::{Digest, Write};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Makes the view that [`INSERT`] names, once a connection.
pub(crate) const PREPARE: &str = include_str!("batch.sql");

/// The blob, then the lists. A statement alone is a transaction.
pub(crate) const INSERT: &str =
    "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// In the order of the view's columns.
const LISTS: usize = 15;

/// One transaction, ready to run.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) blob: Vec<u8>,
    pub(crate) commits: u64,
    pub(crate) sum: i64,
    /// `None` where it has no rows.
    pub(crate) lists: [Option<String>; LISTS],
}

/// Why a batch can never be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BatchError {
    #[error("job number {0} is out of range")]
    JobNo(u32),
    #[error("the result of job {no}, task {first} was written twice")]
    ResultTwice { no: u32, first: u32 },
}

/// What the batch leaves behind, row by row.
#[derive(Debug, Default)]
struct Batch<'a> {
    forgotten: BTreeSet<u32>,
    meta: BTreeMap<&'static str, i64>,
    jobs: BTreeMap<u32, JobPut<'a>>,
    specs: BTreeMap<u32, &'a [u8]>,
    leases: Ranges<'a>,
    histories: Ranges<'a>,
    results: Ranges<'a>,
    /// Taken back, perhaps before a new one in `results`.
    results_gone: BTreeSet<i64>,
    blobs: BTreeMap<&'a Digest, u64>,
    names: BTreeMap<&'a str, Option<(&'a Digest, u64, i64)>>,
    machines: BTreeMap<&'a [u8; 16], Option<&'a [u8]>>,
    registry: BTreeMap<&'a [u8; 17], Option<&'a [u8]>>,
}

/// By packed key: the new row, or `None` where it goes.
type Ranges<'a> = BTreeMap<i64, Option<(u32, &'a [u8])>>;

#[derive(Debug)]
struct JobPut<'a> {
    id: &'a [u8; 16],
    ended: bool,
    state: &'a [u8],
    wall_ms: i64,
}

/// The key of a row of tasks.
pub(crate) fn key(no: u32, first: u32) -> i64 {
    i64::from(no) << 32 | i64::from(first)
}

/// What writes `writes` as the `commits`-th commit.
pub(crate) fn rows(
    writes: &[Write],
    sums: &Sums,
    id: &StoreId,
    commits: u64,
) -> Result<Rows, BatchError> {
    Ok(Batch::gather(writes)?.into_rows(sums, id, commits))
}

impl<'a> Batch<'a> {
    fn gather(writes: &'a [Write]) -> Result<Batch<'a>, BatchError> {
        let mut batch = Batch::default();
        for write in writes {
            batch.add(write)?;
        }
        Ok(batch)
    }

    fn add(&mut self, write: &'a Write) -> Result<(), BatchError> {
        match write {
            Write::Meta { key, value } => {
                self.meta.insert(key, *value);
            }
            Write::Job {
                no,
                id,
                ended,
                spec,
                state,
                wall_ms,
            } => {
                checked(*no)?;
                self.jobs.insert(
                    *no,
                    JobPut {
                        id,
                        ended: *ended,
                        state,
                        wall_ms: *wall_ms,
                    },
                );
                if let Some(spec) = spec {
                    self.specs.insert(*no, spec);
                }
            }
            Write::Lease {
                no,
                first,
                count,
                value,
            } => {
                self.leases
                    .insert(key(checked(*no)?, *first), Some((*count, value)));
            }
            Write::LeaseEnded { no, first } => {
                self.leases.insert(key(checked(*no)?, *first), None);
            }
            Write::History {
                no,
                first,
                count,
                value,
            } => {
                self.histories
                    .insert(key(checked(*no)?, *first), Some((*count, value)));
            }
            Write::HistoryEnded { no, first } => {
                self.histories.insert(key(checked(*no)?, *first), None);
            }
            Write::Result {
                no,
                first,
                count,
                value,
            } => {
                let id = key(checked(*no)?, *first);
                if self
                    .results
                    .insert(id, Some((*count, value)))
                    .flatten()
                    .is_some()
                {
                    return Err(BatchError::ResultTwice {
                        no: *no,
                        first: *first,
                    });
                }
            }
            Write::ResultForgotten { no, first } => {
                let id = key(checked(*no)?, *first);
                self.results.remove(&id);
                self.results_gone.insert(id);
            }
            Write::Blob { digest, refs } => {
                self.blobs.insert(digest, *refs);
            }
            Write::Forget { no } => self.forget(checked(*no)?),
            Write::Name {
                name,
                digest,
                bytes,
                wall_ms,
            } => {
                self.names.insert(
                    name,
                    digest.as_ref().map(|digest| (digest, *bytes, *wall_ms)),
                );
            }
            Write::Machine { id, value } => {
                self.machines.insert(id, value.as_deref());
            }
            Write::Registry { key, value } => {
                self.registry.insert(key, value.as_deref());
            }
        }
        Ok(())
    }

    fn forget(&mut self, no: u32) {
        self.jobs.remove(&no);
        self.specs.remove(&no);
        let of_job = |id: &i64| *id >> 32 == i64::from(no);
        for ranges in [&mut self.leases, &mut self.histories, &mut self.results] {
            ranges.retain(|id, _| !of_job(id));
        }
        self.results_gone.retain(|id| !of_job(id));
        self.forgotten.insert(no);
    }

    fn into_rows(self, sums: &Sums, id: &StoreId, commits: u64) -> Rows {
        let mut cut = Cut::default();
        let gone = |ranges: &Ranges<'_>| -> Vec<i64> {
            ranges
                .iter()
                .filter(|(_, row)| row.is_none())
                .map(|(id, _)| *id)
                .collect()
        };
        let (blobs_named, blobs_gone): (Vec<_>, Vec<_>) =
            self.blobs.into_iter().partition(|(_, refs)| *refs > 0);
        let lists = [
            list(Vec::from_iter(self.forgotten)),
            list(gone(&self.leases)),
            list(gone(&self.histories)),
            list(Vec::from_iter(self.results_gone)),
            list(
                self.meta
                    .into_iter()
                    .map(|(key, value)| (key, value, sums.meta(key, value)))
                    .collect(),
            ),
            list(cut.jobs(self.jobs, sums)),
            list(cut.specs(self.specs, sums)),
            list(cut.ranges(self.leases, sums, Table::Lease)),
            list(cut.ranges(self.histories, sums, Table::History)),
            list(cut.ranges(self.results, sums, Table::Result)),
            list(
                blobs_named
                    .into_iter()
                    .map(|(digest, refs)| (cut.add(digest).0, refs, sums.blob(digest, refs)))
                    .collect(),
            ),
            list(
                blobs_gone
                    .into_iter()
                    .map(|(digest, _)| cut.add(digest).0)
                    .collect(),
            ),
            list(
                self.names
                    .into_iter()
                    .map(|(name, row)| cut.name(name, row, sums))
                    .collect(),
            ),
            list(
                self.machines
                    .into_iter()
                    .map(|(id, value)| cut.keyed(id, value, |id, value| sums.machine(id, value)))
                    .collect(),
            ),
            list(
                self.registry
                    .into_iter()
                    .map(|(key, value)| {
                        cut.keyed(key, value, |key, value| sums.registry(key, value))
                    })
                    .collect(),
            ),
        ];
        Rows {
            blob: cut.blob,
            commits,
            sum: sums.store(id, commits),
            lists,
        }
    }
}

/// The BLOB that values are cut from.
#[derive(Debug, Default)]
struct Cut {
    blob: Vec<u8>,
}

impl Cut {
    /// Where `substr` finds the value: counted from 1, and its length.
    fn add(&mut self, value: &[u8]) -> (usize, usize) {
        let offset = self.blob.len() + 1;
        self.blob.extend_from_slice(value);
        (offset, value.len())
    }

    fn jobs(&mut self, jobs: BTreeMap<u32, JobPut<'_>>, sums: &Sums) -> Vec<Value> {
        let row = |(no, job): (u32, JobPut<'_>)| {
            let sum = sums.job(no, job.id, job.ended, job.wall_ms, job.state);
            let id = self.add(job.id).0;
            let (offset, len) = self.add(job.state);
            json!([no, id, u8::from(job.ended), job.wall_ms, sum, offset, len])
        };
        jobs.into_iter().map(row).collect()
    }

    fn specs(&mut self, specs: BTreeMap<u32, &[u8]>, sums: &Sums) -> Vec<Value> {
        let row = |(no, spec)| {
            let (offset, len) = self.add(spec);
            json!([no, sums.spec(no, spec), offset, len])
        };
        specs.into_iter().map(row).collect()
    }

    fn ranges(
        &mut self,
        ranges: Ranges<'_>,
        sums: &Sums,
        table: Table,
    ) -> Vec<(i64, u32, i64, usize, usize)> {
        let rows = ranges
            .into_iter()
            .filter_map(|(id, row)| row.map(|(count, value)| (id, count, value)));
        rows.map(|(id, count, value)| {
            let (offset, len) = self.add(value);
            (id, count, sums.range(table, id, count, value), offset, len)
        })
        .collect()
    }

    fn name(&mut self, name: &str, row: Option<(&Digest, u64, i64)>, sums: &Sums) -> Value {
        match row {
            Some((digest, bytes, wall_ms)) => {
                json!([
                    name,
                    self.add(digest).0,
                    bytes,
                    wall_ms,
                    sums.name(name, digest, bytes, wall_ms)
                ])
            }
            None => json!([name]),
        }
    }

    fn keyed(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        sum: impl FnOnce(&[u8], &[u8]) -> i64,
    ) -> Value {
        let at = self.add(key).0;
        match value {
            Some(value) => {
                let (offset, len) = self.add(value);
                json!([at, sum(key, value), offset, len])
            }
            None => json!([at]),
        }
    }
}

fn checked(no: u32) -> Result<u32, BatchError> {
    if no < JOB_NO_MAX {
        Ok(no)
    } else {
        Err(BatchError::JobNo(no))
    }
}

fn list<T: serde::Serialize>(rows: Vec<T>) -> Option<String> {
    let text = || serde_json::to_string(&rows).expect("numbers and names are JSON");
    (!rows.is_empty()).then(text)
}
