//! Whether this machine works now, with how many cores, and why.
//!
//! One decision from what its owner set, what was read of it and what the last
//! decision left behind. Nothing is read and nothing is done here, and time is
//! an argument: the same situation is always the same decision.
//!
//! What cannot be read counts against working where somebody may sit at the
//! machine, and the sentence says so. A machine without a desktop or console
//! session is never in use.

mod heat;
mod load;
pub(crate) mod reason;
mod rule;
mod schedule;
#[cfg(test)]
mod tests;

pub use heat::Heat;
pub use load::Load;
pub use reason::{Code, Reason};
pub use rule::Rule;
pub use schedule::{Schedule, ScheduleError, WeekMinute};

use crate::moment::Moment;
use core::time::Duration;
use std::cmp::Reverse;

/// What its owner set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether it works at all.
    pub on: bool,
    /// Tasks at once when nothing stands against it; at least one is given.
    pub cores: u32,
    /// Of the machine's memory, for all tasks together, per cent.
    pub memory_percent: u8,
    pub when_in_use: WhenInUse,
    /// This long without input, and the machine is not in use any more.
    pub idle_after: Duration,
    pub on_battery: OnBattery,
    /// Degrees Celsius above which fewer cores work; `None`: no limit.
    pub temperature_limit_c: Option<u8>,
    /// Load by other programs, per cent of all cores, above which it pauses.
    pub other_load_percent: Option<u8>,
    pub schedule: Schedule,
}

/// What it does while somebody uses the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenInUse {
    Always,
    /// Half of its cores, at least one.
    Fewer,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBattery {
    /// Also while the system saves power.
    Pause,
    Work,
}

/// What the machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    pub cores: u32,
    pub memory_bytes: u64,
}

/// What was read of it just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readings {
    pub presence: Presence,
    pub power: Power,
    pub power_saver: bool,
    /// Of the processor, degrees Celsius; `None` without a sensor.
    pub temperature_c: Option<i16>,
    /// Load by other programs, per cent of all cores; `None`: not readable.
    pub other_load_percent: Option<u8>,
}

/// Who sits at the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has no desktop and no console session.
    Nobody,
    /// Somebody may; this long ago was the last input.
    Idle(Duration),
    /// Somebody may, and the last input is not known.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It has no battery.
    NoBattery,
    Mains,
    Battery,
    /// It has a battery that does not say.
    Unknown,
}

/// What a person asked for at the moment, beside the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    Until {
        left: Duration,
        /// When it ends, as the wall shows it.
        ends: WeekMinute,
    },
    UntilResumed,
    /// Until they resume it, once what runs has ended.
    WhenFinished,
}

/// All that a decision is made from.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    pub now: Moment,
    /// The same moment as the wall shows it, where the machine stands.
    pub week: WeekMinute,
    pub settings: &'a Settings,
    pub machine: Machine,
    pub readings: Readings,
    pub pause: Option<Pause>,
    /// Tasks run, or their results are not delivered yet.
    pub working: bool,
}

/// What the last decision leaves to the next, so that a reading beside a limit
/// does not make the machine start and stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    pub heat: Heat,
    pub load: Load,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Tasks that may run at once; 0 exactly while paused.
    pub cores: u32,
    /// Those that may when nothing stands against it.
    pub cores_given: u32,
    /// Memory for all of them together.
    pub memory_bytes: u64,
    pub state: State,
    /// Every rule with its present value, in the order they are asked.
    pub rules: Vec<Rule>,
    /// When time alone may change the decision, though every reading stays.
    pub holds_for: Option<Duration>,
    pub before: Before,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Works as far as there is work.
    Free,
    /// With fewer cores than were set.
    Slowed(Reason),
    /// What runs may end, and nothing new begins.
    Finishing(Reason),
    Paused(Reason),
}

/// Settings that each can be, and together cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    #[error("{asked} cores cannot be given: this machine has {has}")]
    Cores { asked: u32, has: u32 },
    #[error(
        "no task could run: {percent} % of this machine's memory is {given_mib} MiB, and a task may use {task_mib} MiB unless its job says less"
    )]
    Memory {
        percent: u8,
        given_mib: u64,
        task_mib: u64,
    },
}

/// The decision.
#[must_use]
pub fn decide(situation: &Situation<'_>, before: Before) -> Decision {
    let Situation {
        now,
        settings,
        machine,
        readings,
        ..
    } = *situation;
    let full = settings.cores.clamp(1, machine.cores.max(1));
    let before = Before {
        heat: before
            .heat
            .next(now, settings.temperature_limit_c, readings.temperature_c),
        load: before
            .load
            .next(now, settings.other_load_percent, readings.load()),
    };
    let (cores, state) = match pause_reason(situation, before) {
        Some(reason) => (0, State::Paused(reason)),
        None => match slowed(situation, before, full) {
            (cores, _) if is_finishing(situation) => (cores, State::Finishing(Reason::finishing())),
            slowed => slowed,
        },
    };
    Decision {
        cores,
        cores_given: full,
        memory_bytes: machine.memory_bytes / 100 * u64::from(settings.memory_percent),
        state,
        rules: rule::table(situation, before),
        holds_for: holds_for(situation, before),
        before,
    }
}

