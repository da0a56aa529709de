//! What the coordinator's node does for it: folding, and what needs the store.

use super::job::{Ending, Folding, Phase};
use super::{Coordinator, Event};
use crate::codec::encode_results;
use crate::id::{Digest, JobId, JobNo, MachineId};
use crate::record::{Record, StoredResults};
use crate::report::{Outcome, Payload, Report, Reports};
use crate::spec::Fold;

/// Work for the coordinator's own node. Given again after a restart if it was
/// not answered, except [`Chore::DeleteBlob`], which the store's sweep makes
/// up for. An answer that comes twice or too late is harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Fold the results of tasks 0 to `count` − 1 in index order; never
    /// [`Fold::None`] or [`Fold::Kernel`].
    Fold {
        job: JobId,
        no: JobNo,
        fold: Fold,
        count: u32,
    },
    /// Write all results as frames into one blob, for the fold by a kernel.
    AssembleFoldInput { job: JobId, no: JobNo, count: u32 },
    /// Say which blobs the result rows of an ended job refer to
    /// ([`crate::report::Reports::blobs`]), each as often as they do.
    ListBlobs { job: JobId, no: JobNo },
    /// Nothing refers to the blob any more. It may have been put again since
    /// then: delete it only where [`Coordinator::blob_is_referenced`] still
    /// says no and nobody is about to refer to it.
    DeleteBlob(Digest),
}

/// The answer to a [`Chore`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChoreDone {
    /// An error is a sentence for people.
    Folded {
        job: JobId,
        result: Result<Payload, String>,
    },
    FoldInput {
        job: JobId,
        result: Result<Digest, String>,
    },
    BlobsListed {
        job: JobId,
        blobs: Vec<Digest>,
    },
}

/// The coordinator's own node, where a result names the machine it came from.
pub const OWN_NODE: MachineId = MachineId([0; 16]);

impl Coordinator {
    /// A chore is done.
    pub fn handle_chore_done(&mut self, now: crate::moment::Now, done: ChoreDone) {
        self.advance(now);
        match done {
            ChoreDone::Folded { job, result } => self.handle_folded(job, result),
            ChoreDone::FoldInput { job, result } => self.handle_fold_input(job, result),
            ChoreDone::BlobsListed { job, blobs } => {
                let forgetting = self.by_id.get(&job).and_then(|no| self.jobs.get(no));
                if let Some(job) = forgetting.filter(|job| job.facts.forgetting) {
                    let no = job.no;
                    self.remove_job(no, &blobs);
                }
            }
        }
    }

    pub(super) fn begin_fold(&mut self, no: JobNo, folding: Folding) {
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        job.change().phase = Phase::Folding(folding);
        self.give_fold_chore(no);
        self.touch(no);
    }

    /// What the node must do for a fold, if it is its turn.
    pub(super) fn give_fold_chore(&mut self, no: JobNo) {
        let Some(job) = self.jobs.get(&no) else {
            return;
        };
        let count = job.spec.count;
        match &job.facts.phase {
            Phase::Folding(Folding::Node) => {
                self.chores.push_back(Chore::Fold {
                    job: job.id,
                    no,
                    fold: job.spec.fold,
                    count,
                });
            }
            Phase::Folding(Folding::Assembling) => {
                self.chores.push_back(Chore::AssembleFoldInput {
                    job: job.id,
                    no,
                    count,
                });
            }
            Phase::Folding(Folding::Task { .. }) | Phase::Open | Phase::Ended(_) => {}
        }
    }

    fn handle_folded(&mut self, id: JobId, result: Result<Payload, String>) {
        let Some(&no) = self.by_id.get(&id) else {
            return;
        };
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        if job.facts.phase != Phase::Folding(Folding::Node) {
            return;
        }
        let output = match result {
            Ok(output) => output,
            Err(message) => {
                return self.end(
                    no,
                    Ending::Failed {
                        fold: Some(message),
                    },
                );
            }
        };
        let index = job.spec.count;
        job.tasks.finish(index, 1);
        let report = Report {
            outcome: Outcome::Done,
            micros: 0,
            output,
            log: Payload::empty(),
            log_truncated: false,
            files: None,
        };
        let blobs: Vec<Digest> = report.blobs().collect();
        let stored = StoredResults {
            machine: OWN_NODE,
            attempt: 1,
            reports: Reports::Each(vec![report]),
        };
        let value = encode_results(&stored);
        self.unsaved.results.push(Record::Result {
            no,
            first: index,
            count: 1,
            value,
        });
        self.refer_result_blobs(no, &blobs);
        self.events.push_back(Event::Tasks {
            job: id,
            first: index,
            count: 1,
        });
        self.end(no, Ending::Done);
    }

    fn handle_fold_input(&mut self, id: JobId, result: Result<Digest, String>) {
        let Some(&no) = self.by_id.get(&id) else {
            return;
        };
        let moment = self.now.moment;
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        if job.facts.phase != Phase::Folding(Folding::Assembling) {
            return;
        }
        let input = match result {
            Ok(input) => input,
            Err(message) => {
                return self.end(
                    no,
                    Ending::Failed {
                        fold: Some(message),
                    },
                );
            }
        };
        job.change().phase = Phase::Folding(Folding::Task { input });
        job.edition += 1;
        job.tasks.add_fold(moment);
        self.refer(input);
        self.touch(no);
    }
}
