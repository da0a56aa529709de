//! Mistakes that can be planted, to show that the simulator finds them. Only
//! with the feature `mutants`, which nothing but tests switches on.

use super::Coordinator;
use super::machine::{Link, Machine};
use super::ranges::Ranges;
use crate::id::JobNo;
use crate::limits::{SILENCE_MAX, TIMED_OUT_AFTER};
use crate::message::Chunk;
use crate::moment::{Moment, Now};
use core::time::Duration;
use std::collections::BTreeMap;

/// One planted mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A result counts whatever attempt and term it names.
    StaleAttemptAccepted,
    /// Results are committed a turn after their worker was told that they are.
    AnswerBeforeCommit,
    /// What a worker still holds after a broken connection waits again as well.
    DoubleGrantOnReconnect,
    /// A restored coordinator does not know what clients call their jobs.
    DedupeLostAtRestart,
    /// A cancel leaves leases alone, and their results are taken.
    ResultAfterCancel,
    /// The silence of a machine is measured by the wall clock.
    LeaseByWallClock,
}

impl Mutant {
    pub const ALL: [Mutant; 6] = [
        Mutant::StaleAttemptAccepted,
        Mutant::AnswerBeforeCommit,
        Mutant::DoubleGrantOnReconnect,
        Mutant::DedupeLostAtRestart,
        Mutant::ResultAfterCancel,
        Mutant::LeaseByWallClock,
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
