//! The options of `run` and `map`, as they are typed.
#![expect(
    rustdoc::broken_intra_doc_links,
    reason = "what clap shows as help has its defaults in brackets"
)]

use crate::completions;
use api::{Error, Fold};
use clap::{Args, ValueEnum};
use clap_complete::{ArgValueCandidates, ArgValueCompleter};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(before_help = "Examples:
  skep run program.wasm input.txt
  skep run sample:mandelbrot --width 1920 --height 1080 -o mandelbrot.png", after_help = RULE)]
/// Run a module and follow it to its end
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) options: RunOptions,
}

#[derive(Debug, Args)]
#[command(before_help = "Examples:
  skep map resize.wasm --each-file 'photos/*.jpg' -o small/{stem}.jpg {file}
  skep map primes.wasm --range 0..1000000..10000 --invoke count --fold sum", after_help = RULE)]
/// Run a module over many inputs: the same as run, and reads better with a split
pub(crate) struct Map {
    #[command(flatten)]
    pub(crate) options: RunOptions,
}

/// Where ours end and the module's begin.
const RULE: &str = "\
Skep's options stand before MODULE or directly after it. The first word after
MODULE that is neither an option nor, for a kernel, one of its parameters begins
the module's own arguments; so does --.";

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// A file, sample:NAME, a name (`skep module ls`), or the beginning of a hash
    #[arg(value_name = "MODULE", add = ArgValueCompleter::new(completions::module_or_file))]
    pub(crate) module: String,
    /// The module's own; {index} {count} {item} {line} {file} {stem} {NAME} stand for each task's
    #[arg(
        value_name = "ARGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) args: Vec<String>,

    #[command(flatten)]
    pub(crate) split: SplitOptions,
    #[command(flatten)]
    pub(crate) input: InputOptions,
    #[command(flatten)]
    pub(crate) results: ResultOptions,
    #[command(flatten)]
    pub(crate) limits: LimitOptions,
}

/// One of these cuts the work into tasks.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Many tasks (one of)")]
pub(crate) struct SplitOptions {
    /// A task for each number; B is excluded
    #[arg(long, value_name = "A..B[..STEP]", allow_hyphen_values = true)]
    pub(crate) range: Option<String>,
    /// A task for each element of a JSON array
    #[arg(long, value_name = "FILE.json")]
    pub(crate) items: Option<PathBuf>,
    /// A task for each line; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) each_line: Option<PathBuf>,
    /// A task for each file that matches; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub(crate) each_file: Vec<String>,
    /// A task for each value, V1,V2,… or A..B[..STEP]; several make each combination
    #[arg(long = "param", value_name = "NAME=VALUES")]
    pub(crate) sweep: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputOptions {
    /// Call this function of a module without a command
    #[arg(long, value_name = "FUNCTION")]
    pub(crate) invoke: Option<String>,
    /// A kernel's parameters as one JSON object
    #[arg(long, value_name = "JSON")]
    pub(crate) params: Option<String>,
    /// A file or folder that every task finds under /in
    #[arg(long = "in", value_name = "PATH[::NAME]")]
    pub(crate) files: Vec<String>,
    /// A variable of the module's environment; without a value, yours
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// Standard input of a job of one task; - is ours
    #[arg(long, value_name = "FILE")]
    pub(crate) stdin: Option<PathBuf>,
    /// Lines of --each-line that a task gets [1]
    #[arg(long, value_name = "N", requires = "each_line")]
    pub(crate) lines_per_task: Option<u32>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct ResultOptions {
    /// A file; for many tasks a folder or a pattern such as out/{index}.png
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Save here what tasks leave in /out
    #[arg(long, value_name = "DIR")]
    pub(crate) collect: Option<PathBuf>,
    /// Make one result of all: none, concat, json, sum or kernel
    #[arg(long, value_enum, value_name = "HOW", hide_possible_values = true)]
    pub(crate) fold: Option<FoldWord>,
    /// Print the job's id and leave it to the node that runs
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// What the job is called
    #[arg(long)]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitOptions {
    /// Of the whole job, such as 90s or 1h30m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) task: TaskLimits,
    /// Instructions a task may take
    #[arg(long, value_name = "N")]
    pub(crate) fuel: Option<u64>,
    /// Bytes a task may write as its result [64MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_output: Option<u64>,
    /// From -10 (last) to 10 (first) [0]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, allow_negative_numbers = true,
          value_parser = clap::value_parser!(i8).range(-10..=10))]
    pub(crate) priority: i8,
    /// Only machines of this name, id or label; may be given several times
    #[arg(long, value_name = "MACHINE", value_parser = machine, add = ArgValueCandidates::new(completions::machines))]
    pub(crate) on: Vec<String>,
    /// Tasks handed out together [auto]
    #[arg(long, value_name = "N", default_value = "auto", hide_default_value = true, value_parser = chunk)]
    pub(crate) chunk: Chunk,
    /// Run modules behind one wall only, where the system has no second
    #[arg(long, hide_short_help = true)]
    pub(crate) dangerously_run_without_os_wall: bool,
}

/// Those that `job retry` can change too.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct TaskLimits {
    /// Time a task may take [10m]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) task_timeout: Option<Duration>,
    /// Memory a task may use [256MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory: Option<u64>,
    /// Times a failed task is tried again [0]
    #[arg(long, value_name = "N")]
    pub(crate) retries: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FoldWord {
    None,
    Concat,
    Json,
    Sum,
    Kernel,
}

/// How many tasks a lease carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    Auto,
    Tasks(u32),
}

impl From<FoldWord> for Fold {
    fn from(word: FoldWord) -> Fold {
        match word {
            FoldWord::None => Fold::None,
            FoldWord::Concat => Fold::Concat,
            FoldWord::Json => Fold::Json,
            FoldWord::Sum => Fold::Sum,
            FoldWord::Kernel => Fold::Kernel,
        }
    }
}

impl TaskLimits {
    pub(crate) fn changes(self) -> Result<api::LimitChanges, Error> {
        Ok(api::LimitChanges {
            memory_bytes: self.memory,
            task_timeout_ms: self
                .task_timeout
                .map(|time| millis(time, "--task-timeout"))
                .transpose()?,
            retries: self.retries,
        })
    }
}

pub(crate) fn millis(time: Duration, option: &str) -> Result<u64, Error> {
    let ms = u64::try_from(time.as_millis()).ok().filter(|ms| *ms > 0);
    ms.ok_or_else(|| crate::failure::usage(format!("{option} is at least 1ms")))
}

fn duration(text: &str) -> Result<Duration, String> {
    node::units::duration(text)
}

fn size(text: &str) -> Result<u64, String> {
    node::units::bytes(text)
}

fn machine(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it names no machine; skep machine ls lists them".to_owned()),
        machine => Ok(machine.to_owned()),
    }
}

fn chunk(text: &str) -> Result<Chunk, String> {
    match text {
        "auto" => Ok(Chunk::Auto),
        _ => text
            .parse()
            .ok()
            .filter(|tasks| *tasks > 0)
            .map(Chunk::Tasks)
            .ok_or_else(|| "a chunk is auto or a number of tasks".to_owned()),
    }
}
