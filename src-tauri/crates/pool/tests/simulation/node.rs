//! The node that coordinates: a real [`Coordinator`] behind the rule of the
//! driver, a disk, and a process that may end between any two steps of it.

use crate::agenda::{At, Input, MILLI, MINUTE, NodeInput, SECOND};
use crate::author::{Command, Reply};
use crate::disk::Disk;
use crate::links::Break;
use crate::machine::blobs_of;
use crate::model::{Authored, Effect, Model};
use crate::stage::{Stage, tell};
use crate::trace::hash_of;
use crate::workload::digest;
use pool::id::MachineId;
use pool::message::{Heartbeat, ToCoordinator, ToWorker};
use pool::moment::{Moment, Now};
use pool::record::Record;
use pool::report::{Payload, Reports};
use pool::{Chore, ChoreDone, Coordinator, Peer};
use std::collections::{BTreeMap, VecDeque};
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
    machines: Vec<MachineId>,
    /// What each machine was last heard to offer.
    offers: BTreeMap<Peer, u64>,
    seed: u64,
    /// Works only for clients that live, as a node that one command started.
    pub(crate) living_only: bool,
    /// Tasks that may wait in all jobs together, if not the usual.
    pub(crate) queued_tasks_max: Option<u64>,
    /// Planted into each coordinator.
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<pool::Mutant>,
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
}

