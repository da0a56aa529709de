//! The node that coordinates: a real [`Coordinator`] behind the rule of the
//! driver, a disk, and a process that may end between any two steps of it.

mod chores;
mod gate;
mod inputs;
mod notes;

use crate::agenda::{At, Input, MILLI, MINUTE, NodeInput, SECOND};
use crate::author::{Command, Reply};
use crate::disk::Disk;
use crate::likeness::differs;
use crate::links::Break;
use crate::machine::blobs_of;
use crate::model::{Authored, Effect, Model};
use crate::stage::{Stage, tell};
use crate::trace::hash_of;
use crate::workload::digest;
use gate::founding;
pub(crate) use gate::{OWN, guest};
use notes::{answered, briefly, note, note_said};
use pool::id::{DeviceId, MachineId};
use pool::message::{Heartbeat, ToCoordinator, ToWorker};
use pool::moment::{Moment, Now};
use pool::record::Record;
use pool::report::{Payload, Reports};
use pool::{Chore, ChoreDone, Coordinator, Peer};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::Hasher;

/// Tasks that end within this of a drain are delivered.
const DRAIN: At = 5 * SECOND;
/// One turn in so many is followed by a look at the coordinator's whole state,
/// which costs more than the turn.
const CHECKED: u64 = 8;
/// Inputs of one turn at most.
const BATCH_MAX: u64 = 64;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) life: u32,
    process: Option<Process>,
    pub(crate) disk: Disk,
    /// No room for another commit.
    pub(crate) disk_is_full: bool,
    /// Commits take this long, usually.
    commit: At,
    /// Turns in a thousand after whose steps the process ends, each step apart.
    pub(crate) crashes_per_mille: u64,
    /// Of the wall clock, milliseconds.
    pub(crate) wall_ms: i64,
    pub(crate) machines: Vec<MachineId>,
    /// Other persons who send jobs.
    pub(crate) guests: u8,
    /// What each machine was last heard to offer.
    offers: BTreeMap<Peer, Offer>,
    seed: u64,
    /// Works only for clients that live, as a node that one command started.
    pub(crate) living_only: bool,
    /// Tasks that may wait in all jobs together, if not the usual.
    pub(crate) queued_tasks_max: Option<u64>,
    /// Planted into each coordinator.
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<pool::Mutant>,
}

/// What a machine lets tasks use.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offer {
    pub(crate) slots: u32,
    pub(crate) memory_bytes: u64,
}

#[derive(Debug)]
struct Process {
    coordinator: Coordinator,
    /// What its clock showed when it began, and when that was.
    began: (Moment, At),
    inbox: VecDeque<Inbound>,
    turn_is_planned: bool,
    turns: u64,
    commit: Option<Batch>,
    timer: (u64, Option<Moment>),
    /// What happened before the first turn.
    effects: Vec<Effect>,
}

#[derive(Debug)]
enum Inbound {
    World(NodeInput),
    Command {
        story: usize,
        /// Who asks; nobody where it is the node itself.
        device: Option<DeviceId>,
        authored: Option<Box<Authored>>,
        command: Command,
    },
}

impl Inbound {
    fn is_timer(&self) -> bool {
        matches!(self, Inbound::World(NodeInput::Timer { .. }))
    }
}

/// A turn whose records are on their way to the disk.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<Record>,
    effects: Vec<Effect>,
    replies: Vec<(usize, Reply)>,
}

/// What the world has to do after the node did something.
pub(crate) type Replies = Vec<(usize, Reply)>;

