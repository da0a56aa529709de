//! The naive model: what was promised, in plain maps, and whether it was kept.
//!
//! It sees what the world sees (rows that were committed, messages that left,
//! events, replies), never the inside of the coordinator.

mod losses;
mod registry;
mod rest;
mod said;
mod steered;
mod truth;

use crate::agenda::At;
use crate::disk::Disk;
use crate::machine::blobs_of;
use crate::stage::Stage;
use crate::steer::Steering;
use crate::workload::Workload;
use losses::Losses;
use pool::Moment;
use pool::id::{CodeId, DeviceId, Digest, JobId, JobNo, MachineId, PersonId, Term};
use pool::message::{Chunk, ToWorker};
use pool::record::Record;
use pool::report::{FailureKind, Outcome, Payload, Report, Reports};
use pool::spec::{Fold, Spec};
use pool::{ClientId, Event, JobState, JobView, RetryChanges, codec};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use steered::Steered;
use truth::{each_of, wrong_report};

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    jobs: BTreeMap<JobId, Job>,
    numbers: BTreeMap<JobNo, JobId>,
    /// What clients were told their jobs are called.
    acknowledged: BTreeMap<ClientId, JobId>,
    term: Term,
    /// Jobs that the last transaction removed.
    gone: BTreeSet<JobId>,
    /// References to blobs, counted from what is durable.
    references: BTreeMap<Digest, u64>,
    /// The node works only for clients that live.
    living_only: bool,
    /// Machines whose words are not to be believed.
    liars: BTreeSet<MachineId>,
    /// What the node's own folds said.
    folds: BTreeMap<JobId, Result<Payload, String>>,
    /// What the node assembled for folds by a kernel.
    fold_inputs: BTreeMap<JobId, Digest>,
    losses: Losses,
    steered: Steered,
    registry: registry::Registry,
}

#[derive(Clone, Debug)]
struct Job {
    no: JobNo,
    client: ClientId,
    person: PersonId,
    spec: Spec,
    workload: Rc<Workload>,
    tasks: Vec<Task>,
    done: u32,
    failed: u32,
    /// A cancel was acknowledged, and no retry since.
    cancelled: bool,
    released: bool,
    /// A person asked for it to go; or it may go by itself.
    may_go: bool,
    retried: bool,
    /// Which living clients it has: the one that submitted it, until it
    /// follows, and those that follow.
    submitter: bool,
    followers: BTreeSet<u64>,
    state: Option<JobState>,
    /// When it was last given a machine.
    served_at: At,
}

#[derive(Clone, Copy, Debug, Default)]
struct Task {
    /// The last one granted.
    attempt: u32,
    machine: Option<MachineId>,
    settled: Settled,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Settled {
    #[default]
    No,
    Done,
    Failed,
}

/// What an input means once its turn is durable.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Accept {
        job: JobId,
        authored: Box<Authored>,
        client_living: bool,
    },
    Follow(JobId, u64),
    Unfollow(JobId, u64),
    Left(JobId),
    Retry(JobId, RetryChanges),
    Release(JobId),
    Forget(JobId),
    Hold(Digest),
    LetGo(Digest),
    Folded(JobId, Result<Payload, String>),
    Assembled(JobId, Digest),
    Steer(MachineId, Steering, Option<Moment>),
    /// A machine said hello.
    Greeted(MachineId),
    /// The device read or changed the job.
    Steered(DeviceId, JobId),
    /// By an invite, or by a person's word.
    LetIn(DeviceId),
    /// Some device was revoked.
    Revoked,
    CodeOpened(CodeId, Moment),
    CodeClosed,
    /// At that moment, and how many tries were left, if it was taken.
    CodeTried(CodeId, Moment, Option<u8>),
    /// A device that was not known asked to join.
    AskedByCode(CodeId, Moment, DeviceId),
}

impl Effect {
    /// What was accepted as `id`, and whether its client stays.
    fn accepted(&self, id: &JobId) -> Option<(&Authored, bool)> {
        if let Effect::Accept {
            job,
            authored,
            client_living,
        } = self
            && job == id
        {
            return Some((authored, *client_living));
        }
        None
    }
}

/// What the author of a job knows that rows do not tell.
#[derive(Clone, Debug)]
pub(crate) struct Authored {
    /// From which it is sent.
    pub(crate) device: DeviceId,
    pub(crate) client: ClientId,
    pub(crate) spec: Spec,
    pub(crate) workload: Rc<Workload>,
}

