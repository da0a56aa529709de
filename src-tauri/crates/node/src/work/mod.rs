//! The worker of this machine, in the coordinator's process.
//!
//! It speaks with the coordinator in the same frames as any other, through a
//! pipe in memory, so the coordinator never knows. What it may run is decided
//! by [`pool::Worker`]; this module carries its actions to the slots and tells
//! it what became of them.

mod collect;
mod feed;
mod outcome;
mod slot;
mod supply;
mod warm;
mod written;

pub(crate) use outcome::last_line;
pub(crate) use supply::Supply;

use crate::clock::Clock;
use crate::driver::{Driving, Input};
use crate::limits::{PIPE_FRAMES, SLEEP_MAX};
use bytes::Bytes;
use pool::codec::{Decoder, encode};
use pool::{Action, Peer, SlotId, Worker, WorkerConfig};
use slot::{Order, Slot, Told};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Tells of slots that wait for the worker; beyond, slots wait.
const TOLD: usize = 256;
/// Frames for the coordinator that gather before slots have to wait, in bytes.
const OUTGOING_BYTES: usize = 8 << 20;

/// Between the end of a connection and the next: whatever ended it may still
/// be so.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// What the worker is asked by its node.
pub(crate) enum Wish {
    /// As its owner has it configured from now on; told when the coordinator
    /// was.
    Configure(
        Box<dyn FnOnce(&mut WorkerConfig) + Send>,
        oneshot::Sender<()>,
    ),
    /// No new leases; what runs may end.
    Drain,
    /// Goes at once; what it has is given back.
    Leave,
}

/// The worker at work.
pub(crate) struct Working {
    worker: Worker,
    clock: Clock,
    supply: Arc<Supply>,
    driving: Driving,
    wishes: mpsc::Receiver<Wish>,
    commit_micros: watch::Receiver<u32>,
    /// Says whether anything is leased or undelivered.
    busy: watch::Sender<bool>,
    told: (mpsc::Sender<Told>, mpsc::Receiver<Told>),
    slots: Vec<mpsc::UnboundedSender<Order>>,
    /// Frames that the coordinator has not taken yet.
    outgoing: Vec<u8>,
    /// Who wait until the coordinator has been told of a wish.
    configured: Vec<oneshot::Sender<()>>,
    last_peer: u64,
}

/// How a connection ended.
enum Ended {
    /// It is to be made again.
    Closed,
    /// The worker or the node is gone.
    Gone,
}

impl Working {
    pub(crate) fn new(
        worker: Worker,
        clock: Clock,
        supply: Arc<Supply>,
        driving: Driving,
        wishes: mpsc::Receiver<Wish>,
        (commit_micros, busy): (watch::Receiver<u32>, watch::Sender<bool>),
    ) -> Working {
        Working {
            worker,
            clock,
            supply,
            driving,
            wishes,
            commit_micros,
            busy,
            told: mpsc::channel(TOLD),
            slots: Vec::new(),
            outgoing: Vec::new(),
            configured: Vec::new(),
            last_peer: 0,
        }
    }

    /// Until it has said goodbye, or nobody coordinates any more.
    pub(crate) async fn run(mut self) {
        while let Ended::Closed = self.connect().await {
            tokio::time::sleep(RECONNECT_AFTER).await;
        }
    }

    async fn connect(&mut self) -> Ended {
        self.last_peer += 1;
        let peer = Peer(self.last_peer);
        let (frames, mut received) = mpsc::channel(PIPE_FRAMES);
        if self
            .driving
            .send(Input::Connected(
                peer,
                self.worker.machine().device(),
                frames,
            ))
            .await
            .is_err()
        {
            return Ended::Gone;
        }
        self.outgoing.clear();
        self.worker.handle_connected(self.clock.now());
        let ended = self.serve(peer, &mut received).await;
        self.worker.handle_disconnected(self.clock.now());
        let told = self.driving.send(Input::Disconnected(peer, false)).await;
        if self.worker.is_gone() || told.is_err() {
            Ended::Gone
        } else {
            ended
        }
    }

