//! The rules' views in the user's words. Nothing is decided here.

mod card;
mod failure;

pub(crate) use card::{card, module_title, refusal};
pub(crate) use failure::{ELSEWHERE, failure, fold_failure};

use crate::run::{Item, Run};
use api::{
    FoldState, JobState, MachineMemory, MachineState, ParameterValue, Reason, TaskCounts, TaskState,
};
use pool::spec::Fold;
use pool::{Coordinator, Explanation, FoldView, JobView, MachineId, MachineView, TaskView};
use std::collections::HashMap;

/// What machines are called: by name, or by id where two share a name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(HashMap<MachineId, String>);

impl Names {
    pub(crate) fn read(rules: &Coordinator) -> Names {
        let machines: Vec<_> = rules
            .machines()
            .map(|machine| (machine.id, machine.name))
            .collect();
        let shared = |name: &str| machines.iter().filter(|(_, other)| other == name).count() > 1;
        let named = |(id, name): &(MachineId, String)| {
            let called = if shared(name) {
                id.to_string()
            } else {
                name.clone()
            };
            (*id, called)
        };
        Names(machines.iter().map(named).collect())
    }

    /// One that was forgotten has its id left.
    pub(crate) fn of(&self, machine: &MachineId) -> String {
        self.0
            .get(machine)
            .map_or_else(|| machine.to_string(), Clone::clone)
    }
}

pub(crate) fn job(job: &JobView, names: &Names) -> api::JobView {
    let shown = match Run::read(&job.spec.run) {
        Ok(run) => run.shown,
        Err(error) => {
            tracing::error!(job = %job.id, %error, "a job cannot be shown in full");
            crate::run::Shown::default()
        }
    };
    api::JobView {
        id: job.id.to_string(),
        name: job.name.clone(),
        state: job_state(job.state),
        tasks: TaskCounts {
            total: job.total,
            queued: job.queued,
            running: job.running,
            done: job.done,
            failed: job.failed,
            cancelled: job.cancelled,
            // Nothing is taken from earlier jobs.
            cached: 0,
        },
        reason: job.reason.as_ref().map(reason),
        machines: job
            .machines
            .iter()
            .map(|machine| names.of(machine))
            .collect(),
        module: job.spec.module.to_string(),
        module_name: shown.module_name,
        priority: job.priority,
        accepted_ms: job.accepted_wall_ms,
        started_ms: job.started_wall_ms,
        ended_ms: job.ended_wall_ms,
        fold: fold_kind(job.spec.fold).map(|kind| fold(kind, &job.fold)),
        result_type: shown.result_type,
        grid: shown.grid,
        trial: job.spec.trial,
        cancelled_by: job.cancel_reason.map(|by| {
            match by {
                pool::CancelReason::Person => "person",
                pool::CancelReason::Timeout => "timeout",
                pool::CancelReason::ClientLeft => "client",
            }
            .to_owned()
        }),
        first_failure: job
            .first_failure
            .as_ref()
            .map(|(index, failed)| (*index, failure(failed))),
        command: shown.command,
    }
}

/// `item` is what the task was made from.
pub(crate) fn task(task: &TaskView, item: Item, names: &Names) -> api::TaskView {
    let machine = task.machine.map(|machine| names.of(&machine));
    let last = task.last_failure.as_ref();
    api::TaskView {
        index: task.index,
        state: task_state(task.state),
        item: item.text,
        parameters: item
            .parameters
            .into_iter()
            .map(|(name, value)| ParameterValue { name, value })
            .collect(),
        attempt: task.attempt,
        machine: machine.clone(),
        run_ms: None,
        failures: task.failures,
        losses: task.losses,
        elsewhere: task.elsewhere,
        failure: last
            .filter(|_| task.state == pool::TaskState::Failed)
            .map(failure),
        reason: task.explanation.as_ref().map(reason),
        progress_per_mille: task.progress,
        attempts: last
            .filter(|_| task.state != pool::TaskState::Failed)
            .map(|failed| api::Attempt {
                attempt: task
                    .attempt
                    .saturating_sub(u32::from(task.state != pool::TaskState::Queued)),
                machine: None,
                what: failed.message.clone(),
            })
            .into_iter()
            .collect(),
        log_tail: Vec::new(),
    }
}

/// `memory` and `cpu` are readings of this machine, where it is this machine.
pub(crate) fn machine(
    machine: &MachineView,
    host: Option<&crate::host::Reading>,
) -> api::MachineView {
    api::MachineView {
        id: machine.id.to_string(),
        name: machine.name.clone(),
        state: match machine.state {
            pool::MachineState::Working => MachineState::Working,
            pool::MachineState::Ready => MachineState::Ready,
            pool::MachineState::Paused => MachineState::Paused,
            pool::MachineState::Draining => MachineState::Draining,
            pool::MachineState::Offline => MachineState::Offline,
        },
        reason: machine.reason.clone(),
        cores: machine.cores,
        cores_working: machine.busy,
        cpu: host.map(|host| host.cpu_percent),
        memory: MachineMemory {
            total: host.map_or(0, |host| host.memory_total),
            used: host.map_or(0, |host| host.memory_used),
            offered: machine.memory_bytes,
        },
        // No sensor is read yet on any system.
        temperature_c: None,
        os: machine.os.clone(),
        version: machine.version.clone(),
        last_seen_ms: machine.last_seen_wall_ms,
    }
}

pub(crate) fn task_state(state: pool::TaskState) -> TaskState {
    match state {
        pool::TaskState::Queued => TaskState::Queued,
        pool::TaskState::Running => TaskState::Running,
        pool::TaskState::Done => TaskState::Done,
        pool::TaskState::Failed => TaskState::Failed,
        pool::TaskState::Cancelled => TaskState::Cancelled,
    }
}

pub(crate) fn fold_kind(fold: Fold) -> Option<api::Fold> {
    match fold {
        Fold::None => None,
        Fold::Concat => Some(api::Fold::Concat),
        Fold::Json => Some(api::Fold::Json),
        Fold::Sum => Some(api::Fold::Sum),
        Fold::Kernel => Some(api::Fold::Kernel),
    }
}

fn job_state(state: pool::JobState) -> JobState {
    match state {
        pool::JobState::Queued => JobState::Queued,
        pool::JobState::Running => JobState::Running,
        pool::JobState::Folding => JobState::Folding,
        pool::JobState::Done => JobState::Done,
        pool::JobState::Failed => JobState::Failed,
        pool::JobState::Cancelled => JobState::Cancelled,
    }
}

fn fold(kind: api::Fold, view: &FoldView) -> api::FoldView {
    let (state, message) = match view {
        FoldView::None | FoldView::Waiting => (FoldState::Queued, None),
        FoldView::Running => (FoldState::Running, None),
        FoldView::Done => (FoldState::Done, None),
        FoldView::Failed { message } => (FoldState::Failed, Some(message.clone())),
    };
    api::FoldView {
        kind,
        state,
        message,
    }
}

fn reason(explanation: &Explanation) -> Reason {
    Reason {
        code: explanation.code.as_str().to_owned(),
        text: explanation.text.clone(),
    }
}
