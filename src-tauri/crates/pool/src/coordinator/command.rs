//! What a person wants. Each command is checked first; an error changes nothing.

use super::history::Standing;
use super::job::{CancelReason, ClientId, Ending, Facts, Job, Phase, Presence, Unsaved};
use super::measure::Tempo;
use super::pace::Pace;
use super::queue::Turn;
use super::tasks::Tasks;
use super::timer::Timer;
use super::{Coordinator, Event};
use crate::id::{DeviceId, Digest, JobId, JobNo, PersonId};
use crate::limits::{
    INPUTS_MAX, JOBS_MAX, LABEL_CHARS_MAX, NAME_CHARS_MAX, ON_MAX, PRIORITY_MAX, PRIORITY_MIN,
    RUN_BYTES_MAX, TASKS_PER_JOB_MAX, TRANSIENT_LIFE,
};
use crate::message::ToWorker;
use crate::moment::Now;
use crate::spec::Spec;
use core::time::Duration;
use std::sync::Arc;

/// A job to accept. Its blobs are on disk already.
#[derive(Clone, Debug)]
pub struct Submit {
    /// From which it is sent: the job becomes its person's.
    pub device: DeviceId,
    pub client: ClientId,
    pub spec: Spec,
    /// Of everything the client asked for: the same id with another digest is
    /// a conflict.
    pub spec_digest: Digest,
    /// The client stays, and will follow.
    pub client_living: bool,
}

/// A job that is accepted once the records are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    pub job: JobId,
    /// It was accepted before, under the same client's id.
    pub existed: bool,
}

/// Why a job is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    #[error("this device may not send jobs to the pool; its role has to be submit")]
    NotAllowed,
    #[error("this client has used the same id for another job, {job}")]
    Conflict { job: JobId },
    #[error("the job has {tasks} tasks, and at most {TASKS_PER_JOB_MAX} are possible")]
    TooManyTasks { tasks: u32 },
    #[error("{queued} tasks wait already, and {max} may wait at most")]
    QueueFull { queued: u64, max: u64 },
    #[error("{JOBS_MAX} jobs are remembered already")]
    TooManyJobs,
    #[error("the job's {what} is over its limit of {max}")]
    TooLarge { what: &'static str, max: usize },
    #[error("priority {priority} is not between {PRIORITY_MIN} and {PRIORITY_MAX}")]
    Priority { priority: i8 },
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("there is no such job")]
    UnknownJob,
    #[error("the job has not ended")]
    Running,
    #[error("the job has ended")]
    Ended,
    #[error("no task of the job failed or was cancelled")]
    NothingToRetry,
    #[error("the job is not a trial")]
    NotTrial,
}

/// What a retry may change; `None` keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryChanges {
    pub memory_bytes: Option<u64>,
    pub task_time: Option<Duration>,
    pub retries: Option<u32>,
}

impl Coordinator {
    /// Tasks that may wait in all jobs together.
    pub fn limit_queued_tasks(&mut self, tasks: u64) {
        self.queued_max = tasks;
    }

    /// Runs only jobs that a living client follows, whatever was asked for
    /// them. Called right after the start, if at all.
    pub fn living_only(&mut self, on: bool) {
        self.living_only = on;
        for job in self.jobs.values_mut() {
            job.presence.required = on;
        }
        self.touched.extend(self.jobs.keys().copied());
    }

