//! What the coordinating node's disk holds: committed rows, and nothing else.

use bytes::Bytes;
use pool::id::{Digest, JobNo, MachineId, Term};
use pool::moment::Moment;
use pool::record::{Image, JobRow, RangeRow, Record, RegistryRow};
use pool::registry::EntryKey;
use std::collections::BTreeMap;

/// (job, first task)
pub(crate) type Key = (JobNo, u32);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Disk {
    pub(crate) term: Term,
    pub(crate) moment: Moment,
    pub(crate) jobs: BTreeMap<JobNo, JobRow>,
    pub(crate) leases: BTreeMap<Key, (u32, Bytes)>,
    pub(crate) results: BTreeMap<Key, (u32, Bytes)>,
    pub(crate) histories: BTreeMap<Key, (u32, Bytes)>,
    pub(crate) blobs: BTreeMap<Digest, u64>,
    pub(crate) machines: BTreeMap<MachineId, Bytes>,
    pub(crate) registry: BTreeMap<EntryKey, Bytes>,
}

impl Disk {
    /// Writes one row, or says what no store would take.
    pub(crate) fn write(&mut self, record: &Record) -> Result<(), String> {
        match record {
            Record::Term(term) => self.term = *term,
            Record::Moment(moment) => self.moment = *moment,
            Record::Job {
                no,
                id,
                ended,
                spec,
                state,
                wall_ms,
            } => {
                let known = self.jobs.get(no).map(|row| row.spec.clone());
                let spec = spec
                    .clone()
                    .or(known)
                    .ok_or_else(|| format!("{no:?} has no specification"))?;
                let row = JobRow {
                    no: *no,
                    id: *id,
                    ended: *ended,
                    spec,
                    state: state.clone(),
                    wall_ms: *wall_ms,
                };
                if self
                    .jobs
                    .insert(*no, row)
                    .is_some_and(|before| before.id != *id)
                {
                    return Err(format!("{no:?} was another job"));
                }
            }
            Record::Lease {
                no,
                first,
                count,
                value,
            } => {
                self.leases.insert((*no, *first), (*count, value.clone()));
            }
            Record::LeaseEnded { no, first } => {
                self.leases.remove(&(*no, *first));
            }
            Record::Result {
                no,
                first,
                count,
                value,
            } => {
                if self
                    .results
                    .insert((*no, *first), (*count, value.clone()))
                    .is_some()
                {
                    return Err(format!("I2: a second result of task {first} of {no:?}"));
                }
            }
            Record::ResultForgotten { no, first } => {
                self.results
                    .remove(&(*no, *first))
                    .ok_or_else(|| format!("task {first} of {no:?} has no result to forget"))?;
            }
            Record::History {
                no,
                first,
                count,
                value,
            } => {
                self.histories
                    .insert((*no, *first), (*count, value.clone()));
            }
            Record::HistoryEnded { no, first } => {
                self.histories.remove(&(*no, *first));
            }
            Record::Blob { digest, refs: 0 } => {
                self.blobs.remove(digest);
            }
            Record::Blob { digest, refs } => {
                self.blobs.insert(*digest, *refs);
            }
            Record::Forget { no } => {
                self.jobs.remove(no);
                for rows in [&mut self.leases, &mut self.results, &mut self.histories] {
                    let of_job: Vec<Key> = rows
                        .range((*no, 0)..=(*no, u32::MAX))
                        .map(|(key, _)| *key)
                        .collect();
                    for key in of_job {
                        rows.remove(&key);
                    }
                }
            }
            Record::Machine {
                id,
                value: Some(value),
            } => {
                self.machines.insert(*id, value.clone());
            }
            Record::Machine { id, value: None } => {
                self.machines.remove(id);
            }
            Record::Registry {
                key,
                value: Some(value),
            } => {
                self.registry.insert(*key, value.clone());
            }
            Record::Registry { key, value: None } => {
                self.registry.remove(key);
            }
        }
        Ok(())
    }

