//! The worker of this machine.
//!
//! It speaks with its coordinator in frames, through a pipe in memory or over
//! the wire, and neither of them knows the difference. What it may run is decided
//! by [`pool::Worker`]; this module carries its actions to the slots and tells
//! it what became of them.

mod collect;
mod feed;
mod line;
mod outcome;
mod shelf;
mod slot;
mod supply;
mod warm;
mod written;

pub(crate) use line::Way;
pub(crate) use outcome::last_line;
pub(crate) use supply::Supply;

use crate::clock::Clock;
use crate::host::HealthReader;
use crate::limits::SLEEP_MAX;
use crate::member::Fetching;
use bytes::Bytes;
use line::{Line, To};
use pool::codec::{Decoder, encode};
use pool::limits::{HEARTBEAT, NEWS_EVERY};
use pool::{Action, SlotId, Worker, WorkerConfig};
use slot::{Order, Slot, Told};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

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
    way: Way,
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
    health: HealthReader,
    /// When the pool is told next how this machine is.
    news_at: Instant,
}

/// It has said goodbye.
struct Gone;

impl Working {
    pub(crate) fn new(
        worker: Worker,
        clock: Clock,
        supply: Arc<Supply>,
        way: Way,
        wishes: mpsc::Receiver<Wish>,
        (commit_micros, busy): (watch::Receiver<u32>, watch::Sender<bool>),
        health: HealthReader,
    ) -> Working {
        Working {
            worker,
            clock,
            supply,
            way,
            wishes,
            commit_micros,
            busy,
            told: mpsc::channel(TOLD),
            slots: Vec::new(),
            outgoing: Vec::new(),
            configured: Vec::new(),
            health,
            news_at: Instant::now(),
        }
    }

    /// Until it has said goodbye, or nobody coordinates any more.
    pub(crate) async fn run(mut self) {
        while let Some(Line { to, mut from }) = self.connect().await {
            self.outgoing.clear();
            self.worker.handle_connected(self.clock.now());
            let last = self.serve(&to, &mut from).await;
            self.worker.handle_disconnected(self.clock.now());
            if !to.end(last).await || self.worker.is_gone() {
                return;
            }
            if self.rest().await.is_err() {
                return;
            }
        }
    }

    /// A new line. Whatever happens meanwhile is heeded: a machine that reaches
    /// no coordinator stops for its owner all the same.
    async fn connect(&mut self) -> Option<Line> {
        let way = self.way.clone();
        let mut opening = pin!(way.open(self.worker.machine().device()));
        loop {
            self.settle();
            if self.worker.is_gone() {
                return None;
            }
            // Nobody is told of a wish now, and none shall wait for that.
            self.configured.clear();
            let timer = self.until_timer();
            tokio::select! {
                biased;
                line = &mut opening => return line,
                () = self.heed(timer) => {}
            }
        }
    }

    /// A moment between two lines.
    async fn rest(&mut self) -> Result<(), Gone> {
        let until = Instant::now() + RECONNECT_AFTER;
        loop {
            self.settle();
            if self.worker.is_gone() {
                return Err(Gone);
            }
            let timer = self.until_timer();
            tokio::select! {
                () = tokio::time::sleep_until(until) => return Ok(()),
                () = self.heed(timer) => {}
            }
        }
    }

    /// Until the line ends; what is left to say on it.
    async fn serve(&mut self, to: &To, from: &mut mpsc::Receiver<Bytes>) -> Bytes {
        let mut decoder = Decoder::default();
        loop {
            if self.settle() {
                // The last words, a goodbye among them, go out before the end.
                return std::mem::take(&mut self.outgoing).into();
            }
            if self.outgoing.is_empty() && self.worker.term().is_some() {
                for configured in self.configured.drain(..) {
                    // Whoever wished may have left.
                    let _ = configured.send(());
                }
            }
            let timer = self.until_timer();
            let waits = !self.outgoing.is_empty();
            tokio::select! {
                biased;
                frames = from.recv() => {
                    let Some(frames) = frames else {
                        return Bytes::new();
                    };
                    decoder.push(&frames);
                    if let Err(error) = self.hear(&mut decoder) {
                        tracing::error!(%error, "the coordinator sent what is no message");
                        return Bytes::new();
                    }
                }
                room = to.room(), if waits => match room {
                    Some(room) => room.send(std::mem::take(&mut self.outgoing).into()),
                    None => return Bytes::new(),
                },
                () = self.heed(timer) => {}
            }
        }
    }

    /// Waits for whatever else happens, and heeds it. Safe to give up.
    async fn heed(&mut self, timer: Duration) {
        tokio::select! {
            biased;
            Some(wish) = self.wishes.recv() => self.wish(wish),
            Ok(()) = self.commit_micros.changed() => {
                let commit_micros = *self.commit_micros.borrow_and_update();
                let turnaround_micros = commit_micros.saturating_add(self.way.round_trip_micros());
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
            () = tokio::time::sleep_until(self.news_at) => self.tell_news(),
            () = tokio::time::sleep(timer) => {
                let now = self.clock.now();
                if self.worker.poll_timeout().is_some_and(|(due, _)| due <= now.moment) {
                    self.worker.handle_timeout(now);
                }
            }
        }
    }

    /// How the machine is and what lies ready there: often while it works, else
    /// as often as it says that it lives.
    fn tell_news(&mut self) {
        let (now, idle) = (self.clock.now(), self.worker.is_quiet());
        self.worker.handle_health(now, self.health.read(idle));
        self.worker.handle_stock(now, self.supply.stock());
        self.news_at = Instant::now() + if idle { HEARTBEAT } else { NEWS_EVERY };
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

    /// Carries out what the worker wants; whether the line is to end.
    fn settle(&mut self) -> bool {
        let mut ended = false;
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
                    ended = true;
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
            let told = self.told.0.clone();
            let told = match self.supply.fetching() {
                Some(fetching) => delivering(fetching.clone(), told),
                None => told,
            };
            self.slots.push(Slot::start(id, told, self.supply.clone()));
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

/// Hands results' blobs over before the worker hears of them: what is reported
/// is there. The slot works on meanwhile.
fn delivering(fetching: Fetching, told: mpsc::Sender<Told>) -> mpsc::Sender<Told> {
    let (of_slot, mut tells) = mpsc::channel(TOLD);
    tokio::spawn(async move {
        while let Some(tells) = tells.recv().await {
            if let Told::Reports { reports, .. } = &tells {
                fetching.deliver(reports).await;
            }
            if told.send(tells).await.is_err() {
                return;
            }
        }
    });
    of_slot
}
