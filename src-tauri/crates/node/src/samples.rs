//! How this machine fared: a sample a minute for a day, one an hour for a
//! month.
//!
//! They are kept in a file of fixed places, each used again when its time
//! comes round, so it never grows. A sample is for a chart, not a promise: it
//! is written without waiting for the disk, and a place that is damaged is
//! passed over.

use crate::clock::wall_ms;
use crate::host::Host;
use crate::spans::Spans;
use crate::tally;
use api::{Sample, SampleSpan};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Places for the minutes of a day, then for the hours of thirty.
const MINUTES: i64 = 24 * 60;
const HOURS: i64 = 30 * 24;
/// A sample and its sum, in bytes.
const PLACE_BYTES: usize = 36;

/// The file of samples.
#[derive(Debug)]
pub(crate) struct Samples {
    file: File,
}

/// One of the two rings of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ring {
    every_ms: i64,
    /// Its first place in the file.
    first: i64,
    places: i64,
}

const FINE: Ring = Ring {
    every_ms: MINUTE_MS,
    first: 0,
    places: MINUTES,
};
const COARSE: Ring = Ring {
    every_ms: HOUR_MS,
    first: MINUTES,
    places: HOURS,
};

impl Samples {
    /// Opens the file in the data folder, or makes it.
    pub(crate) fn open(data: &Path) -> io::Result<Samples> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(data.join("samples"))?;
        Ok(Samples { file })
    }

    /// Milliseconds between two samples, and those there are, oldest first.
    pub(crate) fn read(&self, span: SampleSpan, now_ms: i64) -> io::Result<(u64, Vec<Sample>)> {
        let ring = match span {
            SampleSpan::Day => FINE,
            SampleSpan::Month => COARSE,
        };
        let since = now_ms - ring.every_ms * ring.places;
        let samples = self.ring(ring, since, now_ms)?;
        Ok((ring.every_ms.unsigned_abs(), samples))
    }

    /// Keeps the sample of a minute, and with it that of its hour. What an
    /// earlier node worked in the same minute counts as well.
    fn keep(&self, sample: &Sample) -> io::Result<()> {
        let before = self.ring(FINE, sample.time_ms, sample.time_ms + 1)?;
        let (cores, tasks) = before
            .first()
            .map_or((0.0, 0), |before| (before.cores_working, before.tasks));
        let sample = Sample {
            cores_working: sample.cores_working + cores,
            tasks: sample.tasks.saturating_add(tasks),
            ..*sample
        };
        self.write(FINE, &sample)?;
        let hour = sample.time_ms - sample.time_ms.rem_euclid(HOUR_MS);
        let minutes = self.ring(FINE, hour, hour + HOUR_MS)?;
        self.write(COARSE, &together(hour, &minutes))
    }

    /// Tasks that ended since then, as far back as minutes are kept.
    fn tasks_since(&self, since_ms: i64) -> io::Result<u32> {
        let minutes = self.ring(FINE, since_ms, i64::MAX)?;
        Ok(minutes.iter().map(|sample| sample.tasks).sum())
    }

    /// From `since` to `until`, which is not in it.
    fn ring(&self, ring: Ring, since: i64, until: i64) -> io::Result<Vec<Sample>> {
        let mut bytes = vec![0; PLACE_BYTES * usize::try_from(ring.places).unwrap_or(0)];
        let offset = ring.first.unsigned_abs() * PLACE_BYTES as u64;
        read_what_is_there(&self.file, &mut bytes, offset)?;
        let places = bytes.as_chunks::<PLACE_BYTES>().0;
        let mut samples: Vec<Sample> = places
            .iter()
            .filter_map(decode)
            .filter(|sample| (since..until).contains(&sample.time_ms))
            .collect();
        samples.sort_unstable_by_key(|sample| sample.time_ms);
        Ok(samples)
    }

    fn write(&self, ring: Ring, sample: &Sample) -> io::Result<()> {
        let place = ring.first + (sample.time_ms / ring.every_ms).rem_euclid(ring.places);
        self.file
            .write_all_at(&encode(sample), place.unsigned_abs() * PLACE_BYTES as u64)
    }
}