    async fn serve(&mut self, peer: Peer, received: &mut mpsc::Receiver<Bytes>) -> Ended {
        let mut decoder = Decoder::default();
        let inbox = self.driving.inbox();
        loop {
            if let Some(ended) = self.settle() {
                // The last words, a goodbye among them, go out before the end.
                let last = std::mem::take(&mut self.outgoing);
                return match self.driving.send(Input::Frames(peer, last.into())).await {
                    Ok(()) => ended,
                    Err(_) => Ended::Gone,
                };
            }
            if self.outgoing.is_empty() && self.worker.term().is_some() {
                for configured in self.configured.drain(..) {
                    // Whoever wished may have left.
                    let _ = configured.send(());
                }
            }
            let timer = self.until_timer();
            tokio::select! {
                biased;
                frames = received.recv() => match frames {
                    Some(frames) => {
                        decoder.push(&frames);
                        if let Err(error) = self.hear(&mut decoder) {
                            tracing::error!(%error, "the coordinator sent what is no message");
                            return Ended::Closed;
                        }
                    }
                    None => return Ended::Closed,
                },
                permit = inbox.reserve(), if !self.outgoing.is_empty() => match permit {
                    Ok(permit) => permit.send(Input::Frames(peer, std::mem::take(&mut self.outgoing).into())),
                    Err(_) => return Ended::Gone,
                },
                Some(wish) = self.wishes.recv() => self.wish(wish),
                Ok(()) = self.commit_micros.changed() => {
                    let turnaround_micros = *self.commit_micros.borrow_and_update();
                    let config = WorkerConfig { turnaround_micros, ..self.worker.config().clone() };
                    self.worker.configure(self.clock.now(), config);
                }
                Some(told) = self.told.1.recv(), if self.outgoing.len() < OUTGOING_BYTES => {
                    self.told(told);
                    while self.outgoing.len() < OUTGOING_BYTES
                        && let Ok(told) = self.told.1.try_recv()
                    {
                        self.told(told);
                    }
                }
                () = tokio::time::sleep(timer) => {
                    let now = self.clock.now();
                    if self.worker.poll_timeout().is_some_and(|(due, _)| due <= now.moment) {
                        self.worker.handle_timeout(now);
                    }
                }
            }
        }
    }

    fn hear(&mut self, decoder: &mut Decoder) -> Result<(), pool::codec::DecodeError> {
        while let Some(message) = decoder.decode()? {
            self.worker.handle_message(self.clock.now(), message);
        }
        Ok(())
    }

    fn wish(&mut self, wish: Wish) {
        let now = self.clock.now();
        match wish {
            Wish::Configure(change, told) => {
                self.configured.push(told);
                let mut config = self.worker.config().clone();
                change(&mut config);
                self.worker.configure(now, config);
            }
            Wish::Drain => self.worker.drain(now),
            Wish::Leave => self.worker.goodbye(now),
        }
    }

    fn told(&mut self, told: Told) {
        let now = self.clock.now();
        match told {
            Told::Reports {
                slot,
                chunk,
                reports,
            } => self.worker.handle_reports(now, slot, chunk, reports),
            Told::Output { slot, output } => self.worker.handle_output(now, slot, output),
            Told::Progress {
                slot,
                index,
                per_mille,
            } => self.worker.handle_progress(now, slot, index, per_mille),
            Told::Free { slot } => self.worker.handle_free(now, slot),
        }
        self.say();
    }

    /// Carries out what the worker wants; how the connection ends, if it does.
    fn settle(&mut self) -> Option<Ended> {
        let mut ended = None;
        while let Some(action) = self.worker.poll_action() {
            match action {
                Action::Run {
                    slot,
                    chunk,
                    person,
                    spec,
                    fold_input,
                } => self.order(
                    slot,
                    Order::Run {
                        chunk,
                        person,
                        spec,
                        fold_input,
                    },
                ),
                Action::Kill { slot, chunk } => self.order(slot, Order::Kill(chunk)),
                Action::Stop { slot } => self.order(slot, Order::Stop),
                Action::Resume { slot } => self.order(slot, Order::Resume),
                Action::Forget { job } => self.supply.forget(job),
                Action::Close { why } => {
                    tracing::info!(%why, "the worker ends its connection");
                    ended = Some(if self.worker.is_gone() {
                        Ended::Gone
                    } else {
                        Ended::Closed
                    });
                }
            }
        }
        let busy = !self.worker.is_quiet();
        self.busy
            .send_if_modified(|before| std::mem::replace(before, busy) != busy);
        self.say();
        ended
    }

    fn say(&mut self) {
        while let Some(message) = self.worker.poll_transmit() {
            if let Err(error) = encode(&message, &mut self.outgoing) {
                tracing::error!(%error, "a message to the coordinator was left out");
            }
        }
    }

    fn order(&mut self, slot: SlotId, order: Order) {
        let at = slot.0 as usize;
        while self.slots.len() <= at {
            let id = SlotId(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
            self.slots
                .push(Slot::start(id, self.told.0.clone(), self.supply.clone()));
        }
        if self.slots[at].send(order).is_err() {
            tracing::error!(slot = slot.0, "a slot has ended before its worker");
        }
    }

    fn until_timer(&self) -> Duration {
        let due = self.worker.poll_timeout();
        due.map_or(SLEEP_MAX, |(due, _)| due.since(self.clock.moment()))
            .min(SLEEP_MAX)
    }
}
