//! Compiling a module in a child behind the same wall, which gets the bytes
//! and gives the code and can do nothing else.

use std::{
    fs::File,
    io::{self, Read, Seek},
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    inert::inert,
    limits,
    process::{Process, Spawner, in_words},
    profile::CompileSettings,
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
    #[error(
        "compiling took longer than {} s of processor time",
        limits::COMPILE_CPU_SECONDS
    )]
    TimedOut,
    /// Compiling used more memory than it may.
    #[error("compiling needed more than {} GiB of memory", limits::COMPILE_BYTES >> 30)]
    OutOfMemory,
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

/// Compiles; the code is in a file in memory that is not sealed yet.
pub(crate) async fn compile(
    spawner: &Spawner,
    mut command: Command,
    module: &[u8],
    settings: CompileSettings,
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
    let begun = Instant::now();
    let machine = |error: io::Error| CompileError::machine(&error);
    let module = Sealed::of("skep-module", module)
        .and_then(|module| module.reopen())
        .map_err(machine)?;
    let mut code = sealed::memory_file("skep-code").map_err(machine)?;
    let errors = sealed::memory_file("skep-errors").map_err(machine)?;
    command
        .args(["compile", &settings.to_string()])
        .stdin(Stdio::from(module))
        .stdout(Stdio::from(code.try_clone().map_err(machine)?))
        .stderr(Stdio::from(errors.try_clone().map_err(machine)?));
    let child = spawner.spawn(command).await.map_err(machine)?;
    let outcome = outcome(child, begun, &mut code, errors).await?;
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
    begun: Instant,
    code: &mut File,
    mut errors: File,
) -> Result<Outcome, CompileError> {
    let Ok(ended) = tokio::time::timeout(limits::COMPILE_TIME, child.ended()).await else {
        return Err(CompileError::TimedOut);
    };
    let status = ended.map_err(|error| CompileError::machine(&error))?;
    match (status.code(), status.signal()) {
        (Some(0), _) if code.metadata().is_ok_and(|about| about.len() > 0) => Ok(Outcome::Compiled),
        (Some(1), _) => Ok(Outcome::Refused),
        (Some(2), _) => Err(CompileError::Machine {
            message: text(&mut errors),
        }),
        (None, Some(libc::SIGXCPU)) => Err(CompileError::TimedOut),
        (None, Some(libc::SIGKILL))
            if begun.elapsed() >= Duration::from_secs(limits::COMPILE_CPU_SECONDS) =>
        {
            Err(CompileError::TimedOut)
        }
        (None, Some(libc::SIGKILL)) => Err(CompileError::OutOfMemory),
        // The standard library's words when an allocation fails; how the
        // process then ends is its wall's matter.
        (None, Some(_)) if text(&mut errors).contains("memory allocation") => {
            Err(CompileError::OutOfMemory)
        }
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
