//! One machine's slots: what it was leased, runs, and has not delivered yet.
//!
//! A worker decides which leased chunk runs in which slot, keeps results until
//! they are durable elsewhere, and gives back what it will not run. It never
//! decides what a result is worth: attempts and terms are the coordinator's.
//!
//! Nothing here survives the process but what the driver keeps (identity and
//! caches). A connection that ends changes nothing that runs: the next hello
//! says what is held and what is undelivered, and the welcome says which of it
//! to keep, to drop and to send. Whatever else the coordinator granted to this
//! life, a return that the connection swallowed too, goes back by that hello.

mod check;
mod leases;
mod news;
mod outbox;
mod settle;
mod slot;
mod span;
#[cfg(test)]
mod tests;

use crate::id::{Digest, JobId, Life, MachineId, PersonId, Term};
use crate::limits::{HEARTBEAT, HELD_MAX, SILENCE_MAX};
use crate::message::{
    Chunk, Health, Heartbeat, Hello, Output, Stock, ToCoordinator, ToWorker, VERSION,
};
use crate::moment::{Moment, Now};
use crate::report::Reports;
use crate::spec::Spec;
use news::News;
use outbox::Outbox;
use slot::Slot;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What never changes about a machine while its program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    pub machine: MachineId,
    /// Drawn at random for this run of the program.
    pub life: Life,
    pub name: String,
    pub os: String,
    pub program_version: String,
    /// Cores of the machine, whether they may be used or not.
    pub cores: u32,
}

/// What its owner allows at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerConfig {
    /// Tasks that may run at once.
    pub slots: u32,
    /// Memory offered to all of them together.
    pub memory_bytes: u64,
    /// Why nothing may run now, if so; a sentence for people.
    pub paused: Option<String>,
    /// Why fewer slots than its owner gave may run, if so; likewise.
    pub slowed: Option<String>,
    /// Takes nothing new; what runs may end.
    pub finishing: bool,
    /// How long a grant takes to come back as work (commit or round trip).
    pub turnaround_micros: u32,
}

/// A place for one running task. Ids are dense from 0, and a slot is made by
/// the first [`Action::Run`] that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub u32);

/// What the driver must do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run these tasks in the slot, after what it already has. At most two
    /// chunks are with a slot. Every task is reported, unless it is killed.
    Run {
        slot: SlotId,
        chunk: Chunk,
        /// Whose job it is: never in an executor that ran another person's.
        person: PersonId,
        spec: Arc<Spec>,
        fold_input: Option<Digest>,
    },
    /// Stop this chunk now, running or not; others of the slot go on. `chunk`
    /// is as it was given. One that is over already needs nothing.
    Kill {
        slot: SlotId,
        chunk: Chunk,
    },
    /// Hold the slot's process where it is, until its [`Action::Resume`].
    Stop {
        slot: SlotId,
    },
    Resume {
        slot: SlotId,
    },
    /// The job will not come back: close its executors.
    Forget {
        job: JobId,
    },
    /// End the connection, answer with [`Worker::handle_disconnected`], and
    /// connect again unless [`Worker::is_gone`].
    Close {
        why: String,
    },
}

/// Why [`Worker::poll_timeout`] wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkerTimer {
    Heartbeat,
    /// A stopped task was held as long as it may be.
    Held,
    /// The hello was not answered.
    Welcome,
}

/// See the module's documentation. Shaped like [`crate::Coordinator`].
#[derive(Debug)]
pub struct Worker {
    options: WorkerOptions,
    config: WorkerConfig,
    /// Why a person paused this machine from afar, if one did.
    ordered: Option<String>,
    link: Link,
    leaving: Leaving,
    /// What the leases are about; sent before the first lease of a job.
    jobs: BTreeMap<JobId, Job>,
    /// Leased and in no slot yet, in the order they came.
    queue: VecDeque<Chunk>,
    slots: Vec<Slot>,
    outbox: Outbox,
    transmits: VecDeque<ToCoordinator>,
    actions: VecDeque<Action>,
    /// When the coordinator was last told that we live.
    said: Moment,
    health: News<Health>,
    stock: News<Stock>,
    #[cfg(feature = "mutants")]
    mutant: Option<crate::Mutant>,
}

#[derive(Debug, PartialEq, Eq)]
enum Link {
    Down,
    /// The hello is out, and said this.
    Greeting {
        told: Offer,
    },
    Up {
        term: Term,
        /// What the last hello or heartbeat said.
        told: Offer,
    },
    /// The driver was told to end the connection.
    Closing,
}

