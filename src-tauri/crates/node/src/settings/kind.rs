//! The types a setting can have: how each is read, its range, and what it
//! accepts in words.

use super::Settings;
use crate::node::Place;
use crate::units;
use pool::policy::Schedule;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Longest name of a machine, in characters: it must fit a table.
const NAME_CHARS_MAX: usize = 64;
/// More than any machine has.
const CORES_MAX: u32 = 4096;
/// The word for "as Skep finds best".
const AUTO: &str = "auto";
/// The word for no limit.
const OFF: &str = "off";

/// How much is written to the log; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

pub(super) enum Kind {
    Name(fn(&mut Settings, String)),
    Switch(fn(&mut Settings, bool)),
    Count {
        min: u32,
        max: u32,
        put: fn(&mut Settings, u32),
    },
    Duration {
        min: Duration,
        max: Duration,
        put: fn(&mut Settings, Duration),
    },
    Bytes {
        min: u64,
        max: u64,
        put: fn(&mut Settings, u64),
    },
    Percent {
        min: u8,
        max: u8,
        put: fn(&mut Settings, u8),
    },
    /// Bytes, or as Skep finds best, which `auto` says in words.
    BytesOrAuto {
        min: u64,
        auto: &'static str,
        put: fn(&mut Settings, Option<u64>),
    },
    Cores(fn(&mut Settings, Option<u32>)),
    /// One of these words.
    Choice {
        of: &'static [&'static str],
        put: fn(&mut Settings, &'static str),
    },
    /// A limit that may be off.
    Limit {
        min: u8,
        max: u8,
        put: fn(&mut Settings, Option<u8>),
    },
    /// Where other machines come in.
    Listen(fn(&mut Settings, Option<Place>)),
    Schedule(fn(&mut Settings, Schedule)),
    Level(fn(&mut Settings, Level)),
}

impl Level {
    pub const ALL: [Level; 5] = [
        Level::Error,
        Level::Warn,
        Level::Info,
        Level::Debug,
        Level::Trace,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Level> {
        Level::ALL
            .into_iter()
            .find(|level| level.as_str().eq_ignore_ascii_case(text))
    }
}

impl Kind {
    /// Reads `text` and puts it where it belongs.
    pub(super) fn put(&self, settings: &mut Settings, text: &str) -> Result<(), String> {
        match self {
            Kind::Name(put) => put(settings, name(text)?),
            Kind::Switch(put) => put(settings, switch(text)?),
            Kind::Count { min, max, put } => put(settings, count(text, *min..=*max)?),
            Kind::Duration { min, max, put } => {
                let value = units::duration(text)?;
                put(settings, within(value, *min..=*max, text, &self.accepts())?);
            }
            Kind::Bytes { min, max, put } => {
                let value = units::bytes(text)?;
                put(settings, within(value, *min..=*max, text, &self.accepts())?);
            }
            Kind::Percent { min, max, put } => {
                let number = text.trim().trim_end_matches('%').trim_end();
                put(
                    settings,
                    count(number, u32::from(*min)..=u32::from(*max))
                        .map_err(|_| wrong(text, &self.accepts()))? as u8,
                );
            }
            Kind::BytesOrAuto { put, .. } if text == AUTO => put(settings, None),
            Kind::BytesOrAuto { min, put, .. } => {
                let value = units::bytes(text)?;
                let value = within(value, *min..=u64::MAX, text, &self.accepts())?;
                put(settings, Some(value));
            }
            Kind::Listen(put) if text == OFF => put(settings, None),
            Kind::Listen(put) if text == AUTO => put(settings, Some(Place::default())),
            Kind::Listen(put) => {
                let place = text.parse().map_err(|_| wrong(text, &self.accepts()))?;
                put(settings, Some(place));
            }
            Kind::Cores(put) if text == AUTO => put(settings, None),
            Kind::Cores(put) => {
                let value = if text == "all" {
                    all_cores()
                } else {
                    count(text, 1..=CORES_MAX).map_err(|_| wrong(text, &self.accepts()))?
                };
                put(settings, Some(value));
            }
            Kind::Choice { of, put } => put(
                settings,
                of.iter()
                    .find(|word| **word == text)
                    .ok_or_else(|| wrong(text, &self.accepts()))?,
            ),
            Kind::Limit { put, .. } if text == OFF => put(settings, None),
            Kind::Limit { min, max, put } => put(
                settings,
                Some(
                    count(text, u32::from(*min)..=u32::from(*max))
                        .map_err(|_| wrong(text, &self.accepts()))? as u8,
                ),
            ),
            Kind::Schedule(put) => put(
                settings,
                text.parse::<Schedule>()
                    .map_err(|error| error.to_string())?,
            ),
            Kind::Level(put) => put(
                settings,
                Level::parse(text).ok_or_else(|| wrong(text, &self.accepts()))?,
            ),
        }
        Ok(())
    }

