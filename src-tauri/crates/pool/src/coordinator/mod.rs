//! The pool's jobs and who holds which of their tasks.
//!
//! The coordinator decides everything that is promised: what was accepted,
//! which machine may run which task, which result counts. It does nothing
//! itself: see the rule of the driver in the crate's documentation.
//!
//! What is kept in memory is the truth, and records are the difference between
//! it and what was committed last. They are drawn up, and leases granted, when
//! [`Coordinator::poll_record`] is first called after an input: so everything
//! that one batch of inputs brought about is one transaction.

mod blob;
mod bounds;
mod cells;
mod chance;
mod check;
mod command;
mod credit;
mod explain;
mod fold;
mod grant;
mod history;
mod hold;
mod job;
mod life;
mod link;
mod machine;
mod measure;
#[cfg(feature = "mutants")]
mod mutant;
mod news;
mod offer;
mod order;
mod outlook;
mod pace;
mod place;
mod queue;
mod ranges;
mod reasons;
mod recall;
mod registry;
mod restore;
mod result;
mod save;
mod speed;
mod tasks;
#[cfg(test)]
mod tests;
mod timer;
mod view;

pub use cells::{Cells, Counts};
pub use command::{CommandError, RetryChanges, Submit, SubmitError, Submitted};
pub use explain::{Explanation, ReasonCode};
pub use fold::{Chore, ChoreDone, OWN_NODE};
pub use history::FailedAttempt;
pub use job::{CancelReason, ClientId};
pub use measure::Measured;
#[cfg(feature = "mutants")]
pub use mutant::Mutant;
pub use order::{MachineError, Order};
pub use registry::{
    Admission, ApproveError, CodeError, DeviceError, Founding, InviteError, JoinError, JoinRequest,
    NewInvite, OthersRole, Ownership, PersonError, PersonNamed, Via,
};
pub use restore::RestoreError;
pub use timer::TimerReason;
pub use view::{FoldView, JobState, JobView, MachineState, MachineView, TaskState, TaskView};

use crate::id::{DeviceId, Digest, JobId, JobNo, JoinId, MachineId, PersonId, Term};
use crate::limits::{HELLO_WITHIN, OWN_PAUSE, QUEUED_TASKS_MAX, STRANGERS_MAX, STRIKES_MAX};
use crate::message::{Output, ToCoordinator, ToWorker};
use crate::moment::{Moment, Now};
use crate::record::Record;
use chance::Chance;
use job::Job;

use machine::Machine;
use place::Outlooks;
use queue::Queue;
use registry::Registry;
use speed::Speeds;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use timer::{Timer, Timers};

/// A connection, named by the driver and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(pub u64);

/// Something that those who watch want to know, once it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    JobAccepted(JobId),
    /// State, counts or reason.
    JobChanged(JobId),
    JobEnded(JobId),
    JobForgotten(JobId),
    /// Results became durable, in the order of their commit. Index = count is
    /// the folded one.
    Tasks {
        job: JobId,
        first: u32,
        count: u32,
    },
    /// Of the attempt that counts at the moment, and of no other.
    Output(Output),
    MachineChanged(MachineId),
    /// The pool, its persons, devices, code or invites.
    RegistryChanged,
    /// A device waits for a person's decision.
    JoinAsked(JoinId),
    /// It waits no more: let in, refused, gone or too late.
    JoinEnded(JoinId),
    DeviceAdmitted(DeviceId),
    /// Its connections are to end at once, whatever they carry.
    DeviceRevoked(DeviceId),
    /// A device connected while it was connected: the older connection ended.
    /// Often, and two computers have the same identity.
    Superseded(DeviceId),
    /// The first of a life.
    Term(Term),
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Coordinator {
    now: Now,
    term: Term,
    chance: Chance,
    /// No new leases: this node stops.
    draining: bool,
    queued_max: u64,
    /// Tasks that waited at the last turn, or were submitted since, in all jobs.
    queued_count: u64,
    /// Runs only jobs that a living client follows; a fact of this node, not
    /// of the jobs, so it is not durable.
    living_only: bool,
    jobs: BTreeMap<JobNo, Job>,
    by_id: BTreeMap<JobId, JobNo>,
    /// What the same client's id means is its person's affair.
    by_client: BTreeMap<(PersonId, ClientId), JobNo>,
    next_no: u32,
    registry: Registry,
    machines: BTreeMap<MachineId, Machine>,
    peers: BTreeMap<Peer, Connection>,
    /// How often each blob is referenced.
    blobs: BTreeMap<Digest, u64>,
    /// Jobs of which something can be leased, in the order of their turns.
    queue: Queue,
    /// How fast modules run on each machine.
    speeds: Speeds,
    /// What was found out about jobs in a large pool.
    outlooks: Outlooks,
    /// Leases granted so far, in this life.
    served: u64,
    timers: Timers,
    /// Jobs that an input has changed since the last turn.
    touched: BTreeSet<JobNo>,
    /// Leases that were granted and are not sent yet: nobody can have a result.
    unsent: BTreeSet<(JobNo, u32)>,
    unsaved: save::Unsaved,
    /// An input came after the last turn.
    unsettled: bool,
    records: VecDeque<Record>,
    transmits: VecDeque<(Peer, ToWorker)>,
    events: VecDeque<Event>,
    chores: VecDeque<Chore>,
    #[cfg(feature = "mutants")]
    mutant: Option<Mutant>,
}

