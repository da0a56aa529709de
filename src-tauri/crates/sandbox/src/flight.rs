//! Which tasks an executor was given and has not answered, in their order. An
//! executor answers in order, so it never says which task it means and cannot lie about it.

use std::{collections::VecDeque, ops::Range, time::Duration};

use crate::task::Caps;

/// The batches that are under way.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    batches: VecDeque<InFlight>,
    /// Tasks answered since the executor began.
    answered: u64,
}

#[derive(Debug)]
struct InFlight {
    tasks: Tasks,
    answered: usize,
    caps: Caps,
    /// Whether its end is told.
    last: bool,
}

#[derive(Debug)]
enum Tasks {
    Programs(Vec<u64>),
    Calls(Range<u64>),
}

/// An answer that fits nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OutOfTurn;

impl InFlight {
    fn len(&self) -> usize {
        match &self.tasks {
            Tasks::Programs(indexes) => indexes.len(),
            Tasks::Calls(indexes) => usize::try_from(indexes.end - indexes.start).unwrap_or(0),
        }
    }

    fn index(&self, place: usize) -> u64 {
        match &self.tasks {
            Tasks::Programs(indexes) => indexes[place],
            Tasks::Calls(indexes) => indexes.start + place as u64,
        }
    }

    fn unanswered(&self) -> impl Iterator<Item = u64> {
        (self.answered..self.len()).map(|place| self.index(place))
    }
}

impl Flight {
    /// A batch of programs was given; `last` where its end is to be told.
    pub(crate) fn programs(&mut self, caps: Caps, indexes: Vec<u64>, last: bool) {
        let tasks = Tasks::Programs(indexes);
        self.batches.push_back(InFlight {
            tasks,
            answered: 0,
            caps,
            last,
        });
    }

    /// A batch of calls was given.
    pub(crate) fn calls(&mut self, caps: Caps, first_index: u64, count: u32) {
        let tasks = Tasks::Calls(first_index..first_index.saturating_add(u64::from(count)));
        self.batches.push_back(InFlight {
            tasks,
            answered: 0,
            caps,
            last: true,
        });
    }

    /// Batches whose end is still to be told.
    pub(crate) fn batches(&self) -> usize {
        self.batches.iter().filter(|batch| batch.last).count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The task whose answer is due.
    pub(crate) fn due(&self) -> Option<(u64, &Caps)> {
        let batch = self.batches.front()?;
        (batch.answered < batch.len()).then(|| (batch.index(batch.answered), &batch.caps))
    }

    /// The task that began as the `begun`th of the executor, where it is not answered.
    pub(crate) fn running(&self, begun: u64) -> Option<(u64, &Caps)> {
        let mut place = usize::try_from(begun.checked_sub(self.answered + 1)?).ok()?;
        for batch in &self.batches {
            let left = batch.len() - batch.answered;
            if place < left {
                return Some((batch.index(batch.answered + place), &batch.caps));
            }
            place -= left;
        }
        None
    }

    /// Whether the task was given and has no answer.
    pub(crate) fn is_unanswered(&self, index: u64) -> bool {
        self.batches
            .iter()
            .any(|batch| batch.unanswered().any(|other| other == index))
    }

    /// The due task is answered.
    pub(crate) fn answer(&mut self) -> Result<u64, OutOfTurn> {
        let (index, _) = self.due().ok_or(OutOfTurn)?;
        self.batches.front_mut().ok_or(OutOfTurn)?.answered += 1;
        self.answered += 1;
        Ok(index)
    }

    /// So many calls in a row are answered; gives the first one's task.
    pub(crate) fn answer_calls(&mut self, count: usize) -> Result<u64, OutOfTurn> {
        let batch = self.batches.front_mut().ok_or(OutOfTurn)?;
        let fits = count >= 1 && batch.answered + count <= batch.len();
        if !fits || matches!(batch.tasks, Tasks::Programs(_)) {
            return Err(OutOfTurn);
        }
        let first = batch.index(batch.answered);
        batch.answered += count;
        self.answered += count as u64;
        Ok(first)
    }

    /// The executor says that its batch is done; gives whether that is told.
    pub(crate) fn finish(&mut self) -> Result<bool, OutOfTurn> {
        let batch = self.batches.front().ok_or(OutOfTurn)?;
        if batch.answered != batch.len() {
            return Err(OutOfTurn);
        }
        Ok(self.batches.pop_front().is_some_and(|batch| batch.last))
    }

    /// The tasks that are not answered, but for one; nothing is under way any more.
    pub(crate) fn abandon(&mut self, but: Option<u64>) -> Vec<u64> {
        let batches = std::mem::take(&mut self.batches);
        batches
            .iter()
            .flat_map(InFlight::unanswered)
            .filter(|index| Some(*index) != but)
            .collect()
    }

    /// The time limit of the task whose answer is due.
    pub(crate) fn task_time(&self) -> Option<Duration> {
        self.due()?.1.task_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps() -> Caps {
        Caps {
            task_time: None,
            fuel: None,
            output_bytes: 1,
            log_bytes: 1,
        }
    }

    #[test]
    fn answers_are_matched_in_order_and_never_beyond() {
        let mut flight = Flight::default();
        assert_eq!(flight.answer(), Err(OutOfTurn));
        flight.programs(caps(), vec![7, 3], true);
        flight.calls(caps(), 10, 3);
        assert_eq!(flight.running(0).map(|t| t.0), None);
        assert_eq!(flight.running(1).map(|t| t.0), Some(7));
        assert_eq!(
            flight.answer_calls(1),
            Err(OutOfTurn),
            "the front is no batch of calls"
        );
        assert_eq!(flight.finish(), Err(OutOfTurn), "nothing is answered");
        assert_eq!(flight.answer(), Ok(7));
        assert_eq!(flight.running(1).map(|t| t.0), None, "answered already");
        assert_eq!(
            flight.running(3).map(|t| t.0),
            Some(10),
            "it is ahead of its answers"
        );
        assert_eq!(flight.answer(), Ok(3));
        assert_eq!(flight.answer(), Err(OutOfTurn), "the batch is not finished");
        assert_eq!(flight.finish(), Ok(true));
        assert_eq!(flight.answer_calls(4), Err(OutOfTurn));
        assert_eq!(flight.answer_calls(0), Err(OutOfTurn));
        assert_eq!(flight.answer_calls(2), Ok(10));
        assert_eq!(
            flight.running(6).map(|t| t.0),
            None,
            "there is no such task"
        );
        assert_eq!(flight.abandon(None), [12]);
        assert!(flight.is_empty());
    }

    #[test]
    fn what_is_abandoned_leaves_out_the_one_that_is_blamed() {
        let mut flight = Flight::default();
        flight.programs(caps(), vec![1, 2, 3], true);
        flight.programs(caps(), vec![4], true);
        assert_eq!(flight.answer(), Ok(1));
        assert_eq!(flight.abandon(Some(3)), [2, 4]);
    }
}
