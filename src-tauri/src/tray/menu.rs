//! What the tray says, as a value: which icon, and which lines. Pure, so that
//! every state of it has a test.

use crate::sight::{Node, Seen};
use api::{Contribution, JobState, JobView, MachineState, PauseUntil};

/// Running jobs that the menu names; a longer menu is not read.
const JOBS_MAX: usize = 5;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: u64 = 3_600_000;

/// Shape carries the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    Working,
    Ready,
    Paused,
    Attention,
    Offline,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Said, not clicked.
    Said(String),
    Item(String, Action),
    Switch(String, bool, Action),
    Submenu(String, Vec<(String, Action)>),
    Separator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Contribute(bool),
    Pause(PauseUntil),
    Resume,
    RunModule,
    Open,
    Job(String),
    Settings,
    Quit,
}

/// The icon for what is seen.
pub(crate) fn icon(seen: &Seen) -> Icon {
    match seen.node {
        Node::Gone => return Icon::Attention,
        Node::Starting => return Icon::Offline,
        Node::Here | Node::There => {}
    }
    if seen.storage.is_some() {
        return Icon::Attention;
    }
    let Some(machine) = &seen.machine else {
        return Icon::Offline;
    };
    match machine.state {
        MachineState::Working | MachineState::Slowed => Icon::Working,
        MachineState::Ready => Icon::Ready,
        MachineState::Paused | MachineState::Draining => Icon::Paused,
        MachineState::Offline => Icon::Offline,
    }
}

/// The menu for what is seen at `now_ms`, milliseconds since 1970, from the top.
pub(crate) fn lines(seen: &Seen, quitting: bool, now_ms: i64) -> Vec<Line> {
    if quitting {
        let tasks = seen.tasks_running_here();
        return vec![
            Line::Said(match tasks {
                0 => "Quitting".to_owned(),
                1 => "Finishing 1 task, then quitting".to_owned(),
                more => format!("Finishing {more} tasks, then quitting"),
            }),
            Line::Separator,
            Line::Item("Quit now".to_owned(), Action::Quit),
        ];
    }
    let mut lines = vec![Line::Said(sentence(seen))];
    lines.extend(vitals(seen).map(Line::Said));
    lines.push(Line::Separator);
    if let Some(contribution) = &seen.contribution {
        let on = contribution.on;
        let action = Action::Contribute(!on);
        lines.push(Line::Switch("Contribute".to_owned(), on, action));
        lines.extend(pauses(contribution, now_ms));
        lines.push(Line::Separator);
    }
    lines.push(Line::Item("Run module…".to_owned(), Action::RunModule));
    lines.push(Line::Item("Open Skep".to_owned(), Action::Open));
    let jobs: Vec<_> = seen
        .jobs
        .iter()
        .filter(|job| matches!(job.state, JobState::Running | JobState::Folding))
        .take(JOBS_MAX)
        .map(|job| (progress(job), Action::Job(job.id.clone())))
        .collect();
    if !jobs.is_empty() {
        lines.push(Line::Submenu("Jobs".to_owned(), jobs));
    }
    lines.push(Line::Separator);
    lines.push(Line::Item("Settings…".to_owned(), Action::Settings));
    lines.push(Line::Item("Quit Skep".to_owned(), Action::Quit));
    lines
}

/// How to pause, or to go on; nothing where it would change nothing.
fn pauses(contribution: &Contribution, now_ms: i64) -> Vec<Line> {
    if contribution.paused {
        let left = contribution.paused_until_ms.map(|ends| left(ends, now_ms));
        let left = left.map_or_else(String::new, |left| format!(" ({left} left)"));
        return vec![Line::Item(format!("Resume{left}"), Action::Resume)];
    }
    if !contribution.on {
        return Vec::new();
    }
    [
        ("Pause for 1 hour", PauseUntil::For { ms: HOUR_MS }),
        ("Pause until tomorrow", PauseUntil::Tomorrow),
        ("Pause until I resume", PauseUntil::Resumed),
    ]
    .map(|(label, until)| Line::Item(label.to_owned(), Action::Pause(until)))
    .into()
}