/// What a coordinator must know at once when it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Offer {
    slots: u32,
    memory_bytes: u64,
    paused: Option<String>,
    slowed: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    Staying,
    /// Takes nothing new and says goodbye when all is delivered. A drain that
    /// the coordinator asked for ends with its connection; ours does not.
    Draining {
        ours: bool,
    },
    /// Has said goodbye.
    Gone,
}

#[derive(Debug)]
struct Job {
    person: PersonId,
    spec: Arc<Spec>,
    fold_input: Option<Digest>,
    /// Measured here, of the last report.
    task_micros: Option<u64>,
}

impl Worker {
    #[must_use]
    pub fn new(now: Now, options: WorkerOptions, config: WorkerConfig) -> Worker {
        Worker {
            options,
            config,
            ordered: None,
            link: Link::Down,
            leaving: Leaving::Staying,
            jobs: BTreeMap::new(),
            queue: VecDeque::new(),
            slots: Vec::new(),
            outbox: Outbox::default(),
            transmits: VecDeque::new(),
            actions: VecDeque::new(),
            said: now.moment,
            health: News::default(),
            stock: News::default(),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    /// Plants a mistake; to be called right after [`Worker::new`].
    #[cfg(feature = "mutants")]
    pub fn plant(&mut self, mutant: crate::Mutant) {
        self.mutant = Some(mutant);
    }

    // ---- getters

    #[must_use]
    pub fn machine(&self) -> MachineId {
        self.options.machine
    }

    #[must_use]
    pub fn config(&self) -> &WorkerConfig {
        &self.config
    }

    /// Slots whose process may be executing now.
    #[must_use]
    pub fn active(&self) -> u32 {
        count(self.slots.iter().filter(|slot| slot.is_active()))
    }

    /// Nothing runs, waits or is undelivered.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.outbox.is_empty() && self.slots.iter().all(Slot::is_free)
    }

    /// Has said goodbye, and connects no more by itself.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.leaving == Leaving::Gone
    }

    /// The term of the coordinator that welcomed us, while connected.
    #[must_use]
    pub fn term(&self) -> Option<Term> {
        match &self.link {
            Link::Up { term, .. } => Some(*term),
            Link::Down | Link::Greeting { .. } | Link::Closing => None,
        }
    }

    /// Chunks that it still runs or means to run.
    pub fn holding(&self) -> impl Iterator<Item = Chunk> {
        self.slots
            .iter()
            .flat_map(Slot::holding)
            .chain(self.queue.iter().copied())
    }

    /// Chunks whose results are kept until the coordinator has answered.
    pub fn undelivered(&self) -> impl Iterator<Item = Chunk> {
        self.outbox.open()
    }

    // ---- what the world did

    /// A connection stands: says hello. One that is draining says so by its offer.
    pub fn handle_connected(&mut self, now: Now) {
        if matches!(
            self.leaving,
            Leaving::Draining { ours: false } | Leaving::Gone
        ) {
            self.leaving = Leaving::Staying;
        }
        self.transmits.clear();
        self.forget_told_news();
        self.said = now.moment;
        let state = self.heartbeat();
        let hello = Hello {
            version: VERSION,
            machine: self.options.machine,
            life: self.options.life,
            name: self.options.name.clone(),
            cores: self.options.cores,
            os: self.options.os.clone(),
            program_version: self.options.program_version.clone(),
            state,
            holding: self.holding().collect(),
            undelivered: self.outbox.open().collect(),
        };
        let told = Offer::of(&hello.state);
        self.link = Link::Greeting { told };
        self.transmits.push_back(ToCoordinator::Hello(hello));
    }

    /// The connection is gone, whoever ended it. What runs goes on.
    pub fn handle_disconnected(&mut self, now: Now) {
        self.link = Link::Down;
        self.transmits.clear();
        self.settle(now);
    }