impl Model {
    pub(crate) fn new(liars: BTreeSet<MachineId>, living_only: bool) -> Model {
        Model {
            liars,
            living_only,
            ..Model::default()
        }
    }

    // ---- what became durable

    /// A transaction was committed: of inputs that had these effects.
    pub(crate) fn committed(
        &mut self,
        stage: &mut Stage,
        disk: &Disk,
        records: &[Record],
        effects: &[Effect],
    ) {
        self.gone.clear();
        if records
            .iter()
            .any(|record| matches!(record, Record::Term(_)))
        {
            self.losses.restarted();
            self.registry.restarted();
            // Nobody outlives the node.
            for job in self.jobs.values_mut() {
                job.submitter = false;
                job.followers.clear();
            }
        }
        for record in records {
            if let Record::Registry { key, value } = record {
                self.registered(stage, *key, value.as_deref(), effects);
            }
        }
        for effect in effects {
            self.take(effect);
            self.take_gate(stage, effect);
        }
        // One transaction is one moment: what it takes back was never there.
        for record in records {
            if let Record::ResultForgotten { no, first } = record {
                self.unsettled(stage, *no, *first);
            }
        }
        for record in records {
            match record {
                Record::Moment(moment) => self.steered.goes_on(*moment),
                Record::Term(term) => {
                    if *term <= self.term {
                        stage.accuse(format!("I6: {term:?} after {:?}", self.term));
                    }
                    self.term = *term;
                }
                Record::Job { no, id, .. } if !self.jobs.contains_key(id) => {
                    let accepted = effects.iter().find_map(|effect| effect.accepted(id));
                    match accepted {
                        Some((authored, living)) => {
                            let person = self.author_of(stage, authored.device);
                            self.accept(*no, *id, person, authored, living);
                        }
                        None => stage.accuse(format!("{id} appeared and nobody submitted it")),
                    }
                }
                Record::Lease {
                    no,
                    first,
                    count,
                    value,
                } => {
                    self.leased(stage, *no, *first, *count);
                    if let Some(machine) = Disk::holder(value) {
                        self.check_holder(stage, machine);
                    }
                }
                Record::Result {
                    no,
                    first,
                    count,
                    value,
                } => match codec::decode_results(value) {
                    Ok(stored) if stored.reports.count() == *count => {
                        self.settled(
                            stage,
                            *no,
                            *first,
                            stored.machine,
                            stored.attempt,
                            &stored.reports,
                        );
                    }
                    Ok(stored) => stage.accuse(format!(
                        "{count} tasks with {} reports",
                        stored.reports.count()
                    )),
                    Err(error) => {
                        stage.accuse(format!("a result row that does not decode: {error}"))
                    }
                },
                Record::Forget { no } => self.forgotten(stage, disk, *no),
                Record::Job { .. }
                | Record::LeaseEnded { .. }
                | Record::ResultForgotten { .. }
                | Record::History { .. }
                | Record::HistoryEnded { .. }
                | Record::Blob { .. }
                | Record::Machine { .. }
                | Record::Registry { .. } => {}
            }
        }
        if effects
            .iter()
            .any(|effect| matches!(effect, Effect::Revoked))
        {
            self.check_revoked(stage, disk);
        }
    }

    fn accept(
        &mut self,
        no: JobNo,
        id: JobId,
        person: PersonId,
        authored: &Authored,
        living: bool,
    ) {
        let spec = authored.spec.clone();
        for digest in spec.inputs.iter().chain([&spec.module]) {
            *self.references.entry(*digest).or_default() += 1;
        }
        let tasks = vec![Task::default(); spec.count as usize + 1];
        self.numbers.insert(no, id);
        self.jobs.insert(
            id,
            Job {
                no,
                client: authored.client,
                person,
                may_go: spec.transient,
                spec,
                workload: Rc::clone(&authored.workload),
                tasks,
                done: 0,
                failed: 0,
                cancelled: false,
                released: false,
                retried: false,
                submitter: living,
                followers: BTreeSet::new(),
                state: None,
                served_at: 0,
            },
        );
    }

    fn job_of(&mut self, no: JobNo) -> Option<&mut Job> {
        self.jobs.get_mut(self.numbers.get(&no)?)
    }

