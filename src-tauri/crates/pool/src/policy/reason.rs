//! Why a machine works or does not, in the words of every window, tray and
//! terminal. Limits are named, readings are not: a sentence does not flicker.

use super::{Pause, Power, Presence, WeekMinute};
use crate::limits::{HEAT_MARGIN_C, HEAT_PAUSE_ABOVE_C};
use core::time::Duration;

/// A code for programs and a clause for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub code: Code,
    /// Reads after "Paused:", "Slowed down:" or "Finishing".
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Off,
    Person,
    Schedule,
    Battery,
    PowerSaver,
    Heat,
    InUse,
    OtherPrograms,
}

/// The sentence of a machine that has tasks of this job.
pub(crate) fn working_on(job: &str) -> String {
    format!("Working on {job}")
}

/// The same, where whoever looks must not know of the job.
pub(crate) fn working_for_another() -> String {
    "Working for somebody else".to_owned()
}

/// The sentence of a machine that could work.
pub(crate) fn ready() -> String {
    "Waiting for work".to_owned()
}

impl Reason {
    /// As a sentence of its own.
    #[must_use]
    pub fn paused(&self) -> String {
        paused(&self.text)
    }

    #[must_use]
    pub fn slowed(&self) -> String {
        slowed(&self.text)
    }

    #[must_use]
    pub fn finishes(&self) -> String {
        finishing(&self.text)
    }

    pub(super) fn finishing() -> Reason {
        because(Code::Person, "what runs, then pausing")
    }

    pub(super) fn off() -> Reason {
        because(Code::Off, "Contribute is off")
    }

    pub(super) fn person(pause: Pause, now: WeekMinute) -> Reason {
        match pause {
            Pause::UntilResumed | Pause::WhenFinished => {
                because(Code::Person, "until you resume it")
            }
            Pause::Until { left, ends } => {
                because(Code::Person, format!("until {}", ends.seen_from(now, left)))
            }
        }
    }

    pub(super) fn schedule(opens_in: Option<Duration>, now: WeekMinute) -> Reason {
        match opens_in {
            Some(left) => {
                let opens = now.after(left).seen_from(now, left);
                because(Code::Schedule, format!("outside its hours until {opens}"))
            }
            None => because(Code::Schedule, "its schedule has no hours"),
        }
    }

    pub(super) fn battery(power: Power) -> Reason {
        match power {
            Power::Unknown => because(
                Code::Battery,
                "whether it is on battery cannot be read, which counts as on battery",
            ),
            Power::NoBattery | Power::Mains | Power::Battery => {
                because(Code::Battery, "it is on battery")
            }
        }
    }

    pub(super) fn power_saver() -> Reason {
        because(Code::PowerSaver, "the system's power saver is on")
    }

    pub(super) fn too_hot(limit: u8) -> Reason {
        let limit = i16::from(limit);
        let (above, below) = (limit + HEAT_PAUSE_ABOVE_C, limit - HEAT_MARGIN_C);
        because(
            Code::Heat,
            format!("it reached {above} °C and cools down to {below} °C"),
        )
    }

    pub(super) fn warm(limit: u8) -> Reason {
        because(Code::Heat, format!("to stay below {limit} °C"))
    }

    pub(super) fn in_use(presence: Presence) -> Reason {
        match presence {
            Presence::Unknown => because(
                Code::InUse,
                "its last input cannot be read, which counts as in use",
            ),
            Presence::Idle(_) | Presence::Nobody => because(Code::InUse, "someone is using it"),
        }
    }

    pub(super) fn others(reading: Option<u8>, limit: u8) -> Reason {
        match reading {
            Some(_) => because(
                Code::OtherPrograms,
                format!("other programs need more than {limit} % of the processor"),
            ),
            None => because(
                Code::OtherPrograms,
                "other programs' load cannot be read, which counts as busy",
            ),
        }
    }
}

impl Code {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Off => "off",
            Code::Person => "person",
            Code::Schedule => "schedule",
            Code::Battery => "battery",
            Code::PowerSaver => "power_saver",
            Code::Heat => "heat",
            Code::InUse => "in_use",
            Code::OtherPrograms => "other_programs",
        }
    }
}

/// The sentence of a machine that is paused for this.
pub(crate) fn paused(why: &str) -> String {
    format!("Paused: {why}")
}

pub(crate) fn slowed(why: &str) -> String {
    format!("Slowed down: {why}")
}

/// The sentence of a machine that takes nothing new until it is paused.
pub(crate) fn finishing(what: &str) -> String {
    format!("Finishing {what}")
}

fn because(code: Code, text: impl Into<String>) -> Reason {
    Reason {
        code,
        text: text.into(),
    }
}
