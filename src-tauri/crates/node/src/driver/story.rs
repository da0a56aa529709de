//! What the log says of jobs. It is written when nobody waits for the driver:
//! a line takes as long to write as a small turn to decide.

use pool::{Coordinator, Event, JobId, JobState};

/// Lines that wait at most while there is always something to decide.
const LINES_WAITING: usize = 256;

/// Lines that are not written yet, in order.
#[derive(Debug, Default)]
pub(super) struct Story(Vec<Line>);

#[derive(Debug)]
enum Line {
    Accepted {
        job: JobId,
        tasks: u32,
    },
    Ended {
        job: JobId,
        state: JobState,
        done: u32,
        failed: u32,
    },
}

impl Story {
    pub(super) fn note(&mut self, event: &Event, coordinator: &Coordinator) {
        let (Event::JobAccepted(job) | Event::JobEnded(job)) = event else {
            return;
        };
        // One that was forgotten at once has nothing to tell.
        let Some(view) = coordinator.job(job) else {
            return;
        };
        self.0.push(if matches!(event, Event::JobAccepted(_)) {
            Line::Accepted {
                job: *job,
                tasks: view.total,
            }
        } else {
            Line::Ended {
                job: *job,
                state: view.state,
                done: view.done,
                failed: view.failed,
            }
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_long(&self) -> bool {
        self.0.len() >= LINES_WAITING
    }

    pub(super) fn tell(&mut self) {
        for line in self.0.drain(..) {
            match line {
                Line::Accepted { job, tasks } => {
                    tracing::info!(%job, tasks, "a job was accepted");
                }
                Line::Ended {
                    job,
                    state,
                    done,
                    failed,
                } => tracing::info!(%job, ?state, done, failed, "the job ended"),
            }
        }
    }
}
