//! One slot: runs the chunks it is given, in order, in one executor at a time.
//!
//! A chunk is cut into batches; the next batch is with the executor before the
//! one it works on has ended. Whatever happens to an executor, each task of a
//! chunk that is not killed is reported exactly once.

use super::collect::{Collector, Part};
use super::feed;
use super::supply::{Loaded, Supply};
use super::warm::{Taken, Warm};
use pool::message::{Chunk, Output, Stream};
use pool::report::{Outcome, Reports};
use pool::spec::Spec;
use pool::{Digest, PersonId, SlotId};
use sandbox::limits::BATCHES_MAX;
use sandbox::{Event, Executor, Program};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// Executors in a row that may end without having done anything, before the
/// chunk goes back.
const FUTILE_MAX: u32 = 3;

/// Events of an executor that are heard before anybody else is: short tasks
/// end by the hundred at a time.
const EVENTS_IN_A_ROW: u32 = 128;

/// What the worker orders.
#[derive(Debug)]
pub(super) enum Order {
    Run {
        chunk: Chunk,
        person: PersonId,
        spec: Arc<Spec>,
        fold_input: Option<Digest>,
    },
    Kill(Chunk),
    Stop,
    Resume,
}

/// What the worker is told.
#[derive(Debug)]
pub(super) enum Told {
    Reports {
        slot: SlotId,
        chunk: Chunk,
        reports: Reports,
    },
    Output {
        slot: SlotId,
        output: Output,
    },
    Progress {
        slot: SlotId,
        index: u32,
        per_mille: u16,
    },
    Free {
        slot: SlotId,
    },
}

#[derive(Debug)]
pub(super) struct Slot {
    id: SlotId,
    orders: mpsc::UnboundedReceiver<Order>,
    told: mpsc::Sender<Told>,
    supply: Arc<Supply>,
    queue: VecDeque<Assigned>,
    warm: Warm,
    stopped: bool,
    /// Executors in a row that ended without having done anything.
    futile: u32,
}

/// A chunk that is with this slot.
#[derive(Debug)]
struct Assigned {
    chunk: Chunk,
    job: Job,
    collector: Collector,
    /// The first task that no executor has.
    next: u32,
    /// Stops as soon as others do not suffer.
    killed: bool,
}

#[derive(Debug)]
enum Job {
    Loading(JoinHandle<Result<Arc<Loaded>, Outcome>>),
    Ready(Arc<Loaded>, Arc<Program>),
    /// Every task ends so.
    Unable(Outcome),
}

/// A batch that an executor has.
#[derive(Debug)]
struct Flight {
    chunk: Chunk,
    first: u32,
    count: u32,
    ended: u32,
}

/// The worker is gone: nobody waits for anything.
struct Gone;

impl Slot {
    pub(super) fn start(
        id: SlotId,
        told: mpsc::Sender<Told>,
        supply: Arc<Supply>,
    ) -> mpsc::UnboundedSender<Order> {
        // At most two chunks are with a slot, so little can gather here.
        let (order, orders) = mpsc::unbounded_channel();
        let slot = Slot {
            id,
            orders,
            told,
            supply,
            queue: VecDeque::new(),
            warm: Warm::default(),
            stopped: false,
            futile: 0,
        };
        tokio::spawn(async move {
            let Err(Gone) = slot.run().await;
        });
        order
    }

    async fn run(mut self) -> Result<std::convert::Infallible, Gone> {
        loop {
            if self.queue.pop_front_if(|front| front.killed).is_some() {
                self.free_if_empty().await?;
                continue;
            }
            if self.queue.is_empty() {
                self.rest().await?;
                continue;
            }
            let Some(loaded) = self.loaded().await? else {
                continue;
            };
            let Some(executor) = self.executor(&loaded).await? else {
                continue;
            };
            self.drive(&loaded, executor).await?;
        }
    }

    /// Waits for an order, with warm executors at hand for a while.
    async fn rest(&mut self) -> Result<(), Gone> {
        let cold = self.warm.until();
        tokio::select! {
            order = self.orders.recv() => self.order(order.ok_or(Gone)?).await,
            () = sleep_until(cold.unwrap_or_else(Instant::now)), if cold.is_some() => {
                self.warm.cool();
                Ok(())
            }
        }
    }

