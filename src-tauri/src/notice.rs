//! Notifications: that a job is done or failed while nobody looks at the
//! window, and where Skep is after its window was closed for the first time.
//! Which, is decided here without side effects; of jobs, at most one a minute.

use api::{JobState, JobView};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Who runs many small jobs is not told of each.
const EVERY: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) title: String,
    pub(crate) body: String,
    /// What clicks on it are called and do; the first is the one on the notice itself.
    pub(crate) clicks: Vec<(&'static str, Click)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Click {
    /// The window, as it was left.
    Open,
    /// The window, at a route of the page.
    OpenAt(String),
    Quit,
}

/// The window is away for the first time, and the rest is not.
pub(crate) fn goes_on_in_the_tray() -> Notice {
    Notice {
        title: "Skep goes on in the tray".to_owned(),
        body: "This machine keeps working. Its icon in the tray brings the window back.".to_owned(),
        clicks: vec![("Open Skep", Click::Open), ("Quit instead", Click::Quit)],
    }
}

/// Which kinds a person wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) finished: bool,
    pub(crate) failed: bool,
}

/// What was seen of the jobs, and what is still to be said.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    /// States by job; `None` until the first look, which tells nothing new.
    known: Option<HashMap<String, JobState>>,
    ended: Vec<JobView>,
    said: Option<Instant>,
}

impl Notices {
    /// Takes in the jobs as they are now. `looking`: the window is in front,
    /// and what ends meanwhile is seen there.
    pub(crate) fn see(&mut self, jobs: &[JobView], looking: bool, wanted: Wanted) {
        if looking {
            self.ended.clear();
        }
        if let Some(known) = &self.known {
            for job in jobs {
                let told = match job.state {
                    JobState::Done => wanted.finished,
                    JobState::Failed => wanted.failed,
                    JobState::Queued
                    | JobState::Running
                    | JobState::Folding
                    | JobState::Cancelled => false,
                };
                let new = known.get(&job.id) != Some(&job.state);
                if told && new && !looking && !job.trial {
                    self.ended.push(job.clone());
                }
            }
        }
        self.known = Some(jobs.iter().map(|job| (job.id.clone(), job.state)).collect());
    }

    /// What to say now, if anything.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Notice> {
        let early = self.said.is_some_and(|said| now < said + EVERY);
        if early || self.ended.is_empty() {
            return None;
        }
        self.said = Some(now);
        Some(say(&std::mem::take(&mut self.ended)))
    }
}

fn say(ended: &[JobView]) -> Notice {
    let failed = ended
        .iter()
        .filter(|job| job.state == JobState::Failed)
        .count();
    match ended {
        [job] if failed == 1 => Notice {
            title: format!("{} failed", job.name),
            body: job.first_failure.as_ref().map_or_else(
                || tasks(job.tasks.failed, "failed"),
                |(task, failure)| format!("Task {task}: {}", failure.message),
            ),
            clicks: opens("Show error", format!("#/jobs/{}", job.id)),
        },
        [job] => Notice {
            title: format!("{} is done", job.name),
            body: tasks(job.tasks.done, "done"),
            clicks: opens("Show results", format!("#/jobs/{}/results", job.id)),
        },
        _ => Notice {
            title: format!("{} jobs ended", ended.len()),
            body: match failed {
                0 => "All are done".to_owned(),
                failed => format!("{} done, {failed} failed", ended.len() - failed),
            },
            clicks: opens("Show jobs", "#/jobs".to_owned()),
        },
    }
}

fn opens(label: &'static str, route: String) -> Vec<(&'static str, Click)> {
    vec![(label, Click::OpenAt(route))]
}

fn tasks(count: u32, what: &str) -> String {
    match count {
        1 => format!("1 task {what}"),
        more => format!("{more} tasks {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Click, EVERY, Notices, Wanted};
    use crate::tests::job;
    use api::JobState::{Cancelled, Done, Failed, Running};
    use std::time::Instant;

    const ALL: Wanted = Wanted {
        finished: true,
        failed: true,
    };

    #[test]
    fn an_end_is_told_once_and_only_where_nobody_looks() {
        let now = Instant::now();
        let mut notices = Notices::default();
        notices.see(&[job("old", Done), job("tiles", Running)], false, ALL);
        assert_eq!(notices.take(now), None, "what ended before is not news");
        notices.see(&[job("old", Done), job("tiles", Done)], false, ALL);
        let notice = notices.take(now).unwrap();
        assert_eq!(notice.title, "tiles is done");
        let results = Click::OpenAt("#/jobs/j_tiles/results".to_owned());
        assert_eq!(notice.clicks, [("Show results", results)]);
        notices.see(&[job("tiles", Done)], false, ALL);
        assert_eq!(notices.take(now + EVERY), None);

        let mut seen = Notices::default();
        seen.see(&[job("tiles", Running)], true, ALL);
        seen.see(&[job("tiles", Done)], true, ALL);
        assert_eq!(seen.take(now), None);
    }

    #[test]
    fn at_most_one_a_minute_and_the_others_together() {
        let now = Instant::now();
        let mut notices = Notices::default();
        notices.see(&[], false, ALL);
        notices.see(&[job("a", Failed)], false, ALL);
        assert_eq!(notices.take(now).unwrap().title, "a failed");
        let more = [
            job("a", Failed),
            job("b", Done),
            job("c", Failed),
            job("d", Cancelled),
        ];
        notices.see(&more, false, ALL);
        assert_eq!(notices.take(now + EVERY / 2), None);
        let notice = notices.take(now + EVERY).unwrap();
        assert_eq!(notice.title, "2 jobs ended");
        assert_eq!(notice.body, "1 done, 1 failed");
    }

    #[test]
    fn kinds_that_are_off_and_trials_are_not_told() {
        let mut notices = Notices::default();
        notices.see(&[], false, ALL);
        let mut trial = job("trial", Done);
        trial.trial = true;
        let failures_only = Wanted {
            finished: false,
            failed: true,
        };
        notices.see(&[job("a", Done), trial], false, failures_only);
        assert_eq!(notices.take(Instant::now()), None);
    }
}