impl Node {
    pub(crate) fn new(
        stage: &mut Stage,
        seed: u64,
        machines: Vec<MachineId>,
        wall_ms: i64,
    ) -> Node {
        Node {
            life: 0,
            process: None,
            disk: Disk::default(),
            disk_is_full: false,
            commit: *stage
                .chance
                .pick(&[50, MILLI, 5 * MILLI, 2 * SECOND])
                .unwrap_or(&MILLI),
            crashes_per_mille: 0,
            wall_ms,
            machines,
            guests: 0,
            offers: BTreeMap::new(),
            seed,
            living_only: false,
            queued_tasks_max: None,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    /// The life of the process, if there is one.
    pub(crate) fn living(&self) -> Option<u32> {
        self.process.as_ref().map(|_| self.life)
    }

    pub(crate) fn coordinator(&self) -> Option<&Coordinator> {
        self.process.as_ref().map(|process| &process.coordinator)
    }

    /// Whether the coordinator's own look at its state counts: a planted
    /// mistake is to be found from outside.
    pub(crate) fn checks_itself(&self) -> bool {
        #[cfg(feature = "mutants")]
        return self.mutant.is_none();
        #[cfg(not(feature = "mutants"))]
        true
    }

    /// Everything that was decided is on disk, and nothing waits.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.process
            .as_ref()
            .is_some_and(|process| process.commit.is_none())
    }

    // ---- what happens to it

    pub(crate) fn start(&mut self, stage: &mut Stage) {
        if self.process.is_some() {
            return;
        }
        let now = stage.agenda.now();
        let began = (Moment(self.disk.moment.0.max(1)), now);
        let clock = Now {
            moment: began.0,
            wall_ms: self.wall_now(now),
        };
        let seed = stage.chance.next();
        let coordinator = if self.disk == Disk::default() {
            Coordinator::new(clock, seed, &founding())
        } else {
            match Coordinator::restore(clock, seed, self.disk.image(), &founding()) {
                Ok(coordinator) => coordinator,
                Err(error) => {
                    return stage
                        .accuse(format!("I1: what was committed does not restore: {error}"));
                }
            }
        };
        let mut coordinator = coordinator;
        coordinator.living_only(self.living_only);
        if let Some(tasks) = self.queued_tasks_max {
            coordinator.limit_queued_tasks(tasks);
        }
        #[cfg(feature = "mutants")]
        if let Some(mutant) = self.mutant {
            coordinator.plant(mutant);
        }
        tell!(
            stage,
            "node starts, life {} after {:?}",
            self.life,
            self.disk.term
        );
        let mut process = Process {
            coordinator,
            began,
            inbox: VecDeque::new(),
            turn_is_planned: true,
            turns: 0,
            commit: None,
            timer: (0, None),
            effects: Vec::new(),
        };
        // Those that an old backup does not know come in anew.
        for number in 1..=self.guests {
            process.let_in_guest(clock, number);
        }
        for machine in &self.machines {
            process.let_in(clock, machine.device());
        }
        self.process = Some(process);
        // The new term is durable before anything else is said.
        stage.agenda.plan(
            now,
            Input::Node {
                life: self.life,
                input: NodeInput::Turn,
            },
        );
    }

    /// The process ends here and now; only the disk remains.
    pub(crate) fn crash(&mut self, stage: &mut Stage) {
        let Some(process) = self.process.take() else {
            return;
        };
        tell!(stage, "node ends, life {}", self.life);
        if process.commit.is_none() {
            // Everything it decided is durable, sent or not.
            self.must_come_back_as(stage, &process.coordinator);
        }
        drop(process);
        self.life += 1;
        self.offers.clear();
        let silent = stage.chance.per_mille(300);
        for at in 0..stage.links.len() {
            let peer = Peer(at as u64);
            if stage.link(peer).node_open {
                if silent {
                    stage.break_link(
                        peer,
                        Break::Silent {
                            to_node: true,
                            to_machine: true,
                        },
                    );
                    stage.link(peer).node_open = false;
                } else {
                    stage.close_from_node(peer);
                }
            }
        }
        let away = *stage
            .chance
            .pick(&[MILLI, SECOND, 20 * SECOND, 10 * MINUTE])
            .unwrap_or(&SECOND);
        stage
            .agenda
            .plan(stage.agenda.now() + away, Input::NodeStarts);
    }

    /// I27: what a restart would know is what is known.
    pub(crate) fn must_come_back_as(&self, stage: &mut Stage, living: &Coordinator) {
        let now = Now {
            moment: self.disk.moment,
            wall_ms: 0,
        };
        match Coordinator::restore(now, self.seed, self.disk.image(), &founding()) {
            Ok(restored) => {
                if self.checks_itself() {
                    restored.check();
                }
                if let Some(differs) = differs(living, &restored) {
                    stage.accuse(format!("I27: {differs}"));
                }
            }
            Err(error) => {
                stage.accuse(format!("I27: what was committed does not restore: {error}"));
            }
        }
    }

    /// Somebody asks something; `false` when nobody is there to ask.
    pub(crate) fn ask(
        &mut self,
        stage: &mut Stage,
        story: usize,
        authored: Option<Box<Authored>>,
        command: Command,
    ) -> bool {
        let device = authored.as_ref().map(|authored| authored.device);
        let Some(process) = &mut self.process else {
            return false;
        };
        process.inbox.push_back(Inbound::Command {
            story,
            device,
            authored,
            command,
        });
        self.plan_turn(stage);
        true
    }

    pub(crate) fn handle(
        &mut self,
        stage: &mut Stage,
        model: &mut Model,
        input: NodeInput,
    ) -> Replies {
        let Some(process) = &mut self.process else {
            return Replies::new();
        };
        match input {
            NodeInput::Turn => {
                process.turn_is_planned = false;
                return self.turn(stage, model);
            }
            NodeInput::Committed => return self.committed(stage, model),
            NodeInput::TryDiskAgain => self.commit_soon(stage),
            NodeInput::Stop => self.crash(stage),
            NodeInput::Timer { generation } => {
                if generation == process.timer.0 {
                    process.timer.1 = None;
                    process.inbox.push_back(Inbound::World(input));
                    self.plan_turn(stage);
                }
            }
            NodeInput::Frame { .. }
            | NodeInput::Connected { .. }
            | NodeInput::Disconnected { .. }
            | NodeInput::ChoreDone(_) => {
                process.inbox.push_back(Inbound::World(input));
                self.plan_turn(stage);
            }
        }
        Replies::new()
    }

    // ---- the rule of the driver

    fn turn(&mut self, stage: &mut Stage, model: &mut Model) -> Replies {
        model.awake(stage.agenda.now());
        let count = stage.chance.between(1, BATCH_MAX);
        let mut batch = Batch::default();
        if let Some(process) = &mut self.process {
            batch.effects.append(&mut process.effects);
        }
        for _ in 0..count {
            let Some(process) = &mut self.process else {
                return Replies::new();
            };
            let Some(inbound) = process.inbox.pop_front() else {
                break;
            };
            // Whoever spoke while this node stood still is heard before a timer
            // calls it silent.
            if inbound.is_timer() && !process.inbox.iter().all(Inbound::is_timer) {
                process.inbox.push_back(inbound);
                continue;
            }
            match inbound {
                Inbound::World(input) => self.take(stage, model, input, &mut batch),
                Inbound::Command {
                    story,
                    device,
                    authored,
                    command,
                } => self.obey(stage, (story, device), authored, command, &mut batch),
            }
        }
        let checks_itself = self.checks_itself();
        let Some(process) = &mut self.process else {
            return Replies::new();
        };
        while let Some(record) = process.coordinator.poll_record() {
            batch.records.push(record);
        }
        process.turns += 1;
        if process.turns.is_multiple_of(CHECKED) && checks_itself {
            process.coordinator.check();
        }
        if batch.records.is_empty() {
            // Nothing was decided, so there is nothing to make durable.
            model.committed(stage, &self.disk, &[], &batch.effects);
            return self.finish(stage, model, batch.replies);
        }
        process.commit = Some(batch);
        self.commit_soon(stage);
        Replies::new()
    }

    fn commit_soon(&mut self, stage: &mut Stage) {
        let life = self.life;
        let now = stage.agenda.now();
        if self.disk_is_full {
            stage.agenda.plan(
                now + SECOND,
                Input::Node {
                    life,
                    input: NodeInput::TryDiskAgain,
                },
            );
            return;
        }
        let slow = if stage.chance.per_mille(2) {
            stage.chance.magnitude(SECOND, 20 * SECOND)
        } else {
            0
        };
        let at = now + stage.chance.between(self.commit / 2, self.commit) + slow;
        stage.agenda.plan(
            at,
            Input::Node {
                life,
                input: NodeInput::Committed,
            },
        );
    }

    fn committed(&mut self, stage: &mut Stage, model: &mut Model) -> Replies {
        if self.dies_here(stage) {
            return Replies::new();
        }
        let Some(batch) = self
            .process
            .as_mut()
            .and_then(|process| process.commit.take())
        else {
            return Replies::new();
        };
        model.forgets(&batch.records, &self.disk);
        for record in &batch.records {
            tell!(stage, "   keeps {}", briefly(record));
            note(stage, record);
            if let Err(wrong) = self.disk.write(record) {
                stage.accuse(wrong);
            }
        }
        if let Err(wrong) = self.disk.check(&batch.records) {
            stage.accuse(wrong);
        }
        model.committed(stage, &self.disk, &batch.records, &batch.effects);
        if self.dies_here(stage) {
            return Replies::new();
        }
        self.finish(stage, model, batch.replies)
    }

    /// What is durable leaves: messages, then events, replies and chores, then
    /// the timer. Events come before replies, so that a result that was
    /// committed together with a cancel is not seen after its answer.
    fn finish(&mut self, stage: &mut Stage, model: &mut Model, replies: Replies) -> Replies {
        let mut given = BTreeSet::new();
        while let Some((peer, message)) = self
            .process
            .as_mut()
            .and_then(|process| process.coordinator.poll_transmit())
        {
            if self.dies_here(stage) {
                return Replies::new();
            }
            self.transmit(stage, model, peer, &message);
            if matches!(message, ToWorker::Lease(_)) {
                given.insert(peer);
            }
        }
        self.check_connections(stage);
        for peer in given {
            let offer = self.offers.get(&peer).copied().unwrap_or_default();
            let machine = stage.link(peer).id;
            model.check_load(stage, &self.disk, machine, offer);
        }
        let Some(process) = &mut self.process else {
            return Replies::new();
        };
        while let Some(event) = process.coordinator.poll_event() {
            tell!(stage, "   tells {event:?}");
            model.published(stage, &event);
            if let pool::Event::JobChanged(job) | pool::Event::JobEnded(job) = event
                && let Some(view) = process.coordinator.job(&job)
            {
                model.viewed(stage, &view);
            }
        }
        for (_, reply) in &replies {
            acknowledge(stage, model, reply);
        }
        let chores: Vec<Chore> = std::iter::from_fn(|| process.coordinator.poll_chore()).collect();
        for chore in chores {
            self.begin(stage, model, chore);
        }
        if let Some(process) = &self.process {
            process.coordinator.check_bounds();
        }
        if self.dies_here(stage) {
            return replies;
        }
        self.arm(stage);
        self.plan_turn(stage);
        replies
    }

    // ---- how

    fn wall_now(&self, now: At) -> i64 {
        self.wall_ms + i64::try_from(now / MILLI).expect("runs are short")
    }

    fn now(&self, stage: &Stage) -> Now {
        let now = stage.agenda.now();
        let (moment, at) = self
            .process
            .as_ref()
            .map_or((self.disk.moment, now), |process| process.began);
        Now {
            moment: Moment(moment.0 + (now - at)),
            wall_ms: self.wall_now(now),
        }
    }

    fn dies_here(&mut self, stage: &mut Stage) -> bool {
        let dies = self.crashes_per_mille > 0 && stage.chance.per_mille(self.crashes_per_mille);
        if dies {
            self.crash(stage);
        }
        dies
    }

    fn plan_turn(&mut self, stage: &mut Stage) {
        let life = self.life;
        let Some(process) = &mut self.process else {
            return;
        };
        if !process.inbox.is_empty() && !process.turn_is_planned && process.commit.is_none() {
            process.turn_is_planned = true;
            stage.agenda.plan(
                stage.agenda.now(),
                Input::Node {
                    life,
                    input: NodeInput::Turn,
                },
            );
        }
    }

    fn arm(&mut self, stage: &mut Stage) {
        let life = self.life;
        let Some(process) = &mut self.process else {
            return;
        };
        let due = process.coordinator.poll_timeout().map(|(moment, _)| moment);
        if due == process.timer.1 {
            return;
        }
        process.timer = (process.timer.0 + 1, due);
        if let Some(moment) = due {
            let (began, at) = process.began;
            let generation = process.timer.0;
            stage.agenda.plan(
                at + moment.0.saturating_sub(began.0),
                Input::Node {
                    life,
                    input: NodeInput::Timer { generation },
                },
            );
        }
    }
    fn transmit(&mut self, stage: &mut Stage, model: &mut Model, peer: Peer, message: &ToWorker) {
        tell!(stage, "node -> p{} {message:?}", peer.0);
        let id = stage.link(peer).id;
        // Of a machine that was never heard nothing is known to be too much.
        let offer = self.offers.get(&peer).copied().unwrap_or_default();
        model.transmitted(stage, &self.disk, id, offer.memory_bytes, message);
        note_said(stage, peer, message);
        if matches!(message, ToWorker::Welcome { .. }) {
            let link = stage.link(peer);
            link.welcomed = true;
            if let Some(claims) = link.claims.filter(|claims| *claims != id) {
                stage.accuse(format!("I30: {id} is welcomed as {claims}"));
            }
        }
        stage.send_to_machine(peer, message);
        if matches!(message, ToWorker::Refused { .. }) {
            stage.close_from_node(peer);
            self.offers.remove(&peer);
        }
    }
}

impl Node {
    /// I30: of the connections of one device the newest counts, and no other.
    fn check_connections(&self, stage: &mut Stage) {
        let mut seen = BTreeSet::new();
        let welcomed = stage
            .links
            .iter()
            .filter(|link| link.node_open && link.welcomed);
        let twice = welcomed
            .map(|link| link.id)
            .find(|machine| !seen.insert(*machine));
        if let Some(machine) = twice {
            stage.accuse(format!("I30: {machine} has two connections that count"));
        }
    }
}

/// A reply left the node: from here on it is a promise.
fn acknowledge(stage: &mut Stage, model: &mut Model, reply: &Reply) {
    match reply {
        Reply::Submitted(client, Ok(submitted)) => {
            stage.know_job(submitted.job);
            model.acknowledged(stage, *client, submitted.job, submitted.existed)
        }
        Reply::Done(Command::Cancel(job), Ok(())) => model.cancelled(*job, true),
        Reply::Done(Command::Retry(job, _), Ok(())) => model.cancelled(*job, false),
        Reply::Submitted(_, Err(_)) | Reply::Done(..) | Reply::Steered(_) | Reply::Gate(_) => {}
    }
    tell!(stage, "   answers {}", answered(reply));
}
