//! The processor's temperature: the hottest of its sensors.

use sysinfo::Components;

/// Names under which drivers show a processor's temperature.
const PROCESSORS: [&str; 8] = [
    "coretemp", "k10temp", "zenpower", "cpu", "soc", "package", "tctl", "acpitz",
];

/// Believable degrees Celsius; a sensor that is broken says 0 or 255, or less.
const BELIEVABLE: std::ops::Range<f32> = 1.0..150.0;

#[derive(Debug)]
pub(super) struct Thermometer(Option<Components>);

impl Thermometer {
    pub(super) fn new() -> Thermometer {
        Thermometer(Components::new_with_refreshed_list().ok())
    }

    /// Whole degrees Celsius, rounded up; `None` without a sensor that answers.
    pub(super) fn read(&mut self) -> Option<i16> {
        let sensors = self.0.as_mut()?;
        sensors.refresh(false);
        let sensors = sensors.iter();
        hottest(sensors.map(|sensor| (sensor.label(), sensor.temperature())))
    }
}

fn hottest<'a>(sensors: impl Iterator<Item = (&'a str, Option<f32>)>) -> Option<i16> {
    let processor = sensors.filter(|(label, _)| {
        let label = label.to_lowercase();
        PROCESSORS.iter().any(|name| label.contains(name))
    });
    let degrees = processor
        .filter_map(|(_, degrees)| degrees)
        .filter(|degrees| BELIEVABLE.contains(degrees))
        .reduce(f32::max)?;
    #[expect(clippy::cast_possible_truncation, reason = "it is below 150")]
    Some(degrees.ceil() as i16)
}

#[cfg(test)]
mod tests {
    use super::hottest;

    #[test]
    fn the_hottest_sensor_of_the_processor_counts() {
        let all = [
            ("nvme Composite", Some(99.0)),
            ("coretemp Package id 0", Some(61.2)),
            ("coretemp Core 3", Some(58.0)),
            ("coretemp Core 4", None),
            ("acpitz temp1", Some(-273.0)),
            ("cpu_thermal temp1", Some(255.0)),
        ];
        assert_eq!(hottest(all.into_iter()), Some(62));
        assert_eq!(hottest(all.into_iter().take(1)), None);
        assert_eq!(hottest([].into_iter()), None);
    }
}
