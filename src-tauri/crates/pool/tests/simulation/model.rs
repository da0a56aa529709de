//! The naive model: what was promised, in plain maps, and whether it was kept.
//!
//! It sees what the world sees (rows that were committed, messages that left,
//! events, replies), never the inside of the coordinator.

use crate::disk::Disk;
use crate::machine::blobs_of;
use crate::stage::Stage;
use crate::workload::Workload;
use pool::id::{Digest, JobId, JobNo, MachineId, Term};
use pool::limits::LEASES_PER_WORKER_MAX;
use pool::message::{Chunk, ToWorker};
use pool::record::Record;
use pool::report::{FailureKind, Outcome, Payload, Report, Reports};
use pool::spec::{Fold, Spec};
use pool::{ClientId, Event, JobState, JobView, RetryChanges, codec};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

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
}

#[derive(Clone, Debug)]
struct Job {
    no: JobNo,
    client: ClientId,
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
            // Nobody outlives the node.
            for job in self.jobs.values_mut() {
                job.submitter = false;
                job.followers.clear();
            }
        }
        for effect in effects {
            self.take(effect);
        }
        // One transaction is one moment: what it takes back was never there.
        for record in records {
            if let Record::ResultForgotten { no, first } = record {
                self.unsettled(stage, *no, *first);
            }
        }
        for record in records {
            match record {
                Record::Term(term) => {
                    if *term <= self.term {
                        stage.accuse(format!("I6: {term:?} after {:?}", self.term));
                    }
                    self.term = *term;
                }
                Record::Job { no, id, .. } if !self.jobs.contains_key(id) => {
                    let accepted = effects.iter().find_map(|effect| effect.accepted(id));
                    match accepted {
                        Some((authored, living)) => self.accept(*no, *id, authored, living),
                        None => stage.accuse(format!("{id} appeared and nobody submitted it")),
                    }
                }
                Record::Lease {
                    no, first, count, ..
                } => self.leased(stage, *no, *first, *count),
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
                Record::Moment(_)
                | Record::Job { .. }
                | Record::LeaseEnded { .. }
                | Record::ResultForgotten { .. }
                | Record::History { .. }
                | Record::HistoryEnded { .. }
                | Record::Blob { .. }
                | Record::Machine { .. } => {}
            }
        }
    }

    fn accept(&mut self, no: JobNo, id: JobId, authored: &Authored, living: bool) {
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
                | Record::Machine { .. } => continue,
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
        self.folds.remove(&id);
        self.fold_inputs.remove(&id);
    }

    // ---- what left the node

    pub(crate) fn transmitted(
        &mut self,
        stage: &mut Stage,
        disk: &Disk,
        machine: MachineId,
        memory_bytes: u64,
        message: &ToWorker,
    ) {
        match message {
            ToWorker::Lease(chunk) => self.granted(stage, disk, machine, memory_bytes, chunk),
            ToWorker::Accepted(chunk) => self.answered(stage, disk, chunk),
            ToWorker::Welcome {
                term, keep, send, ..
            } => {
                if *term != self.term {
                    stage.accuse(format!(
                        "I6: welcomed in {term:?}, durable is {:?}",
                        self.term
                    ));
                }
                for chunk in keep {
                    self.kept(stage, disk, machine, chunk);
                }
                // Results may be asked for and found stale when they come.
                for chunk in send {
                    if !self.jobs.contains_key(&chunk.job) && !self.gone.contains(&chunk.job) {
                        stage.accuse(format!("results of {chunk:?} are wanted, which is no job"));
                    }
                }
            }
            ToWorker::Job {
                job, fold_input, ..
            } => {
                if fold_input.is_some() && self.fold_inputs.get(job).copied() != *fold_input {
                    stage.accuse(format!(
                        "I17: {job} is folded from {fold_input:?}, assembled was {:?}",
                        self.fold_inputs.get(job)
                    ));
                }
            }
            ToWorker::Refused { .. }
            | ToWorker::Drop(_)
            | ToWorker::Forget { .. }
            | ToWorker::Stale(_)
            | ToWorker::Drain => {}
        }
    }

    fn granted(
        &mut self,
        stage: &mut Stage,
        disk: &Disk,
        machine: MachineId,
        memory_bytes: u64,
        chunk: &Chunk,
    ) {
        let Some(job) = self.jobs.get_mut(&chunk.job) else {
            return stage.accuse(format!(
                "I10: {chunk:?} is granted and its job is not durable"
            ));
        };
        if chunk.term != self.term {
            stage.accuse(format!("I6: {chunk:?} is granted in {:?}", self.term));
        }
        if job.cancelled {
            stage.accuse(format!(
                "I9: {chunk:?} is granted after its cancel was acknowledged"
            ));
        }
        if (job.spec.followed || self.living_only) && !job.submitter && job.followers.is_empty() {
            stage.accuse(format!("{chunk:?} is granted and nobody follows its job"));
        }
        if job.spec.limits.memory_bytes > memory_bytes {
            stage.accuse(format!(
                "I13: {chunk:?} needs {} of {memory_bytes} bytes",
                job.spec.limits.memory_bytes
            ));
        }
        for index in chunk.first..chunk.first.saturating_add(chunk.count) {
            let Some(task) = job.tasks.get_mut(index as usize) else {
                return stage.accuse(format!("{chunk:?} is granted of {} tasks", job.spec.count));
            };
            if chunk.attempt <= task.attempt {
                stage.accuse(format!("I4: {chunk:?} is granted after {task:?}"));
            }
            task.attempt = chunk.attempt;
            task.machine = Some(machine);
            if !Disk::row(&disk.leases, job.no, index) {
                stage.accuse(format!(
                    "I10: task {index} of {chunk:?} is granted and not durable"
                ));
            }
        }
        stage.overhear(*chunk);
    }

    fn kept(&self, stage: &mut Stage, disk: &Disk, machine: MachineId, chunk: &Chunk) {
        let Some(job) = self.jobs.get(&chunk.job) else {
            return stage.accuse(format!("{chunk:?} is to be kept and its job is gone"));
        };
        for index in chunk.first..chunk.first.saturating_add(chunk.count) {
            let task = job.tasks.get(index as usize).copied().unwrap_or_default();
            // Ended in the same turn, and the worker hears of that next.
            let ended = task.settled != Settled::No || !Disk::row(&disk.leases, job.no, index);
            if !ended && (task.attempt != chunk.attempt || task.machine != Some(machine)) {
                stage.accuse(format!(
                    "I3, I5: {machine} keeps task {index} of {chunk:?}, granted was {task:?}"
                ));
            }
        }
    }

    /// I10: nobody is told that a result is safe before it is.
    fn answered(&self, stage: &mut Stage, disk: &Disk, chunk: &Chunk) {
        let Some(job) = self.jobs.get(&chunk.job) else {
            return;
        };
        for index in chunk.first..chunk.first.saturating_add(chunk.count) {
            let settled = job
                .tasks
                .get(index as usize)
                .is_some_and(|task| task.settled != Settled::No);
            let noted = Disk::row(&disk.histories, job.no, index);
            if !settled && !noted && Disk::row(&disk.leases, job.no, index) {
                stage.accuse(format!(
                    "I10: task {index} of {chunk:?} is accepted and not durable"
                ));
            }
        }
    }

    pub(crate) fn published(&mut self, stage: &mut Stage, event: &Event) {
        match event {
            Event::Tasks { job, first, count } => {
                // Ended and forgotten in the same turn.
                if self.gone.contains(job) {
                    return;
                }
                let Some(known) = self.jobs.get(job) else {
                    return stage.accuse(format!(
                        "I10: tasks of {job} are published, which is not durable"
                    ));
                };
                if known.cancelled {
                    stage.accuse(format!(
                        "I9: tasks of {job} are published after its cancel was acknowledged"
                    ));
                }
                let range = *first as usize..(first + count) as usize;
                // Failed and taken back in the same turn.
                if known.retried {
                    return;
                }
                if known
                    .tasks
                    .get(range)
                    .is_none_or(|tasks| tasks.iter().any(|task| task.settled == Settled::No))
                {
                    stage.accuse(format!(
                        "I10: tasks {first} to {} of {job} are published and not durable",
                        first + count
                    ));
                }
            }
            Event::JobForgotten(job) => {
                if self.jobs.get(job).is_some_and(|job| !job.may_go) {
                    stage.accuse(format!(
                        "I1: {job} is said to be forgotten and nobody asked for that"
                    ));
                }
            }
            Event::JobEnded(job) => {
                self.fold_inputs.remove(job);
            }
            Event::Output(output) => {
                let task = self
                    .jobs
                    .get(&output.job)
                    .and_then(|job| job.tasks.get(output.index as usize));
                // It may have been granted anew in the turn that brought this.
                if task.is_some_and(|task| {
                    output.attempt != task.attempt && output.attempt + 1 != task.attempt
                }) {
                    stage.accuse(format!("I4: {output:?} is published, granted is {task:?}"));
                }
            }
            Event::JobChanged(_) | Event::MachineChanged(_) | Event::Term(_) => {}
        }
    }

    /// I7 and I8: a job's state says what its tasks say.
    pub(crate) fn viewed(&mut self, stage: &mut Stage, view: &JobView) {
        let Some(job) = self.jobs.get_mut(&view.id) else {
            return stage.accuse(format!("{} is listed and not durable", view.id));
        };
        let sum = view.queued + view.running + view.done + view.failed + view.cancelled;
        if sum != view.total || view.total != job.spec.count {
            stage.accuse(format!("I8: the counts of {view:?} do not add up"));
        }
        if view.done != job.done {
            stage.accuse(format!(
                "I8: {} shows {} tasks done, durable are {}",
                view.id, view.done, job.done
            ));
        }
        if view.failed < job.failed {
            stage.accuse(format!(
                "I8: {} shows {} tasks failed, durable are {}",
                view.id, view.failed, job.failed
            ));
        }
        let folded = job
            .tasks
            .last()
            .is_some_and(|task| task.settled == Settled::Done);
        let all_done = job.done == job.spec.count
            && (job.spec.fold == Fold::None || folded || job.spec.count == 0);
        match view.state {
            JobState::Done if !all_done => {
                stage.accuse(format!("I8: {} is done and its tasks are not", view.id))
            }
            JobState::Queued | JobState::Running if all_done && job.spec.count > 0 => {
                stage.accuse(format!(
                    "I8: all of {} is done and it is {:?}",
                    view.id, view.state
                ));
            }
            JobState::Queued
            | JobState::Running
            | JobState::Folding
            | JobState::Done
            | JobState::Failed
            | JobState::Cancelled => {}
        }
        let ended = |state| {
            matches!(
                state,
                JobState::Done | JobState::Failed | JobState::Cancelled
            )
        };
        if let Some(before) = job.state
            && ended(before)
            && before != view.state
            && !job.retried
        {
            stage.accuse(format!(
                "I7: {} was {before:?} and is {:?}",
                view.id, view.state
            ));
        }
        if ended(view.state) {
            job.retried = false;
        }
        job.state = Some(view.state);
    }

    // ---- what was answered to people

    pub(crate) fn acknowledged(
        &mut self,
        stage: &mut Stage,
        client: ClientId,
        id: JobId,
        existed: bool,
    ) {
        match self.jobs.get(&id) {
            // Asked again and forgotten in the same turn.
            None if self.gone.contains(&id) => return,
            None => stage.accuse(format!("I1, I10: {id} was acknowledged and is not durable")),
            Some(job) if job.client != client => stage.accuse(format!(
                "I11: {id} of {:?} was given to {client:?}",
                job.client
            )),
            Some(_) => {}
        }
        match self.acknowledged.insert(client, id) {
            Some(before)
                if before != id && self.jobs.get(&before).is_some_and(|job| !job.may_go) =>
            {
                stage.accuse(format!(
                    "I11: {client:?} had {before} and now has {id} (existed: {existed})"
                ))
            }
            Some(before) if before == id && !existed => {
                stage.accuse(format!("I11: {id} was made twice"))
            }
            Some(_) | None => {}
        }
    }

    /// From here on nothing of it may become visible.
    pub(crate) fn cancelled(&mut self, id: JobId, cancelled: bool) {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.cancelled = cancelled;
        }
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
                self.fold_inputs.insert(*id, *digest);
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
            Effect::Accept { .. } => {}
        }
    }

    pub(crate) fn knows(&self, id: &JobId) -> bool {
        self.jobs.contains_key(id)
    }

    /// A backup of the data folder has the blobs of its time too.
    pub(crate) fn put_back_blobs(&self, blobs: &mut BTreeSet<Digest>) {
        blobs.extend(self.references.keys().chain(self.fold_inputs.values()));
    }

    // ---- at rest

    pub(crate) fn is_referenced(&self, digest: &Digest) -> bool {
        self.references.contains_key(digest)
            || self.fold_inputs.values().any(|input| input == digest)
    }

    /// I23: what one machine holds has a limit, and what is remembered of a
    /// job's tasks is less than the tasks.
    fn check_bounds(&self, stage: &mut Stage, disk: &Disk) {
        let mut held: BTreeMap<MachineId, usize> = BTreeMap::new();
        for (no, first) in disk.leases.keys() {
            let job = self.numbers.get(no).and_then(|id| self.jobs.get(id));
            let task = job.and_then(|job| job.tasks.get(*first as usize));
            if let Some(machine) = task.and_then(|task| task.machine) {
                *held.entry(machine).or_default() += 1;
            }
        }
        for (machine, leases) in held {
            if leases > LEASES_PER_WORKER_MAX {
                stage.accuse(format!("I23: {machine} holds {leases} leases"));
            }
        }
        for job in self.jobs.values() {
            let rows = disk.histories.range((job.no, 0)..=(job.no, u32::MAX));
            if rows.count() > job.tasks.len() {
                stage.accuse(format!("I23: {:?} has more histories than tasks", job.no));
            }
        }
        if disk.jobs.len() != self.jobs.len() {
            stage.accuse(format!(
                "I1, I23: {} jobs are on disk, {} were promised",
                disk.jobs.len(),
                self.jobs.len()
            ));
        }
    }

    /// I1, I15 and I16, over everything.
    pub(crate) fn check_at_rest(&self, stage: &mut Stage, disk: &Disk) {
        self.check_bounds(stage, disk);
        for (client, id) in &self.acknowledged {
            if !disk.jobs.values().any(|row| row.id == *id) {
                stage.accuse(format!(
                    "I1: {id} of {client:?} was acknowledged and is not on disk"
                ));
            }
        }
        for digest in self.references.keys() {
            if !stage.blobs.contains(digest) {
                stage.accuse(format!("I15: blob {digest} is referenced and gone"));
            }
            if !disk.blobs.contains_key(digest) {
                stage.accuse(format!("I15: blob {digest} is referenced and not counted"));
            }
        }
        for digest in disk.blobs.keys() {
            if !self.is_referenced(digest) {
                stage.accuse(format!(
                    "I16: blob {digest} is counted and nothing refers to it"
                ));
            }
        }
    }

    /// How a job that harmless tasks were made of must have ended.
    pub(crate) fn must_be_done(&self, id: &JobId) -> bool {
        self.jobs.get(id).is_some_and(|job| {
            let in_time = job
                .spec
                .limits
                .task_time
                .is_none_or(|time| u128::from(job.workload.micros) <= time.as_micros());
            job.workload.is_harmless()
                && in_time
                && job.spec.timeout.is_none()
                && !job.spec.transient
        })
    }
}