    /// Accepts a job: promised as soon as the records are committed, and not
    /// before.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub fn submit(&mut self, now: Now, submit: Submit) -> Result<Submitted, SubmitError> {
        self.advance(now);
        let person = self.submitter(submit.device)?;
        if let Some(job) = self
            .by_client
            .get(&(person, submit.client))
            .and_then(|no| self.jobs.get(no))
        {
            return if job.facts.digest == submit.spec_digest {
                Ok(Submitted {
                    job: job.id,
                    existed: true,
                })
            } else {
                Err(SubmitError::Conflict { job: job.id })
            };
        }
        self.validate(&submit.spec)?;
        let no = JobNo(self.next_no);
        self.next_no += 1;
        let id = JobId(self.chance.bytes());
        let spec = Arc::new(submit.spec);
        let facts = Facts::new(self.now, submit.client, person, submit.spec_digest, &spec);
        for blob in spec.blobs() {
            self.refer(blob);
        }
        if let Some(deadline) = facts.deadline {
            self.timers.arm(Timer::JobTimeout(no), deadline);
        }
        if spec.transient {
            self.timers.arm(
                Timer::TransientOver(no),
                facts.accepted.after(TRANSIENT_LIFE),
            );
        }
        self.events.push_back(Event::JobAccepted(id));
        self.queued_count += u64::from(spec.count);
        self.by_id.insert(id, no);
        self.by_client.insert((person, submit.client), no);
        self.jobs.insert(
            no,
            Job {
                no,
                id,
                accepted_wall_ms: self.now.wall_ms,
                tasks: Tasks::new(spec.count),
                presence: Presence {
                    submitter: submit.client_living,
                    required: self.living_only,
                    ..Presence::default()
                },
                pace: Pace::default(),
                tempo: Tempo::default(),
                edition: 0,
                turn: Turn::new(person, no, facts.accepted, spec.priority, self.served),
                left_since: None,
                place: None,
                counted: spec.count,
                unsaved: Unsaved {
                    facts: true,
                    spec: true,
                },
                spec,
                facts,
            },
        );
        self.touch(no);
        self.conclude(no);
        Ok(Submitted {
            job: id,
            existed: false,
        })
    }

    /// Whose a job becomes that is sent from the device.
    fn submitter(&self, device: DeviceId) -> Result<PersonId, SubmitError> {
        let caller = self.caller(device).ok_or(SubmitError::NotAllowed)?;
        let may = caller.roles.submit;
        #[cfg(feature = "mutants")]
        let may = may || self.is_planted(super::Mutant::RoleIgnored);
        may.then_some(caller.person).ok_or(SubmitError::NotAllowed)
    }

    fn validate(&self, spec: &Spec) -> Result<(), SubmitError> {
        if spec.count > TASKS_PER_JOB_MAX {
            return Err(SubmitError::TooManyTasks { tasks: spec.count });
        }
        if !(PRIORITY_MIN..=PRIORITY_MAX).contains(&spec.priority) {
            return Err(SubmitError::Priority {
                priority: spec.priority,
            });
        }
        for (what, length, max) in [
            ("name", spec.name.chars().count(), NAME_CHARS_MAX),
            ("list of input blobs", spec.inputs.len(), INPUTS_MAX),
            ("list of machines", spec.on.len(), ON_MAX),
            ("longest label", spec.longest_label(), LABEL_CHARS_MAX),
            ("description of its run", spec.run.len(), RUN_BYTES_MAX),
        ] {
            if length > max {
                return Err(SubmitError::TooLarge { what, max });
            }
        }
        let queued = self.queued_tasks();
        if queued + u64::from(spec.count) > self.queued_max {
            return Err(SubmitError::QueueFull {
                queued,
                max: self.queued_max,
            });
        }
        if self.jobs.len() >= JOBS_MAX {
            return Err(SubmitError::TooManyJobs);
        }
        Ok(())
    }

    /// Ends the job: from the commit on no result of it becomes visible.
    ///
    /// # Errors
    /// When there is no such job, or it ended otherwise.
    pub fn cancel(&mut self, now: Now, job: JobId) -> Result<(), CommandError> {
        self.advance(now);
        let job = self.named(job)?;
        match &job.facts.phase {
            Phase::Open | Phase::Folding(_) => {
                let no = job.no;
                self.end_by_cancel(no, CancelReason::Person);
                Ok(())
            }
            Phase::Ended(Ending::Cancelled { .. }) => Ok(()),
            Phase::Ended(Ending::Done | Ending::Failed { .. }) => Err(CommandError::Ended),
        }
    }

    /// Lets the tasks after the first of a trial run.
    ///
    /// # Errors
    /// When there is no such job, or it is not a trial.
    pub fn release(&mut self, now: Now, job: JobId) -> Result<(), CommandError> {
        self.advance(now);
        let no = self.named(job)?.no;
        let job = self.jobs.get_mut(&no).ok_or(CommandError::UnknownJob)?;
        if !job.spec.trial {
            return Err(CommandError::NotTrial);
        }
        if !job.facts.released {
            job.change().released = true;
        }
        self.touch(no);
        Ok(())
    }

    /// Reopens an ended job in place: failed and cancelled tasks wait again,
    /// attempts go on counting, failures and losses are counted from zero.
    ///
    /// # Errors
    /// When there is no such job, it has not ended, or all of it is done.
    pub fn retry(
        &mut self,
        now: Now,
        job: JobId,
        changes: RetryChanges,
    ) -> Result<(), CommandError> {
        self.advance(now);
        let job = self.named(job)?;
        match &job.facts.phase {
            Phase::Open | Phase::Folding(_) => return Err(CommandError::Running),
            Phase::Ended(Ending::Done) => return Err(CommandError::NothingToRetry),
            Phase::Ended(Ending::Failed { .. } | Ending::Cancelled { .. }) => {}
        }
        let no = job.no;
        let moment = self.now.moment;
        let Some(job) = self.jobs.get_mut(&no) else {
            return Err(CommandError::UnknownJob);
        };
        let spec = Arc::make_mut(&mut job.spec);
        spec.limits.memory_bytes = changes.memory_bytes.unwrap_or(spec.limits.memory_bytes);
        spec.limits.task_time = changes.task_time.or(spec.limits.task_time);
        spec.retries = changes.retries.unwrap_or(spec.retries);
        let deadline = spec.timeout.map(|timeout| moment.after(timeout));
        job.unsaved = Unsaved {
            facts: true,
            spec: true,
        };
        job.edition += 1;
        job.pace.clear();
        job.tempo = Tempo::default();
        job.facts.phase = Phase::Open;
        job.facts.ended_wall_ms = None;
        job.facts.first_failure = None;
        job.facts.deadline = deadline;
        let failed = job.tasks.reopen(moment);
        if let Some(deadline) = deadline {
            self.timers.arm(Timer::JobTimeout(no), deadline);
        }
        for (first, count, history) in failed {
            if let Standing::Failed { blobs: Some(blobs) } = history.standing {
                for index in first..first + count {
                    self.unsaved.forget_result(no, index);
                    self.release_result_blobs(no, &blobs);
                }
            }
        }
        self.touch(no);
        self.conclude(no);
        Ok(())
    }

    /// Removes an ended job and everything of it. Where its results refer to
    /// blobs it is gone for people at once, and for the store when the driver
    /// has said which ([`crate::Chore::ListBlobs`]).
    ///
    /// # Errors
    /// When there is no such job, or it has not ended.
    pub fn forget(&mut self, now: Now, job: JobId) -> Result<(), CommandError> {
        self.advance(now);
        let job = self.named(job)?;
        if !job.is_ended() {
            return Err(CommandError::Running);
        }
        let no = job.no;
        self.begin_forgetting(no);
        Ok(())
    }

    /// A living client looks at the job.
    ///
    /// # Errors
    /// When there is no such job.
    pub fn follow(&mut self, now: Now, job: JobId, follower: u64) -> Result<(), CommandError> {
        self.advance(now);
        let no = self.named(job)?.no;
        if let Some(job) = self.jobs.get_mut(&no) {
            job.presence.submitter = false;
            job.presence.followers.insert(follower);
        }
        self.touch(no);
        Ok(())
    }

    /// It does not any more. Harmless for one that never did.
    pub fn unfollow(&mut self, now: Now, job: JobId, follower: u64) {
        self.advance(now);
        let Some(&no) = self.by_id.get(&job) else {
            return;
        };
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        if !job.presence.followers.remove(&follower) {
            return;
        }
        let abandoned = job.spec.transient && !job.presence.is_living();
        self.touch(no);
        if abandoned {
            self.abandon(no);
        }
    }

    /// The client that submitted the job left before it followed.
    pub fn submitter_left(&mut self, now: Now, job: JobId) {
        self.advance(now);
        let Some(&no) = self.by_id.get(&job) else {
            return;
        };
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        job.presence.submitter = false;
        let abandoned = job.spec.transient && !job.presence.is_living();
        self.touch(no);
        if abandoned {
            self.abandon(no);
        }
    }

    /// This node stops: no new leases, and what workers give back waits.
    pub fn drain(&mut self, now: Now) {
        self.advance(now);
        if self.draining {
            return;
        }
        self.draining = true;
        for id in self.machines.keys().copied().collect::<Vec<_>>() {
            self.send(id, ToWorker::Drain);
            self.events.push_back(Event::MachineChanged(id));
        }
    }

    /// Tasks that wait in all jobs: at the last turn, and submitted since.
    #[must_use]
    pub fn queued_tasks(&self) -> u64 {
        self.queued_count
    }

    fn named(&self, job: JobId) -> Result<&Job, CommandError> {
        self.by_id
            .get(&job)
            .and_then(|no| self.jobs.get(no))
            .filter(|job| !job.facts.forgetting)
            .ok_or(CommandError::UnknownJob)
    }
}