#[derive(Debug)]
enum Inbound {
    World(NodeInput),
    Command {
        story: usize,
        authored: Option<Box<Authored>>,
        command: Command,
    },
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
            Coordinator::new(clock, seed)
        } else {
            match Coordinator::restore(clock, seed, self.disk.image()) {
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
        self.process = Some(Process {
            coordinator,
            began,
            inbox: VecDeque::new(),
            turn_is_planned: true,
            turns: 0,
            commit: None,
            timer: (0, None),
        });
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

    /// Somebody asks something; `false` when nobody is there to ask.
    pub(crate) fn ask(
        &mut self,
        stage: &mut Stage,
        story: usize,
        authored: Option<Box<Authored>>,
        command: Command,
    ) -> bool {
        let Some(process) = &mut self.process else {
            return false;
        };
        process.inbox.push_back(Inbound::Command {
            story,
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
        let count = stage.chance.between(1, BATCH_MAX);
        let mut batch = Batch::default();
        for _ in 0..count {
            let Some(process) = &mut self.process else {
                return Replies::new();
            };
            let Some(inbound) = process.inbox.pop_front() else {
                break;
            };
            match inbound {
                Inbound::World(input) => self.take(stage, input, &mut batch),
                Inbound::Command {
                    story,
                    authored,
                    command,
                } => self.obey(stage, story, authored, command, &mut batch),
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
        while let Some((peer, message)) = self
            .process
            .as_mut()
            .and_then(|process| process.coordinator.poll_transmit())
        {
            if self.dies_here(stage) {
                return Replies::new();
            }
            self.transmit(stage, model, peer, &message);
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

    fn take(&mut self, stage: &mut Stage, input: NodeInput, batch: &mut Batch) {
        let now = self.now(stage);
        let Some(process) = &mut self.process else {
            return;
        };
        let coordinator = &mut process.coordinator;
        match input {
            NodeInput::Connected { peer } => {
                if stage.arrives_at_node(peer) {
                    coordinator.handle_connected(now, peer);
                }
            }
            NodeInput::Frame { peer, bytes } => {
                if !stage.arrives_at_node(peer) {
                    return;
                }
                let decoder = &mut stage.link(peer).node_decoder;
                decoder.push(&bytes);
                match decoder.decode::<ToCoordinator>() {
                    Ok(Some(message)) if names_unknown_blob(stage, &message) => {
                        // A result's blobs come before it, or it does not count.
                        tell!(
                            stage,
                            "node closes p{}: a result names a blob that is not here",
                            peer.0
                        );
                        stage.close_from_node(peer);
                        coordinator.handle_disconnected(now, peer, false);
                    }
                    Ok(Some(message)) => {
                        tell!(stage, "node <- p{} {}", peer.0, shortly(&message));
                        match &message {
                            ToCoordinator::Hello(hello) => {
                                self.offers.insert(peer, hello.state.memory_bytes)
                            }
                            ToCoordinator::Heartbeat(Heartbeat { memory_bytes, .. }) => {
                                self.offers.insert(peer, *memory_bytes)
                            }
                            ToCoordinator::Results(_)
                            | ToCoordinator::Output(_)
                            | ToCoordinator::Return(_)
                            | ToCoordinator::Goodbye => None,
                        };
                        coordinator.handle_message(now, peer, message);
                    }
                    // The rest of a frame whose length a liar has changed.
                    Ok(None) => {}
                    Err(error) => {
                        tell!(stage, "node closes p{}: {error}", peer.0);
                        stage.close_from_node(peer);
                        coordinator.handle_disconnected(now, peer, false);
                    }
                }
            }
            NodeInput::Disconnected { peer, timed_out } => {
                if std::mem::replace(&mut stage.link(peer).node_open, false) {
                    tell!(
                        stage,
                        "node hears that p{} is gone (timed out: {timed_out})",
                        peer.0
                    );
                    coordinator.handle_disconnected(now, peer, timed_out);
                }
            }
            NodeInput::ChoreDone(done) => {
                tell!(stage, "node has done {done:?}");
                match &done {
                    ChoreDone::Folded { job, result, .. } => {
                        batch.effects.push(Effect::Folded(*job, result.clone()))
                    }
                    ChoreDone::FoldInput {
                        job,
                        result: Ok(digest),
                        ..
                    } => batch.effects.push(Effect::Assembled(*job, *digest)),
                    ChoreDone::FoldInput { .. } | ChoreDone::BlobsListed { .. } => {}
                }
                coordinator.handle_chore_done(now, done);
            }
            NodeInput::Timer { .. } => coordinator.handle_timeout(now),
            NodeInput::Turn | NodeInput::Committed | NodeInput::TryDiskAgain | NodeInput::Stop => {}
        }
    }

    fn obey(
        &mut self,
        stage: &mut Stage,
        story: usize,
        authored: Option<Box<Authored>>,
        command: Command,
        batch: &mut Batch,
    ) {
        let now = self.now(stage);
        let Some(process) = &mut self.process else {
            return;
        };
        let coordinator = &mut process.coordinator;
        tell!(stage, "story {story} asks {}", asked(&command));
        let result = match &command {
            Command::Submit(submit) => {
                // The driver stores what a job names before it submits.
                stage
                    .blobs
                    .extend(submit.spec.inputs.iter().chain([&submit.spec.module]));
                let result = coordinator.submit(now, (**submit).clone());
                if let (Ok(submitted), Some(authored)) = (&result, authored)
                    && !submitted.existed
                {
                    batch.effects.push(Effect::Accept {
                        job: submitted.job,
                        authored,
                        client_living: submit.client_living,
                    });
                }
                batch
                    .replies
                    .push((story, Reply::Submitted(submit.client, result)));
                return;
            }
            Command::Cancel(job) => coordinator.cancel(now, *job),
            Command::Release(job) => {
                batch.effects.push(Effect::Release(*job));
                coordinator.release(now, *job)
            }
            Command::Retry(job, changes) => {
                let result = coordinator.retry(now, *job, *changes);
                if result.is_ok() {
                    batch.effects.push(Effect::Retry(*job, *changes));
                }
                result
            }
            Command::Forget(job) => {
                let result = coordinator.forget(now, *job);
                if result.is_ok() {
                    batch.effects.push(Effect::Forget(*job));
                }
                result
            }
            Command::Follow(job, follower) => {
                batch.effects.push(Effect::Follow(*job, *follower));
                coordinator.follow(now, *job, *follower)
            }
            Command::Unfollow(job, follower) => {
                batch.effects.push(Effect::Unfollow(*job, *follower));
                coordinator.unfollow(now, *job, *follower);
                Ok(())
            }
            Command::Left(job) => {
                batch.effects.push(Effect::Left(*job));
                coordinator.submitter_left(now, *job);
                Ok(())
            }
            Command::Drain => {
                coordinator.drain(now);
                let at = stage.agenda.now() + DRAIN;
                stage.agenda.plan(
                    at,
                    Input::Node {
                        life: self.life,
                        input: NodeInput::Stop,
                    },
                );
                Ok(())
            }
            Command::HoldBlob(named) => {
                stage.blobs.insert(*named);
                coordinator.hold_blob(*named);
                batch.effects.push(Effect::Hold(*named));
                Ok(())
            }
            Command::ReleaseBlob(named) => {
                coordinator.release_blob(*named);
                batch.effects.push(Effect::LetGo(*named));
                Ok(())
            }
        };
        batch.replies.push((story, Reply::Done(command, result)));
    }

    fn transmit(&mut self, stage: &mut Stage, model: &mut Model, peer: Peer, message: &ToWorker) {
        tell!(stage, "node -> p{} {message:?}", peer.0);
        let machine = stage.link(peer).machine;
        let Some(id) = self.machines.get(machine).copied() else {
            return;
        };
        // Of a machine that was never heard nothing is known to be too much.
        let offer = self.offers.get(&peer).copied().unwrap_or(0);
        model.transmitted(stage, &self.disk, id, offer, message);
        note_said(stage, peer, message);
        stage.send_to_machine(peer, message);
        if matches!(message, ToWorker::Refused { .. }) {
            stage.close_from_node(peer);
            self.offers.remove(&peer);
        }
    }

    /// A chore takes its time and may be done twice; a new life gets it again.
    fn begin(&mut self, stage: &mut Stage, model: &mut Model, chore: Chore) {
        tell!(stage, "   begins {chore:?}");
        let life = self.life;
        let at = stage.agenda.now() + stage.chance.magnitude(100, SECOND);
        let done = match chore {
            Chore::Fold { job, no, count, .. } => {
                let result = self.fold(no, count);
                ChoreDone::Folded { job, result }
            }
            Chore::AssembleFoldInput { job, no, count } => {
                let digest = digest(self.sum(no, count));
                stage.blobs.insert(digest);
                ChoreDone::FoldInput {
                    job,
                    result: Ok(digest),
                }
            }
            Chore::DeleteBlob(digest) => {
                // It may have been named again since the last reference went.
                let referenced = self
                    .coordinator()
                    .is_some_and(|coordinator| coordinator.blob_is_referenced(&digest));
                let pinned = stage.pinned.iter().any(|(_, _, blob)| *blob == digest);
                if referenced || pinned {
                    return;
                }
                if model.is_referenced(&digest) {
                    stage.accuse(format!("I15: blob {digest} is deleted and is referenced"));
                }
                stage.blobs.remove(&digest);
                return;
            }
            Chore::ListBlobs { job, no } => {
                let results = self
                    .disk
                    .results_of(no)
                    .filter_map(|(_, _, value)| pool::codec::decode_results(value).ok());
                let blobs = results
                    .flat_map(|stored| stored.reports.blobs().collect::<Vec<_>>())
                    .collect();
                ChoreDone::BlobsListed { job, blobs }
            }
        };
        stage.agenda.plan(
            at,
            Input::Node {
                life,
                input: NodeInput::ChoreDone(done),
            },
        );
    }

    /// What a fold by the node makes of the durable results.
    fn fold(&self, no: pool::JobNo, count: u32) -> Result<Payload, String> {
        let sum = self.sum(no, count);
        if sum.is_multiple_of(7) {
            return Err("a result is not a number".to_owned());
        }
        Ok(Payload::Inline(serde_bytes::ByteBuf::from(
            sum.to_le_bytes().to_vec(),
        )))
    }

    fn sum(&self, no: pool::JobNo, count: u32) -> u64 {
        let results = self
            .disk
            .results_of(no)
            .filter(|(first, _, _)| *first < count);
        results.fold(self.seed, |sum, (first, _, value)| {
            crate::chance::mix(sum, hash_of(&(first, value)))
        })
    }
}

fn names_unknown_blob(stage: &Stage, message: &ToCoordinator) -> bool {
    let ToCoordinator::Results(results) = message else {
        return false;
    };
    let Reports::Each(each) = &results.reports else {
        return false;
    };
    each.iter()
        .flat_map(blobs_of)
        .any(|blob| !stage.blobs.contains(&blob))
}

/// A reply left the node: from here on it is a promise.
fn acknowledge(stage: &mut Stage, model: &mut Model, reply: &Reply) {
    match reply {
        Reply::Submitted(client, Ok(submitted)) => {
            model.acknowledged(stage, *client, submitted.job, submitted.existed)
        }
        Reply::Done(Command::Cancel(job), Ok(())) => model.cancelled(*job, true),
        Reply::Done(Command::Retry(job, _), Ok(())) => model.cancelled(*job, false),
        Reply::Submitted(_, Err(_)) | Reply::Done(..) => {}
    }
    tell!(stage, "   answers {}", answered(reply));
}

/// Into the hashes: every byte into one, and into the other what was decided,
/// which is everything but bytes that tell a wall clock.
fn note(stage: &mut Stage, record: &Record) {
    let decided = match record {
        Record::Term(term) => hash_of(&(0, term)),
        Record::Moment(moment) => hash_of(&(1, moment)),
        Record::Job { no, id, ended, .. } => hash_of(&(2, no, id, ended)),
        Record::Lease {
            no, first, count, ..
        } => hash_of(&(3, no, first, count)),
        Record::LeaseEnded { no, first } => hash_of(&(4, no, first)),
        Record::Result {
            no,
            first,
            count,
            value,
        } => hash_of(&(5, no, first, count, value)),
        Record::ResultForgotten { no, first } => hash_of(&(6, no, first)),
        Record::History {
            no,
            first,
            count,
            value,
        } => hash_of(&(7, no, first, count, value)),
        Record::HistoryEnded { no, first } => hash_of(&(8, no, first)),
        Record::Blob { digest, refs } => hash_of(&(9, digest, refs)),
        Record::Forget { no } => hash_of(&(10, no)),
        Record::Machine { id, value } => hash_of(&(11, id, value.is_some())),
    };
    let whole = match record {
        Record::Job {
            spec,
            state,
            wall_ms,
            ..
        } => hash_of(&(spec, state, wall_ms)),
        Record::Lease { value, .. } => hash_of(value),
        Record::Machine { value, .. } => hash_of(value),
        Record::Term(_)
        | Record::Moment(_)
        | Record::LeaseEnded { .. }
        | Record::Result { .. }
        | Record::ResultForgotten { .. }
        | Record::History { .. }
        | Record::HistoryEnded { .. }
        | Record::Blob { .. }
        | Record::Forget { .. } => 0,
    };
    let now = stage.agenda.now();
    stage.trace.decisions.write_u64(decided ^ now);
    stage.trace.all.write_u64(decided ^ now);
    stage.trace.all.write_u64(whole);
}

fn note_said(stage: &mut Stage, peer: Peer, message: &ToWorker) {
    let mut bytes = Vec::new();
    if pool::codec::encode(message, &mut bytes).is_ok() {
        let said = hash_of(&(peer, bytes)) ^ stage.agenda.now();
        stage.trace.decisions.write_u64(said);
        stage.trace.all.write_u64(said);
    }
}

fn briefly(record: &Record) -> String {
    match record {
        Record::Job { no, id, ended, .. } => format!("Job {{ {no:?}, {id}, ended: {ended} }}"),
        Record::Lease {
            no, first, count, ..
        } => format!("Lease {{ {no:?}, {first} + {count} }}"),
        Record::Result {
            no, first, count, ..
        } => format!("Result {{ {no:?}, {first} + {count} }}"),
        Record::History {
            no, first, count, ..
        } => format!("History {{ {no:?}, {first} + {count} }}"),
        Record::Machine { id, value } => format!("Machine {{ {id}, {} }}", value.is_some()),
        Record::Term(_)
        | Record::Moment(_)
        | Record::LeaseEnded { .. }
        | Record::ResultForgotten { .. }
        | Record::HistoryEnded { .. }
        | Record::Blob { .. }
        | Record::Forget { .. } => format!("{record:?}"),
    }
}

fn shortly(message: &ToCoordinator) -> String {
    match message {
        ToCoordinator::Results(results) => match &results.reports {
            pool::report::Reports::Plain(_) => format!("Results {{ {:?}, plain }}", results.chunk),
            pool::report::Reports::Each(each) => {
                let outcomes: Vec<_> = each.iter().map(|report| &report.outcome).collect();
                format!("Results {{ {:?}, {outcomes:?} }}", results.chunk)
            }
        },
        ToCoordinator::Hello(_)
        | ToCoordinator::Heartbeat(_)
        | ToCoordinator::Output(_)
        | ToCoordinator::Return(_)
        | ToCoordinator::Goodbye => format!("{message:?}"),
    }
}

fn answered(reply: &Reply) -> String {
    match reply {
        Reply::Submitted(client, result) => format!("{client:?}: {result:?}"),
        Reply::Done(command, result) => format!("{}: {result:?}", asked(command)),
    }
}

fn asked(command: &Command) -> String {
    match command {
        Command::Submit(submit) => format!("Submit {{ {:?}, {:?} }}", submit.client, submit.spec),
        Command::Cancel(_)
        | Command::Release(_)
        | Command::Retry(..)
        | Command::Forget(_)
        | Command::Follow(..)
        | Command::Unfollow(..)
        | Command::Left(_)
        | Command::HoldBlob(_)
        | Command::ReleaseBlob(_)
        | Command::Drain => format!("{command:?}"),
    }
}
