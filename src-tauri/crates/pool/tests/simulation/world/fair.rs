//! I24: in a healed world whoever waits has its turn in time, whatever else
//! there is to do.

use super::*;
use pool::JobView;
use pool::MachineState;
use pool::limits::{PASSED_BY_MAX, PERSON_LEAD_MAX, PRIORITY_LEVEL, PRIORITY_MAX, RETRY_DELAY_MAX};
use pool::spec::{On, Spec};

/// Runs in a thousand in which somebody comes with more than there is time for.
const CROWDED: u64 = 60;
/// Leases of the crowd at most: a run is to have thousands of steps.
const CROWD_TASKS_MAX: u64 = 3_000;
/// Levels of priority that the crowd comes before others.
const LEVELS_MAX: u64 = 2;
/// Slow commits, chores, executors that are replaced.
const DELAYS: At = MINUTE;

impl World {
    /// One author keeps every machine busy for longer than another may wait.
    pub(super) fn crowd(&mut self) {
        let open = self.stories.iter().filter(|story| self.is_open(story));
        let slowest = self.machines.iter().map(|machine| machine.slowness).max();
        let slowest = slowest.unwrap_or(1);
        self.turns = open.map(Story::longest_lease).sum::<At>() * slowest;
        if !self.stage.chance.per_mille(CROWDED) {
            return;
        }
        // In slots of the fastest machine, a thousandth each.
        let slots: u64 = self
            .machines
            .iter()
            .filter(|machine| !machine.uninvited)
            .map(|machine| u64::from(machine.config.slots) * 1_000 / machine.slowness)
            .sum();
        let levels = i8::try_from(self.stage.chance.below(LEVELS_MAX + 1)).expect("few");
        let last = 2 * self.patience(u64::from(levels.unsigned_abs()));
        let work = slots * (last / 1_000);
        let micros = (work / CROWD_TASKS_MAX).max(SECOND);
        let count = u32::try_from(work / micros).expect("thousands");
        let stories = [(count, levels), (1 + count / 1_000, 0)];
        for (count, priority) in stories {
            let number = self.stories.len() as u64;
            let story = Story::steady(
                &mut self.stage.chance,
                (number, OWN),
                count,
                micros,
                priority,
            );
            self.turns += story.longest_lease() * slowest;
            self.stories.push(story);
            self.acts_at.push(0);
        }
    }

    /// How long a job may wait for its next lease behind such whose priority
    /// is higher by so much: until it comes before them all, and each other job
    /// has had one turn.
    fn patience(&self, levels: u64) -> At {
        let micros = |span: core::time::Duration| At::try_from(span.as_micros()).expect("minutes");
        let tried_again = 2 * micros(RETRY_DELAY_MAX);
        // It may be kept for a faster machine for as long as a slow one would take.
        let turns = 2 * self.turns;
        // Others may be given as much work as its person, and some before.
        let persons = u64::from(self.node.guests) + 1;
        let shares = persons * turns + (persons - 1) * micros(PERSON_LEAD_MAX);
        levels * micros(PRIORITY_LEVEL) + shares + tried_again + micros(PASSED_BY_MAX) + DELAYS
    }

    /// As far as anybody knows its job may still be given machines.
    fn is_open(&self, story: &Story) -> bool {
        let (Some(id), Some(coordinator)) = (story.job, self.node.coordinator()) else {
            return !story.refused;
        };
        coordinator.job(&id).is_some_and(|view| {
            !matches!(
                view.state,
                JobState::Done | JobState::Failed | JobState::Cancelled
            )
        })
    }

    pub(super) fn check_turns(&mut self) {
        let now = self.stage.agenda.now();
        let awake = self.healing && now >= self.node_sleeps_until;
        let Some(coordinator) = self.node.coordinator().filter(|_| awake) else {
            return self.waits.clear();
        };
        let works = |state| matches!(state, MachineState::Working | MachineState::Ready);
        if !coordinator.machines().any(|machine| works(machine.state)) {
            return self.waits.clear();
        }
        let machines: Vec<_> = coordinator.machines().collect();
        let may_run = |spec: &Spec| {
            let mut working = machines.iter().filter(|machine| works(machine.state));
            spec.on.is_empty()
                || working.any(|machine| {
                    spec.on.iter().any(|on| match on {
                        On::Machine(id) => *id == machine.id,
                        On::Label(label) => machine.labels.contains(label),
                    })
                })
        };
        let waits = |view: &JobView| {
            matches!(view.state, JobState::Queued | JobState::Running)
                && view.queued > 0
                && may_run(&view.spec)
        };
        let open = self.stories.iter().filter(|story| self.is_open(story));
        let highest = open.map(|story| story.authored.spec.priority).max();
        let highest = highest.unwrap_or(PRIORITY_MAX);
        let waiting: Vec<JobView> = coordinator.jobs().filter(waits).collect();
        self.waits
            .retain(|id, _| waiting.iter().any(|view| view.id == *id));
        for view in waiting {
            let Some(served_at) = self.model.served_at(&view.id) else {
                self.waits.remove(&view.id);
                continue;
            };
            let since = *self.waits.entry(view.id).or_insert(now);
            let levels = u64::from((highest - view.priority).unsigned_abs());
            let waited = now - since.max(served_at);
            if waited > self.patience(levels) {
                let why = self.node.coordinator().map(|c| c.explain(view.id, None));
                return self.stage.accuse(format!(
                    "I24: {} had no turn for {} s: {why:?}",
                    view.id,
                    waited / SECOND
                ));
            }
        }
    }
}
