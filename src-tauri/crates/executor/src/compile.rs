//! Compiling one module: bytes on standard input, code on standard output.

use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    os::fd::FromRawFd,
};

use sandbox::{CompileSettings, Priority, inert};

use crate::wall::{Refusal, Role, Wall};

/// The version bytes of a component; those of a core module are `01 00 00 00`.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// What the command line said.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) settings: CompileSettings,
    pub(crate) cpu_seconds: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) priority: Priority,
    pub(crate) without_wall: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileError {
    #[error("make the engine: {0:#}")]
    Engine(wasmtime::Error),
    #[error("raise the wall: {0}")]
    Wall(#[from] crate::wall::WallError),
    #[error("read or write: {0}")]
    Io(#[from] std::io::Error),
}

/// Whether the module could be compiled.
pub(crate) enum Outcome {
    Compiled,
    /// It is at fault; how was written instead of code.
    Refused,
    /// The memory for it was not enough.
    Exhausted,
}

pub(crate) fn compile(options: &Options) -> Result<Outcome, CompileError> {
    // SAFETY: the parent gave two files of its own, and nobody else here uses them.
    let (mut module, mut code) = unsafe { (File::from_raw_fd(0), File::from_raw_fd(1)) };
    let engine = crate::engine::engine(options.settings).map_err(CompileError::Engine)?;
    let wall = Wall {
        role: Role::Compile {
            cpu_seconds: options.cpu_seconds,
            memory_bytes: options.memory_bytes,
        },
        scratch: None,
        refusal: Refusal::Kill,
        tolerant: options.without_wall,
    };
    crate::priority::take(options.priority);
    wall.raise()?;
    let mut bytes = Vec::new();
    match module.read_to_end(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::OutOfMemory => return Ok(Outcome::Exhausted),
        read => read?,
    };
    let compiled = if bytes.starts_with(COMPONENT) {
        engine.precompile_component(&bytes)
    } else if bytes.starts_with(MODULE) {
        engine.precompile_module(&bytes)
    } else {
        Err(wasmtime::Error::msg("neither a module nor a component"))
    };
    match compiled {
        Ok(compiled) => {
            code.write_all(&compiled)?;
            Ok(Outcome::Compiled)
        }
        Err(error) if error.is::<wasmtime::OutOfMemory>() => Ok(Outcome::Exhausted),
        Err(error) => {
            code.write_all(inert(&format!("{error:#}")).as_bytes())?;
            Ok(Outcome::Refused)
        }
    }
}