/// Takes samples until the node has ended.
pub(crate) async fn take(
    samples: Arc<Samples>,
    host: Arc<Host>,
    spans: Arc<Spans>,
    mut ended: watch::Receiver<bool>,
) {
    let (midnight, _) = tally::day(wall_ms());
    let before = {
        let samples = samples.clone();
        tokio::task::spawn_blocking(move || samples.tasks_since(midnight)).await
    };
    match before.map_err(io::Error::other).flatten() {
        Ok(tasks) => spans.remember_today(tasks),
        Err(error) => tracing::warn!(%error, "the samples of today could not be read"),
    }
    loop {
        let began = wall_ms();
        let left = MINUTE_MS - began.rem_euclid(MINUTE_MS);
        let minute = tokio::time::sleep(Duration::from_millis(left.unsigned_abs()));
        let last = tokio::select! {
            () = minute => false,
            _ = ended.wait_for(|ended| *ended) => true,
        };
        let reading = host.reading();
        let stretch = spans.stretch();
        let sample = Sample {
            time_ms: began - began.rem_euclid(MINUTE_MS),
            cores_working: stretch.cores_in(MINUTE_MS),
            tasks: stretch.tasks,
            cpu: Some(reading.cpu_percent),
            temperature_c: reading.temperature_c,
            memory_used: reading.memory_used,
        };
        let file = samples.clone();
        let kept = tokio::task::spawn_blocking(move || file.keep(&sample)).await;
        if let Err(error) = kept.map_err(io::Error::other).flatten() {
            tracing::warn!(%error, "a sample of this machine could not be kept");
        }
        if last {
            return;
        }
    }
}

/// What the minutes of an hour come to; of memory, the most.
fn together(time_ms: i64, minutes: &[Sample]) -> Sample {
    #[expect(clippy::cast_precision_loss, reason = "an hour has sixty minutes")]
    let mean = |values: Vec<f32>| {
        let count = values.len();
        (count > 0).then(|| values.iter().sum::<f32>() / count as f32)
    };
    Sample {
        time_ms,
        cores_working: mean(minutes.iter().map(|one| one.cores_working).collect()).unwrap_or(0.0),
        tasks: minutes.iter().map(|one| one.tasks).sum(),
        cpu: mean(minutes.iter().filter_map(|one| one.cpu).collect()),
        temperature_c: mean(minutes.iter().filter_map(|one| one.temperature_c).collect()),
        memory_used: minutes.iter().map(|one| one.memory_used).max().unwrap_or(0),
    }
}

fn encode(sample: &Sample) -> [u8; PLACE_BYTES] {
    let mut place = [0; PLACE_BYTES];
    place[..8].copy_from_slice(&sample.time_ms.to_le_bytes());
    place[8..12].copy_from_slice(&sample.cores_working.to_le_bytes());
    place[12..16].copy_from_slice(&sample.tasks.to_le_bytes());
    place[16..20].copy_from_slice(&sample.cpu.unwrap_or(f32::NAN).to_le_bytes());
    place[20..24].copy_from_slice(&sample.temperature_c.unwrap_or(f32::NAN).to_le_bytes());
    place[24..32].copy_from_slice(&sample.memory_used.to_le_bytes());
    let sum = sum(&place);
    place[32..].copy_from_slice(&sum);
    place
}

/// `None` for a place that was never used, or is damaged.
fn decode(place: &[u8; PLACE_BYTES]) -> Option<Sample> {
    if place[32..] != sum(place) {
        return None;
    }
    let four = |at: usize| [place[at], place[at + 1], place[at + 2], place[at + 3]];
    let eight = |at: usize| -> Option<[u8; 8]> { place[at..at + 8].try_into().ok() };
    let known = |value: f32| (!value.is_nan()).then_some(value);
    Some(Sample {
        time_ms: i64::from_le_bytes(eight(0)?),
        cores_working: f32::from_le_bytes(four(8)),
        tasks: u32::from_le_bytes(four(12)),
        cpu: known(f32::from_le_bytes(four(16))),
        temperature_c: known(f32::from_le_bytes(four(20))),
        memory_used: u64::from_le_bytes(eight(24)?),
    })
}

