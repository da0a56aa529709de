//! The one task that owns the rules and the writer of the store.
//!
//! It has one rule. After a batch of inputs: commit every record as one
//! transaction, only then send what the rules say to workers and answers to
//! those who asked, only then publish events and start chores, and only then
//! sleep until the timer. A full disk holds the batch and tries again; any
//! other failure of a commit ends the process, having told nobody.

mod hold;
mod inbox;
mod rows;
mod story;

pub(crate) use inbox::{Driving, Input, Turn};
pub(crate) use rows::{image, pause, paused};

use crate::chores::Chores;
use crate::clock::{Clock, wall_ms};
use crate::follow::Follows;
use crate::limits::{INPUTS_PER_TURN, SLEEP_MAX, TURNS_BEFORE_TIMER};
use crate::listening;
use crate::space::Space;
use crate::stops::Stops;
use crate::watch::Watches;
use bytes::Bytes;
use inbox::After;
use pool::codec::{Decoder, encode};
use pool::message::ToWorker;
use pool::{Coordinator, Event, Peer};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Write, Writer};
use story::Story;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

/// What the driver is made of.
pub(crate) struct Driver {
    pub(crate) coordinator: Coordinator,
    pub(crate) writer: Writer,
    pub(crate) clock: Clock,
    pub(crate) inbox: mpsc::Receiver<Input>,
    pub(crate) chores: Chores,
    pub(crate) follows: Follows,
    pub(crate) watches: Watches,
    pub(crate) stops: Arc<Stops>,
    pub(crate) space: Space,
    /// Who belongs to the pool, for its endpoint.
    pub(crate) admitted: watch::Sender<Vec<transport::Admitted>>,
    /// Counts changes of the registry and of those who wait to be let in.
    pub(crate) registry: watch::Sender<u64>,
    /// Smoothed time of a commit, for workers in this process: microseconds.
    pub(crate) commit_micros: watch::Sender<u32>,
}

/// The way to one worker.
#[derive(Debug)]
struct Link {
    frames: mpsc::Sender<Bytes>,
    decoder: Decoder,
    /// Of another machine: one that takes nothing is closed, not waited for.
    remote: bool,
}

impl Link {
    fn new(frames: mpsc::Sender<Bytes>, remote: bool) -> Link {
        Link {
            frames,
            decoder: Decoder::default(),
            remote,
        }
    }
}

/// A driver at work.
struct Loop {
    driver: Driver,
    peers: HashMap<Peer, Link>,
    /// What is written beside the rules' records: names of modules.
    writes: Vec<Write>,
    /// Answers that leave after the commit.
    after: Vec<After>,
    /// Came in while the disk was full.
    late: Vec<Input>,
    story: Story,
    stopping: bool,
}

impl Driver {
    /// Goes on until it is told to stop; then closes the store.
    pub(crate) async fn run(self) {
        let mut this = Loop {
            driver: self,
            peers: HashMap::new(),
            writes: Vec::new(),
            after: Vec::new(),
            late: Vec::new(),
            story: Story::default(),
            stopping: false,
        };
        // The new term, before anything else is said.
        this.settle().await;
        let mut batch = Vec::with_capacity(INPUTS_PER_TURN);
        let mut full_turns = 0;
        while !this.stopping {
            if this.late.is_empty() {
                this.wait(&mut batch).await;
            } else {
                batch.append(&mut this.late);
            }
            let full = batch.len() >= INPUTS_PER_TURN;
            for input in batch.drain(..) {
                this.handle(input);
            }
            full_turns = if full { full_turns + 1 } else { 0 };
            if full_turns == 0 || full_turns > TURNS_BEFORE_TIMER {
                this.fire();
            }
            this.settle().await;
        }
        this.story.tell();
        if let Err(error) = this.driver.writer.close().await {
            tracing::error!(%error, "the store was not closed as it should be; the next start looks at all of it");
        }
    }
}

impl Loop {
    async fn wait(&mut self, batch: &mut Vec<Input>) {
        let sleep = self.until_timer();
        if sleep.is_zero() {
            // Due already: only what has come in goes before it.
            while batch.len() < INPUTS_PER_TURN
                && let Ok(input) = self.driver.inbox.try_recv()
            {
                batch.push(input);
            }
            return;
        }
        if !self.story.is_empty() {
            // Whoever was answered just now goes on first.
            tokio::task::yield_now().await;
            if self.driver.inbox.is_empty() || self.story.is_long() {
                self.story.tell();
            }
        }
        let received =
            tokio::time::timeout(sleep, self.driver.inbox.recv_many(batch, INPUTS_PER_TURN));
        if received.await == Ok(0) {
            self.stopping = true;
        }
    }

    fn until_timer(&self) -> Duration {
        let due = self.driver.coordinator.poll_timeout();
        due.map_or(SLEEP_MAX, |(moment, _)| {
            moment.since(self.driver.clock.moment())
        })
        .min(SLEEP_MAX)
    }

    fn fire(&mut self) {
        let now = self.driver.clock.now();
        if self
            .driver
            .coordinator
            .poll_timeout()
            .is_some_and(|(moment, _)| moment <= now.moment)
        {
            self.driver.coordinator.handle_timeout(now);
        }
    }

