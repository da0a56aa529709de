//! "Why isn't it working?": each rule, how it is set, and its present value.

use super::{Before, OnBattery, Pause, Power, Presence, Readings, Settings, Situation, WhenInUse};
use crate::limits::HEAT_PAUSE_ABOVE_C;
use core::time::Duration;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub name: &'static str,
    /// How its owner set it.
    pub setting: String,
    /// What it looks like now.
    pub now: String,
    /// It stands against nothing.
    pub met: bool,
}

pub(super) fn table(situation: &Situation<'_>, before: Before) -> Vec<Rule> {
    let Situation {
        week,
        settings,
        readings,
        ..
    } = *situation;
    vec![
        rule(
            "Contribute",
            on_off(settings.on),
            on_off(settings.on),
            settings.on,
        ),
        paused(situation),
        rule(
            "Schedule",
            settings.schedule.to_string(),
            week.to_string(),
            settings.schedule.is_open(week),
        ),
        battery(settings, &readings),
        power_saver(settings, &readings),
        temperature(settings, &readings, before),
        in_use(settings, &readings),
        others(settings, &readings, before),
    ]
}

fn paused(situation: &Situation<'_>) -> Rule {
    let now = match situation.pause {
        None => "not paused".to_owned(),
        Some(Pause::WhenFinished) if situation.working => "when what runs has ended".to_owned(),
        Some(Pause::UntilResumed | Pause::WhenFinished) => "until you resume it".to_owned(),
        Some(Pause::Until { left, ends }) => {
            format!("until {}", ends.seen_from(situation.week, left))
        }
    };
    rule(
        "Pause",
        "when you ask for it",
        now,
        situation.pause.is_none(),
    )
}

fn battery(settings: &Settings, readings: &Readings) -> Rule {
    let now = match readings.power {
        Power::NoBattery => "no battery",
        Power::Mains => "on mains",
        Power::Battery => "on battery",
        Power::Unknown => "not readable",
    };
    let met = settings.on_battery == OnBattery::Work || !readings.is_on_battery();
    rule("Battery", on_battery(settings), now, met)
}

fn power_saver(settings: &Settings, readings: &Readings) -> Rule {
    let met = settings.on_battery == OnBattery::Work || !readings.power_saver;
    rule(
        "Power saver",
        on_battery(settings),
        on_off(readings.power_saver),
        met,
    )
}

fn on_battery(settings: &Settings) -> &'static str {
    match settings.on_battery {
        OnBattery::Pause => "pause",
        OnBattery::Work => "work",
    }
}

fn temperature(settings: &Settings, readings: &Readings, before: Before) -> Rule {
    let setting = match settings.temperature_limit_c {
        Some(limit) => format!(
            "fewer cores above {limit} °C, none from {} °C",
            i16::from(limit) + HEAT_PAUSE_ABOVE_C
        ),
        None => "off".to_owned(),
    };
    let now = match readings.temperature_c {
        Some(degrees) => format!("{degrees} °C"),
        None => "no sensor".to_owned(),
    };
    rule("Temperature", setting, now, before.heat.is_cool())
}

fn in_use(settings: &Settings, readings: &Readings) -> Rule {
    let minutes = settings.idle_after.as_secs() / SECONDS;
    let setting = match settings.when_in_use {
        WhenInUse::Always => "work as always".to_owned(),
        WhenInUse::Fewer => format!("half of the cores until {minutes} min after the last input"),
        WhenInUse::Never => format!("pause until {minutes} min after the last input"),
    };
    let now = match readings.presence {
        Presence::Nobody => "no desktop or console session".to_owned(),
        Presence::Unknown => "last input not readable".to_owned(),
        Presence::Idle(idle) => format!("last input {} ago", minutes_of(idle)),
    };
    let met = settings.when_in_use == WhenInUse::Always || !readings.is_in_use(settings.idle_after);
    rule("In use", setting, now, met)
}

fn others(settings: &Settings, readings: &Readings, before: Before) -> Rule {
    let setting = match settings.other_load_percent {
        Some(limit) => format!("pause above {limit} % of the processor"),
        None => "off".to_owned(),
    };
    let now = match (settings.other_load_percent, readings.other_load_percent) {
        (None, _) => "not watched".to_owned(),
        (Some(_), Some(percent)) => format!("{percent} %"),
        (Some(_), None) => "not readable".to_owned(),
    };
    rule("Other programs", setting, now, !before.load.is_busy())
}

/// In minutes; a value that changed each second would never rest.
fn minutes_of(span: Duration) -> String {
    match span.as_secs() / SECONDS {
        0 => "less than a minute".to_owned(),
        minutes => format!("{minutes} min"),
    }
}

const SECONDS: u64 = 60;

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn rule(name: &'static str, setting: impl Into<String>, now: impl Into<String>, met: bool) -> Rule {
    Rule {
        name,
        setting: setting.into(),
        now: now.into(),
        met,
    }
}