/// Finds damage; the zeros of a place that was never used do not have it.
fn sum(place: &[u8; PLACE_BYTES]) -> [u8; 4] {
    let hash = blake3::hash(&place[..32]);
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}

fn read_what_is_there(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(some) => read += some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{HOUR_MS, MINUTE_MS, Samples};
    use api::{Sample, SampleSpan};
    use std::os::unix::fs::FileExt;

    const NOON: i64 = 1_700_000_400_000 / HOUR_MS * HOUR_MS;

    fn sample(time_ms: i64, tasks: u32) -> Sample {
        Sample {
            time_ms,
            cores_working: 1.5,
            tasks,
            cpu: Some(50.0),
            temperature_c: None,
            memory_used: 1 << 30,
        }
    }

    #[test]
    fn a_day_of_minutes_and_a_month_of_hours_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let samples = Samples::open(dir.path()).unwrap();
        for minute in 0..90 {
            samples.keep(&sample(NOON + minute * MINUTE_MS, 2)).unwrap();
        }
        drop(samples);
        let samples = Samples::open(dir.path()).unwrap();
        let now = NOON + 90 * MINUTE_MS;
        let (every, day) = samples.read(SampleSpan::Day, now).unwrap();
        assert_eq!((every, day.len()), (60_000, 90));
        assert_eq!(day[89], sample(NOON + 89 * MINUTE_MS, 2));
        let (every, month) = samples.read(SampleSpan::Month, now).unwrap();
        assert_eq!(every, 3_600_000);
        assert_eq!(month, [sample(NOON, 120), sample(NOON + HOUR_MS, 60)]);
        assert_eq!(samples.tasks_since(NOON + 80 * MINUTE_MS).unwrap(), 20);
    }

    #[test]
    fn old_ones_give_their_place_away_and_the_file_does_not_grow() {
        let dir = tempfile::tempdir().unwrap();
        let samples = Samples::open(dir.path()).unwrap();
        let days = 40;
        for hour in 0..days * 24 {
            samples.keep(&sample(NOON + hour * HOUR_MS, 1)).unwrap();
        }
        let now = NOON + days * 24 * HOUR_MS;
        assert_eq!(samples.read(SampleSpan::Day, now).unwrap().1.len(), 24);
        assert_eq!(samples.read(SampleSpan::Month, now).unwrap().1.len(), 720);
        let bytes = dir.path().join("samples").metadata().unwrap().len();
        assert!(bytes <= (1_440 + 720) * 36, "{bytes}");
        let much_later = now + 400 * 24 * HOUR_MS;
        assert_eq!(samples.read(SampleSpan::Month, much_later).unwrap().1, []);
    }

    #[test]
    fn two_nodes_in_one_minute_are_added_up() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let samples = Samples::open(dir.path()).unwrap();
            samples.keep(&sample(NOON, 3)).unwrap();
        }
        let samples = Samples::open(dir.path()).unwrap();
        let day = samples.read(SampleSpan::Day, NOON + 1).unwrap().1;
        assert_eq!((day[0].cores_working, day[0].tasks), (3.0, 6));
    }

    #[test]
    fn a_damaged_place_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let samples = Samples::open(dir.path()).unwrap();
        samples.keep(&sample(NOON, 1)).unwrap();
        samples.keep(&sample(NOON + MINUTE_MS, 1)).unwrap();
        let place = (NOON / MINUTE_MS % 1_440) as u64;
        samples.file.write_all_at(&[9], place * 36 + 12).unwrap();
        let now = NOON + HOUR_MS;
        let day = samples.read(SampleSpan::Day, now).unwrap().1;
        assert_eq!(day, [sample(NOON + MINUTE_MS, 1)]);
    }
}