#[derive(Debug)]
struct Connection {
    device: DeviceId,
    /// Known from its hello on.
    machine: Option<MachineId>,
    /// Violations of the protocol so far.
    strikes: u32,
}

impl Coordinator {
    /// The coordinator of a new pool of one: the founder and this computer.
    #[must_use]
    pub fn new(now: Now, seed: u64, founding: &Founding) -> Coordinator {
        let mut chance = Chance::new(seed);
        let registry = Registry::found(now, founding, || chance.bytes());
        Coordinator::begin(now, chance, Term(1), registry)
    }

    fn begin(now: Now, chance: Chance, term: Term, registry: Registry) -> Coordinator {
        let mut coordinator = Coordinator {
            now,
            term,
            chance,
            draining: false,
            queued_max: QUEUED_TASKS_MAX,
            queued_count: 0,
            living_only: false,
            jobs: BTreeMap::new(),
            by_id: BTreeMap::new(),
            by_client: BTreeMap::new(),
            next_no: 1,
            registry,
            machines: BTreeMap::new(),
            peers: BTreeMap::new(),
            blobs: BTreeMap::new(),
            queue: Queue::default(),
            speeds: Speeds::default(),
            outlooks: Outlooks::default(),
            served: 0,
            timers: Timers::default(),
            touched: BTreeSet::new(),
            unsent: BTreeSet::new(),
            unsaved: save::Unsaved::default(),
            unsettled: true,
            records: VecDeque::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            chores: VecDeque::new(),
            #[cfg(feature = "mutants")]
            mutant: None,
        };
        coordinator.unsaved.term = true;
        coordinator.events.push_back(Event::Term(term));
        coordinator
    }

    // ---- what the world did

    /// A connection stands, of the device whose key it was made with.
    pub fn handle_connected(&mut self, now: Now, peer: Peer, device: DeviceId) {
        self.advance(now);
        if self.caller(device).is_none() {
            self.refuse(peer, "this device does not belong to the pool");
            return;
        }
        self.supersede_stranger(device);
        let strangers = self
            .peers
            .values()
            .filter(|connection| connection.machine.is_none())
            .count();
        if strangers >= STRANGERS_MAX {
            self.refuse(peer, "too many connections wait to say hello");
            return;
        }
        self.peers.insert(
            peer,
            Connection {
                device,
                machine: None,
                strikes: 0,
            },
        );
        self.timers
            .arm(Timer::Hello(peer), now.moment.after(HELLO_WITHIN));
    }

    pub fn handle_message(&mut self, now: Now, peer: Peer, message: ToCoordinator) {
        let was_settled = !self.unsettled;
        self.advance(now);
        let Some(connection) = self.peers.get(&peer) else {
            return;
        };
        match (connection.machine, message) {
            (None, ToCoordinator::Hello(hello)) => self.handle_hello(peer, &hello),
            (Some(machine), ToCoordinator::Heartbeat(heartbeat)) => {
                self.handle_heartbeat(machine, &heartbeat)
            }
            (Some(machine), ToCoordinator::Results(results)) => {
                self.handle_results(peer, machine, results)
            }
            (Some(machine), ToCoordinator::Output(output)) => self.handle_output(machine, output),
            (Some(machine), ToCoordinator::Return(chunks)) => {
                self.handle_return(peer, machine, &chunks)
            }
            (Some(machine), ToCoordinator::Goodbye) => self.handle_goodbye(peer, machine),
            (Some(machine), ToCoordinator::Health(health)) => {
                self.handle_health(machine, health);
                // A thousand machines say this each second, and nothing follows from it.
                self.unsettled = !was_settled;
            }
            (Some(machine), ToCoordinator::Stock(stock)) => self.handle_stock(peer, machine, stock),
            (
                None,
                ToCoordinator::Heartbeat(_)
                | ToCoordinator::Results(_)
                | ToCoordinator::Output(_)
                | ToCoordinator::Return(_)
                | ToCoordinator::Goodbye
                | ToCoordinator::Health(_)
                | ToCoordinator::Stock(_),
            ) => self.strike(peer, "spoke before its hello"),
            (Some(_), ToCoordinator::Hello(_)) => self.strike(peer, "said hello twice"),
        }
    }

    /// The connection is gone. `timed_out`: without a word, so the machine may
    /// be on its way back.
    pub fn handle_disconnected(&mut self, now: Now, peer: Peer, timed_out: bool) {
        self.advance(now);
        if let Some(Connection {
            machine: Some(machine),
            ..
        }) = self.forget_peer(peer)
        {
            self.unlink(machine, timed_out);
        }
    }

