//! How this machine is, as the pool is told: whole numbers, as exactly as they
//! mean something, so that what is the same looks the same.

use super::sensors::Sensors;
use super::{Host, Reading};
use pool::limits::CORES_TOLD_MAX;
use pool::message::Health;
use std::sync::Arc;

/// Loads are told in steps of this, per mille.
const LOAD_STEP: u16 = 50;
/// Memory in use is told in steps of this, in bytes.
const MEMORY_STEP: u64 = 16 << 20;

/// What is read of the machine besides what its policy asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aside {
    /// What other programs take of all cores, per cent; while tasks run.
    pub(crate) others_percent: Option<u8>,
    /// How full the battery is, per cent.
    pub(crate) battery_percent: Option<u8>,
}

/// Reads it.
#[derive(Clone, Debug)]
pub(crate) struct HealthReader {
    host: Arc<Host>,
    aside: tokio::sync::watch::Receiver<super::sensors::Seen>,
}

impl HealthReader {
    pub(crate) fn new(host: Arc<Host>, sensors: &Sensors) -> HealthReader {
        HealthReader {
            host,
            aside: sensors.seen(),
        }
    }

    /// `idle`: no task runs, so whatever the processor does is others'.
    pub(crate) fn read(&self, idle: bool) -> Health {
        health(&self.host.reading(), self.aside.borrow().aside, idle)
    }
}

fn health(reading: &Reading, aside: Aside, idle: bool) -> Health {
    let all = per_mille(reading.cpu_percent / 100.0);
    let others = match aside.others_percent {
        Some(percent) => stepped(u16::from(percent.min(100)) * 10),
        None if idle => all,
        None => 0,
    };
    let cores = reading.core_loads.iter().take(CORES_TOLD_MAX);
    Health {
        core_loads: cores.map(|load| per_mille(*load)).collect(),
        others_per_mille: others,
        memory_used_bytes: reading.memory_used - reading.memory_used % MEMORY_STEP,
        memory_total_bytes: reading.memory_total,
        temperature_c: reading.temperature_c.map(whole),
        battery_percent: aside.battery_percent,
        on_battery: reading.on_battery,
    }
}

fn stepped(per_mille: u16) -> u16 {
    (per_mille.min(1_000) + LOAD_STEP / 2) / LOAD_STEP * LOAD_STEP
}

/// Of a share of 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and 1,000"
)]
fn per_mille(share: f32) -> u16 {
    stepped((share.clamp(0.0, 1.0) * 1_000.0) as u16)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "degrees that a sensor can tell"
)]
fn whole(degrees: f32) -> i16 {
    degrees.round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        Reading {
            core_loads: vec![0.0, 0.512, 1.4, f32::NAN],
            cpu_percent: 48.3,
            memory_total: 8 << 30,
            memory_used: (1 << 30) + 12_345,
            temperature_c: Some(61.6),
            on_battery: Some(true),
            ..Reading::default()
        }
    }

    #[test]
    fn readings_are_told_in_steps() {
        let aside = Aside {
            others_percent: Some(12),
            battery_percent: Some(80),
        };
        let expected = Health {
            core_loads: vec![0, 500, 1_000, 0],
            others_per_mille: 100,
            memory_used_bytes: 1 << 30,
            memory_total_bytes: 8 << 30,
            temperature_c: Some(62),
            battery_percent: Some(80),
            on_battery: Some(true),
        };
        assert_eq!(health(&reading(), aside, false), expected);
    }

    #[test]
    fn what_an_idle_machine_does_is_others_and_what_is_not_known_is_nothing() {
        let others = |idle| health(&reading(), Aside::default(), idle).others_per_mille;
        assert_eq!(others(true), 500);
        assert_eq!(others(false), 0);
    }
}
