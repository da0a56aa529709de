//! Mistakes that can be planted, to show that the simulator finds them. Only
//! with the feature `mutants`, which nothing but tests switches on.

use super::Coordinator;
use super::machine::{Link, Machine};
use super::ranges::Ranges;
use crate::id::{JobNo, MachineId, Term};
use crate::limits::{SILENCE_MAX, TIMED_OUT_AFTER};
use crate::message::Chunk;
use crate::moment::{Moment, Now};
use crate::record::Record;
use crate::report::Reports;
use crate::spec::Fold;
use core::time::Duration;
use std::collections::BTreeMap;

/// One planted mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A restored coordinator forgets the oldest of its jobs.
    JobLostAtRestart,
    /// A result that is sent again counts again.
    ResultCountsTwice,
    /// A result counts whatever attempt and term it names.
    StaleAttemptAccepted,
    /// What a worker still holds after a broken connection waits again as well.
    DoubleGrantOnReconnect,
    /// A restored coordinator goes on in the term of the one before.
    TermNotRaised,
    /// Tasks that are done wait once more.
    DoneTaskWaits,
    /// A job is done when nothing of it waits, whatever still runs.
    DoneTooEarly,
    /// A cancel leaves leases alone, and their results are taken.
    ResultAfterCancel,
    /// Results are committed a turn after their worker was told that they are.
    AnswerBeforeCommit,
    /// A restored coordinator does not know what clients call their jobs.
    DedupeLostAtRestart,
    /// A worker runs one task more than it may.
    SlotTooMany,
    /// Each lease is compared with all the memory of its machine.
    MemoryPromisedTwice,
    /// What a machine gives back counts as a loss.
    ReturnCharged,
    /// The module's reference goes when its job ends, not when it is forgotten.
    BlobDroppedAtEnd,
    /// References of forgotten jobs stay.
    BlobsKept,
    /// A fold begins when nothing waits, whatever still runs.
    FoldTooEarly,
    /// The silence of a machine is measured by the wall clock.
    LeaseByWallClock,
    /// What clients called their jobs is remembered for ever.
    ClientsKept,
    /// Whoever waited long does not come before a higher priority.
    TurnByPriorityAlone,
    /// What is known of tasks that were tried in vain is not written.
    HistoryNotWritten,
    /// A revoked device keeps its connection, and its leases.
    RevokedKeepsWorking,
    /// A code may be tried for ever.
    CodeNotCharged,
    /// A code lets in whoever knows it, again and again.
    CodeNotSpent,
    /// Every device may work and submit.
    RoleIgnored,
    /// A machine is the one that its hello names, whosever key it has.
    HelloBelieved,
    /// Everybody sees and steers every job.
    OwnerIgnored,
    /// A machine that connects again keeps its older connection as well.
    OlderConnectionStays,
    /// A machine that a person paused gets leases.
    PauseIgnored,
    /// One that a person drains does too.
    DrainIgnored,
    /// One that was removed keeps its connection, and gets leases.
    RemovalIgnored,
    /// Jobs go wherever there is room, whatever machines they ask for.
    OnIgnored,
}

impl Mutant {
    pub const ALL: [Mutant; 31] = [
        Mutant::JobLostAtRestart,
        Mutant::ResultCountsTwice,
        Mutant::StaleAttemptAccepted,
        Mutant::DoubleGrantOnReconnect,
        Mutant::TermNotRaised,
        Mutant::DoneTaskWaits,
        Mutant::DoneTooEarly,
        Mutant::ResultAfterCancel,
        Mutant::AnswerBeforeCommit,
        Mutant::DedupeLostAtRestart,
        Mutant::SlotTooMany,
        Mutant::MemoryPromisedTwice,
        Mutant::ReturnCharged,
        Mutant::BlobDroppedAtEnd,
        Mutant::BlobsKept,
        Mutant::FoldTooEarly,
        Mutant::LeaseByWallClock,
        Mutant::ClientsKept,
        Mutant::TurnByPriorityAlone,
        Mutant::HistoryNotWritten,
        Mutant::RevokedKeepsWorking,
        Mutant::CodeNotCharged,
        Mutant::CodeNotSpent,
        Mutant::RoleIgnored,
        Mutant::HelloBelieved,
        Mutant::OwnerIgnored,
        Mutant::OlderConnectionStays,
        Mutant::PauseIgnored,
        Mutant::DrainIgnored,
        Mutant::RemovalIgnored,
        Mutant::OnIgnored,
    ];
}

