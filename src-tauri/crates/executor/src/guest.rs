//! What a running task holds: its WASI context, its limits, and how its end is read.

use sandbox::inspect::bytes;
use sandbox::{End, inert, limits};
use wasmtime::{ResourceLimiter, Trap, WasmBacktrace};
use wasmtime_wasi::{I32Exit, WasiCtxView, WasiView, p1::WasiP1Ctx};

use crate::wire::{OutputError, Wire};

/// The state of one task.
pub(crate) struct Guest {
    pub(crate) wasi: WasiP1Ctx,
    pub(crate) bounds: Bounds,
    pub(crate) wire: Wire,
}

/// The limits of one task's memories and tables, and what they refused.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) memory_bytes: usize,
    pub(crate) table_elements: usize,
    pub(crate) instances: usize,
    pub(crate) tables: usize,
    pub(crate) memories: usize,
    memory_refused: Option<usize>,
    table_refused: Option<usize>,
}

/// The module did not keep to its contract.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Violation(pub(crate) String);

/// A runtime's own way to fail, with its message.
#[derive(Debug, thiserror::Error)]
#[error("it threw: {0}")]
pub(crate) struct Thrown(pub(crate) String);

/// The program called `proc_exit`.
#[derive(Debug, thiserror::Error)]
#[error("exited with {0}")]
pub(crate) struct Exit(pub(crate) u32);

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.ctx()
    }
}

impl Bounds {
    pub(crate) fn new(memory_bytes: u64, table_elements: u32, component: bool) -> Bounds {
        Bounds {
            memory_bytes: usize::try_from(memory_bytes).unwrap_or(usize::MAX),
            table_elements: table_elements as usize,
            instances: if component {
                limits::COMPONENT_INSTANCES_MAX
            } else {
                1
            },
            tables: if component {
                limits::COMPONENT_TABLES_MAX
            } else {
                limits::TABLES_MAX
            },
            memories: if component {
                limits::COMPONENT_MEMORIES_MAX
            } else {
                1
            },
            memory_refused: None,
            table_refused: None,
        }
    }

    /// How a task ended whose instance could not be made.
    pub(crate) fn unmade(&self, error: &wasmtime::Error) -> End {
        if let Some(end) = self.limit_reached() {
            return end;
        }
        // What its start function did has a trace of it.
        let ran = error.is::<Trap>() || error.is::<WasmBacktrace>() || error.is::<Exit>();
        if ran {
            self.end(error)
        } else {
            unloadable(error)
        }
    }

    /// How a task ended that this error stopped.
    pub(crate) fn end(&self, error: &wasmtime::Error) -> End {
        if let Some(Exit(code)) = error.downcast_ref() {
            return End::Exit { code: *code };
        }
        if let Some(I32Exit(code)) = error.downcast_ref() {
            return End::Exit {
                code: code.cast_unsigned(),
            };
        }
        if let Some(Violation(message)) = error.downcast_ref() {
            return End::AbiViolation {
                message: inert(message),
            };
        }
        match error.downcast_ref() {
            Some(OutputError::Violation(message)) => {
                return End::AbiViolation {
                    message: inert(message),
                };
            }
            // The wire has the cap, and puts it in.
            Some(OutputError::TooLarge) => return End::OutputLimit { limit: 0 },
            None => {}
        }
        let trap = error.downcast_ref::<Trap>();
        if trap == Some(&Trap::OutOfFuel) {
            return End::OutOfFuel;
        }
        if let Some(end) = self.limit_reached() {
            return end;
        }
        let message = match trap {
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        End::Trap {
            message: inert(&message),
            backtrace: backtrace(error),
        }
    }

    fn limit_reached(&self) -> Option<End> {
        if let Some(wanted) = self.memory_refused {
            let (asked, limit) = (bytes(wanted as u64), bytes(self.memory_bytes as u64));
            let message = if asked == limit {
                format!("it asked for a little more than the {limit} that it may have")
            } else {
                format!("it asked for {asked} and may have {limit}")
            };
            return Some(End::MemoryLimit { message });
        }
        let wanted = self.table_refused?;
        let message = format!(
            "it asked for a table of {wanted} and may have {}",
            self.table_elements
        );
        Some(End::TableLimit { message })
    }
}

impl ResourceLimiter for Bounds {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // What the module itself forbids is an ordinary -1.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let fits = desired <= self.memory_bytes;
        if !fits {
            self.memory_refused = Some(desired);
        }
        Ok(fits)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        Ok(())
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let fits = desired <= self.table_elements;
        if !fits {
            self.table_refused = Some(desired);
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

/// Every task of a module that cannot be loaded or linked ends like this.
pub(crate) fn unloadable(error: &wasmtime::Error) -> End {
    let message = inert(&format!("{error:#}"));
    if message.contains("unknown import") || message.contains("incompatible import type") {
        End::LinkError { message }
    } else if message.contains("table") {
        End::TableLimit { message }
    } else if message.contains("memory") {
        End::MemoryLimit { message }
    } else {
        End::LinkError { message }
    }
}

fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let name = |frame: &wasmtime::FrameInfo| match frame.func_name() {
        Some(name) => inert(
            &name
                .chars()
                .take(FUNCTION_NAME_CHARS_MAX)
                .collect::<String>(),
        ),
        None => format!("function {}", frame.func_index()),
    };
    trace
        .frames()
        .iter()
        .take(limits::BACKTRACE_FRAMES_MAX)
        .map(name)
        .collect()
}

/// Characters of a function's name in a backtrace; mangled names are long.
const FUNCTION_NAME_CHARS_MAX: usize = 200;