    fn leased(&mut self, stage: &mut Stage, no: JobNo, first: u32, count: u32) {
        let Some(job) = self.job_of(no) else {
            return stage.accuse(format!("a lease of {no:?}, which is no job"));
        };
        // The fold of a trial of one task is not a task that waits for its release.
        let first_only = (first == 0 && count == 1) || first == job.spec.count;
        let end = first + count;
        let is_fold = first == job.spec.count;
        if job.spec.trial && !job.released && !first_only {
            stage.accuse(format!(
                "a trial of {no:?} leases tasks {first} and {count} on"
            ));
        }
        if end > job.spec.count && !(is_fold && count == 1) {
            stage.accuse(format!(
                "a lease of tasks {first} to {end} of {}",
                job.spec.count
            ));
        }
        if is_fold && (job.spec.fold != Fold::Kernel || job.done != job.spec.count) {
            stage.accuse(format!(
                "I17: {no:?} folds with {} of {} tasks done",
                job.done, job.spec.count
            ));
        }
        let range = first as usize..end.min(job.spec.count + 1) as usize;
        if job
            .tasks
            .get(range)
            .is_some_and(|tasks| tasks.iter().any(|task| task.settled != Settled::No))
        {
            stage.accuse(format!(
                "I7: a task of {first} to {end} of {no:?} is leased and has ended"
            ));
        }
    }

    fn settled(
        &mut self,
        stage: &mut Stage,
        no: JobNo,
        first: u32,
        machine: MachineId,
        attempt: u32,
        reports: &Reports,
    ) {
        let lies = self.liars.contains(&machine);
        let Some(id) = self.numbers.get(&no).copied() else {
            return stage.accuse(format!("a result of {no:?}, which is no job"));
        };
        let fold = self.folds.get(&id).cloned();
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        if job.cancelled {
            stage.accuse(format!(
                "I9: a result of task {first} of {id} after its cancel was acknowledged"
            ));
        }
        let by_node = first == job.spec.count
            && matches!(job.spec.fold, Fold::Concat | Fold::Json | Fold::Sum);
        let each = each_of(reports);
        for (index, report) in (first..).zip(&each) {
            let Some(task) = job.tasks.get_mut(index as usize) else {
                return stage.accuse(format!(
                    "a result of task {index} of {id}, which has {}",
                    job.spec.count
                ));
            };
            if task.settled != Settled::No {
                stage.accuse(format!("I2: a second result of task {index} of {id}"));
            }
            if !by_node && (task.attempt != attempt || task.machine != Some(machine)) {
                stage.accuse(format!(
                    "I3, I4: a result of task {index} of {id} from {machine} in attempt {attempt}, granted was {task:?}"
                ));
            }
            task.settled = if report.outcome == Outcome::Done {
                Settled::Done
            } else {
                Settled::Failed
            };
            if index < job.spec.count {
                *(if task.settled == Settled::Done {
                    &mut job.done
                } else {
                    &mut job.failed
                }) += 1;
            } else if job.done != job.spec.count {
                stage.accuse(format!(
                    "I17: {id} is folded with {} of {} tasks done",
                    job.done, job.spec.count
                ));
            }
            for digest in blobs_of(report) {
                *self.references.entry(digest).or_default() += 1;
            }
            if by_node {
                if fold != Some(Ok(report.output.clone())) {
                    stage.accuse(format!(
                        "the fold of {id} is {:?}, said was {fold:?}",
                        report.output
                    ));
                }
            } else if !lies && let Some(wrong) = wrong_report(job, index, attempt, report) {
                stage.accuse(format!("task {index} of {id}: {wrong}"));
            }
        }
    }

    fn unsettled(&mut self, stage: &mut Stage, no: JobNo, first: u32) {
        let Some(job) = self.job_of(no) else { return };
        let retried = job.retried;
        let count = job.spec.count;
        let Some(task) = job.tasks.get_mut(first as usize) else {
            return;
        };
        if task.settled == Settled::Failed && first < count {
            job.failed -= 1;
        } else if task.settled == Settled::Done && first < count {
            job.done -= 1;
        }
        if !retried || (task.settled != Settled::Failed && first != count) {
            stage.accuse(format!(
                "I2: the result of task {first} of {no:?} was taken back from {task:?}"
            ));
        }
        task.settled = Settled::No;
    }

