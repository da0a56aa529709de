//! Readings from a file, for stories about a machine that gets hot, unplugged
//! or used: in builds for development only, where `SKEP_READINGS` names one.

use pool::policy::{Power, Presence, Readings};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Script(PathBuf);

/// What a file says; a calm machine with nobody at it where it is silent.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Said {
    /// Seconds since the last input; negative: not readable.
    idle_s: Option<i64>,
    /// `mains`, `battery` or `unknown`.
    power: Option<String>,
    power_saver: bool,
    temperature_c: Option<i16>,
    other_load_percent: Option<u8>,
}

impl Script {
    pub(super) fn of_process() -> Option<Script> {
        if !cfg!(debug_assertions) {
            return None;
        }
        std::env::var_os("SKEP_READINGS").map(|file| Script(file.into()))
    }

    /// `None` while it is being written.
    pub(super) fn read(&self) -> Option<Readings> {
        let said: Said = serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()?;
        Some(Readings {
            presence: match said.idle_s.map(u64::try_from) {
                None => Presence::Nobody,
                Some(Ok(seconds)) => Presence::Idle(Duration::from_secs(seconds)),
                Some(Err(_)) => Presence::Unknown,
            },
            power: match said.power.as_deref() {
                None => Power::NoBattery,
                Some("mains") => Power::Mains,
                Some("battery") => Power::Battery,
                Some(_) => Power::Unknown,
            },
            power_saver: said.power_saver,
            temperature_c: said.temperature_c,
            other_load_percent: said.other_load_percent,
        })
    }
}
