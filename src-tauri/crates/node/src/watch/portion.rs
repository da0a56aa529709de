//! Changes in portions that fit a frame of the door.

use crate::limits::CHANGES_BYTES;
use api::{Changes, JobView};

/// What one of each takes as JSON, in bytes, about.
const JOB_BYTES: usize = 1_500;
const CELL_BYTES: usize = 70;
const SPAN_BYTES: usize = 250;

/// Divides what does not fit one event; nothing at all is no event, unless it
/// is a snapshot.
pub(super) fn portions(mut changes: Changes) -> Vec<Changes> {
    let mut jobs = std::mem::take(&mut changes.jobs).into_iter().peekable();
    let mut cells = std::mem::take(&mut changes.cells).into_iter().peekable();
    let mut spans = std::mem::take(&mut changes.spans).into_iter().peekable();
    let mut portions = Vec::new();
    loop {
        let mut bytes = 0;
        let mut room = |item_bytes: usize| {
            let fits = bytes < CHANGES_BYTES;
            bytes += if fits { item_bytes } else { 0 };
            fits
        };
        while jobs.peek().is_some_and(|job| room(weight(job))) {
            changes.jobs.extend(jobs.next());
        }
        while cells.peek().is_some() && room(CELL_BYTES) {
            changes.cells.extend(cells.next());
        }
        while spans.peek().is_some() && room(SPAN_BYTES) {
            changes.spans.extend(spans.next());
        }
        let rest = jobs.peek().is_some() || cells.peek().is_some() || spans.peek().is_some();
        let portion = std::mem::take(&mut changes);
        if portion.whole || portion != Changes::default() {
            portions.push(portion);
        }
        if !rest {
            return portions;
        }
    }
}

fn weight(job: &JobView) -> usize {
    let params = job.params.values().map(String::len).sum::<usize>();
    JOB_BYTES + job.command.len() + job.name.len() + params
}

#[cfg(test)]
mod tests {
    use super::portions;
    use api::{CellRun, Changes, TaskState};

    #[test]
    fn a_snapshot_of_many_cells_comes_in_frames() {
        let cells: Vec<CellRun> = (0..50_000)
            .map(|first| CellRun {
                first,
                count: 1,
                state: TaskState::Cancelled,
                retried: first % 2 == 0,
            })
            .collect();
        let portions = portions(Changes {
            whole: true,
            cells: cells.clone(),
            ..Changes::default()
        });
        assert!(portions.len() > 1);
        for portion in &portions {
            let json = serde_json::to_string(portion).unwrap();
            assert!(json.len() < api::frame::BODY_BYTES_MAX, "{}", json.len());
        }
        let whole: Vec<bool> = portions.iter().map(|portion| portion.whole).collect();
        assert!(whole[0] && !whole[1..].contains(&true), "{whole:?}");
        let told: Vec<CellRun> = portions.into_iter().flat_map(|one| one.cells).collect();
        assert_eq!(told, cells);
    }

    #[test]
    fn nothing_is_no_event_and_an_empty_snapshot_is_one() {
        assert_eq!(portions(Changes::default()), []);
        let empty = Changes {
            whole: true,
            ..Changes::default()
        };
        assert_eq!(portions(empty.clone()), [empty]);
    }
}
