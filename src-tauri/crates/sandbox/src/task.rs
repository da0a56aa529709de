//! What an executor is given to do: batches of tasks, their input and their caps.

use std::{fs::File, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A number that a function takes or gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// A 32-bit integer.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
}

/// The last argument of a function mapped over a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeArg {
    /// The value of the task with index 0.
    pub start: i64,
    /// What the value grows by from task to task.
    pub step: i64,
}

impl RangeArg {
    /// The value of the task with this index; `None` where it leaves 64 bits.
    pub fn value(&self, index: u64) -> Option<i64> {
        let value = i128::from(self.start) + i128::from(self.step) * i128::from(index);
        i64::try_from(value).ok()
    }
}

/// What an executor is given at once.
#[derive(Debug)]
pub enum Batch {
    /// Commands, bytes functions or a kernel's tasks.
    Programs {
        /// The limits of each task.
        caps: Caps,
        /// Arguments and environment that all tasks have.
        shared: Arc<Program>,
        /// At most [`BATCH_PROGRAMS_MAX`](crate::limits::BATCH_PROGRAMS_MAX).
        tasks: Vec<Task>,
    },
    /// One function called for consecutive tasks.
    Calls {
        /// The limits of each call.
        caps: Caps,
        /// The arguments that all calls have.
        args: Vec<Value>,
        /// The last argument, where the function is mapped over a range.
        range: Option<RangeArg>,
        /// The first task's index.
        first_index: u64,
        /// At most [`BATCH_CALLS_MAX`](crate::limits::BATCH_CALLS_MAX).
        count: u32,
    },
}

/// The limits of one task.
#[derive(Clone, Debug)]
pub struct Caps {
    /// From the start of the task; time in which its executor is stopped does not count.
    pub task_time: Option<Duration>,
    /// Units of fuel, where the profile accounts for it.
    pub fuel: Option<u64>,
    /// Largest result in bytes.
    pub output_bytes: u64,
    /// Largest log in bytes; what comes after is left out, and said.
    pub log_bytes: u64,
}

/// Arguments and environment of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The program's name and its arguments.
    pub argv: Vec<String>,
    /// Names and values.
    pub env: Vec<(String, String)>,
}

/// One task of a batch of programs.
#[derive(Debug)]
pub struct Task {
    /// The task's place in its job.
    pub index: u64,
    /// Instead of the shared arguments, where they differ from task to task.
    pub argv: Option<Vec<String>>,
    /// Added to the shared environment.
    pub env: Vec<(String, String)>,
    /// Standard input, or a bytes function's input.
    pub stdin: Stdin,
    /// Names under `/in` and the files that lie there, where the profile has a scratch folder.
    pub files: Option<Vec<(String, PathBuf)>>,
}

/// A task's standard input.
#[derive(Debug)]
pub enum Stdin {
    /// At most [`STDIN_BYTES_MAX`](crate::limits::STDIN_BYTES_MAX).
    Bytes(Bytes),
    /// A part of a file, streamed.
    File {
        /// Read at its own offsets, so the file's position does not matter.
        file: File,
        /// Where the part begins.
        offset: u64,
        /// How long it is.
        len: u64,
    },
}

impl Stdin {
    /// How long the input is, in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Stdin::Bytes(bytes) => bytes.len() as u64,
            Stdin::File { len, .. } => *len,
        }
    }

    /// Whether there is no input.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