/// What keeps these settings from ever working on this machine, if anything.
/// `task_memory_bytes` is what a task may use unless its job says otherwise.
///
/// # Errors
/// The first contradiction, in words for whoever set them.
pub fn check(
    settings: &Settings,
    machine: Machine,
    task_memory_bytes: u64,
) -> Result<(), Contradiction> {
    const MIB: u64 = 1 << 20;
    if settings.cores > machine.cores {
        return Err(Contradiction::Cores {
            asked: settings.cores,
            has: machine.cores,
        });
    }
    let given = machine.memory_bytes / 100 * u64::from(settings.memory_percent);
    if given < task_memory_bytes {
        return Err(Contradiction::Memory {
            percent: settings.memory_percent,
            given_mib: given / MIB,
            task_mib: task_memory_bytes / MIB,
        });
    }
    Ok(())
}

impl Decision {
    /// The one sentence: why this machine works or does not. `working_on` is
    /// the job that it has tasks of.
    #[must_use]
    pub fn sentence(&self, working_on: Option<&str>) -> String {
        match (&self.state, working_on) {
            (State::Paused(reason), _) => reason.paused(),
            (State::Slowed(reason), _) => reason.slowed(),
            (State::Finishing(reason), _) => reason.finishes(),
            (State::Free, Some(job)) => reason::working_on(job),
            (State::Free, None) => reason::ready(),
        }
    }
}

impl Settings {
    fn cores_in_use(&self, full: u32) -> u32 {
        match self.when_in_use {
            WhenInUse::Always => full,
            WhenInUse::Fewer => (full / 2).max(1),
            WhenInUse::Never => 0,
        }
    }
}

impl Readings {
    fn is_seated(&self) -> bool {
        self.presence != Presence::Nobody
    }

    /// Load by others; all of it where it cannot be read and somebody may care.
    fn load(&self) -> u8 {
        const ALL: u8 = 100;
        let unread = if self.is_seated() { ALL } else { 0 };
        self.other_load_percent.unwrap_or(unread)
    }

    fn is_on_battery(&self) -> bool {
        match self.power {
            Power::NoBattery | Power::Mains => false,
            Power::Battery => true,
            Power::Unknown => self.is_seated(),
        }
    }

    fn is_in_use(&self, idle_after: Duration) -> bool {
        match self.presence {
            Presence::Nobody => false,
            Presence::Idle(idle) => idle < idle_after,
            Presence::Unknown => true,
        }
    }
}

/// A person asked for a pause that waits for what runs.
fn is_finishing(situation: &Situation<'_>) -> bool {
    situation.pause == Some(Pause::WhenFinished) && situation.working
}

/// The first rule that lets nothing run.
fn pause_reason(situation: &Situation<'_>, before: Before) -> Option<Reason> {
    let Situation {
        week,
        settings,
        readings,
        pause,
        ..
    } = *situation;
    if !settings.on {
        return Some(Reason::off());
    }
    if let Some(pause) = pause
        && !is_finishing(situation)
    {
        return Some(Reason::person(pause, week));
    }
    if !settings.schedule.is_open(week) {
        return Some(Reason::schedule(settings.schedule.changes_in(week), week));
    }
    if settings.on_battery == OnBattery::Pause {
        if readings.is_on_battery() {
            return Some(Reason::battery(readings.power));
        }
        if readings.power_saver {
            return Some(Reason::power_saver());
        }
    }
    if let (true, Some(limit)) = (before.heat.is_paused(), settings.temperature_limit_c) {
        return Some(Reason::too_hot(limit));
    }
    if settings.when_in_use == WhenInUse::Never && readings.is_in_use(settings.idle_after) {
        return Some(Reason::in_use(readings.presence));
    }
    if let (true, Some(limit)) = (before.load.is_busy(), settings.other_load_percent) {
        return Some(Reason::others(readings.other_load_percent, limit));
    }
    None
}

fn slowed(situation: &Situation<'_>, before: Before, full: u32) -> (u32, State) {
    let Situation {
        settings, readings, ..
    } = *situation;
    let mut fewer = Vec::new();
    if let Some(limit) = settings.temperature_limit_c {
        fewer.push((before.heat.cores(full), Reason::warm(limit)));
    }
    if readings.is_in_use(settings.idle_after) {
        let cores = settings.cores_in_use(full);
        fewer.push((cores, Reason::in_use(readings.presence)));
    }
    // Of two that take as much, the one that was asked first is named.
    fewer.sort_by_key(|(cores, _)| Reverse(full.saturating_sub(*cores)));
    match fewer.into_iter().next() {
        Some((cores, reason)) if cores < full => (cores, State::Slowed(reason)),
        Some(_) | None => (full, State::Free),
    }
}

fn holds_for(situation: &Situation<'_>, before: Before) -> Option<Duration> {
    let Situation {
        now,
        week,
        settings,
        readings,
        pause,
        ..
    } = *situation;
    let pause = match pause {
        Some(Pause::Until { left, .. }) => Some(left),
        Some(Pause::UntilResumed | Pause::WhenFinished) | None => None,
    };
    let schedule = settings.schedule.changes_in(week);
    let idle = match readings.presence {
        Presence::Idle(idle) => settings.idle_after.checked_sub(idle),
        Presence::Nobody | Presence::Unknown => None,
    };
    let heat = before
        .heat
        .changes_in(now, settings.temperature_limit_c, readings.temperature_c);
    let load = before.load.changes_in(now);
    let all = [pause, schedule, idle, heat, load];
    all.into_iter()
        .flatten()
        .filter(|left| !left.is_zero())
        .min()
}