    /// A row that is about to go takes its references with it.
    pub(crate) fn forgets(&mut self, records: &[Record], disk: &Disk) {
        for record in records {
            let gone: Vec<(u32, bytes::Bytes)> = match record {
                Record::Forget { no } => disk
                    .results_of(*no)
                    .map(|(first, _, value)| (first, value.clone()))
                    .collect(),
                Record::ResultForgotten { no, first } => disk
                    .results
                    .get(&(*no, *first))
                    .map(|(_, value)| (*first, value.clone()))
                    .into_iter()
                    .collect(),
                Record::Term(_)
                | Record::Moment(_)
                | Record::Job { .. }
                | Record::Lease { .. }
                | Record::LeaseEnded { .. }
                | Record::Result { .. }
                | Record::History { .. }
                | Record::HistoryEnded { .. }
                | Record::Blob { .. }
                | Record::Machine { .. }
                | Record::Registry { .. } => continue,
            };
            for (_, value) in gone {
                let Ok(stored) = codec::decode_results(&value) else {
                    continue;
                };
                for report in each_of(&stored.reports) {
                    for digest in blobs_of(&report) {
                        self.unrefer(digest);
                    }
                }
            }
        }
    }

    fn unrefer(&mut self, digest: Digest) {
        if let Some(count) = self.references.get_mut(&digest) {
            *count -= 1;
            if *count == 0 {
                self.references.remove(&digest);
            }
        }
    }

    fn forgotten(&mut self, stage: &mut Stage, disk: &Disk, no: JobNo) {
        let Some(id) = self.numbers.remove(&no) else {
            return stage.accuse(format!("{no:?} is forgotten and was no job"));
        };
        self.gone.insert(id);
        let Some(job) = self.jobs.remove(&id) else {
            return;
        };
        if !job.may_go {
            stage.accuse(format!("I1: {id} is gone and nobody asked for that"));
        }
        if Disk::row(&disk.leases, no, 0) {
            stage.accuse(format!("{id} is gone and its leases are not"));
        }
        for digest in job.spec.inputs.iter().chain([&job.spec.module]) {
            self.unrefer(*digest);
        }
        self.acknowledged.retain(|_, known| *known != id);
        self.losses.forget(&id);
        self.folds.remove(&id);
        self.fold_inputs.remove(&id);
    }

    fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Retry(id, changes) => {
                if let Some(job) = self.jobs.get_mut(id) {
                    (job.cancelled, job.retried) = (false, true);
                    let limits = &mut job.spec.limits;
                    limits.memory_bytes = changes.memory_bytes.unwrap_or(limits.memory_bytes);
                    limits.task_time = changes.task_time.or(limits.task_time);
                    job.spec.retries = changes.retries.unwrap_or(job.spec.retries);
                }
            }
            Effect::Release(id) => {
                if let Some(job) = self.jobs.get_mut(id) {
                    job.released = true;
                }
            }
            Effect::Forget(id) => {
                if let Some(job) = self.jobs.get_mut(id) {
                    job.may_go = true;
                }
            }
            Effect::Hold(digest) => *self.references.entry(*digest).or_default() += 1,
            Effect::LetGo(digest) => self.unrefer(*digest),
            Effect::Folded(id, result) => {
                self.folds.insert(*id, result.clone());
            }
            Effect::Assembled(id, digest) => {
                // An answer that comes after the job has ended is nobody's.
                let folds = |job: &Job| job.state == Some(JobState::Folding);
                if self.jobs.get(id).is_some_and(folds) {
                    self.fold_inputs.insert(*id, *digest);
                }
            }
            Effect::Follow(id, follower) => {
                if let Some(job) = self.jobs.get_mut(id) {
                    job.submitter = false;
                    job.followers.insert(*follower);
                }
            }
            Effect::Unfollow(id, follower) => {
                if let Some(job) = self.jobs.get_mut(id) {
                    job.followers.remove(follower);
                }
            }
            Effect::Left(id) => {
                if let Some(job) = self.jobs.get_mut(id) {
                    job.submitter = false;
                }
            }
            Effect::Steer(machine, steering, until) => {
                self.steered.steer(*machine, steering, *until);
            }
            Effect::Greeted(machine) => self.steered.greeted(*machine),
            Effect::Accept { .. }
            | Effect::Steered(..)
            | Effect::LetIn(_)
            | Effect::Revoked
            | Effect::CodeOpened(..)
            | Effect::CodeClosed
            | Effect::CodeTried(..)
            | Effect::AskedByCode(..) => {}
        }
    }
}
