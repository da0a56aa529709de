//! Rows as a store would have them after each commit.

use crate::codec::decode_results;
use crate::id::{Digest, JobNo, MachineId, Term};
use crate::moment::Moment;
use crate::record::{Image, JobRow, RangeRow, Record, RegistryRow, StoredResults};
use crate::registry::EntryKey;
use bytes::Bytes;
use std::collections::BTreeMap;

type Rows = BTreeMap<(JobNo, u32), (u32, Bytes)>;

#[derive(Default)]
pub(super) struct Disk {
    term: Term,
    moment: Moment,
    jobs: BTreeMap<JobNo, JobRow>,
    leases: Rows,
    histories: Rows,
    results: Rows,
    pub(super) blobs: BTreeMap<Digest, u64>,
    machines: BTreeMap<MachineId, Bytes>,
    registry: BTreeMap<EntryKey, Bytes>,
}

impl Disk {
    pub(super) fn commit(&mut self, records: Vec<Record>) {
        for record in records {
            self.write(record);
        }
    }

    fn write(&mut self, record: Record) {
        match record {
            Record::Term(term) => {
                assert!(term > self.term, "terms only grow");
                self.term = term;
            }
            Record::Moment(moment) => {
                assert!(moment >= self.moment, "time only grows");
                self.moment = moment;
            }
            Record::Job {
                no,
                id,
                ended,
                spec,
                state,
                wall_ms,
            } => {
                let spec = spec.or_else(|| self.jobs.get(&no).map(|job| job.spec.clone()));
                let spec = spec.expect("a job's first record has its spec");
                self.jobs.insert(
                    no,
                    JobRow {
                        no,
                        id,
                        ended,
                        spec,
                        state,
                        wall_ms,
                    },
                );
            }
            Record::Lease {
                no,
                first,
                count,
                value,
            } => drop(self.leases.insert((no, first), (count, value))),
            Record::LeaseEnded { no, first } => drop(self.leases.remove(&(no, first))),
            Record::Result {
                no,
                first,
                count,
                value,
            } => {
                let before = self.results.insert((no, first), (count, value));
                assert_eq!(before, None, "the result of task {first} is written twice");
            }
            Record::ResultForgotten { no, first } => {
                let before = self.results.remove(&(no, first));
                assert!(
                    before.is_some(),
                    "a result that was never written is forgotten"
                );
            }
            Record::History {
                no,
                first,
                count,
                value,
            } => drop(self.histories.insert((no, first), (count, value))),
            Record::HistoryEnded { no, first } => drop(self.histories.remove(&(no, first))),
            Record::Blob { digest, refs: 0 } => drop(self.blobs.remove(&digest)),
            Record::Blob { digest, refs } => drop(self.blobs.insert(digest, refs)),
            Record::Forget { no } => {
                self.jobs.remove(&no);
                for rows in [&mut self.leases, &mut self.histories, &mut self.results] {
                    rows.retain(|(of, _), _| *of != no);
                }
            }
            Record::Machine {
                id,
                value: Some(value),
            } => drop(self.machines.insert(id, value)),
            Record::Machine { id, value: None } => drop(self.machines.remove(&id)),
            Record::Registry {
                key,
                value: Some(value),
            } => drop(self.registry.insert(key, value)),
            Record::Registry { key, value: None } => drop(self.registry.remove(&key)),
        }
    }

    pub(super) fn results(&self, no: JobNo) -> Vec<(u32, StoredResults)> {
        let rows = self.results.range((no, 0)..=(no, u32::MAX));
        rows.map(|(&(_, first), (_, value))| {
            (
                first,
                decode_results(value).expect("a row that was just written"),
            )
        })
        .collect()
    }

    /// How many rows there are besides those of jobs, blobs and machines.
    pub(super) fn row_count(&self) -> usize {
        self.leases.len() + self.histories.len() + self.results.len()
    }

    pub(super) fn has_entry(&self, key: EntryKey) -> bool {
        self.registry.contains_key(&key)
    }

    pub(super) fn image(&self) -> Image {
        let ranges = |rows: &Rows| {
            let row = |(&(no, first), (count, value)): (&(JobNo, u32), &(u32, Bytes))| RangeRow {
                no,
                first,
                count: *count,
                value: value.clone(),
            };
            rows.iter().map(row).collect()
        };
        let mut done: BTreeMap<JobNo, Vec<(u32, u32)>> = BTreeMap::new();
        for (&(no, first), (count, _)) in &self.results {
            if !self.jobs.get(&no).expect("results of a job").ended {
                done.entry(no).or_default().push((first, *count));
            }
        }
        Image {
            term: self.term,
            moment: self.moment,
            jobs: self.jobs.values().cloned().collect(),
            leases: ranges(&self.leases),
            histories: ranges(&self.histories),
            done: done.into_iter().collect(),
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
}
