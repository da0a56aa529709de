//! What left the node: messages to workers, events and answers to people.

use super::*;

impl Model {
    pub(crate) fn transmitted(
        &mut self,
        stage: &mut Stage,
        disk: &Disk,
        machine: MachineId,
        memory_bytes: u64,
        message: &ToWorker,
    ) {
        if !matches!(message, ToWorker::Refused { .. }) {
            self.check_spoken_to(stage, machine);
        }
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
                job,
                person,
                fold_input,
                ..
            } => {
                let whose = self.jobs.get(job).map(|job| job.person);
                if whose.is_some_and(|whose| whose != *person) {
                    stage.accuse(format!("I21: {job} is {person}'s for a worker"));
                }
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
            | ToWorker::Drain
            | ToWorker::Pause { .. }
            | ToWorker::Resume
            | ToWorker::Recall(_) => {}
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
        job.served_at = stage.agenda.now();
        if let Some(objection) = self.steered.objection(machine, &job.spec.on) {
            stage.accuse(format!("{objection}, and is granted {chunk:?}"));
        }
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
            if task.settled != Settled::No {
                stage.accuse(format!(
                    "I7: {chunk:?} is granted and has ended as {task:?}"
                ));
            }
            if chunk.attempt < task.attempt {
                stage.accuse(format!("I4: {chunk:?} is granted after {task:?}"));
            }
            if chunk.attempt == task.attempt {
                stage.accuse(format!("I4, I5: {chunk:?} is granted beside {task:?}"));
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
            // Forgotten in the turn that welcomed.
            if self.gone.contains(&chunk.job) {
                return;
            }
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
            Event::JobAccepted(job) => {
                if !self.jobs.contains_key(job) {
                    stage.accuse(format!(
                        "I10: {job} is said to be accepted, and is not durable"
                    ));
                }
            }
            Event::JobChanged(_)
            | Event::MachineChanged(_)
            | Event::RegistryChanged
            | Event::JoinAsked(_)
            | Event::JoinEnded(_)
            | Event::DeviceAdmitted(_)
            | Event::DeviceRevoked(_)
            | Event::Superseded(_)
            | Event::Term(_) => {}
        }
    }

    /// I7 and I8: a job's state says what its tasks say.
    pub(crate) fn viewed(&mut self, stage: &mut Stage, view: &JobView) {
        let Some(job) = self.jobs.get_mut(&view.id) else {
            return stage.accuse(format!("{} is listed and not durable", view.id));
        };
        if view.person != job.person {
            stage.accuse(format!("I21: {} became {}'s", view.id, view.person));
        }
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
}
