//! How a job goes on when its tasks have ended, and how it ends itself.

use super::job::{CancelReason, ClientId, Ending, Folding, Phase};
use super::timer::Timer;
use super::{Chore, Coordinator, Event};
use crate::id::{Digest, JobNo, PersonId};
use crate::message::ToWorker;
use crate::spec::Spec;

impl Coordinator {
    /// Moves the job on if nothing of its phase is left to do.
    pub(super) fn conclude(&mut self, no: JobNo) {
        let Some(job) = self.jobs.get(&no) else {
            return;
        };
        let tasks = &job.tasks;
        let runs = tasks.leased() > 0;
        #[cfg(feature = "mutants")]
        let runs = runs && !self.is_done_too_early(job.spec.fold);
        let next = match &job.facts.phase {
            Phase::Open if tasks.waiting() > 0 || runs => return,
            Phase::Open if !tasks.failed().is_empty() => {
                Phase::Ended(Ending::Failed { fold: None })
            }
            Phase::Open => Phase::after_tasks(job.spec.fold),
            Phase::Folding(Folding::Task { .. }) if tasks.done().contains(job.spec.count) => {
                Phase::Ended(Ending::Done)
            }
            Phase::Folding(Folding::Task { .. }) if tasks.failed().contains(job.spec.count) => {
                let message = tasks
                    .histories()
                    .get(job.spec.count)
                    .and_then(|history| history.failure.as_ref());
                let message = message.map_or_else(String::new, |failure| failure.message.clone());
                Phase::Ended(Ending::Failed {
                    fold: Some(message),
                })
            }
            Phase::Folding(Folding::Node | Folding::Assembling | Folding::Task { .. })
            | Phase::Ended(_) => return,
        };
        match next {
            Phase::Ended(ending) => self.end(no, ending),
            Phase::Folding(folding) => self.begin_fold(no, folding),
            Phase::Open => {}
        }
    }

    pub(super) fn end(&mut self, no: JobNo, ending: Ending) {
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        let input = job.fold_input();
        let wall_ms = self.now.wall_ms;
        let facts = job.change();
        facts.phase = Phase::Ended(ending);
        facts.ended_wall_ms = Some(wall_ms);
        job.pace.clear();
        job.left_since = None;
        let id = job.id;
        #[cfg(feature = "mutants")]
        let input = if self.mutant == Some(super::Mutant::BlobDroppedAtEnd) {
            Some(job.spec.module)
        } else {
            input
        };
        if let Some(input) = input {
            self.unrefer(input);
        }
        self.timers.disarm(Timer::JobTimeout(no));
        self.timers.disarm(Timer::Retry(no));
        for (machine, state) in &mut self.machines {
            if state.told.remove(&no).is_some()
                && let Some(peer) = state.peer()
            {
                self.transmits
                    .push_back((peer, ToWorker::Forget { job: id }));
                self.events.push_back(Event::MachineChanged(*machine));
            }
        }
        self.events.push_back(Event::JobEnded(id));
        self.touch(no);
    }

    pub(super) fn end_by_cancel(&mut self, no: JobNo, why: CancelReason) {
        let Some(job) = self.jobs.get(&no) else {
            return;
        };
        let leases: Vec<(u32, u32)> = job
            .tasks
            .leases()
            .map(|(first, lease)| (first, lease.count))
            .collect();
        #[cfg(feature = "mutants")]
        let leases = if self.is_planted(super::Mutant::ResultAfterCancel) {
            Vec::new()
        } else {
            leases
        };
        for (first, count) in leases {
            if let Some(lease) = self.end_lease(no, first, count)
                && let Some(job) = self.jobs.get_mut(&no)
            {
                job.tasks.note_attempt(first, count, lease.attempt);
            }
        }
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        job.tasks.withdraw();
        let mut after = 0;
        let mut done = Vec::new();
        for (first, count) in job.tasks.done().iter() {
            done.push((first - after, count));
            after = first + count;
        }
        self.end(no, Ending::Cancelled { why, done });
    }

    pub(super) fn handle_job_timeout(&mut self, no: JobNo) {
        let Some(job) = self.jobs.get(&no) else {
            return;
        };
        if !job.is_ended()
            && job
                .facts
                .deadline
                .is_some_and(|deadline| deadline <= self.now.moment)
        {
            self.end_by_cancel(no, CancelReason::Timeout);
        }
    }

    pub(super) fn handle_transient_over(&mut self, no: JobNo) {
        self.abandon(no);
    }

    /// A transient job ends with its client, and nothing of it stays.
    pub(super) fn abandon(&mut self, no: JobNo) {
        let Some(job) = self.jobs.get(&no) else {
            return;
        };
        if !job.is_ended() {
            self.end_by_cancel(no, CancelReason::ClientLeft);
        }
        self.begin_forgetting(no);
    }

    pub(super) fn begin_forgetting(&mut self, no: JobNo) {
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        if job.facts.forgetting {
            return;
        }
        if job.facts.result_blobs == 0 {
            self.remove_job(no, &[]);
            return;
        }
        job.change().forgetting = true;
        let (id, client) = (job.id, (job.facts.person, job.facts.client));
        self.forget_client(&client);
        self.chores.push_back(Chore::ListBlobs { job: id, no });
        self.events.push_back(Event::JobForgotten(id));
        self.touch(no);
    }

    /// Nothing of the job stays. `blobs` are those of its results.
    pub(super) fn remove_job(&mut self, no: JobNo, blobs: &[Digest]) {
        let Some(job) = self.jobs.remove(&no) else {
            return;
        };
        if !job.facts.forgetting {
            self.events.push_back(Event::JobForgotten(job.id));
            self.forget_client(&(job.facts.person, job.facts.client));
        }
        self.by_id.remove(&job.id);
        if let Some(place) = job.place {
            self.queue.remove(place);
        }
        self.queued_count -= u64::from(job.counted);
        self.touched.remove(&no);
        for timer in [
            Timer::JobTimeout(no),
            Timer::TransientOver(no),
            Timer::Retry(no),
        ] {
            self.timers.disarm(timer);
        }
        let blobs = job.spec.blobs().chain(blobs.iter().copied());
        #[cfg(feature = "mutants")]
        let blobs = blobs.filter(|_| self.mutant != Some(super::Mutant::BlobsKept));
        for blob in blobs.collect::<Vec<_>>() {
            self.unrefer(blob);
        }
        self.unsaved.forget(no);
    }

    fn forget_client(&mut self, client: &(PersonId, ClientId)) {
        #[cfg(feature = "mutants")]
        if self.is_planted(super::Mutant::ClientsKept) {
            return;
        }
        self.by_client.remove(client);
    }

    pub(super) fn refer_result_blobs(&mut self, no: JobNo, blobs: &[Digest]) {
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        if blobs.is_empty() {
            return;
        }
        job.change().result_blobs += blobs.len() as u64;
        for blob in blobs {
            self.refer(*blob);
        }
    }

    pub(super) fn release_result_blobs(&mut self, no: JobNo, blobs: &[Digest]) {
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        if blobs.is_empty() {
            return;
        }
        let facts = job.change();
        facts.result_blobs = facts.result_blobs.saturating_sub(blobs.len() as u64);
        for blob in blobs {
            self.unrefer(*blob);
        }
    }
}

impl Spec {
    /// Blobs that the job needs.
    pub(super) fn blobs(&self) -> impl Iterator<Item = Digest> {
        self.inputs.iter().copied().chain([self.module])
    }
}