impl Coordinator {
    /// Plants a mistake; to be called right after [`Coordinator::new`] or
    /// [`Coordinator::restore`].
    pub fn plant(&mut self, mutant: Mutant) {
        self.mutant = Some(mutant);
        if mutant == Mutant::DedupeLostAtRestart {
            self.by_client.clear();
        }
        let oldest = self.jobs.keys().next().copied();
        if mutant == Mutant::JobLostAtRestart
            && let Some(no) = oldest
        {
            self.remove_job(no, &[]);
        }
        if mutant == Mutant::TermNotRaised && self.term > Term(1) {
            self.term = Term(self.term.0 - 1);
        }
    }

    pub(super) fn is_planted(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(super) fn grant_twice(&mut self, claimed: &BTreeMap<JobNo, Ranges>) {
        if !self.is_planted(Mutant::DoubleGrantOnReconnect) {
            return;
        }
        for (no, held) in claimed {
            let Some(job) = self.jobs.get_mut(no) else {
                continue;
            };
            for (first, count) in held.iter() {
                job.tasks.grant_again(first, count);
            }
            self.touched.insert(*no);
        }
    }
}

impl Coordinator {
    /// Keeps the results of tasks that are done already.
    pub(super) fn keep_again(&mut self, machine: MachineId, chunk: &Chunk, reports: &Reports) {
        let no = self.by_id.get(&chunk.job).copied();
        let Some((no, job)) = no.and_then(|no| Some((no, self.jobs.get(&no)?))) else {
            return;
        };
        let is_done =
            (chunk.first..chunk.first + chunk.count).all(|i| job.tasks.done().contains(i));
        if self.is_planted(Mutant::ResultCountsTwice) && is_done {
            self.keep_row(no, machine, *chunk, reports.clone());
            self.touched.insert(no);
        }
    }

    /// Tasks that are done wait as well.
    pub(super) fn queue_done(&mut self, no: JobNo, first: u32, count: u32) {
        if self.is_planted(Mutant::DoneTaskWaits)
            && let Some(job) = self.jobs.get_mut(&no)
        {
            job.tasks.grant_again(first, count);
        }
    }

    /// Whether the record goes to the store.
    pub(super) fn is_written(&self, record: &Record) -> bool {
        !matches!(record, Record::History { .. }) || !self.is_planted(Mutant::HistoryNotWritten)
    }

    /// Whether the job is taken for done although tasks of it run.
    pub(super) fn is_done_too_early(&self, fold: Fold) -> bool {
        match fold {
            Fold::None => self.is_planted(Mutant::DoneTooEarly),
            Fold::Concat | Fold::Json | Fold::Sum | Fold::Kernel => {
                self.is_planted(Mutant::FoldTooEarly)
            }
        }
    }
}

impl Machine {
    /// When it is lost, had it been heard when the wall clock says.
    pub(super) fn lost_at_by_wall(&self, at: Moment, now: Now) -> Moment {
        let patience = match self.link {
            Link::Down { timed_out: true } => TIMED_OUT_AFTER,
            Link::Up { .. } | Link::Silent { .. } | Link::Down { .. } | Link::Gone => SILENCE_MAX,
        };
        let silent_ms = u64::try_from(now.wall_ms - self.heard_wall_ms).unwrap_or(0);
        let left = patience.saturating_sub(Duration::from_millis(silent_ms));
        if left.is_zero() {
            at.min(now.moment)
        } else {
            now.moment.after(left)
        }
    }
}

/// Whether the order is not carried out.
pub(super) fn is_ignored(planted: Option<Mutant>, order: super::Order) -> bool {
    match order {
        super::Order::Pause { .. } => planted == Some(Mutant::PauseIgnored),
        super::Order::Drain => planted == Some(Mutant::DrainIgnored),
        super::Order::Work => false,
    }
}

impl super::tasks::Tasks {
    pub(super) fn held_in_any_attempt(&self, chunk: &Chunk) -> Vec<(u32, u32)> {
        let leases = self
            .leases()
            .map(|(first, lease)| (first.max(chunk.first), first + lease.count));
        leases
            .map(|(first, end)| (first, end.min(chunk.first + chunk.count)))
            .filter(|(first, end)| first < end)
            .map(|(first, end)| (first, end - first))
            .collect()
    }
}