    /// One task, one row of a kind: what a finished transaction left beside
    /// its rows must not overlap them.
    pub(crate) fn check(&self, records: &[Record]) -> Result<(), String> {
        for record in records {
            let (rows, what, no, first) = match record {
                Record::Lease { no, first, .. } => (&self.leases, "I5: a lease", no, first),
                Record::Result { no, first, .. } => (&self.results, "I2: a result", no, first),
                Record::History { no, first, .. } => (&self.histories, "a history", no, first),
                Record::Term(_)
                | Record::Moment(_)
                | Record::Job { .. }
                | Record::LeaseEnded { .. }
                | Record::ResultForgotten { .. }
                | Record::HistoryEnded { .. }
                | Record::Blob { .. }
                | Record::Forget { .. }
                | Record::Machine { .. }
                | Record::Registry { .. } => continue,
            };
            let Some((count, _)) = rows.get(&(*no, *first)) else {
                continue;
            };
            let before = rows
                .range((*no, 0)..(*no, *first))
                .next_back()
                .map(|(&(_, at), (count, _))| at + count);
            let after = rows
                .range((*no, first + 1)..=(*no, u32::MAX))
                .next()
                .map(|(&(_, at), _)| at);
            if *count == 0
                || before.is_some_and(|end| end > *first)
                || after.is_some_and(|at| at < first + count)
            {
                return Err(format!(
                    "{what} of {count} tasks from {first} of {no:?} overlaps another"
                ));
            }
        }
        Ok(())
    }

    /// When every job is forgotten only machines and blobs that somebody
    /// named may remain.
    pub(crate) fn remains(&self) -> Option<String> {
        let rows = [
            ("leases", self.leases.len()),
            ("results", self.results.len()),
            ("histories", self.histories.len()),
            ("jobs", self.jobs.len()),
        ];
        rows.into_iter()
            .find(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{count} {what}"))
    }

    /// Whom a lease's row names: it stands first, after the row's version.
    pub(crate) fn holder(value: &Bytes) -> Option<MachineId> {
        Some(MachineId(*value.get(1..)?.first_chunk()?))
    }

    /// The row of a kind that speaks of this task.
    pub(crate) fn row(rows: &BTreeMap<Key, (u32, Bytes)>, no: JobNo, index: u32) -> bool {
        rows.range((no, 0)..=(no, index))
            .next_back()
            .is_some_and(|(&(_, first), (count, _))| index - first < *count)
    }

    pub(crate) fn image(&self) -> Image {
        let rows = |rows: &BTreeMap<Key, (u32, Bytes)>| {
            let row = |(&(no, first), (count, value)): (&Key, &(u32, Bytes))| RangeRow {
                no,
                first,
                count: *count,
                value: value.clone(),
            };
            rows.iter().map(row).collect()
        };
        let running = self.jobs.values().filter(|job| !job.ended);
        Image {
            term: self.term,
            moment: self.moment,
            jobs: self.jobs.values().cloned().collect(),
            leases: rows(&self.leases),
            histories: rows(&self.histories),
            done: running
                .map(|job| {
                    (
                        job.no,
                        self.results_of(job.no)
                            .map(|(first, count, _)| (first, count))
                            .collect(),
                    )
                })
                .collect(),
            blobs: self
                .blobs
                .iter()
                .map(|(digest, refs)| (*digest, *refs))
                .collect(),
            machines: self
                .machines
                .iter()
                .map(|(id, value)| (*id, value.clone()))
                .collect(),
            registry: self
                .registry
                .iter()
                .map(|(key, value)| RegistryRow {
                    key: *key,
                    value: value.clone(),
                })
                .collect(),
        }
    }

    pub(crate) fn results_of(&self, no: JobNo) -> impl Iterator<Item = (u32, u32, &Bytes)> {
        self.results
            .range((no, 0)..=(no, u32::MAX))
            .map(|(&(_, first), (count, value))| (first, *count, value))
    }
}
