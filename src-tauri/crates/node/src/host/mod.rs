//! This machine: what it has, and what is read of it. The only place that reads
//! batteries, idle times, temperatures and loads.

mod desktop;
mod health;
mod heat;
mod idle;
mod load;
mod power;
mod script;
mod sensors;
mod session;
mod vitals;

pub(crate) use health::HealthReader;
pub(crate) use sensors::{Interest, Sensors};
pub(crate) use vitals::{Host, Reading};

use session::{Session, Surroundings, sessions};
use std::net::IpAddr;
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

/// Addresses at which other machines may reach this one.
pub(crate) fn addresses() -> Vec<IpAddr> {
    // A system that does not say has none that could be told.
    let Ok(networks) = sysinfo::Networks::new_with_refreshed_list() else {
        return Vec::new();
    };
    let mut found: Vec<IpAddr> = networks
        .values()
        .flat_map(|network| network.ip_networks())
        .map(|network| network.addr)
        .filter(is_reached)
        .collect();
    // People read the first one aloud.
    found.sort_by_key(|address| (address.is_ipv6(), *address));
    found.dedup();
    found
}

fn is_reached(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
    }
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