    /// The first chunk's job; `None` when the queue has to be looked at again.
    async fn loaded(&mut self) -> Result<Option<Arc<Loaded>>, Gone> {
        let Some(front) = self.queue.front_mut() else {
            return Ok(None);
        };
        match &mut front.job {
            Job::Ready(loaded, _) => Ok(Some(loaded.clone())),
            Job::Unable(outcome) => {
                let outcome = outcome.clone();
                self.end_all(&outcome).await?;
                Ok(None)
            }
            Job::Loading(loading) => {
                tokio::select! {
                    biased;
                    order = self.orders.recv() => self.order(order.ok_or(Gone)?).await?,
                    loaded = loading => front.loaded(loaded.unwrap_or_else(|error| {
                        Err(Outcome::Refused { why: format!("loading the job failed: {error}") })
                    })),
                }
                Ok(None)
            }
        }
    }

    /// An executor for the first chunk; `None` when the queue has to be looked
    /// at again.
    async fn executor(&mut self, loaded: &Arc<Loaded>) -> Result<Option<Executor>, Gone> {
        let mut spawning = match self.warm.take(&self.supply, loaded) {
            Taken::Now(executor) => return Ok(Some(*executor)),
            Taken::Soon(spawning) => spawning,
        };
        let chunk = self.queue.front().map(|front| front.chunk);
        loop {
            tokio::select! {
                biased;
                order = self.orders.recv() => {
                    self.order(order.ok_or(Gone)?).await?;
                    if self.queue.front().map(|front| front.chunk) != chunk {
                        return Ok(None);
                    }
                }
                spawned = &mut spawning => {
                    let why = match spawned {
                        Ok(Ok(executor)) => return Ok(Some(executor)),
                        Ok(Err(error)) => error.to_string(),
                        Err(error) => error.to_string(),
                    };
                    tracing::error!(slot = self.id.0, %why, "an executor could not be started");
                    self.end_all(&Outcome::Refused { why: format!("an executor could not be started: {why}") }).await?;
                    return Ok(None);
                }
            }
        }
    }

