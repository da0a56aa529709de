//! Numbers as people read them.

use std::time::Duration;

/// RFC 3339, UTC. Of milliseconds since 1970.
pub(crate) fn moment(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_string()
}

/// The time of day or the day, in the person's own zone.
pub(crate) fn when(ms: i64) -> String {
    let Ok(time) = jiff::Timestamp::from_millisecond(ms) else {
        return "–".to_owned();
    };
    let (then, now) = (
        time.to_zoned(jiff::tz::TimeZone::system()),
        jiff::Zoned::now(),
    );
    let format = if then.date() == now.date() {
        "%H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M"
    };
    then.strftime(format).to_string()
}

pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Three digits are what one compares by; more is noise.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 if span.as_micros() < 1000 => format!("{} µs", span.as_micros()),
        0 => format!("{} ms", span.as_millis()),
        1..60 => format!("{:.1} s", span.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Between two moments in milliseconds since 1970.
pub(crate) fn between(from_ms: i64, to_ms: i64) -> String {
    span(Duration::from_millis(
        u64::try_from(to_ms - from_ms).unwrap_or(0),
    ))
}

/// Sizes in thousands, as disks and files are sold and shown.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return count(bytes, "byte");
    }
    let (mut size, mut unit) = (bytes as f64 / 1000.0, 0);
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// Memory in powers of two, as it is built and limited.
pub(crate) fn memory(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let (mut size, mut unit) = (bytes as f64 / 1024.0, 0);
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if size.fract() < 0.05 {
        format!("{size:.0} {}", UNITS[unit])
    } else {
        format!("{size:.1} {}", UNITS[unit])
    }
}

/// `1 task`, `2 tasks`, `12,000 tasks`.
pub(crate) fn count(number: impl Into<u64>, one: &str) -> String {
    let number = number.into();
    format!(
        "{} {one}{}",
        thousands(number),
        if number == 1 { "" } else { "s" }
    )
}

pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The beginning of an id: as short as it stays unique among `others`, and
/// never so short that it is mistyped.
pub(crate) fn short<'i>(id: &'i str, others: impl IntoIterator<Item = &'i str>) -> &'i str {
    /// `j_` and six characters.
    const SHORTEST: usize = 8;
    let common = |other: &str| {
        id.bytes()
            .zip(other.bytes())
            .take_while(|(a, b)| a == b)
            .count()
    };
    let length = others
        .into_iter()
        .filter(|other| *other != id)
        .map(|other| common(other) + 1)
        .max()
        .unwrap_or(0);
    &id[..length.max(SHORTEST).min(id.len())]
}

/// As a number with its share: `128 of 256`.
pub(crate) fn of(done: u32, total: u32) -> String {
    format!("{} of {}", thousands(done.into()), thousands(total.into()))
}

#[cfg(test)]
mod tests {
    use super::{bytes, count, memory, short, span};
    use std::time::Duration;

    #[test]
    fn numbers_read_well() {
        assert_eq!(span(Duration::from_micros(340)), "340 µs");
        assert_eq!(span(Duration::from_millis(12)), "12 ms");
        assert_eq!(span(Duration::from_millis(1_850)), "1.9 s");
        assert_eq!(span(Duration::from_secs(184)), "3 min 4 s");
        assert_eq!(span(Duration::from_secs(7_500)), "2 h 5 min");
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_234_567), "1.2 MB");
        assert_eq!(bytes(999_960), "1.0 MB");
        assert_eq!(memory(256 << 20), "256 MiB");
        assert_eq!(memory(1_610_612_736), "1.5 GiB");
        assert_eq!(count(12_000_u32, "task"), "12,000 tasks");
        assert_eq!(count(1_u32, "task"), "1 task");
    }

    #[test]
    fn a_short_id_is_still_unique() {
        assert_eq!(short("j_abcdefgh", []), "j_abcdef");
        assert_eq!(
            short("j_abcdefgh", ["j_abcdefgx", "j_zzzzzzzz"]),
            "j_abcdefgh"
        );
        assert_eq!(short("j_ab", []), "j_ab");
    }
}
