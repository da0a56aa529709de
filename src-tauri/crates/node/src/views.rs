//! The rules' views in the user's words. Nothing is decided here.

mod card;
mod failure;

pub(crate) use card::{card, module_kind, module_title, refusal};
pub(crate) use failure::{ELSEWHERE, failed_attempt, failure, fold_failure};

use crate::run::{Item, Run};
use api::{
    FoldState, JobState, MachineMemory, MachineState, ParameterValue, Reason, TaskCounts, TaskState,
};
use pool::spec::Fold;
use pool::{
    Coordinator, Explanation, FoldView, JobView, MachineId, MachineView, Measured, TaskView,
};
use std::collections::{BTreeMap, HashMap};

/// Longest parameter that a job's view shows, in bytes: about a line of text.
const PARAM_SHOWN_BYTES: usize = 200;

/// What machines are called: by name, or by id where two share a name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    names: HashMap<MachineId, String>,
    /// This machine and its cores, where it is one of the pool.
    own: Option<(MachineId, u32)>,
}

impl Names {
    pub(crate) fn read(rules: &Coordinator, own: Option<MachineId>) -> Names {
        let mut own_cores = None;
        let machines: Vec<_> = rules
            .machines()
            .map(|machine| {
                if own == Some(machine.id) {
                    own_cores = Some((machine.id, machine.cores));
                }
                (machine.id, machine.name)
            })
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
        Names {
            names: machines.iter().map(named).collect(),
            own: own_cores,
        }
    }

    /// One that was forgotten has its id left.
    pub(crate) fn of(&self, machine: &MachineId) -> String {
        self.names
            .get(machine)
            .map_or_else(|| machine.to_string(), Clone::clone)
    }
}

pub(crate) fn job(job: &JobView, names: &Names) -> api::JobView {
    let (shown, parameters) = match Run::read(&job.spec.run) {
        Ok(run) => (run.shown, run.parameters.unwrap_or_default()),
        Err(error) => {
            tracing::error!(job = %job.id, %error, "a job cannot be shown in full");
            (crate::run::Shown::default(), Vec::new())
        }
    };
    let params: BTreeMap<String, String> = parameters
        .into_iter()
        .filter(|(_, value)| value.len() <= PARAM_SHOWN_BYTES)
        .collect();
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
        explores: explores(&params) && shown.grid.is_some(),
        params,
        command: shown.command,
        per_second: per_second(job),
        eta_ms: eta_ms(job),
        task_ms: task_ms(&job.measured),
        alone_ms: job
            .ended_wall_ms
            .and(names.own)
            .and_then(|own| alone_ms(&job.measured, job.done + job.failed, own)),
    }
}

/// Tasks a second, of late.
fn per_second(job: &JobView) -> Option<f32> {
    let (tasks, span) = job.of_late?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "seven digits are more than people read"
    )]
    let tasks = tasks as f32;
    (!span.is_zero()).then(|| tasks / span.as_secs_f32())
}

/// How long the rest takes if it goes on so.
fn eta_ms(job: &JobView) -> Option<u64> {
    let (tasks, span) = job.of_late.filter(|(tasks, _)| *tasks > 0)?;
    let rest = u128::from(job.queued + job.running);
    u64::try_from(span.as_millis() * rest / u128::from(tasks)).ok()
}

/// How long this machine alone would have worked at a job that others helped
/// with: its own measured time of a task, for all of them, on all its cores.
fn alone_ms(measured: &[Measured], tasks: u32, (own, cores): (MachineId, u32)) -> Option<u64> {
    let helped = measured.iter().any(|one| one.machine != own);
    let here = measured.iter().find(|one| one.machine == own)?;
    let micros = u128::from(here.micros) * u128::from(tasks);
    let at_once = u128::from(cores.clamp(1, tasks.max(1)));
    let alone = micros.checked_div(u128::from(here.tasks) * at_once)?;
    u64::try_from(alone / 1_000).ok().filter(|_| helped)
}

/// The mean over all machines.
pub(crate) fn task_ms<'m>(measured: impl IntoIterator<Item = &'m Measured>) -> Option<f64> {
    let (tasks, micros) = measured
        .into_iter()
        .fold((0_u64, 0_u64), |(tasks, micros), one| {
            (tasks + one.tasks, micros.saturating_add(one.micros))
        });
    #[expect(
        clippy::cast_precision_loss,
        reason = "285 years of work may be a microsecond off"
    )]
    let millis = micros as f64 / 1000.0 / tasks as f64;
    (tasks > 0).then_some(millis)
}

