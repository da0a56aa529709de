//! What went wrong, in three parts: a code for programs, a message and a hint
//! for people.

use serde::{Deserialize, Serialize};

/// An error at the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[error("{message}")]
pub struct Error {
    pub code: ErrorCode,
    /// What happened and why: one line, no period.
    pub message: String,
    /// What to do next, where there is something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Error {
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Error {
        Error {
            code,
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }
}

/// Which way out an error takes; the command line's exit codes follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Something around the request failed: a folder, a file, the disk.
    Failed,
    /// The request itself is wrong.
    Usage,
    NotAllowed,
    Unreachable,
    NotFound,
    /// The inspector's verdict.
    Verdict,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal in $group:ident,)+) => {
        /// Every error there is. A code exists when somebody branches on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        pub enum ErrorCode { $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+ }

        impl ErrorCode {
            /// In the order of the enum.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$name,)+];

            /// As it is written in JSON and in `skep help errors`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$name => $text,)+ }
            }

            #[must_use]
            pub fn group(self) -> Group {
                match self { $(ErrorCode::$name => Group::$group,)+ }
            }

            /// One sentence, for `skep help errors`.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(ErrorCode::$name => concat!($($doc,)+).trim_ascii_start(),)+ }
            }
        }
    };
}

codes! {
    // Wrong usage.
    /// The command or request is not written as it must be.
    Usage = "usage" in Usage,
    /// A placeholder in braces that Skep does not know.
    UnknownPlaceholder = "unknown_placeholder" in Usage,
    /// A range that is not A..B or A..B..STEP, or never ends.
    BadRange = "bad_range" in Usage,
    /// An input that cannot be cut as asked, such as one that is no JSON array.
    BadSplit = "bad_split" in Usage,
    /// More tasks than one job or the queue may hold.
    TooManyTasks = "too_many_tasks" in Usage,
    /// The module has no function of this name.
    NoSuchFunction = "no_such_function" in Usage,
    /// The function takes other arguments, in number or type.
    WrongArguments = "wrong_arguments" in Usage,
    /// A module with functions only was run without --invoke.
    FunctionNeeded = "function_needed" in Usage,
    /// The kernel has no parameter of this name.
    UnknownParameter = "unknown_parameter" in Usage,
    /// A parameter's value has the wrong type or is out of range.
    BadParameter = "bad_parameter" in Usage,
    /// The kernel's own plan refused the request.
    PlanRefused = "plan_refused" in Usage,
    /// A setting that does not exist.
    UnknownSetting = "unknown_setting" in Usage,
    /// A setting's value has the wrong type or is out of range.
    BadSetting = "bad_setting" in Usage,
    /// The same request id came with another content.
    Conflict = "conflict" in Usage,
    /// The job still runs; cancel it first.
    JobRunning = "job_running" in Usage,
    /// The job has ended already.
    JobEnded = "job_ended" in Usage,
    /// The job is not a trial that waits.
    NotATrial = "not_a_trial" in Usage,

    // Something around it failed.
    /// An input file does not exist.
    InputMissing = "input_missing" in Failed,
    /// An input file exists and cannot be read.
    InputUnreadable = "input_unreadable" in Failed,
    /// An input is larger than Skep takes.
    InputTooLarge = "input_too_large" in Failed,
    /// A result cannot be written where it should go.
    OutputUnwritable = "output_unwritable" in Failed,
    /// Another process holds the data folder.
    DataInUse = "data_in_use" in Failed,
    /// The data folder is damaged; nothing in it was changed.
    DataDamaged = "data_damaged" in Failed,
    /// The data folder was written by a newer Skep.
    DataTooNew = "data_too_new" in Failed,
    /// A folder of Skep's cannot be made, read or written.
    FolderUnusable = "folder_unusable" in Failed,
    /// The disk is full; nothing was accepted.
    StorageFull = "storage_full" in Failed,
    /// A blob's bytes are not those its name promises; it is never served.
    BlobCorrupt = "blob_corrupt" in Failed,
    /// A blob is not there any more.
    BlobMissing = "blob_missing" in Failed,
    /// The settings file is malformed.
    ConfigInvalid = "config_invalid" in Failed,
    /// The control socket's path is longer than the system allows.
    SocketPathTooLong = "socket_path_too_long" in Failed,
    /// Something that is not a socket of ours lies at the control socket's path.
    SocketTaken = "socket_taken" in Failed,
    /// The executor is not where it should be, or does not start.
    ExecutorMissing = "executor_missing" in Failed,
    /// The operating system's wall cannot be set up, so no module runs.
    NoOsWall = "no_os_wall" in Failed,
    /// The job has no result of this kind (yet).
    NoResult = "no_result" in Failed,
    /// The result is no picture that can be shown small.
    NotAnImage = "not_an_image" in Failed,
    /// The node is stopping and takes no new jobs.
    Stopping = "stopping" in Failed,
    /// A mistake in Skep itself.
    Internal = "internal" in Failed,

    /// The caller may not do this.
    NotAllowed = "not_allowed" in NotAllowed,
    /// A code, link or token that is wrong, used, expired or tried too often.
    CodeInvalid = "code_invalid" in NotAllowed,

    /// No node runs for this data folder.
    NoNode = "no_node" in Unreachable,
    /// The node does not answer.
    Unreachable = "unreachable" in Unreachable,
    /// The node speaks another version of the contract.
    VersionMismatch = "version_mismatch" in Unreachable,

    /// No job has this id.
    NoSuchJob = "no_such_job" in NotFound,
    /// The job has no task of this index.
    NoSuchTask = "no_such_task" in NotFound,
    /// No machine has this id or name.
    NoSuchMachine = "no_such_machine" in NotFound,
    /// No device, invite or request to join has this name or id.
    NoSuchDevice = "no_such_device" in NotFound,
    /// Neither a file nor the name or hash of a known module.
    NoSuchModule = "no_such_module" in NotFound,
    /// More than one thing begins with this prefix.
    AmbiguousId = "ambiguous_id" in NotFound,

    // The inspector's verdicts.
    /// Not a WebAssembly module.
    NotWasm = "not_wasm" in Verdict,
    /// The file ends in the middle.
    Truncated = "truncated" in Verdict,
    /// Not valid WebAssembly.
    ModuleInvalid = "module_invalid" in Verdict,
    /// The module is larger than Skep takes.
    ModuleTooLarge = "module_too_large" in Verdict,
    /// The module needs a WebAssembly feature that Skep keeps off.
    UnsupportedFeature = "unsupported_feature" in Verdict,
    /// The module needs functions that Skep does not provide.
    MissingImport = "missing_import" in Verdict,
    /// Exports nothing that can be called.
    NoEntry = "no_entry" in Verdict,
    /// A module for another platform: a web page, a server, another host.
    WrongKind = "wrong_kind" in Verdict,
    /// Machine code of another computer.
    Precompiled = "precompiled" in Verdict,
    /// The module breaks the contract between program and host.
    AbiViolation = "abi_violation" in Verdict,
    /// The module could not be linked.
    LinkError = "link_error" in Verdict,
    /// The module could not be compiled within its limits.
    CompileFailed = "compile_failed" in Verdict,
}
