//! What the tray and the notifications know of the pool, kept up to date
//! whether or not there is a window.

use crate::page::NodeState;
use crate::reach::{Reach, Way};
use api::{Contribution, Error, JobView, MachineView, Reply, Request};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Jobs that are looked at: more than run at a time, and than end in a second.
const JOBS: u32 = 50;
/// As often as a person looks at a tray.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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
    /// The newest first.
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

/// Looks until the app ends.
pub(crate) async fn look(reach: Reach, seen: watch::Sender<Seen>, again: std::sync::Arc<Notify>) {
    let mut way = reach.way();
    loop {
        let standing = way.borrow_and_update().clone();
        let now = glance(&reach, &standing).await;
        seen.send_if_modified(|seen| {
            let differs = *seen != now;
            *seen = now;
            differs
        });
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = again.notified() => {}
            changed = way.changed() => if changed.is_err() { return },
        }
    }
}

async fn glance(reach: &Reach, way: &Way) -> Seen {
    let mut seen = Seen::default();
    seen.node = match way {
        Way::Starting => return seen,
        Way::Gone(error) => {
            seen.node = Node::Gone;
            seen.trouble = Some(error.message.clone());
            return seen;
        }
        Way::Here(_) => Node::Here,
        Way::There(_) => Node::There,
    };
    if let Err(error) = ask(reach, &mut seen).await {
        seen.trouble = Some(error.message);
    }
    seen
}

async fn ask(reach: &Reach, seen: &mut Seen) -> Result<(), Error> {
    if let Reply::Status(status) = reach.call(Request::Status, None).await?.reply {
        seen.tasks_running = status.tasks_running;
        seen.storage = status.storage;
        seen.contribution = Some(status.contribution);
        // One machine today.
        seen.machine = status.machines.into_iter().next().map(|mut machine| {
            // It changes with every answer, and nobody here shows it.
            machine.last_seen_ms = 0;
            machine
        });
    }
    let jobs = Request::Jobs {
        cursor: None,
        limit: JOBS,
    };
    if let Reply::Jobs { jobs, .. } = reach.call(jobs, None).await?.reply {
        seen.jobs = jobs;
    }
    Ok(())
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
