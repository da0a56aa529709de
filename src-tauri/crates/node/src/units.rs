//! Durations and sizes as people write them: `90s`, `1h30m`, `256MiB`, `20GB`.

use std::str::FromStr;
use std::time::Duration;

/// # Errors
/// One sentence that says how durations are written.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text.trim()).map_err(|_| match text.trim().parse::<f64>() {
        Ok(_) => format!("'{text}' needs a unit, such as {}s", text.trim()),
        Err(_) => format!("'{text}' is not a duration such as 90s, 15m or 1h30m"),
    })
}

/// Bytes; a number without a unit is bytes.
///
/// # Errors
/// One sentence that says how sizes are written.
pub fn bytes(text: &str) -> Result<u64, String> {
    bytesize::ByteSize::from_str(text.trim())
        .map(|size| size.as_u64())
        .map_err(|_| format!("'{text}' is not a size such as 256MiB or 20GB"))
}

/// As [`bytes()`] would read it, in the largest unit that needs no fraction.
#[must_use]
pub fn write_bytes(bytes: u64) -> String {
    for (unit, size) in [
        ("TiB", 1 << 40),
        ("TB", 1_000_000_000_000),
        ("GiB", 1 << 30),
        ("GB", 1_000_000_000),
        ("MiB", 1 << 20),
        ("MB", 1_000_000),
        ("KiB", 1 << 10),
    ] {
        if bytes >= size && bytes.is_multiple_of(size) {
            return format!("{}{unit}", bytes / size);
        }
    }
    bytes.to_string()
}

/// As [`duration`] would read it.
#[must_use]
pub fn write_duration(duration: Duration) -> String {
    humantime::format_duration(duration)
        .to_string()
        .replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::{bytes, duration, write_bytes, write_duration};
    use std::time::Duration;

    #[test]
    fn durations_read_as_people_write_them() {
        let seconds = |s| Ok(Duration::from_secs(s));
        assert_eq!(duration("90s"), seconds(90));
        assert_eq!(duration("15m"), seconds(900));
        assert_eq!(duration("1h30m"), seconds(5400));
        assert_eq!(duration(" 15days 2min "), seconds(15 * 86_400 + 120));
        assert_eq!(
            duration("10"),
            Err("'10' needs a unit, such as 10s".to_owned())
        );
        assert!(duration("soon").is_err() && duration("").is_err() && duration("-5s").is_err());
    }

    #[test]
    fn sizes_read_as_people_write_them() {
        assert_eq!(bytes("256MiB"), Ok(256 << 20));
        assert_eq!(bytes("20GB"), Ok(20_000_000_000));
        assert_eq!(bytes("1024"), Ok(1024));
        assert!(bytes("much").is_err() && bytes("").is_err() && bytes("-1").is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        for size in [
            0,
            1,
            1000,
            1024,
            64 << 20,
            20_000_000_000,
            1 << 40,
            3_000_000_001,
        ] {
            assert_eq!(bytes(&write_bytes(size)), Ok(size));
        }
        assert_eq!(write_bytes(64 << 20), "64MiB");
        for ms in [10, 1000, 5_400_000, 2_592_000_000] {
            let span = Duration::from_millis(ms);
            assert_eq!(duration(&write_duration(span)), Ok(span));
        }
    }
}
