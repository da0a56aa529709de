//! From a batch of changes to one SQL text with its arguments.
//!
//! The text is made of fixed statements, only those that the batch needs. Rows
//! come as a JSON list, one argument a statement; their values are cut from one
//! BLOB that all statements share.

use crate::limits::JOB_NO_MAX;
use crate::sum::{StoreId, Sums, Table};
use crate::{Digest, Write};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The statements in the order in which they run: what goes, then what comes.
/// Rows found by a key that is no number are changed in place, so that their
/// index stays as it is and one page less is written.
/// `$1` is the BLOB, `$n` the list of the statement at place n - 2.
const STATEMENTS: [&str; 15] = [
    "UPDATE store SET commits = e.value->>0, sum = e.value->>1 FROM json_each($2) e;",
    "DELETE FROM job WHERE no IN (SELECT value FROM json_each($3));
     DELETE FROM spec WHERE no IN (SELECT value FROM json_each($3));
     DELETE FROM lease WHERE id IN (SELECT r.id FROM json_each($3) e CROSS JOIN lease r ON r.id BETWEEN e.value << 32 AND e.value << 32 | 4294967295);
     DELETE FROM history WHERE id IN (SELECT r.id FROM json_each($3) e CROSS JOIN history r ON r.id BETWEEN e.value << 32 AND e.value << 32 | 4294967295);
     DELETE FROM result WHERE id IN (SELECT r.id FROM json_each($3) e CROSS JOIN result r ON r.id BETWEEN e.value << 32 AND e.value << 32 | 4294967295);",
    "DELETE FROM lease WHERE id IN (SELECT value FROM json_each($4));",
    "DELETE FROM history WHERE id IN (SELECT value FROM json_each($5));",
    "DELETE FROM result WHERE id IN (SELECT value FROM json_each($6));",
    "INSERT INTO meta (key, value, sum)
     SELECT e.value->>0, e.value->>1, e.value->>2 FROM json_each($7) e WHERE true
     ON CONFLICT (key) DO UPDATE SET value = excluded.value, sum = excluded.sum;",
    "INSERT OR REPLACE INTO job (no, id, ended, wall_ms, sum, state)
     SELECT e.value->>0, substr($1, e.value->>1, 16), e.value->>2, e.value->>3, e.value->>4, substr($1, e.value->>5, e.value->>6) FROM json_each($8) e;",
    "INSERT OR REPLACE INTO spec (no, sum, value)
     SELECT e.value->>0, e.value->>1, substr($1, e.value->>2, e.value->>3) FROM json_each($9) e;",
    "INSERT OR REPLACE INTO lease (id, count, sum, value)
     SELECT e.value->>0, e.value->>1, e.value->>2, substr($1, e.value->>3, e.value->>4) FROM json_each($10) e;",
    "INSERT OR REPLACE INTO history (id, count, sum, value)
     SELECT e.value->>0, e.value->>1, e.value->>2, substr($1, e.value->>3, e.value->>4) FROM json_each($11) e;",
    "INSERT INTO result (id, count, sum, value)
     SELECT e.value->>0, e.value->>1, e.value->>2, substr($1, e.value->>3, e.value->>4) FROM json_each($12) e;",
    "INSERT INTO blob (digest, refs, sum)
     SELECT substr($1, e.value->>0, 32), e.value->>1, e.value->>2 FROM json_each($13) e WHERE true
     ON CONFLICT (digest) DO UPDATE SET refs = excluded.refs, sum = excluded.sum;",
    "DELETE FROM blob WHERE digest IN (SELECT substr($1, value, 32) FROM json_each($14));",
    "DELETE FROM name WHERE name IN (SELECT e.value->>0 FROM json_each($15) e);
     INSERT INTO name (name, digest, bytes, wall_ms, sum)
     SELECT e.value->>0, substr($1, e.value->>1, 32), e.value->>2, e.value->>3, e.value->>4 FROM json_each($15) e WHERE json_array_length(e.value) > 1;",
    "DELETE FROM machine WHERE id IN (SELECT substr($1, e.value->>0, 16) FROM json_each($16) e);
     INSERT INTO machine (id, sum, value)
     SELECT substr($1, e.value->>0, 16), e.value->>1, substr($1, e.value->>2, e.value->>3) FROM json_each($16) e WHERE json_array_length(e.value) > 1;",
];

/// One transaction, ready to run.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) sql: String,
    pub(crate) blob: Vec<u8>,
    /// Beside each statement; `None` where it is not in the text.
    pub(crate) lists: [Option<String>; STATEMENTS.len()],
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

/// Makes the text that writes `writes` as the `commits`-th commit.
pub(crate) fn text(
    writes: &[Write],
    sums: &Sums,
    id: &StoreId,
    commits: u64,
) -> Result<Text, BatchError> {
    Ok(Batch::gather(writes)?.into_text(sums, id, commits))
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

    fn into_text(self, sums: &Sums, id: &StoreId, commits: u64) -> Text {
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
            list(vec![(commits, sums.store(id, commits))]),
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
                    .map(|(id, value)| cut.machine(id, value, sums))
                    .collect(),
            ),
        ];
        let mut sql = String::from("BEGIN IMMEDIATE;");
        for (statement, list) in STATEMENTS.iter().zip(&lists) {
            if list.is_some() {
                sql.push_str(statement);
            }
        }
        sql.push_str("COMMIT;");
        Text {
            sql,
            blob: cut.blob,
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

    fn machine(&mut self, id: &[u8; 16], value: Option<&[u8]>, sums: &Sums) -> Value {
        let at = self.add(id).0;
        match value {
            Some(value) => {
                let (offset, len) = self.add(value);
                json!([at, sums.machine(id, value), offset, len])
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