/// In minutes, hours and days as they would be said; never nothing.
fn left(ends_ms: i64, now_ms: i64) -> String {
    let minutes = (ends_ms - now_ms)
        .max(1)
        .unsigned_abs()
        .div_ceil(MINUTE_MS.unsigned_abs());
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// The policy's own sentence; without a node, why there is none.
fn sentence(seen: &Seen) -> String {
    match seen.node {
        Node::Starting => "Starting".to_owned(),
        Node::Gone => seen
            .trouble
            .clone()
            .unwrap_or_else(|| "The node does not answer".to_owned()),
        Node::Here | Node::There => seen
            .storage
            .clone()
            .or_else(|| seen.contribution.as_ref().map(|of| of.reason.clone()))
            .unwrap_or_else(|| "Starting".to_owned()),
    }
}

/// Numbers, while it works.
fn vitals(seen: &Seen) -> Option<String> {
    let machine = seen.machine.as_ref()?;
    if machine.cores_working == 0 {
        return None;
    }
    let mut parts = vec![format!(
        "{} of {} cores",
        machine.cores_working, machine.cores
    )];
    parts.extend(
        machine
            .temperature_c
            .map(|degrees| format!("{degrees:.0} °C")),
    );
    Some(parts.join(" · "))
}

fn progress(job: &JobView) -> String {
    let tasks = &job.tasks;
    let ended = tasks.done + tasks.failed + tasks.cancelled;
    let percent = u64::from(ended) * 100 / u64::from(tasks.total.max(1));
    format!("{} {percent} %", job.name)
}

#[cfg(test)]
mod tests {
    use super::{Action, Icon, Line, MINUTE_MS, icon, lines};
    use crate::sight::{Node, Seen};
    use crate::tests::{contribution, job, machine};
    use api::JobState::{Done, Queued, Running};
    use api::MachineState;

    const NOW_MS: i64 = 1_000_000_000_000;

    /// As a panel would draw it.
    fn drawn(seen: &Seen, quitting: bool) -> String {
        let mut text = String::new();
        for line in lines(seen, quitting, NOW_MS) {
            text += &match line {
                Line::Said(said) => format!("  ({said})\n"),
                Line::Item(label, _) => format!("  {label}\n"),
                Line::Switch(label, on, _) => format!("{} {label}\n", if on { "✓" } else { " " }),
                Line::Submenu(label, items) => items
                    .iter()
                    .fold(format!("  {label} ▸\n"), |text, (label, _)| {
                        text + &format!("      {label}\n")
                    }),
                Line::Separator => "  ────\n".to_owned(),
            };
        }
        text
    }

    fn seen(state: MachineState, reason: &str) -> Seen {
        Seen {
            node: Node::Here,
            contribution: Some(contribution(true, reason)),
            machine: Some(machine(state)),
            ..Seen::default()
        }
    }

    #[test]
    fn working() {
        let mut seen = seen(MachineState::Working, "Working on mandelbrot-tiles");
        seen.jobs = vec![
            job("queued", Queued),
            job("tiles", Running),
            job("old", Done),
        ];
        if let Some(machine) = &mut seen.machine {
            machine.cores_working = 12;
            machine.temperature_c = Some(61.4);
        }
        assert_eq!(icon(&seen), Icon::Working);
        insta::assert_snapshot!(drawn(&seen, false));
    }

    #[test]
    fn ready() {
        let seen = seen(MachineState::Ready, "Waiting for work");
        assert_eq!(icon(&seen), Icon::Ready);
        insta::assert_snapshot!(drawn(&seen, false));
    }

    #[test]
    fn paused_for_a_time_and_until_somebody_resumes() {
        let mut seen = seen(MachineState::Paused, "Paused: until 14:30");
        assert_eq!(icon(&seen), Icon::Paused);
        let mut resumes = |until_ms, label: &str| {
            let contribution = seen.contribution.as_mut().expect("there is one");
            contribution.paused = true;
            contribution.paused_until_ms = until_ms;
            let resume = Line::Item(label.to_owned(), Action::Resume);
            let lines = lines(&seen, false, NOW_MS);
            assert!(lines.contains(&resume), "{label}: {lines:?}");
        };
        resumes(None, "Resume");
        resumes(Some(NOW_MS + 1), "Resume (1 min left)");
        resumes(Some(NOW_MS - 1), "Resume (1 min left)");
        resumes(Some(NOW_MS + 3 * 3_600_000), "Resume (3 h left)");
        resumes(
            Some(NOW_MS + 16 * 3_600_000 + 1),
            "Resume (16 h 1 min left)",
        );
        resumes(Some(NOW_MS + 37 * MINUTE_MS), "Resume (37 min left)");
        insta::assert_snapshot!(drawn(&seen, false));
    }

    #[test]
    fn off() {
        let mut seen = seen(MachineState::Paused, "Paused: Contribute is off");
        seen.contribution = Some(contribution(false, "Paused: Contribute is off"));
        assert_eq!(icon(&seen), Icon::Paused);
        insta::assert_snapshot!(drawn(&seen, false));
    }

    #[test]
    fn without_a_node() {
        let gone = Seen {
            node: Node::Gone,
            trouble: Some("there is no skep-executor beside skep-app".to_owned()),
            ..Seen::default()
        };
        assert_eq!(icon(&gone), Icon::Attention);
        insta::assert_snapshot!(drawn(&gone, false));
        assert_eq!(icon(&Seen::default()), Icon::Offline);
    }

    #[test]
    fn on_a_full_disk() {
        let mut seen = seen(MachineState::Ready, "Waiting for work");
        seen.storage = Some("The disk is full; 2 GB are needed".to_owned());
        assert_eq!(icon(&seen), Icon::Attention);
        insta::assert_snapshot!(drawn(&seen, false));
    }

    #[test]
    fn quitting_when_the_tasks_are_done() {
        let mut seen = seen(MachineState::Draining, "Finishing");
        seen.tasks_running = 12;
        insta::assert_snapshot!(drawn(&seen, true));
    }
}