    /// Something that [`Coordinator::poll_timeout`] asked for is due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.advance(now);
        while let Some(timer) = self.timers.due(now.moment) {
            match timer {
                Timer::Pulse => self.handle_pulse(),
                Timer::Hello(peer) => {
                    self.peers.remove(&peer);
                    self.refuse(peer, "no hello came");
                }
                Timer::Silence(machine) => self.handle_silence(machine),
                Timer::Held(machine) => self.handle_held(machine),
                Timer::Rested(_) => {}
                Timer::PauseOver(machine) => self.handle_pause_over(machine),
                Timer::Retry(no) => self.handle_retry(no),
                Timer::JobTimeout(no) => self.handle_job_timeout(no),
                Timer::TransientOver(no) => self.handle_transient_over(no),
                Timer::Expiry => self.handle_expiry(),
            }
        }
    }

    // ---- what must happen next

    /// Everything up to `None` is one transaction.
    pub fn poll_record(&mut self) -> Option<Record> {
        if self.unsettled {
            self.unsettled = false;
            self.grant();
            self.save();
        }
        self.records.pop_front()
    }

    /// To be sent once the records are committed. After a
    /// [`ToWorker::Refused`] the driver closes the connection.
    pub fn poll_transmit(&mut self) -> Option<(Peer, ToWorker)> {
        let transmit = self.transmits.pop_front();
        if transmit.is_none() {
            self.unsent.clear();
        }
        transmit
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub fn poll_chore(&mut self) -> Option<Chore> {
        self.chores.pop_front()
    }

    /// When [`Coordinator::handle_timeout`] must be called at the latest, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Moment, TimerReason)> {
        let (at, timer) = self.timers.first()?;
        let job = |no| self.jobs.get(&no).map(|job| job.id);
        let reason = match timer {
            Timer::Pulse => TimerReason::Pulse,
            Timer::Hello(peer) => TimerReason::Hello(peer),
            Timer::Silence(machine) => TimerReason::Silence(machine),
            Timer::Held(machine) => TimerReason::Held(machine),
            Timer::Rested(machine) => TimerReason::Rested(machine),
            Timer::PauseOver(machine) => TimerReason::PauseOver(machine),
            Timer::Retry(no) => TimerReason::Retry(job(no)?),
            Timer::JobTimeout(no) => TimerReason::JobTimeout(job(no)?),
            Timer::TransientOver(no) => TimerReason::TransientOver(job(no)?),
            Timer::Expiry => TimerReason::Expiry,
        };
        Some((at, reason))
    }

    // ---- within

    /// Every input comes through here: time goes on, and a turn is due.
    fn advance(&mut self, now: Now) {
        if let Some((due, _)) = self.timers.first()
            && now.moment.since(due) >= OWN_PAUSE
        {
            self.forgive_silence(now);
        }
        self.now = Now {
            moment: now.moment.max(self.now.moment),
            wall_ms: now.wall_ms,
        };
        self.unsettled = true;
    }

    /// One device has one connection that has not said hello, at most: the newest.
    fn supersede_stranger(&mut self, device: DeviceId) {
        let mut strangers = self.peers.iter();
        let older = strangers
            .find(|(_, connection)| connection.device == device && connection.machine.is_none());
        if let Some(older) = older.map(|(peer, _)| *peer) {
            self.forget_peer(older);
            self.refuse(older, "this device has connected again");
        }
    }

    /// Nothing is heard of it any more, nor said to it: not even what was
    /// decided for it in this turn.
    fn forget_peer(&mut self, peer: Peer) -> Option<Connection> {
        self.timers.disarm(Timer::Hello(peer));
        self.transmits.retain(|(to, _)| *to != peer);
        self.peers.remove(&peer)
    }

    fn touch(&mut self, no: JobNo) {
        self.touched.insert(no);
    }

    fn send(&mut self, machine: MachineId, message: ToWorker) {
        if let Some(peer) = self.machines.get(&machine).and_then(Machine::peer) {
            self.transmits.push_back((peer, message));
        }
    }

    fn refuse(&mut self, peer: Peer, why: &str) {
        self.transmits.push_back((
            peer,
            ToWorker::Refused {
                why: why.to_owned(),
            },
        ));
    }

    /// A violation of the protocol changes nothing; too many close the connection.
    fn strike(&mut self, peer: Peer, what: &str) {
        let Some(connection) = self.peers.get_mut(&peer) else {
            return;
        };
        connection.strikes += 1;
        if connection.strikes < STRIKES_MAX && connection.machine.is_some() {
            return;
        }
        let machine = connection.machine;
        self.peers.remove(&peer);
        self.timers.disarm(Timer::Hello(peer));
        self.refuse(peer, what);
        if let Some(machine) = machine {
            self.unlink(machine, false);
        }
    }
}