/// What a truthful worker would have said of this attempt, if not this.
fn wrong_report(job: &Job, index: u32, attempt: u32, report: &Report) -> Option<String> {
    let workload = &job.workload;
    match &report.outcome {
        Outcome::Done if report.output != workload.output(index) => {
            Some(format!("the output is {:?}", report.output))
        }
        Outcome::Done => None,
        Outcome::Failed(failure) => {
            let possible = match failure.kind {
                FailureKind::Trap => {
                    workload.traps + workload.flaky > 0 && attempt > job.spec.retries
                }
                FailureKind::DeadlineExceeded => {
                    job.spec.limits.task_time.is_some() && attempt > job.spec.retries
                }
                FailureKind::Elsewhere => workload.elsewhere > 0 && attempt > job.spec.elsewhere,
                FailureKind::Lost => attempt >= job.spec.lost,
                FailureKind::Refused => workload.refused > 0,
                FailureKind::Fold => index == job.spec.count,
                FailureKind::ExitCode
                | FailureKind::MemoryLimit
                | FailureKind::TableLimit
                | FailureKind::OutOfFuel
                | FailureKind::OutputLimit
                | FailureKind::AbiViolation
                | FailureKind::LinkError
                | FailureKind::CompileFailed => false,
            };
            (!possible).then(|| format!("failed in attempt {attempt} with {failure:?}"))
        }
        Outcome::Elsewhere => (attempt <= job.spec.elsewhere)
            .then(|| format!("given up in attempt {attempt}, asked for elsewhere")),
        Outcome::Lost { .. } => {
            (attempt < job.spec.lost).then(|| format!("given up in attempt {attempt} as lost"))
        }
        Outcome::Refused { why } => Some(format!("given up because a worker could not: {why}")),
    }
}

fn each_of(reports: &Reports) -> Vec<Report> {
    match reports {
        Reports::Each(each) => each.clone(),
        Reports::Plain(plain) => {
            let mut from = 0;
            let report = |end: &u32| {
                let bytes = plain.bytes.get(from..*end as usize).unwrap_or_default();
                from = *end as usize;
                Report {
                    outcome: Outcome::Done,
                    micros: 0,
                    output: Payload::Inline(serde_bytes::ByteBuf::from(bytes)),
                    log: Payload::empty(),
                    log_truncated: false,
                    files: None,
                }
            };
            plain.ends.iter().map(report).collect()
        }
    }
}
