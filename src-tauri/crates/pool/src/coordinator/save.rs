//! Records: the difference between what is in memory and what was committed.
//!
//! One row of each key in one drain, so the order in which a store writes them
//! does not matter.

use super::history::History;
use super::machine::MachineRow;
use super::tasks::Lease;
use super::{Coordinator, Event};
use crate::codec::{encode_grown, encode_row};
use crate::id::{Digest, JobNo, MachineId, Term};
use crate::record::Record;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What differs from the rows, besides what jobs know of themselves.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    pub(super) term: bool,
    pub(super) blobs: BTreeSet<Digest>,
    pub(super) machines: BTreeSet<MachineId>,
    /// Rows of results; never written twice.
    pub(super) results: Vec<Record>,
    forgotten_results: BTreeSet<(JobNo, u32)>,
    forgotten: BTreeSet<JobNo>,
    #[cfg(feature = "mutants")]
    withheld: Vec<Record>,
}

/// The value of a [`Record::Lease`] row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeaseRow {
    pub(super) machine: MachineId,
    pub(super) attempt: u32,
    pub(super) term: Term,
    pub(super) micros: u64,
    pub(super) granted_wall_ms: i64,
}

impl Unsaved {
    /// The failed task's report goes: from the store, or before it gets there
    /// when it failed in this very turn.
    pub(super) fn forget_result(&mut self, no: JobNo, index: u32) {
        let before = self.results.len();
        self.results.retain(|record| {
            !matches!(record, Record::Result { no: of, first, .. } if (*of, *first) == (no, index))
        });
        if self.results.len() == before {
            self.forgotten_results.insert((no, index));
        }
    }

    /// The job and every row of it go, those that are not written yet too.
    pub(super) fn forget(&mut self, no: JobNo) {
        self.forgotten.insert(no);
        self.results
            .retain(|record| !matches!(record, Record::Result { no: of, .. } if *of == no));
        self.forgotten_results.retain(|(of, _)| *of != no);
    }
}

impl Coordinator {
    /// Draws up the records of this turn, and says which jobs changed.
    pub(super) fn save(&mut self) {
        let mut records = Vec::new();
        for no in core::mem::take(&mut self.touched) {
            let Some(job) = self.jobs.get_mut(&no) else {
                continue;
            };
            if !job.facts.forgetting {
                self.events.push_back(Event::JobChanged(job.id));
            }
            let waiting = job.tasks.waiting();
            self.queued_count += u64::from(waiting);
            self.queued_count -= u64::from(core::mem::replace(&mut job.counted, waiting));
            let unsaved = core::mem::take(&mut job.unsaved);
            if unsaved.facts || unsaved.spec {
                records.push(Record::Job {
                    no,
                    id: job.id,
                    ended: job.is_ended(),
                    spec: unsaved.spec.then(|| encode_grown(&*job.spec)),
                    state: encode_row(&job.facts),
                    wall_ms: job.accepted_wall_ms,
                });
            }
            for (first, lease) in job.tasks.take_unsaved_leases() {
                records.push(match lease {
                    Some(lease) => Record::Lease {
                        no,
                        first,
                        count: lease.count,
                        value: lease.row(),
                    },
                    None => Record::LeaseEnded { no, first },
                });
            }
            for (first, run) in job.tasks.take_unsaved_histories() {
                records.push(match run {
                    Some((count, history)) => Record::History {
                        no,
                        first,
                        count,
                        value: encode_row::<History>(history),
                    },
                    None => Record::HistoryEnded { no, first },
                });
            }
        }
        #[cfg(feature = "mutants")]
        records.retain(|record| self.is_written(record));
        let unsaved = core::mem::take(&mut self.unsaved);
        #[cfg(feature = "mutants")]
        let unsaved = self.withhold(unsaved);
        records.extend(
            unsaved
                .forgotten
                .into_iter()
                .map(|no| Record::Forget { no }),
        );
        records.extend(
            unsaved
                .forgotten_results
                .into_iter()
                .map(|(no, first)| Record::ResultForgotten { no, first }),
        );
        records.extend(unsaved.results);
        for digest in unsaved.blobs {
            let refs = self.blobs.get(&digest).copied().unwrap_or(0);
            records.push(Record::Blob { digest, refs });
        }
        for id in unsaved.machines {
            let value = self.machines.get(&id).map(MachineRow::encode);
            records.push(Record::Machine { id, value });
        }
        records.extend(self.registry.take_records());
        if unsaved.term {
            self.records.push_back(Record::Term(self.term));
        }
        if unsaved.term || !records.is_empty() {
            self.records.push_back(Record::Moment(self.now.moment));
        }
        self.records.extend(records);
    }

    /// A planted mistake: results are committed a turn after they were accepted.
    #[cfg(feature = "mutants")]
    fn withhold(&mut self, mut unsaved: Unsaved) -> Unsaved {
        if self.is_planted(super::Mutant::AnswerBeforeCommit) {
            let results =
                core::mem::replace(&mut unsaved.results, core::mem::take(&mut unsaved.withheld));
            self.unsaved.withheld = results;
        }
        unsaved
    }
}

impl Lease {
    fn row(&self) -> Bytes {
        encode_row(&LeaseRow {
            machine: self.machine,
            attempt: self.attempt,
            term: self.term,
            micros: self.micros,
            granted_wall_ms: self.granted_wall_ms,
        })
    }
}