/// Whether these are parameters that name a centre and a zoom.
fn explores(params: &BTreeMap<String, String>) -> bool {
    card::EXPLORED.iter().all(|name| params.contains_key(*name))
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
        attempts: task
            .failed_attempts
            .iter()
            // The one that a failed task ended with is its failure.
            .filter(|earlier| {
                task.state != pool::TaskState::Failed || earlier.attempt != task.attempt
            })
            .map(|earlier| api::Attempt {
                attempt: earlier.attempt,
                machine: Some(names.of(&earlier.machine)),
                what: failed_attempt(earlier),
            })
            .collect(),
        log_tail: Vec::new(),
    }
}

/// `host` are this machine's readings, where it is this machine; others have
/// said how they are.
pub(crate) fn machine(
    machine: &MachineView,
    host: Option<&crate::host::Reading>,
    tasks_today: u32,
) -> api::MachineView {
    let told = machine.health.as_ref().map(told);
    let host = host.or(told.as_ref());
    api::MachineView {
        id: machine.id.to_string(),
        name: machine.name.clone(),
        state: match machine.state {
            pool::MachineState::Working => MachineState::Working,
            pool::MachineState::Ready => MachineState::Ready,
            pool::MachineState::Slowed => MachineState::Slowed,
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
        temperature_c: host.and_then(|host| host.temperature_c),
        processor: host.map_or_else(String::new, |host| host.processor.clone()),
        core_loads: host.map_or_else(Vec::new, |host| host.core_loads.clone()),
        on_battery: host.and_then(|host| host.on_battery),
        tasks_today,
        os: machine.os.clone(),
        version: machine.version.clone(),
        last_seen_ms: machine.last_seen_wall_ms,
    }
}

/// As a machine said.
fn told(health: &pool::message::Health) -> crate::host::Reading {
    let core_loads: Vec<f32> = health
        .core_loads
        .iter()
        .map(|load| f32::from(*load) / 1_000.0)
        .collect();
    let cores = u16::try_from(core_loads.len()).unwrap_or(u16::MAX).max(1);
    crate::host::Reading {
        // It does not tell its model.
        processor: String::new(),
        cpu_percent: core_loads.iter().sum::<f32>() / f32::from(cores) * 100.0,
        core_loads,
        memory_total: health.memory_total_bytes,
        memory_used: health.memory_used_bytes,
        temperature_c: health.temperature_c.map(f32::from),
        on_battery: health.on_battery,
    }
}

/// A machine with its readings as exactly as they mean something, so that
/// what is the same looks the same.
pub(crate) fn rounded(mut machine: api::MachineView) -> api::MachineView {
    /// Memory in use is told in steps of this, in bytes.
    const STEP: u64 = 16 << 20;
    machine.cpu = machine.cpu.map(f32::round);
    for load in &mut machine.core_loads {
        *load = (*load * 20.0).round() / 20.0;
    }
    machine.memory.used -= machine.memory.used % STEP;
    machine
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

#[cfg(test)]
mod tests {
    use super::{alone_ms, task_ms};
    use pool::{MachineId, Measured};

    fn measured(machine: u8, tasks: u64, micros: u64) -> Measured {
        Measured {
            machine: MachineId([machine; 16]),
            tasks,
            micros,
        }
    }

    #[test]
    fn alone_is_said_only_where_others_helped_and_this_machine_was_measured() {
        let own = MachineId([1; 16]);
        let (here, there) = (measured(1, 10, 20_000_000), measured(2, 30, 30_000_000));
        // Forty tasks of two seconds on four cores.
        assert_eq!(alone_ms(&[here, there], 40, (own, 4)), Some(20_000));
        assert_eq!(alone_ms(&[there, here], 2, (own, 4)), Some(2_000));
        assert_eq!(alone_ms(&[here], 40, (own, 4)), None);
        assert_eq!(alone_ms(&[there], 40, (own, 4)), None);
        assert_eq!(alone_ms(&[measured(1, 0, 0), there], 40, (own, 4)), None);
    }

    #[test]
    fn a_typical_task_is_the_mean_over_all_machines() {
        assert_eq!(task_ms(&[]), None);
        let both = [measured(1, 1, 4_000), measured(2, 3, 4_000)];
        assert_eq!(task_ms(&both), Some(2.0));
    }
}
