//! Readings of this machine: its name, cores, memory, and how busy it is.

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
}

/// Reads on demand, and at most once a second.
#[derive(Debug)]
pub(crate) struct Host(Mutex<State>);

#[derive(Debug)]
struct State {
    /// `None` on a system that tells nothing.
    system: Option<System>,
    read: Instant,
}

impl Host {
    pub(crate) fn new() -> Host {
        let what = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_usage())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        Host(Mutex::new(State {
            system: System::new_with_specifics(what).ok(),
            read: Instant::now(),
        }))
    }

    pub(crate) fn reading(&self) -> Reading {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        };
        if due {
            state.read = Instant::now();
        }
        reading
    }
}

/// Cores that this process may use.
pub(crate) fn cores() -> u32 {
    std::thread::available_parallelism()
        .map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// Cores that this machine can spare: all where nobody sits at it; else two are
/// left to them, on a laptop half.
pub(crate) fn spare_cores() -> u32 {
    let session = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let desktop = session("DISPLAY") || session("WAYLAND_DISPLAY");
    spare(cores(), desktop, has_battery())
}

fn spare(cores: u32, desktop: bool, battery: bool) -> u32 {
    match (desktop, battery) {
        (false, _) => cores,
        (true, false) => cores.saturating_sub(2).max(1),
        (true, true) => (cores / 2).max(1),
    }
}

/// A battery of the machine itself, not of a mouse.
fn has_battery() -> bool {
    let supplies = std::fs::read_dir("/sys/class/power_supply");
    supplies.into_iter().flatten().flatten().any(|supply| {
        let says = |file: &str, word: &str| {
            std::fs::read_to_string(supply.path().join(file)).is_ok_and(|text| text.trim() == word)
        };
        says("type", "Battery") && !says("scope", "Device")
    })
}

pub(crate) fn os() -> String {
    System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned())
}

#[cfg(test)]
mod tests {
    use super::spare;

    #[test]
    fn who_sits_at_a_machine_keeps_some_of_its_cores() {
        assert_eq!(spare(8, false, false), 8);
        assert_eq!(spare(8, false, true), 8);
        assert_eq!(spare(8, true, false), 6);
        assert_eq!(spare(2, true, false), 1);
        assert_eq!(spare(8, true, true), 4);
        assert_eq!(spare(1, true, true), 1);
    }
}
