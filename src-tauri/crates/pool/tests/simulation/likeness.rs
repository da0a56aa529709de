//! Whether two coordinators say the same of all jobs and tasks (I27).

use pool::{Coordinator, JobState};

/// Jobs of more tasks are not compared task by task.
pub(crate) const LOOKED_AT: u32 = 500;

/// The first thing that a restored coordinator says otherwise.
pub(crate) fn differs(living: &Coordinator, restored: &Coordinator) -> Option<String> {
    let (mine, theirs): (Vec<_>, Vec<_>) = (living.jobs().collect(), restored.jobs().collect());
    if mine.len() != theirs.len() {
        return Some(format!("{} jobs became {}", mine.len(), theirs.len()));
    }
    let machines = |coordinator: &Coordinator| -> Vec<_> {
        let of =
            |machine: pool::MachineView| (machine.id, machine.name, machine.order, machine.labels);
        coordinator.machines().map(of).collect()
    };
    if machines(living) != machines(restored) {
        return Some(format!(
            "{:?} became {:?}",
            machines(living),
            machines(restored)
        ));
    }
    for (before, after) in mine.into_iter().zip(theirs) {
        let counts = |view: &pool::JobView| {
            (
                view.id,
                view.state,
                view.queued,
                view.running,
                view.done,
                view.failed,
                view.cancelled,
                view.fold.clone(),
            )
        };
        if counts(&before) != counts(&after) {
            return Some(format!("{before:?} became {after:?}"));
        }
        if before.total > LOOKED_AT {
            continue;
        }
        let tasks = |coordinator: &Coordinator| {
            let of = |task: pool::TaskView| {
                (
                    task.index,
                    task.state,
                    task.attempt,
                    task.failures,
                    task.losses,
                    task.elsewhere,
                    task.last_failure,
                )
            };
            coordinator
                .tasks(before.id, 0, LOOKED_AT)
                .into_iter()
                .map(of)
                .collect::<Vec<_>>()
        };
        let (mine, theirs) = (tasks(living), tasks(restored));
        let ended = matches!(
            before.state,
            JobState::Done | JobState::Failed | JobState::Cancelled
        );
        if !ended && mine != theirs {
            let pair = mine
                .iter()
                .zip(&theirs)
                .find(|(mine, theirs)| mine != theirs);
            return Some(format!("of {}: {pair:?}", before.id));
        }
    }
    None
}