    fn handle(&mut self, input: Input) {
        let now = self.driver.clock.now();
        let coordinator = &mut self.driver.coordinator;
        match input {
            Input::Connected(peer, device, frames) => {
                self.peers.insert(peer, Link::new(frames, false));
                coordinator.handle_connected(now, peer, device);
            }
            Input::Joined(peer, device, frames) => {
                self.peers.insert(peer, Link::new(frames, true));
                coordinator.handle_connected(now, peer, device);
            }
            Input::Messages(peer, messages) => {
                for message in messages {
                    coordinator.handle_message(now, peer, message);
                }
            }
            Input::Frames(peer, frames) => self.frames(peer, &frames),
            Input::Disconnected(peer, timed_out) => {
                self.peers.remove(&peer);
                coordinator.handle_disconnected(now, peer, timed_out);
            }
            Input::ChoreDone(done) => coordinator.handle_chore_done(now, done),
            Input::Ask { ask, .. } => {
                let turn = Turn {
                    coordinator,
                    now,
                    writes: &mut self.writes,
                    follows: &mut self.driver.follows,
                };
                self.after.extend(ask(Ok(turn)));
            }
            Input::Look(look) => look(coordinator),
            Input::Stop => self.stopping = true,
        }
    }

    fn frames(&mut self, peer: Peer, frames: &[u8]) {
        let now = self.driver.clock.now();
        let coordinator = &mut self.driver.coordinator;
        let Some(link) = self.peers.get_mut(&peer) else {
            return;
        };
        link.decoder.push(frames);
        loop {
            match link.decoder.decode() {
                Ok(Some(message)) => coordinator.handle_message(now, peer, message),
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(%error, "a worker sent what is no message; its connection ends");
                    self.peers.remove(&peer);
                    coordinator.handle_disconnected(now, peer, false);
                    return;
                }
            }
        }
    }

    /// The rule.
    async fn settle(&mut self) {
        let mut writes = std::mem::take(&mut self.writes);
        while let Some(record) = self.driver.coordinator.poll_record() {
            writes.push(rows::write(record));
        }
        if !writes.is_empty() && !self.commit(&writes).await {
            return;
        }
        self.driver.chores.named(&writes);
        self.send().await;
        for after in self.after.drain(..) {
            after();
        }
        while let Some(event) = self.driver.coordinator.poll_event() {
            self.story.note(&event, &self.driver.coordinator);
            self.note_stop(&event);
            self.note_registry(&event);
            self.driver.watches.note(&event);
            self.driver.follows.publish(event);
        }
        while let Some(chore) = self.driver.coordinator.poll_chore() {
            self.driver.chores.start(chore);
        }
        match self.driver.writer.maintain().await {
            // It is tried again; what was committed lies in the log.
            Ok(()) | Err(CommitError::Full) => {}
            Err(error) => end("the store could not be checkpointed", &error),
        }
    }

    fn note_registry(&self, event: &Event) {
        if let Event::RegistryChanged | Event::DeviceAdmitted(_) | Event::DeviceRevoked(_) = event {
            let admitted = listening::admitted(&self.driver.coordinator);
            self.driver.admitted.send_replace(admitted);
        }
        if let Event::RegistryChanged
        | Event::JoinAsked(_)
        | Event::JoinEnded(_)
        | Event::DeviceAdmitted(_)
        | Event::DeviceRevoked(_) = event
        {
            self.driver.registry.send_modify(|changes| *changes += 1);
        }
    }

    fn note_stop(&self, event: &Event) {
        let Event::MachineChanged(id) = event else {
            return;
        };
        let mut machines = self.driver.coordinator.machines();
        if let Some(machine) = machines.find(|machine| machine.id == *id) {
            self.driver.stops.note(&machine, wall_ms());
        }
    }

    /// Whether it is on disk: not, when the node is to stop while the disk is
    /// full. Then nobody is told what was decided.
    async fn commit(&mut self, writes: &[Write]) -> bool {
        loop {
            match self.driver.writer.commit(writes).await {
                Ok(()) => break,
                Err(CommitError::Full) => self.hold().await,
                Err(error) => end("what was decided could not be recorded", &error),
            }
            if self.stopping {
                return false;
            }
        }
        self.driver.space.held(false);
        let micros = self.driver.writer.commit_micros();
        self.driver.commit_micros.send_if_modified(|last| {
            // A tenth more or less is no news to anybody.
            let news = micros.abs_diff(*last) > *last / 10;
            if news {
                *last = micros;
            }
            news
        });
        true
    }

    async fn send(&mut self) {
        let mut frames: Vec<(Peer, Vec<u8>)> = Vec::new();
        let mut refused = Vec::new();
        while let Some((peer, message)) = self.driver.coordinator.poll_transmit() {
            if matches!(message, ToWorker::Refused { .. }) {
                refused.push(peer);
            }
            let at = frames
                .iter()
                .position(|(to, _)| *to == peer)
                .unwrap_or_else(|| {
                    frames.push((peer, Vec::new()));
                    frames.len() - 1
                });
            if let Err(error) = encode(&message, &mut frames[at].1) {
                tracing::error!(%error, "a message to a worker was left out");
            }
        }
        for (peer, frames) in frames {
            let Some(link) = self.peers.get(&peer) else {
                continue;
            };
            if !link.remote {
                // A worker that is gone says so in the inbox.
                let _ = link.frames.send(frames.into()).await;
            } else if let Err(TrySendError::Full(_)) = link.frames.try_send(frames.into()) {
                tracing::warn!(
                    ?peer,
                    "a machine takes nothing any more; its connection ends"
                );
                refused.push(peer);
            }
        }
        for peer in refused {
            self.peers.remove(&peer);
            self.driver
                .coordinator
                .handle_disconnected(self.driver.clock.now(), peer, false);
        }
    }
}

/// The store is in a state that nobody may be told of.
fn end(what: &str, error: &CommitError) -> ! {
    tracing::error!(%error, "{what}");
    eprintln!(
        "error: {what}: {error}; ending at once, so that nothing is promised that is not on disk"
    );
    std::process::abort()
}