    pub fn handle_message(&mut self, now: Now, message: ToWorker) {
        if !self.is_awake(now) {
            return;
        }
        match (message, &self.link) {
            (_, Link::Down | Link::Closing) => {}
            (
                ToWorker::Welcome {
                    term,
                    keep,
                    drop,
                    send,
                },
                Link::Greeting { told },
            ) => {
                let told = told.clone();
                self.link = Link::Up { term, told };
                self.handle_welcome(&keep, &drop, &send);
            }
            (ToWorker::Refused { why }, _) => self.close(why),
            // Before the welcome, and a second welcome: not a coordinator we know how to talk to.
            (_, Link::Greeting { .. }) | (ToWorker::Welcome { .. }, Link::Up { .. }) => {
                self.close("the coordinator spoke out of turn".to_owned());
            }
            (
                ToWorker::Job {
                    job,
                    person,
                    spec,
                    fold_input,
                },
                Link::Up { .. },
            ) => {
                let task_micros = self.jobs.get(&job).and_then(|known| known.task_micros);
                self.jobs.insert(
                    job,
                    Job {
                        person,
                        spec,
                        fold_input,
                        task_micros,
                    },
                );
            }
            (ToWorker::Lease(chunk), Link::Up { .. }) => self.handle_lease(chunk),
            (ToWorker::Drop(chunks), Link::Up { .. }) => {
                for chunk in &chunks {
                    self.drop_through(chunk);
                }
            }
            (ToWorker::Forget { job }, Link::Up { .. }) => self.forget(job),
            (ToWorker::Accepted(chunk) | ToWorker::Stale(chunk), Link::Up { .. }) => {
                self.outbox.settle(&chunk)
            }
            (ToWorker::Drain, Link::Up { .. }) => self.begin_drain(false),
            (ToWorker::Pause { why }, Link::Up { .. }) => self.ordered = Some(why),
            (ToWorker::Resume, Link::Up { .. }) => self.ordered = None,
            (ToWorker::Recall(chunks), Link::Up { .. }) => self.give_up_unbegun(&chunks),
        }
        self.settle(now);
    }

    /// Tasks of the chunk that the slot runs ended, in order: `chunk` names
    /// them and `reports` tells how.
    pub fn handle_reports(&mut self, now: Now, slot: SlotId, chunk: Chunk, reports: Reports) {
        let awake = self.is_awake(now);
        if chunk.count == 0 || reports.count() != chunk.count {
            debug_assert!(false, "one report for each task");
            return;
        }
        let counts = self
            .slots
            .get_mut(slot.0 as usize)
            .is_some_and(|slot| slot.ended(&chunk));
        if counts {
            if let Some(job) = self.jobs.get_mut(&chunk.job) {
                job.task_micros = Some(task_micros(&reports));
            }
            let messages = self.outbox.keep(chunk, reports);
            if awake && matches!(self.link, Link::Up { .. }) {
                self.transmits
                    .extend(messages.into_iter().map(ToCoordinator::Results));
            }
        }
        self.settle(now);
    }

    /// A piece of what a running task wrote. Only the present is told: what
    /// nobody hears is in the result.
    pub fn handle_output(&mut self, now: Now, slot: SlotId, output: Output) {
        let awake = self.is_awake(now);
        let runs = self
            .slots
            .get(slot.0 as usize)
            .and_then(Slot::running)
            .is_some_and(|chunk| {
                chunk.job == output.job
                    && chunk.attempt == output.attempt
                    && chunk.first <= output.index
                    && output.index < span::end(&chunk)
            });
        if awake && runs && matches!(self.link, Link::Up { .. }) {
            self.transmits.push_back(ToCoordinator::Output(output));
        }
    }

    /// How far the running task is; told with the next heartbeat.
    pub fn handle_progress(&mut self, _now: Now, slot: SlotId, index: u32, per_mille: u16) {
        if let Some(slot) = self.slots.get_mut(slot.0 as usize)
            && slot
                .running()
                .is_some_and(|chunk| chunk.first <= index && index < span::end(&chunk))
        {
            slot.progress = per_mille.min(1000);
        }
    }

    /// The slot's process has nothing left of what it was given, or is gone
    /// after a kill.
    pub fn handle_free(&mut self, now: Now, slot: SlotId) {
        if let Some(slot) = self.slots.get_mut(slot.0 as usize) {
            slot.free();
        }
        self.settle(now);
    }

    pub fn handle_timeout(&mut self, now: Now) {
        if self.is_awake(now)
            && matches!(self.link, Link::Up { .. })
            && self.said.after(HEARTBEAT) <= now.moment
        {
            self.say_heartbeat(now);
        }
        self.settle(now);
    }

    // ---- commands of the owner

    /// Takes effect at once: what may no longer run is stopped, and held for
    /// [`HELD_MAX`]; what was prefetched for it goes back.
    pub fn configure(&mut self, now: Now, config: WorkerConfig) {
        self.config = config;
        self.is_awake(now);
        self.settle(now);
    }

    /// Takes nothing new, ends what runs, delivers it and says goodbye.
    pub fn drain(&mut self, now: Now) {
        self.begin_drain(true);
        self.settle(now);
    }

    /// Leaves now: what runs is killed, and goes back uncharged.
    pub fn goodbye(&mut self, now: Now) {
        for chunk in self.holding().collect::<Vec<_>>() {
            self.withdraw(&chunk);
        }
        self.outbox.clear();
        self.leave();
        self.settle(now);
    }

