//! What a machine looks like to a person who watches it: processor, memory,
//! and how busy it is.

use pool::policy::{Power, Readings};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// Between two readings of the processor, below which they say nothing.
const READ_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// The model's name; empty where the system does not say.
    pub(crate) processor: String,
    /// Of each core, 0 to 1.
    pub(crate) core_loads: Vec<f32>,
    /// Of all cores together, 0 to 100.
    pub(crate) cpu_percent: f32,
    pub(crate) memory_total: u64,
    pub(crate) memory_used: u64,
    /// Of the processor, degrees Celsius; `None` without a sensor.
    pub(crate) temperature_c: Option<f32>,
    /// `None`: it has no battery, or does not say.
    pub(crate) on_battery: Option<bool>,
}

/// Reads on demand, and at most once a second.
#[derive(Debug)]
pub(crate) struct Host(Mutex<State>);

#[derive(Debug)]
struct State {
    /// `None` on a system that tells nothing.
    system: Option<System>,
    read: Instant,
    /// What its policy read last, where there is one.
    sensed: Option<Readings>,
}

impl Host {
    pub(crate) fn new() -> Host {
        let what = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_usage())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        Host(Mutex::new(State {
            system: System::new_with_specifics(what).ok(),
            read: Instant::now(),
            sensed: None,
        }))
    }

    /// Takes note of what was read for its policy.
    pub(crate) fn sense(&self, readings: Readings) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sensed = Some(readings);
    }

    pub(crate) fn reading(&self) -> Reading {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sensed = state.sensed;
        let due = state.read.elapsed() >= READ_EVERY;
        let Some(system) = &mut state.system else {
            return Reading::default();
        };
        if due {
            system.refresh_cpu_usage();
            system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        }
        let reading = Reading {
            processor: system
                .cpus()
                .first()
                .map(|cpu| cpu.brand().trim().to_owned())
                .unwrap_or_default(),
            core_loads: system
                .cpus()
                .iter()
                .map(|cpu| cpu.usage() / 100.0)
                .collect(),
            cpu_percent: system.global_cpu_usage(),
            memory_total: system.total_memory(),
            memory_used: system.used_memory(),
            temperature_c: sensed
                .and_then(|sensed| sensed.temperature_c)
                .map(f32::from),
            on_battery: sensed.and_then(|sensed| match sensed.power {
                Power::NoBattery | Power::Unknown => None,
                Power::Mains => Some(false),
                Power::Battery => Some(true),
            }),
        };
        if due {
            state.read = Instant::now();
        }
        reading
    }
}
