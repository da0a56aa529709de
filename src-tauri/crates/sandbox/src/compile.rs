//! Compiling a module in a child behind the same wall, which gets the bytes
//! and gives the code and can do nothing else.

use std::{
    fs::File,
    io::{self, Read, Seek},
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    inert::inert,
    limits,
    process::{Process, Spawner, in_words},
    sealed::{self, Sealed},
};

/// Why a module has no compiled code.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CompileError {
    /// Not a module this engine takes; the same bytes will never be.
    #[error("the module is not valid: {message}")]
    Invalid {
        /// What is wrong, from the compiler.
        message: String,
    },
    /// Longer than anybody's module may be.
    #[error(
        "the module has {bytes} bytes and may have {}",
        limits::MODULE_BYTES_MAX
    )]
    TooLarge {
        /// Its length.
        bytes: u64,
    },
    /// Compiling used more time than it may.
    #[error("compiling took longer than {seconds} s of processor time")]
    TimedOut {
        /// What it may take.
        seconds: u64,
    },
    /// Compiling used more memory than it may.
    #[error("compiling needed more than {} MiB of memory", bytes >> 20)]
    OutOfMemory {
        /// What it may have.
        bytes: u64,
    },
    /// The compiler died of this module.
    #[error("the compiler failed: {message}")]
    Died {
        /// How.
        message: String,
    },
    /// This machine could not run the compiler; the module is not at fault.
    #[error("the compiler could not run: {message}")]
    Machine {
        /// Why.
        message: String,
    },
}

/// What compiling one module may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileCaps {
    /// Seconds of processor time; the module is refused beyond.
    pub cpu_seconds: u64,
    /// Writable memory in bytes; the module is refused beyond.
    pub memory_bytes: u64,
    /// Of the clock on the wall; beyond, the machine is too busy, and the
    /// module may be tried again.
    pub time: Duration,
}

impl Default for CompileCaps {
    fn default() -> CompileCaps {
        CompileCaps {
            cpu_seconds: limits::COMPILE_CPU_SECONDS,
            memory_bytes: limits::COMPILE_BYTES,
            time: limits::COMPILE_TIME,
        }
    }
}

impl CompileError {
    /// Whether the same bytes would fail again.
    pub fn is_final(&self) -> bool {
        !matches!(self, CompileError::Machine { .. })
    }

    pub(crate) fn machine(error: &io::Error) -> CompileError {
        CompileError::Machine {
            message: error.to_string(),
        }
    }
}

/// Every module and every component begins like this.
const MAGIC: &[u8] = b"\0asm";

/// Compiles by this command; the code is in a file in memory that is not sealed yet.
pub(crate) async fn compile(
    spawner: &Spawner,
    mut command: Command,
    module: &[u8],
    caps: CompileCaps,
) -> Result<File, CompileError> {
    let bytes = module.len() as u64;
    if bytes > limits::MODULE_BYTES_MAX {
        return Err(CompileError::TooLarge { bytes });
    }
    if !module.starts_with(MAGIC) {
        return Err(CompileError::Invalid {
            message: "not a WebAssembly binary".to_owned(),
        });
    }
    let machine = |error: io::Error| CompileError::machine(&error);
    let module = Sealed::of("skep-module", module)
        .and_then(|module| module.reopen())
        .map_err(machine)?;
    let mut code = sealed::memory_file("skep-code").map_err(machine)?;
    let errors = sealed::memory_file("skep-errors").map_err(machine)?;
    command
        .arg(format!("cpu={}", caps.cpu_seconds))
        .arg(format!("memory={}", caps.memory_bytes))
        .stdin(Stdio::from(module))
        .stdout(Stdio::from(code.try_clone().map_err(machine)?))
        .stderr(Stdio::from(errors.try_clone().map_err(machine)?));
    let child = spawner.spawn(command).await.map_err(machine)?;
    let outcome = outcome(child, caps, &mut code, errors).await?;
    match outcome {
        Outcome::Compiled => Ok(code),
        Outcome::Refused => Err(CompileError::Invalid {
            message: text(&mut code),
        }),
    }
}

enum Outcome {
    Compiled,
    Refused,
}

async fn outcome(
    mut child: Process,
    caps: CompileCaps,
    code: &mut File,
    mut errors: File,
) -> Result<Outcome, CompileError> {
    let Ok(ended) = tokio::time::timeout(caps.time, child.ended()).await else {
        // Processor time has a limit of its own, which it did not reach.
        return Err(CompileError::Machine {
            message: format!(
                "it was not done after {} s, because the machine is busy",
                caps.time.as_secs_f64()
            ),
        });
    };
    let status = ended.map_err(|error| CompileError::machine(&error))?;
    let out_of_memory = CompileError::OutOfMemory {
        bytes: caps.memory_bytes,
    };
    match (status.code(), status.signal()) {
        (Some(0), _) if code.metadata().is_ok_and(|about| about.len() > 0) => Ok(Outcome::Compiled),
        (Some(1), _) => Ok(Outcome::Refused),
        (Some(2), _) => Err(CompileError::Machine {
            message: text(&mut errors),
        }),
        (Some(3), _) => Err(out_of_memory),
        (None, Some(libc::SIGXCPU)) => Err(CompileError::TimedOut {
            seconds: caps.cpu_seconds,
        }),
        // By the kernel, which had no memory left for anybody.
        (None, Some(libc::SIGKILL)) => Err(out_of_memory),
        // The standard library's words when an allocation fails; how the
        // process then ends is its wall's matter.
        (None, Some(_)) if text(&mut errors).contains("memory allocation") => Err(out_of_memory),
        (_, _) => Err(CompileError::Died {
            message: in_words(status),
        }),
    }
}

/// The beginning of what a child wrote, safe to show.
pub(crate) fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let read = file.rewind().and_then(|()| {
        file.take(limits::MESSAGE_BYTES_MAX as u64)
            .read_to_end(&mut bytes)
    });
    if let Err(error) = read {
        return format!("its message could not be read: {error}");
    }
    inert(String::from_utf8_lossy(&bytes).trim())
}