    // ---- what must happen next

    pub fn poll_transmit(&mut self) -> Option<ToCoordinator> {
        self.transmits.pop_front()
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Moment, WorkerTimer)> {
        let heartbeat = matches!(self.link, Link::Up { .. })
            .then(|| (self.said.after(HEARTBEAT), WorkerTimer::Heartbeat));
        // What was killed meanwhile is held no more; its slot only waits to be free.
        let held = self
            .slots
            .iter()
            .filter(|slot| slot.holding().next().is_some());
        let held = held.filter_map(|slot| slot.stopped).min();
        let held = held.map(|since| (since.after(HELD_MAX), WorkerTimer::Held));
        let welcome = matches!(self.link, Link::Greeting { .. })
            .then(|| (self.said.after(SILENCE_MAX), WorkerTimer::Welcome));
        heartbeat.into_iter().chain(held).chain(welcome).min()
    }

    // ---- how

    /// After a silence in which leases may have passed to others (the machine
    /// slept), nothing is started or published before the coordinator was
    /// asked again: the connection ends, and the next hello asks.
    fn is_awake(&mut self, now: Now) -> bool {
        if matches!(self.link, Link::Up { .. } | Link::Greeting { .. })
            && self.said.after(SILENCE_MAX) <= now.moment
        {
            self.close("this machine was silent too long to know what it still holds".to_owned());
        }
        self.link != Link::Closing
    }

    /// Why nothing may run now: its owner's reason, else a person's from afar.
    fn paused(&self) -> Option<&String> {
        self.config.paused.as_ref().or(self.ordered.as_ref())
    }

    fn close(&mut self, why: String) {
        self.link = Link::Closing;
        self.transmits.clear();
        self.actions.push_back(Action::Close { why });
    }

    fn begin_drain(&mut self, by_us: bool) {
        match self.leaving {
            Leaving::Staying => self.leaving = Leaving::Draining { ours: by_us },
            Leaving::Draining { ours } => {
                self.leaving = Leaving::Draining {
                    ours: ours || by_us,
                }
            }
            Leaving::Gone => {}
        }
    }

    fn leave(&mut self) {
        self.leaving = Leaving::Gone;
        if matches!(self.link, Link::Up { .. }) {
            self.transmits.push_back(ToCoordinator::Goodbye);
            self.link = Link::Closing;
            self.actions.push_back(Action::Close {
                why: "this machine leaves".to_owned(),
            });
        }
    }

    fn takes_new(&self) -> bool {
        self.leaving == Leaving::Staying && !self.config.finishing
    }

    fn offered(&self) -> u32 {
        if self.takes_new() {
            self.config.slots
        } else {
            0
        }
    }

    fn heartbeat(&self) -> Heartbeat {
        let stopped = self.slots.iter().filter(|slot| slot.stopped.is_some());
        let progress = self
            .slots
            .iter()
            .filter_map(|slot| Some((slot.running()?, slot.progress)));
        Heartbeat {
            slots: self.offered(),
            memory_bytes: self.config.memory_bytes,
            paused: self.paused().cloned(),
            slowed: self.config.slowed.clone(),
            held: stopped.flat_map(Slot::holding).collect(),
            turnaround_micros: self.config.turnaround_micros,
            progress: progress.collect(),
        }
    }

    fn tell_changes(&mut self, now: Now) {
        let Link::Up { told, .. } = &self.link else {
            return;
        };
        if told.slots != self.offered()
            || told.memory_bytes != self.config.memory_bytes
            || told.paused.as_ref() != self.paused()
            || told.slowed != self.config.slowed
        {
            self.say_heartbeat(now);
        }
    }

    fn say_heartbeat(&mut self, now: Now) {
        let heartbeat = self.heartbeat();
        if let Link::Up { told, .. } = &mut self.link {
            *told = Offer::of(&heartbeat);
            self.said = now.moment;
            self.transmits
                .push_back(ToCoordinator::Heartbeat(heartbeat));
        }
    }
}

impl Offer {
    fn of(heartbeat: &Heartbeat) -> Offer {
        Offer {
            slots: heartbeat.slots,
            memory_bytes: heartbeat.memory_bytes,
            paused: heartbeat.paused.clone(),
            slowed: heartbeat.slowed.clone(),
        }
    }
}

fn task_micros(reports: &Reports) -> u64 {
    let micros = match reports {
        Reports::Plain(plain) => plain.micros,
        Reports::Each(each) => each.iter().map(|report| report.micros).sum(),
    };
    micros / u64::from(reports.count().max(1))
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
