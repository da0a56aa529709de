//! This machine: what it has, and what is read of it. The only place that reads
//! batteries, idle times, temperatures and loads.

mod desktop;
mod heat;
mod idle;
mod load;
mod power;
mod script;
mod sensors;
mod session;
mod vitals;

pub(crate) use sensors::{Interest, Sensors};
pub(crate) use vitals::{Host, Reading};

use session::{Session, Surroundings, sessions};
use std::path::Path;
use sysinfo::System;

/// Cores that this process may use.
pub(crate) fn cores() -> u32 {
    std::thread::available_parallelism()
        .map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// Cores that this machine can spare: all where nobody sits at it; else two are
/// left to them, on a laptop half.
pub(crate) fn spare_cores() -> u32 {
    let sessions = sessions(Path::new("/run"), &Surroundings::of_process());
    let desktop = sessions
        .iter()
        .any(|session| matches!(session, Session::X11(_) | Session::Wayland));
    spare(cores(), desktop, power::has_battery(Path::new("/sys")))
}

fn spare(cores: u32, desktop: bool, battery: bool) -> u32 {
    match (desktop, battery) {
        (false, _) => cores,
        (true, false) => cores.saturating_sub(2).max(1),
        (true, true) => (cores / 2).max(1),
    }
}

/// What the account of this process is called.
pub(crate) fn account() -> Option<String> {
    let named = |variable| std::env::var(variable).ok().filter(|name| !name.is_empty());
    named("USER").or_else(|| named("LOGNAME"))
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
