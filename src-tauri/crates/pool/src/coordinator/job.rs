//! One job: what was asked, how far it is, and how it ended.

use super::measure::{Measured, Tempo};
use super::pace::Pace;
use super::queue::{Place, Row, Turn};
use super::tasks::Tasks;
use crate::id::{Digest, JobId, JobNo, MachineId, PersonId};
use crate::moment::{Moment, Now};
use crate::report::Failure;
use crate::spec::{Fold, Spec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a client calls its job. Sent twice, it makes one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientId {
    /// Who asks, as the driver tells its callers apart.
    pub submitter: u64,
    /// 128 random bits, chosen by the client.
    pub id: [u8; 16],
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) no: JobNo,
    pub(super) id: JobId,
    pub(super) spec: Arc<Spec>,
    pub(super) facts: Facts,
    pub(super) accepted_wall_ms: i64,
    pub(super) tasks: Tasks,
    pub(super) presence: Presence,
    pub(super) pace: Pace,
    pub(super) tempo: Tempo,
    /// Raised when what workers were told of the job changed.
    pub(super) edition: u32,
    /// Its turn when it wants a lease.
    pub(super) turn: Turn,
    /// Since when it is left to faster machines, none of which has taken it.
    pub(super) left_since: Option<Moment>,
    /// Where it stands in the queue, if it does.
    pub(super) place: Option<Place>,
    /// Its tasks that wait, as they were counted for all jobs.
    pub(super) counted: u32,
    pub(super) unsaved: Unsaved,
}

/// What is durable of a job besides its spec and its tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) client: ClientId,
    /// Whose it is.
    pub(super) person: PersonId,
    /// Of the spec as it was submitted.
    pub(super) digest: Digest,
    pub(super) accepted: Moment,
    pub(super) started_wall_ms: Option<i64>,
    pub(super) ended_wall_ms: Option<i64>,
    pub(super) phase: Phase,
    /// A trial: the tasks after the first may run.
    pub(super) released: bool,
    /// The job's time limit.
    pub(super) deadline: Option<Moment>,
    /// Is to be forgotten when the blobs of its results are known.
    pub(super) forgetting: bool,
    pub(super) first_failure: Option<(u32, Failure)>,
    /// References of its results to blobs.
    pub(super) result_blobs: u64,
    /// That were ever given tasks of it, in that order.
    pub(super) machines: Vec<MachineId>,
    /// What its tasks took. Written when something else changes, at the latest
    /// when it ends: after a kill the last tasks may not be counted.
    pub(super) measured: Vec<Measured>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    Open,
    Folding(Folding),
    Ended(Ending),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Folding {
    /// The coordinator's node folds.
    Node,
    /// The coordinator's node assembles what the kernel will read.
    Assembling,
    /// A task with index = count folds.
    Task { input: Digest },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ending {
    Done,
    Failed {
        /// What the fold said, if it was the fold.
        fold: Option<String>,
    },
    Cancelled {
        why: CancelReason,
        /// Which tasks were done: (indices skipped since the last, done).
        /// Everything else of an ended job follows from its histories.
        done: Vec<(u32, u32)>,
    },
}

/// Who ended a cancelled job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelReason {
    Person,
    /// The job's own time limit.
    Timeout,
    /// A transient job lives no longer than its client.
    ClientLeft,
}

/// Which living clients look at the job. Not durable: nobody outlives the node.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// The client that submitted it lives and nobody has followed yet.
    pub(super) submitter: bool,
    pub(super) followers: BTreeSet<u64>,
    /// Without one it does not run here: the node of `skep run`.
    pub(super) required: bool,
}

/// What of the job differs from its rows, besides its tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unsaved {
    pub(super) facts: bool,
    pub(super) spec: bool,
}

impl Job {
    pub(super) fn is_ended(&self) -> bool {
        match self.facts.phase {
            Phase::Ended(_) => true,
            Phase::Open | Phase::Folding(_) => false,
        }
    }

    /// The blob that a fold by a kernel reads.
    pub(super) fn fold_input(&self) -> Option<Digest> {
        match &self.facts.phase {
            Phase::Folding(Folding::Task { input }) => Some(*input),
            Phase::Folding(Folding::Node | Folding::Assembling) | Phase::Open | Phase::Ended(_) => {
                None
            }
        }
    }

    /// Whether its tasks may be leased, if any of them can.
    pub(super) fn may_run(&self) -> bool {
        let required = self.spec.followed || self.presence.required;
        !self.is_ended() && (!required || self.presence.is_living())
    }

    /// How many of the ready tasks from the first on may be leased.
    pub(super) fn front(&self) -> Option<(u32, u32)> {
        let (first, count) = self.tasks.ready().front()?;
        if self.spec.trial && !self.facts.released && first < self.spec.count {
            return (first == 0).then_some((0, 1));
        }
        Some((first, count))
    }

    /// Something of it could be leased now, were there a machine.
    pub(super) fn wants_lease(&self) -> bool {
        self.may_run() && (self.front().is_some() || self.tasks.elsewhere().next().is_some())
    }

    /// Where it belongs in the queue.
    pub(super) fn wanted_place(&self) -> Option<Place> {
        let row = Row::of(&self.spec);
        self.wants_lease().then_some(Place {
            row,
            turn: self.turn,
        })
    }

    pub(super) fn is_listed(&self) -> bool {
        !self.spec.transient && !self.facts.forgetting
    }

    pub(super) fn with_fold_task(&self) -> bool {
        self.fold_input().is_some()
    }

    pub(super) fn change(&mut self) -> &mut Facts {
        self.unsaved.facts = true;
        &mut self.facts
    }
}

impl Facts {
    pub(super) fn new(
        now: Now,
        client: ClientId,
        person: PersonId,
        digest: Digest,
        spec: &Spec,
    ) -> Facts {
        Facts {
            client,
            person,
            digest,
            accepted: now.moment,
            started_wall_ms: None,
            ended_wall_ms: None,
            phase: Phase::Open,
            released: false,
            deadline: spec.timeout.map(|timeout| now.moment.after(timeout)),
            forgetting: false,
            first_failure: None,
            result_blobs: 0,
            machines: Vec::new(),
            measured: Vec::new(),
        }
    }
}

impl Phase {
    /// Where a job goes when its last task is done.
    pub(super) fn after_tasks(fold: Fold) -> Phase {
        match fold {
            Fold::None => Phase::Ended(Ending::Done),
            Fold::Concat | Fold::Json | Fold::Sum => Phase::Folding(Folding::Node),
            Fold::Kernel => Phase::Folding(Folding::Assembling),
        }
    }
}

impl Presence {
    pub(super) fn is_living(&self) -> bool {
        self.submitter || !self.followers.is_empty()
    }
}
