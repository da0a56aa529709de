//! Machines of different speed that work by themselves, on the table's clock:
//! what a placement is worth is how soon everything is done.

use super::table::{Seat, Table, plain};
use crate::coordinator::JobState;
use crate::id::JobId;
use crate::message::{Chunk, Results, ToCoordinator, ToWorker};
use crate::moment::Moment;
use core::time::Duration;
use std::collections::VecDeque;

pub(super) struct Shop {
    pub(super) table: Table,
    pub(super) hands: Vec<Hand>,
}

/// One machine.
pub(super) struct Hand {
    pub(super) seat: Seat,
    /// What a task takes, of whatever job.
    pub(super) task_micros: u64,
    waiting: VecDeque<Chunk>,
    /// In each slot, what runs and when it ends.
    slots: Vec<Option<(Chunk, Moment)>>,
    /// Every chunk that it began.
    pub(super) began: Vec<(Moment, Chunk)>,
}

impl Shop {
    pub(super) fn new() -> Shop {
        Shop {
            table: Table::new(),
            hands: Vec::new(),
        }
    }

    pub(super) fn hire(&mut self, slots: u32, task_micros: u64) -> Seat {
        let name = u8::try_from(self.hands.len() + 1).expect("few machines");
        let seat = self.table.seat(name, slots);
        self.hands.push(Hand {
            seat,
            task_micros,
            waiting: VecDeque::new(),
            slots: (0..slots).map(|_| None).collect(),
            began: Vec::new(),
        });
        seat
    }

    /// Works until the jobs are done, and says how long that took.
    pub(super) fn run(&mut self, jobs: &[JobId]) -> Duration {
        let began = self.table.now.moment;
        while jobs
            .iter()
            .any(|job| self.table.state(*job) != JobState::Done)
        {
            self.step();
        }
        self.table.now.moment.since(began)
    }

    pub(super) fn run_for(&mut self, span: Duration) {
        let until = self.table.now.moment.after(span);
        self.begin();
        while self.next_end().is_some_and(|end| end <= until) {
            self.step();
        }
        let rest = until.since(self.table.now.moment);
        self.table.pass(rest);
        self.begin();
    }

    fn next_end(&self) -> Option<Moment> {
        let slots = self.hands.iter().flat_map(|hand| &hand.slots);
        slots.flatten().map(|(_, end)| *end).min()
    }

    /// Until the next chunk ends; heartbeats go on meanwhile.
    fn step(&mut self) {
        self.begin();
        let now = self.table.now.moment;
        let end = self.next_end();
        // Nobody works: a heartbeat or a timer brings the next turn.
        let span = end.map_or(Duration::from_secs(1), |end| end.since(now));
        self.table.pass(span);
        let now = self.table.now.moment;
        for at in 0..self.hands.len() {
            let hand = &mut self.hands[at];
            let over = hand.slots.iter_mut().filter_map(|slot| {
                let is_over = slot.is_some_and(|(_, end)| end <= now);
                if is_over { slot.take() } else { None }
            });
            let over: Vec<Chunk> = over.map(|(chunk, _)| chunk).collect();
            let (seat, micros) = (hand.seat, hand.task_micros);
            for chunk in over {
                let reports = plain(chunk, micros);
                let results = Results { chunk, reports };
                self.table.say(seat, ToCoordinator::Results(results));
            }
        }
        self.begin();
    }

    /// Hears what it is told, and begins what it can.
    fn begin(&mut self) {
        let now = self.table.now.moment;
        for at in 0..self.hands.len() {
            let heard = self.table.heard(self.hands[at].seat);
            let hand = &mut self.hands[at];
            let mut back = Vec::new();
            for message in heard {
                match message {
                    ToWorker::Lease(chunk) => hand.waiting.push_back(chunk),
                    ToWorker::Recall(chunks) => {
                        let is_recalled = |chunk: &Chunk| chunks.contains(chunk);
                        back.extend(hand.waiting.iter().copied().filter(is_recalled));
                        hand.waiting.retain(|chunk| !is_recalled(chunk));
                    }
                    ToWorker::Welcome { .. }
                    | ToWorker::Refused { .. }
                    | ToWorker::Job { .. }
                    | ToWorker::Drop(_)
                    | ToWorker::Forget { .. }
                    | ToWorker::Accepted(_)
                    | ToWorker::Stale(_)
                    | ToWorker::Drain
                    | ToWorker::Pause { .. }
                    | ToWorker::Resume => {}
                }
            }
            for slot in hand.slots.iter_mut().filter(|slot| slot.is_none()) {
                if let Some(chunk) = hand.waiting.pop_front() {
                    let micros = hand.task_micros * u64::from(chunk.count);
                    *slot = Some((chunk, now.after(Duration::from_micros(micros))));
                    hand.began.push((now, chunk));
                }
            }
            let seat = hand.seat;
            if !back.is_empty() {
                self.table.say(seat, ToCoordinator::Return(back));
                return self.begin();
            }
        }
    }
}