    /// Works on the queue as long as this executor suits its first chunk.
    async fn drive(&mut self, loaded: &Arc<Loaded>, mut executor: Executor) -> Result<(), Gone> {
        let mut flights: VecDeque<Flight> = VecDeque::new();
        let mut deaf = false;
        if self.stopped {
            executor.stop();
        }
        loop {
            if let Some(front) = self.queue.front()
                && front.killed
            {
                let flying = flights.iter().any(|flight| flight.chunk == front.chunk);
                self.queue.pop_front();
                self.free_if_empty().await?;
                if flying {
                    // What else it has must run again; its successor takes it on.
                    self.warm.expect(&self.supply, loaded);
                    return self.rewind(flights, None).await;
                }
                continue;
            }
            let spent = executor.spent();
            if spent && !self.queue.is_empty() {
                self.warm.expect(&self.supply, loaded);
            }
            if !self.stopped && !spent && !deaf {
                // One that takes no more still has to say how what it had ended.
                deaf = !self.feed(loaded, &mut executor, &mut flights).await?;
            }
            if flights.is_empty() && !deaf && (spent || !self.suits(loaded)) {
                self.warm.put(loaded.key.clone(), executor);
                return Ok(());
            }
            let due = self.queue.front().and_then(|front| front.collector.due());
            tokio::select! {
                biased;
                order = self.orders.recv() => {
                    let was = self.stopped;
                    self.order(order.ok_or(Gone)?).await?;
                    match (was, self.stopped) {
                        (false, true) => executor.stop(),
                        (true, false) => executor.resume(),
                        (false, false) | (true, true) => {}
                    }
                }
                event = executor.next(), if deaf || !flights.is_empty() => {
                    let mut came = Some(event);
                    let mut row = 0;
                    while let Some(event) = came {
                        if let Event::Gone { unstarted, why } = event {
                            self.warm.expect(&self.supply, loaded);
                            return self.rewind(flights, Some((unstarted, why))).await;
                        }
                        self.event(event, &mut flights).await?;
                        row += 1;
                        came = if row < EVENTS_IN_A_ROW { at_once(executor.next()).await } else { None };
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    if let Some(front) = self.queue.front_mut() {
                        let part = front.collector.flush().await;
                        self.report(part).await?;
                    }
                }
            }
        }
    }

    /// Whether the first chunk can go on in an executor of this job.
    fn suits(&self, loaded: &Loaded) -> bool {
        self.queue.front().is_some_and(|front| match &front.job {
            Job::Ready(other, _) => other.key == loaded.key,
            Job::Loading(_) | Job::Unable(_) => false,
        })
    }

    /// Keeps the executor busy and one batch ahead. False where it takes no
    /// more, because it is gone.
    async fn feed(
        &mut self,
        loaded: &Loaded,
        executor: &mut Executor,
        flights: &mut VecDeque<Flight>,
    ) -> Result<bool, Gone> {
        while flights.len() < BATCHES_MAX {
            let Some(assigned) = self.queue.iter_mut().find(|assigned| assigned.is_unsent()) else {
                break;
            };
            let Job::Ready(own, shared) = &assigned.job else {
                break;
            };
            if own.key != loaded.key || assigned.killed {
                break;
            }
            let first = assigned.next;
            let count = feed::size(own, &assigned.chunk, first);
            match feed::batch(&self.supply, own, shared, first, count).await {
                Ok(batch) => {
                    if executor.send(batch).await.is_err() {
                        return Ok(false);
                    }
                    assigned.next += count;
                    flights.push_back(Flight {
                        chunk: assigned.chunk,
                        first,
                        count,
                        ended: 0,
                    });
                }
                Err(outcome)
                    if flights.is_empty()
                        && self.queue.front().is_some_and(|front| front.next == first) =>
                {
                    self.unrun(outcome).await?;
                }
                // What cannot be read now may not be read out of order either.
                Err(_) => break,
            }
        }
        Ok(true)
    }

    async fn event(&mut self, event: Event, flights: &mut VecDeque<Flight>) -> Result<(), Gone> {
        let Some(front) = self.queue.front_mut() else {
            if matches!(event, Event::Idle) {
                flights.pop_front();
            }
            return Ok(());
        };
        let flight = flights.front_mut();
        let mut parts = Vec::new();
        match event {
            Event::Started { .. } => front.collector.started(),
            Event::Gone { .. } => {}
            Event::Stdout { bytes, .. } => {
                let output = front.collector.written(Stream::Stdout, bytes).await;
                self.show(output).await?;
            }
            Event::Stderr { bytes, .. } => {
                let output = front.collector.written(Stream::Stderr, bytes).await;
                self.show(output).await?;
            }
            Event::Progress { index, per_mille } => {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                self.tell(Told::Progress {
                    slot: self.id,
                    index,
                    per_mille,
                })
                .await?;
            }
            Event::Ended {
                end, micros, out, ..
            } => {
                parts = front.collector.ended(end, micros, out).await;
                if let Some(flight) = flight {
                    flight.ended += 1;
                }
            }
            Event::Calls {
                ends,
                bytes,
                micros,
                ..
            } => {
                parts = front.collector.calls(&ends, &bytes, micros).await;
                if let Some(flight) = flight {
                    flight.ended += u32::try_from(ends.len()).unwrap_or(u32::MAX);
                }
            }
            Event::Idle => {
                flights.pop_front();
            }
        }
        for part in parts {
            self.futile = 0;
            self.report(Some(part)).await?;
        }
        self.finish().await
    }

    /// An executor is gone, with what it had: the tasks it never started run
    /// again, the one it may have died of is the machine's loss.
    async fn rewind(
        &mut self,
        flights: VecDeque<Flight>,
        gone: Option<(Vec<u64>, String)>,
    ) -> Result<(), Gone> {
        if gone.is_some() && flights.iter().all(|flight| flight.ended == 0) {
            self.futile += 1;
        }
        for flight in flights.iter().rev() {
            let Some(assigned) = self
                .queue
                .iter_mut()
                .find(|assigned| assigned.chunk == flight.chunk)
            else {
                continue;
            };
            assigned.next = flight.first + flight.ended;
            assigned.collector.forget_running();
        }
        let first = self
            .queue
            .front()
            .filter(|front| front.is_unsent())
            .map(|front| u64::from(front.next));
        let (Some((unstarted, why)), Some(first)) = (gone, first) else {
            return Ok(());
        };
        let flew = flights.iter().any(|flight| flight.ended < flight.count);
        if flew && !unstarted.contains(&first) {
            return self.unrun(Outcome::Lost { why }).await;
        }
        if self.futile > FUTILE_MAX {
            self.futile = 0;
            return self
                .end_all(&Outcome::Refused {
                    why: format!("executors end at once: {why}"),
                })
                .await;
        }
        Ok(())
    }

    /// The first chunk's next task ends without having run.
    async fn unrun(&mut self, outcome: Outcome) -> Result<(), Gone> {
        let Some(front) = self.queue.front_mut() else {
            return Ok(());
        };
        front.next += 1;
        for part in front.collector.unrun(outcome).await {
            self.report(Some(part)).await?;
        }
        self.finish().await
    }

    /// All that is left of the first chunk ends without having run.
    async fn end_all(&mut self, outcome: &Outcome) -> Result<(), Gone> {
        let Some(front) = self.queue.front() else {
            return Ok(());
        };
        let (chunk, end) = (front.chunk, front.end());
        while self
            .queue
            .front()
            .is_some_and(|front| front.chunk == chunk && front.collector.current() < end)
        {
            self.unrun(outcome.clone()).await?;
        }
        Ok(())
    }

    /// Lets go of the first chunk once all of it has ended.
    async fn finish(&mut self) -> Result<(), Gone> {
        let Some(front) = self.queue.front_mut() else {
            return Ok(());
        };
        if front.collector.current() < front.end() {
            return Ok(());
        }
        let part = front.collector.flush().await;
        self.queue.pop_front();
        self.report(part).await?;
        self.free_if_empty().await
    }

    async fn order(&mut self, order: Order) -> Result<(), Gone> {
        match order {
            Order::Run {
                chunk,
                person,
                spec,
                fold_input,
            } => {
                let live = spec.count == 1 && fold_input.is_none();
                let lane = self.supply.lane(self.id, &chunk);
                let collector = Collector::new(self.supply.keep.clone(), chunk, live, lane);
                let known = self
                    .supply
                    .known(chunk.job, &spec)
                    .filter(|_| fold_input.is_none());
                let job = match known {
                    Some(loaded) => Job::ready(loaded, &chunk),
                    None => {
                        let supply = self.supply.clone();
                        Job::Loading(tokio::spawn(async move {
                            supply.load(chunk.job, person, spec, fold_input).await
                        }))
                    }
                };
                self.queue.push_back(Assigned {
                    chunk,
                    job,
                    collector,
                    next: chunk.first,
                    killed: false,
                });
                Ok(())
            }
            Order::Kill(chunk) => {
                let Some(at) = self
                    .queue
                    .iter()
                    .position(|assigned| assigned.chunk == chunk)
                else {
                    return Ok(());
                };
                self.queue[at].killed = true;
                // One that no executor has can go at once.
                if self.queue[at].next == chunk.first {
                    self.queue.remove(at);
                    return self.free_if_empty().await;
                }
                Ok(())
            }
            Order::Stop => {
                self.stopped = true;
                Ok(())
            }
            Order::Resume => {
                self.stopped = false;
                Ok(())
            }
        }
    }

    async fn free_if_empty(&self) -> Result<(), Gone> {
        if self.queue.is_empty() {
            self.tell(Told::Free { slot: self.id }).await
        } else {
            Ok(())
        }
    }

    async fn show(&self, output: Option<Output>) -> Result<(), Gone> {
        match output {
            Some(output) => {
                self.tell(Told::Output {
                    slot: self.id,
                    output,
                })
                .await
            }
            None => Ok(()),
        }
    }

    async fn report(&self, part: Option<Part>) -> Result<(), Gone> {
        match part {
            Some((chunk, reports)) => {
                self.tell(Told::Reports {
                    slot: self.id,
                    chunk,
                    reports,
                })
                .await
            }
            None => Ok(()),
        }
    }

    async fn tell(&self, told: Told) -> Result<(), Gone> {
        self.told.send(told).await.map_err(|_| Gone)
    }
}

/// The output of a future that has one already.
async fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

impl Assigned {
    fn end(&self) -> u32 {
        self.chunk.first + self.chunk.count
    }

    /// Some of it is with no executor.
    fn is_unsent(&self) -> bool {
        self.next < self.end()
    }

    fn loaded(&mut self, loaded: Result<Arc<Loaded>, Outcome>) {
        self.job = match loaded {
            Ok(loaded) => Job::ready(loaded, &self.chunk),
            Err(outcome) => Job::Unable(outcome),
        };
    }
}

impl Job {
    fn ready(loaded: Arc<Loaded>, chunk: &Chunk) -> Job {
        let shared = feed::shared(&loaded, chunk);
        Job::Ready(loaded, shared)
    }
}
