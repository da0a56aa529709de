//! Reading the log back: the files in order, the lines that pass a filter.

use super::{FILE_PREFIX, FILE_SUFFIX, JournalError};
use crate::settings::Level;
use api::{LogFilter, LogLine};
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// What a reader wants to see, checked.
#[derive(Clone, Debug)]
pub(super) struct Sieve {
    level: Level,
    grep: Option<String>,
    job: Option<String>,
}

/// Where reading ended: a file and how far into it, in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct End {
    pub(super) file: Option<PathBuf>,
    pub(super) offset: u64,
}

impl Sieve {
    pub(super) fn new(filter: &LogFilter) -> Result<Sieve, JournalError> {
        let level = match &filter.level {
            None => Level::Trace,
            Some(text) => Level::parse(text).ok_or_else(|| JournalError::Level(text.clone()))?,
        };
        Ok(Sieve {
            level,
            grep: filter.grep.clone(),
            job: filter.job.clone(),
        })
    }

    /// The line, when it passes. A line that is not ours (the last one of a
    /// machine that lost its power) does not.
    pub(super) fn pass(&self, text: &str) -> Option<LogLine> {
        let line = parse(text)?;
        let level = Level::parse(&line.level)?;
        let serious = level <= self.level;
        let about = match &self.job {
            None => true,
            Some(wanted) => line
                .job
                .as_ref()
                .is_some_and(|job| job.starts_with(wanted.as_str())),
        };
        let contains = self
            .grep
            .as_ref()
            .is_none_or(|part| line.message.contains(part.as_str()));
        (serious && about && contains).then_some(line)
    }
}

/// Log files, oldest first: their names carry the day.
pub(super) fn files(logs: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(logs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            name.starts_with(FILE_PREFIX) && name.ends_with(FILE_SUFFIX)
        })
        .collect();
    files.sort();
    Ok(files)
}

/// The last `limit` lines that pass, oldest first, and where following goes on.
pub(super) fn last(logs: &Path, sieve: &Sieve, limit: u32) -> io::Result<(Vec<LogLine>, End)> {
    let files = files(logs)?;
    let mut end = End {
        file: files.last().cloned(),
        offset: 0,
    };
    let mut lines: VecDeque<LogLine> = VecDeque::new();
    for (nth, path) in files.iter().rev().enumerate() {
        let room = (limit as usize).saturating_sub(lines.len());
        if room == 0 && nth > 0 {
            break;
        }
        let (mut of_file, offset) = last_of(path, sieve, room)?;
        if nth == 0 {
            end.offset = offset;
        }
        while let Some(line) = of_file.pop_back() {
            lines.push_front(line);
        }
    }
    Ok((lines.into(), end))
}

fn last_of(path: &Path, sieve: &Sieve, limit: usize) -> io::Result<(VecDeque<LogLine>, u64)> {
    let mut reader = BufReader::new(std::fs::File::open(path)?);
    let mut lines = VecDeque::new();
    let mut offset = 0;
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = reader.read_until(b'\n', &mut text)?;
        if read == 0 || !text.ends_with(b"\n") {
            return Ok((lines, offset));
        }
        offset += read as u64;
        if let Some(line) = sieve.pass(&String::from_utf8_lossy(&text)) {
            lines.push_back(line);
            if lines.len() > limit {
                lines.pop_front();
            }
        }
    }
}

fn parse(text: &str) -> Option<LogLine> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(text) else {
        return None;
    };
    let mut take = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => Some(text),
        Some(other) => Some(other.to_string()),
        None => None,
    };
    let time: jiff::Timestamp = take("timestamp")?.parse().ok()?;
    let level = take("level")?.to_lowercase();
    let target = take("target")?;
    let mut message = take("message").unwrap_or_default();
    let job = take("job");
    for (name, value) in &fields {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        message.push_str(&format!(" {name}={value}"));
    }
    Some(LogLine {
        time_ms: time.as_millisecond(),
        level,
        target,
        message: message.trim_start().to_owned(),
        job,
    })
}

#[cfg(test)]
mod tests {
    use super::{Sieve, last};
    use api::LogFilter;

    fn line(second: u32, level: &str, message: &str, job: &str) -> String {
        format!(
            r#"{{"timestamp":"2026-11-21T10:00:{second:02}.5Z","level":"{level}","message":"{message}","job":"{job}","tasks":3,"target":"node::driver"}}"#
        )
    }

    #[test]
    fn the_last_lines_that_pass_come_oldest_first_over_files() {
        let dir = tempfile::tempdir().unwrap();
        let write = |day: &str, lines: &[String]| {
            std::fs::write(
                dir.path().join(format!("skep.{day}.jsonl")),
                lines.join("\n") + "\n",
            )
            .unwrap()
        };
        write(
            "2026-11-20",
            &[
                line(1, "INFO", "first", "j_aa"),
                line(2, "DEBUG", "quiet", "j_bb"),
                line(3, "WARN", "second", "j_aa"),
            ],
        );
        write(
            "2026-11-21",
            &[
                line(4, "ERROR", "third", "j_bb"),
                "power went".to_owned(),
                line(5, "INFO", "fourth", "j_aa"),
            ],
        );
        std::fs::write(dir.path().join("other.txt"), "x").unwrap();
        let read = |filter: LogFilter, limit| {
            let (lines, _) = last(dir.path(), &Sieve::new(&filter).unwrap(), limit).unwrap();
            lines
                .into_iter()
                .map(|line| line.message.replace(" tasks=3", ""))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            read(LogFilter::default(), 100),
            ["first", "quiet", "second", "third", "fourth"]
        );
        assert_eq!(read(LogFilter::default(), 3), ["second", "third", "fourth"]);
        assert_eq!(
            read(
                LogFilter {
                    level: Some("warn".into()),
                    ..Default::default()
                },
                100
            ),
            ["second", "third"]
        );
        assert_eq!(
            read(
                LogFilter {
                    job: Some("j_a".into()),
                    ..Default::default()
                },
                2
            ),
            ["second", "fourth"]
        );
        assert_eq!(
            read(
                LogFilter {
                    grep: Some("ir".into()),
                    ..Default::default()
                },
                9
            ),
            ["first", "third"]
        );
        assert!(
            Sieve::new(&LogFilter {
                level: Some("loud".into()),
                ..Default::default()
            })
            .is_err()
        );
    }

    #[test]
    fn no_folder_is_an_empty_log() {
        let dir = tempfile::tempdir().unwrap();
        let (lines, end) = last(
            &dir.path().join("none"),
            &Sieve::new(&LogFilter::default()).unwrap(),
            10,
        )
        .unwrap();
        assert!(lines.is_empty() && end.file.is_none());
    }
}
