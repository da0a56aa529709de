//! The cells of a job: runs of tasks, and which of them differ from what was
//! told.

use api::CellRun;
use pool::Cells;

pub(super) fn view(cells: &Cells) -> CellRun {
    CellRun {
        first: cells.first,
        count: cells.count,
        state: crate::views::task_state(cells.state),
        retried: cells.retried,
    }
}

/// The parts of `now` that are not so in `before`. Both cover the same tasks
/// in index order, but for a `before` that is empty.
pub(super) fn changed(before: &[CellRun], now: &[CellRun]) -> Vec<CellRun> {
    let mut changed: Vec<CellRun> = Vec::new();
    let mut before = before.iter().copied().peekable();
    for run in now {
        let end = run.first + run.count;
        let mut at = run.first;
        while at < end {
            // The told run that covers `at`, if any does.
            while before
                .next_if(|told| told.first + told.count <= at)
                .is_some()
            {}
            let (same, until) = match before.peek() {
                Some(told) if told.first <= at => (
                    (told.state, told.retried) == (run.state, run.retried),
                    (told.first + told.count).min(end),
                ),
                Some(told) => (false, told.first.min(end)),
                None => (false, end),
            };
            if !same {
                match changed.last_mut() {
                    Some(last)
                        if last.first + last.count == at
                            && (last.state, last.retried) == (run.state, run.retried) =>
                    {
                        last.count += until - at;
                    }
                    Some(_) | None => changed.push(CellRun {
                        first: at,
                        count: until - at,
                        ..*run
                    }),
                }
            }
            at = until;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::changed;
    use api::{CellRun, TaskState};

    fn runs(states: &str) -> Vec<CellRun> {
        let mut runs: Vec<CellRun> = Vec::new();
        for (index, letter) in (0..).zip(states.chars()) {
            let state = match letter.to_ascii_lowercase() {
                'q' => TaskState::Queued,
                'r' => TaskState::Running,
                'd' => TaskState::Done,
                other => panic!("{other}"),
            };
            let retried = letter.is_ascii_uppercase();
            match runs.last_mut() {
                Some(last) if (last.state, last.retried) == (state, retried) => last.count += 1,
                Some(_) | None => runs.push(CellRun {
                    first: index,
                    count: 1,
                    state,
                    retried,
                }),
            }
        }
        runs
    }

    /// The cells that changed, one letter each; `.` where nothing did.
    fn told(before: &str, now: &str) -> String {
        let mut cells = vec!['.'; now.len()];
        for run in changed(&runs(before), &runs(now)) {
            let letter = match run.state {
                TaskState::Queued => 'q',
                TaskState::Running => 'r',
                TaskState::Done => 'd',
                TaskState::Failed | TaskState::Cancelled => panic!("no cell is so"),
            };
            for cell in &mut cells[run.first as usize..(run.first + run.count) as usize] {
                *cell = if run.retried {
                    letter.to_ascii_uppercase()
                } else {
                    letter
                };
            }
        }
        cells.into_iter().collect()
    }

    #[test]
    fn only_what_differs_is_told() {
        assert_eq!(told("", "qqrd"), "qqrd");
        assert_eq!(told("qqqq", "qqqq"), "....");
        assert_eq!(told("qqqqqq", "ddrrqq"), "ddrr..");
        assert_eq!(told("ddrrqq", "dddrrq"), "..d.r.");
        assert_eq!(told("rrrr", "rQQr"), ".QQ.");
        assert_eq!(changed(&runs("qrqr"), &runs("dddd")).len(), 1, "joined");
    }
}
