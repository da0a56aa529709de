//! What the tray and the notifications know of the pool, kept up to date
//! whether or not there is a window.

use crate::page::NodeState;
use crate::reach::{Reach, Way};
use api::{Changes, Contribution, Error, Event, JobView, MachineMemory, MachineView, Request};
use node::Then;
use std::time::Duration;
use tokio::sync::watch;

/// Jobs that are remembered: more than run at a time, and than end in a second.
const JOBS: usize = 100;
/// Before a node that told nothing more is asked again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Where the node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Node {
    #[default]
    Starting,
    Here,
    /// In another process, which this one attached to.
    There,
    Gone,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) node: Node,
    /// Why it is gone.
    pub(crate) trouble: Option<String>,
    /// Set while the disk is full.
    pub(crate) storage: Option<String>,
    pub(crate) contribution: Option<Contribution>,
    /// This one.
    pub(crate) machine: Option<MachineView>,
    /// Those that run first, then the newest.
    pub(crate) jobs: Vec<JobView>,
    pub(crate) tasks_running: u32,
}

impl Seen {
    /// Tasks that would be stopped with this process.
    pub(crate) fn tasks_running_here(&self) -> u32 {
        match self.node {
            Node::Here => self.tasks_running,
            Node::Starting | Node::There | Node::Gone => 0,
        }
    }
}

/// Watches the node until the app ends.
pub(crate) async fn watch(reach: Reach, seen: watch::Sender<Seen>) {
    let mut way = reach.way();
    loop {
        let standing = way.borrow_and_update().clone();
        seen.send_replace(Seen::before(&standing));
        let told = async {
            if let Err(error) = take_in(&reach, &standing, &seen).await {
                seen.send_modify(|seen| seen.trouble = Some(error.message));
            }
            tokio::time::sleep(TRY_AGAIN).await;
        };
        tokio::select! {
            () = told => {}
            changed = way.changed() => if changed.is_err() { return },
        }
    }
}

/// Takes in what the node tells, as long as it does.
async fn take_in(reach: &Reach, way: &Way, seen: &watch::Sender<Seen>) -> Result<(), Error> {
    if let Way::Starting | Way::Gone(_) = way {
        return Ok(());
    }
    let answer = reach.call(Request::Watch { job: None }, None).await?;
    let Then::Events(mut events, _last) = answer.then else {
        return Ok(());
    };
    while let Some(event) = events.recv().await {
        if let Event::Changed(changes) = event {
            seen.send_if_modified(|seen| {
                let before = seen.clone();
                seen.apply(*changes);
                *seen != before
            });
        }
    }
    Ok(())
}

impl Seen {
    /// What is known before the node told anything.
    fn before(way: &Way) -> Seen {
        let (node, trouble) = match way {
            Way::Starting => (Node::Starting, None),
            Way::Here(_) => (Node::Here, None),
            Way::There(_) => (Node::There, None),
            Way::Gone(error) => (Node::Gone, Some(error.message.clone())),
        };
        Seen {
            node,
            trouble,
            ..Seen::default()
        }
    }

    fn apply(&mut self, changes: Changes) {
        if changes.whole {
            self.jobs.clear();
        }
        if let Some(status) = changes.status {
            self.tasks_running = status.tasks_running;
            self.storage = status.storage;
            self.contribution = Some(status.contribution);
        }
        if let Some(contribution) = changes.contribution {
            self.contribution = Some(contribution);
        }
        if let Some(contribution) = &mut self.contribution {
            // They tell of load and temperature, and nobody here shows them.
            contribution.rules.clear();
        }
        // One machine today.
        if let Some(machine) = changes.machines.into_iter().next() {
            self.machine = Some(calm(machine));
        }
        self.jobs.retain(|job| {
            let told_again = changes.jobs.iter().any(|told| told.id == job.id);
            !told_again && !changes.gone.contains(&job.id)
        });
        self.jobs.extend(changes.jobs);
        self.jobs
            .sort_by_key(|job| std::cmp::Reverse((job.ended_ms.is_none(), job.accepted_ms)));
        self.jobs.truncate(JOBS);
    }
}

/// Without the vitals that change each second: nobody here shows them.
fn calm(machine: MachineView) -> MachineView {
    MachineView {
        cpu: None,
        core_loads: Vec::new(),
        last_seen_ms: 0,
        tasks_today: 0,
        temperature_c: machine.temperature_c.map(f32::round),
        memory: MachineMemory {
            used: 0,
            ..machine.memory
        },
        ..machine
    }
}

impl From<&Way> for NodeState {
    fn from(way: &Way) -> NodeState {
        match way {
            Way::Starting => NodeState::Starting,
            Way::Here(_) | Way::There(_) => NodeState::There,
            Way::Gone(_) => NodeState::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;
    use crate::tests::{job, machine};
    use api::Changes;
    use api::JobState::{Done, Running};
    use api::MachineState::Working;

    fn names(seen: &Seen) -> Vec<&str> {
        seen.jobs.iter().map(|job| job.name.as_str()).collect()
    }

    #[test]
    fn changes_replace_what_they_name_and_a_snapshot_everything() {
        let mut seen = Seen::default();
        let mut done = job("done", Done);
        done.ended_ms = Some(1);
        seen.apply(Changes {
            whole: true,
            jobs: vec![done, job("tiles", Running), job("words", Running)],
            ..Changes::default()
        });
        assert_eq!(names(&seen), ["tiles", "words", "done"]);
        let mut tiles = job("tiles", Done);
        tiles.ended_ms = Some(2);
        seen.apply(Changes {
            jobs: vec![tiles],
            gone: vec!["j_done".to_owned()],
            ..Changes::default()
        });
        assert_eq!(names(&seen), ["words", "tiles"]);
        seen.apply(Changes {
            whole: true,
            ..Changes::default()
        });
        assert!(seen.jobs.is_empty());
    }

    #[test]
    fn a_machine_that_only_breathes_has_not_changed() {
        let mut seen = Seen::default();
        let vitals = |cpu: f32, degrees: f32| {
            let mut machine = machine(Working);
            machine.cpu = Some(cpu);
            machine.temperature_c = Some(degrees);
            machine.core_loads = vec![cpu];
            Changes {
                machines: vec![machine],
                ..Changes::default()
            }
        };
        seen.apply(vitals(12.0, 61.1));
        let before = seen.clone();
        seen.apply(vitals(34.0, 61.4));
        assert_eq!(seen, before);
        seen.apply(vitals(34.0, 63.0));
        assert_ne!(seen, before);
    }
}
