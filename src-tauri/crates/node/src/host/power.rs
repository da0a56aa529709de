//! Battery, mains and the system's power saver, as Linux shows them below `/sys`.
//! On a system without it there is no battery to be seen.

use pool::policy::Power;
use std::path::Path;

/// Profiles of the firmware, and hints to the processor, that mean saving.
const SAVING: [(&str, &str); 2] = [
    ("firmware/acpi/platform_profile", "low-power"),
    (
        "devices/system/cpu/cpu0/cpufreq/energy_performance_preference",
        "power",
    ),
];

/// What feeds the machine. `sys` is `/sys`.
pub(super) fn power(sys: &Path) -> Power {
    let (mut batteries, mut plugs) = (Vec::new(), Vec::new());
    for supply in supplies(sys) {
        let says = |file: &str| said(&supply.join(file)).unwrap_or_default();
        match says("type").as_str() {
            "Battery" if says("scope") != "Device" => batteries.push(says("status")),
            "Mains" | "USB" => plugs.push(says("online")),
            _ => {}
        }
    }
    let any =
        |list: &[String], words: &[&str]| list.iter().any(|said| words.contains(&said.as_str()));
    if batteries.is_empty() {
        Power::NoBattery
    } else if any(&plugs, &["1", "2"]) {
        Power::Mains
    } else if any(&batteries, &["Discharging"]) {
        Power::Battery
    } else if any(&batteries, &["Charging", "Full", "Not charging"]) {
        Power::Mains
    } else {
        Power::Unknown
    }
}

/// Whether the person chose to save power.
pub(super) fn power_saver(sys: &Path) -> bool {
    SAVING
        .iter()
        .any(|(file, word)| said(&sys.join(file)).is_some_and(|said| said == *word))
}

/// A battery of the machine itself, not of a mouse.
pub(super) fn has_battery(sys: &Path) -> bool {
    power(sys) != Power::NoBattery
}

/// How full the machine's own batteries are on average, per cent; `None`
/// without one that says.
pub(super) fn battery_percent(sys: &Path) -> Option<u8> {
    let own = supplies(sys).filter(|supply| {
        let says = |file: &str| said(&supply.join(file)).unwrap_or_default();
        says("type") == "Battery" && says("scope") != "Device"
    });
    let full: Vec<u32> = own
        .filter_map(|supply| said(&supply.join("capacity"))?.parse().ok())
        .collect();
    let count = u32::try_from(full.len()).ok().filter(|count| *count > 0)?;
    u8::try_from((full.iter().sum::<u32>() / count).min(100)).ok()
}

fn supplies(sys: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let supplies = std::fs::read_dir(sys.join("class/power_supply"));
    supplies
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
}

fn said(file: &Path) -> Option<String> {
    Some(std::fs::read_to_string(file).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `/sys` with these files.
    fn sys(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("{text}\n")).unwrap();
        }
        dir
    }

    fn check(files: &[(&str, &str)], expected: Power) {
        assert_eq!(power(sys(files).path()), expected, "{files:?}");
    }

    #[test]
    fn what_feeds_the_machine() {
        const BATTERY: (&str, &str) = ("class/power_supply/BAT0/type", "Battery");
        const STATUS: &str = "class/power_supply/BAT0/status";
        const MAINS: (&str, &str) = ("class/power_supply/AC/type", "Mains");
        const ONLINE: &str = "class/power_supply/AC/online";
        check(&[], Power::NoBattery);
        check(&[MAINS, (ONLINE, "1")], Power::NoBattery);
        check(&[BATTERY, (STATUS, "Discharging")], Power::Battery);
        check(&[BATTERY, (STATUS, "Charging")], Power::Mains);
        check(
            &[BATTERY, (STATUS, "Unknown"), MAINS, (ONLINE, "1")],
            Power::Mains,
        );
        // A weak charger: plugged in, and the battery drains a little.
        check(
            &[BATTERY, (STATUS, "Discharging"), MAINS, (ONLINE, "1")],
            Power::Mains,
        );
        check(
            &[BATTERY, (STATUS, "Discharging"), MAINS, (ONLINE, "0")],
            Power::Battery,
        );
        check(&[BATTERY, (STATUS, "Unknown")], Power::Unknown);
        check(&[BATTERY], Power::Unknown);
        let mouse = ("class/power_supply/BAT0/scope", "Device");
        check(&[BATTERY, mouse, (STATUS, "Discharging")], Power::NoBattery);
    }

    #[test]
    fn several_batteries_are_as_full_as_they_are_on_average() {
        let says = |files: &[(&str, &str)]| battery_percent(sys(files).path());
        const FIRST: [(&str, &str); 2] = [
            ("class/power_supply/BAT0/type", "Battery"),
            ("class/power_supply/BAT0/capacity", "80"),
        ];
        const SECOND: [(&str, &str); 2] = [
            ("class/power_supply/BAT1/type", "Battery"),
            ("class/power_supply/BAT1/capacity", "41"),
        ];
        assert_eq!(says(&[]), None);
        assert_eq!(says(&FIRST[..1]), None);
        assert_eq!(says(&FIRST), Some(80));
        assert_eq!(says(&[FIRST, SECOND].concat()), Some(60));
        let mouse = ("class/power_supply/BAT1/scope", "Device");
        assert_eq!(says(&[&FIRST[..], &SECOND, &[mouse]].concat()), Some(80));
    }

    #[test]
    fn a_power_saver_is_seen_by_profile_or_hint() {
        assert!(!power_saver(sys(&[]).path()));
        for (file, word) in SAVING {
            assert!(power_saver(sys(&[(file, word)]).path()));
            assert!(!power_saver(sys(&[(file, "balanced")]).path()));
        }
    }
}