    /// Whether `text` would do, without putting it anywhere.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        self.put(&mut Settings::empty(super::Sources::default()), text)
    }

    /// What values it takes, in words that read after "takes".
    pub(super) fn accepts(&self) -> String {
        match self {
            Kind::Name(_) => format!("{AUTO}, or a name of up to {NAME_CHARS_MAX} characters"),
            Kind::Switch(_) => "true or false".to_owned(),
            Kind::Count { min, max, .. } => format!("a whole number from {min} to {max}"),
            Kind::Duration { min, max, .. } => {
                format!(
                    "a duration from {} to {}",
                    units::write_duration(*min),
                    units::write_duration(*max)
                )
            }
            Kind::Bytes { min, max, .. } => {
                format!(
                    "a size from {} to {}",
                    units::write_bytes(*min),
                    units::write_bytes(*max)
                )
            }
            Kind::BytesOrAuto { min, auto, .. } => {
                format!(
                    "{AUTO} ({auto}), or a size from {}",
                    units::write_bytes(*min)
                )
            }
            Kind::Percent { min, max, .. } => format!("per cent from {min}% to {max}%"),
            Kind::Listen(_) => format!("{AUTO}, {OFF}, or ADDRESS:PORT, as in 192.168.1.20:7537"),
            Kind::Cores(_) => format!("{AUTO}, all, or a whole number from 1 to {CORES_MAX}"),
            Kind::Choice { of, .. } => of.join(", "),
            Kind::Limit { min, max, .. } => format!("{OFF}, or a whole number from {min} to {max}"),
            Kind::Schedule(_) => {
                "always, or days with their hours, as in mon-fri 18-24, sat-sun 0-24".to_owned()
            }
            Kind::Level(_) => Level::ALL.map(Level::as_str).join(", "),
        }
    }

    /// How a value stands in the file: numbers and truth bare, the rest quoted.
    pub(super) fn written(&self, text: &str) -> toml_edit::Value {
        match self {
            Kind::Switch(_) => switch(text).map_or_else(|_| text.into(), Into::into),
            Kind::Count { .. } | Kind::Cores(_) | Kind::Limit { .. } => text
                .trim()
                .parse::<i64>()
                .map_or_else(|_| text.into(), Into::into),
            Kind::Name(_)
            | Kind::Duration { .. }
            | Kind::Bytes { .. }
            | Kind::BytesOrAuto { .. }
            | Kind::Percent { .. }
            | Kind::Choice { .. }
            | Kind::Listen(_)
            | Kind::Schedule(_)
            | Kind::Level(_) => text.into(),
        }
    }
}

fn name(text: &str) -> Result<String, String> {
    if text == AUTO {
        return Ok(rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned());
    }
    let length = text.chars().count();
    if text.trim().is_empty() || length > NAME_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(format!(
            "a name has 1 to {NAME_CHARS_MAX} visible characters"
        ));
    }
    Ok(text.trim().to_owned())
}

fn switch(text: &str) -> Result<bool, String> {
    match text.trim() {
        "true" | "on" | "yes" | "1" => Ok(true),
        "false" | "off" | "no" | "0" => Ok(false),
        _ => Err(wrong(text, "true or false")),
    }
}

fn count(text: &str, range: RangeInclusive<u32>) -> Result<u32, String> {
    let digits = text.trim().replace('_', "");
    let accepts = format!("a whole number from {} to {}", range.start(), range.end());
    digits
        .parse()
        .ok()
        .filter(|value| range.contains(value))
        .ok_or_else(|| wrong(text, &accepts))
}

fn within<T: PartialOrd>(
    value: T,
    range: RangeInclusive<T>,
    text: &str,
    accepts: &str,
) -> Result<T, String> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(wrong(text, accepts))
    }
}

fn wrong(text: &str, accepts: &str) -> String {
    format!("'{text}' is not {accepts}")
}

fn all_cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(CORES_MAX))
}
