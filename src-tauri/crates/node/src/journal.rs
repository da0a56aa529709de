//! The node's log: JSON lines in files, one a day. What a module writes never
//! goes here.

mod follow;
mod read;

use crate::answer::{Answer, Then};
use crate::settings::Level;
use api::{Error, ErrorCode, Event, LogFilter, LogLine, Reply};
use std::fmt::Debug;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;
use tokio::sync::{mpsc, oneshot};
use tracing::level_filters::LevelFilter;
use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

/// Days of logs that are kept: one file a day.
const FILES_KEPT: usize = 7;
const FILE_PREFIX: &str = "skep";
const FILE_SUFFIX: &str = "jsonl";
/// Our crates; of all others only warnings are worth a line.
const OURS: [&str; 6] = ["skep", "cli", "node", "pool", "sandbox", "store"];
/// Lines that wait for a slow reader.
const LINES_WAITING: usize = 256;

static FILTER: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the log cannot be written: {0}")]
    Start(#[from] InitError),
    #[error("SKEP_LOG: '{0}' is neither a level nor a list such as node=debug,sqlx=info")]
    Directives(String),
    #[error("the log cannot be read: {0}")]
    Read(std::io::Error),
    #[error("there is no log level '{0}'")]
    Level(String),
}

/// What a journal is started with.
#[derive(Clone, Debug)]
pub struct Options {
    pub logs: PathBuf,
    pub level: Level,
    /// `SKEP_LOG`: a level, or levels by target; wins over `level`.
    pub directives: Option<String>,
    /// Lines for people on stderr as well.
    pub stderr: bool,
}

/// Begins to write; once in the life of a process, later calls change nothing.
///
/// # Errors
/// When the log folder cannot be written or the directives cannot be read.
pub fn start(options: &Options) -> Result<(), JournalError> {
    let targets = match &options.directives {
        Some(text) => {
            Targets::from_str(text).map_err(|_| JournalError::Directives(text.clone()))?
        }
        None => targets(options.level),
    };
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(FILE_PREFIX)
        .filename_suffix(FILE_SUFFIX)
        .max_log_files(FILES_KEPT)
        .build(&options.logs)?;
    // Written at once, without a thread in between: a process that aborts has said why.
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(files);
    // A layer that is not there would be taken for one that wants no lines.
    let mut writers = vec![lines.boxed()];
    if options.stderr {
        let words = fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false);
        writers.push(words.boxed());
    }
    let (filter, handle) = reload::Layer::new(targets);
    let fixed = options.directives.is_some();
    if tracing_subscriber::registry()
        .with(filter.and_then(writers))
        .try_init()
        .is_ok()
        && !fixed
    {
        drop(FILTER.set(handle));
    }
    Ok(())
}

/// From now on, write so much.
pub fn set_level(level: Level) {
    if let Some(filter) = FILTER.get() {
        // It fails only when the subscriber is gone, and then nothing is written.
        drop(filter.reload(targets(level)));
    }
}

/// Answers [`api::Request::Logs`].
///
/// # Errors
/// When the files cannot be read or the filter names no level.
pub fn answer(
    logs: &Path,
    filter: &LogFilter,
    limit: u32,
    follow: bool,
) -> Result<Answer, JournalError> {
    let sieve = read::Sieve::new(filter)?;
    let (lines, end) = read::last(logs, &sieve, limit).map_err(JournalError::Read)?;
    let then = if follow {
        let (events, receiver) = mpsc::channel(LINES_WAITING);
        let (last, reply) = oneshot::channel::<Reply>();
        let logs = logs.to_owned();
        tokio::spawn(async move {
            let take = |line| async { events.send(Event::Log(line)).await.is_ok() };
            tokio::select! {
                () = follow::follow(&logs, end, &sieve, take) => {}
                () = events.closed() => {}
            }
            drop(last);
        });
        Then::Events(receiver, reply)
    } else {
        Then::Nothing
    };
    Ok(Answer {
        reply: Reply::Logs { lines },
        then,
    })
}

/// The last lines that pass, oldest first.
pub(crate) fn last(
    logs: &Path,
    filter: &LogFilter,
    limit: u32,
) -> Result<Vec<LogLine>, JournalError> {
    let (lines, _) =
        read::last(logs, &read::Sieve::new(filter)?, limit).map_err(JournalError::Read)?;
    Ok(lines)
}

fn targets(level: Level) -> Targets {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    Targets::new()
        .with_default(LevelFilter::WARN.min(level))
        .with_targets(OURS.map(|ours| (ours, level)))
}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Error {
        let message = error.to_string();
        match error {
            JournalError::Start(_) | JournalError::Read(_) => {
                Error::new(ErrorCode::FolderUnusable, message)
            }
            JournalError::Directives(_) => Error::new(ErrorCode::BadSetting, message),
            JournalError::Level(_) => Error::new(ErrorCode::Usage, message).hint(format!(
                "levels are {}",
                Level::ALL.map(Level::as_str).join(", ")
            )),
        }
    }
}
