//! One task of a program: a fresh store, an instance, a call, an end.

use std::path::Path;

use bytes::Bytes;
use sandbox::{
    End,
    limits::{self, HOSTCALL_BYTES_MAX, RANDOM_BYTES_MAX, RESOURCES_MAX},
};
use wasmtime::{Engine, Extern, Instance, Memory, Store, TypedFunc, Val};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, WasiView};

use crate::{
    guest::{Bounds, Exit, Guest, Violation},
    module::{Call, Core, Program},
    streams::{Input, Output},
    wire::{Line, Wire},
};

/// What the tasks of this process share.
pub(crate) struct Bench<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) program: &'a Program,
    pub(crate) wire: &'a Wire,
    pub(crate) bounds: &'a Bounds,
    pub(crate) fuel: bool,
    pub(crate) scratch: Option<&'a Path>,
}

/// What one task brings.
pub(crate) struct Arguments<'a> {
    pub(crate) argv: &'a [String],
    pub(crate) env: &'a [(String, String)],
    pub(crate) more_env: &'a [(String, String)],
    pub(crate) stdin_len: u64,
    pub(crate) fuel: Option<u64>,
}

impl Bench<'_> {
    /// Runs one task to its end.
    pub(crate) async fn run(&self, arguments: &Arguments<'_>) -> End {
        match self.program {
            Program::Unusable(end) => end.clone(),
            Program::Core(core) => match self.store(arguments) {
                Ok(store) => run_core(core, store, arguments).await,
                Err(end) => end,
            },
            Program::Component(command) => {
                let mut store = match self.store(arguments) {
                    Ok(store) => store,
                    Err(end) => return end,
                };
                let command = match command.instantiate_async(&mut store).await {
                    Ok(command) => command,
                    Err(error) => return store.data().bounds.unmade(&error),
                };
                match command.wasi_cli_run().call_run(&mut store).await {
                    Ok(Ok(())) => End::Exit { code: 0 },
                    Ok(Err(())) => End::Exit { code: 1 },
                    Err(error) => store.data().bounds.end(&error),
                }
            }
        }
    }

    /// A store for one task; its limits hold from the first byte on.
    pub(crate) fn store(&self, arguments: &Arguments<'_>) -> Result<Store<Guest>, End> {
        let mut wasi = WasiCtxBuilder::new();
        // Files need it. Without them a sleep goes through the runtime, which
        // shows first what the guest wrote.
        wasi.allow_blocking_current_thread(self.scratch.is_some())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM_BYTES_MAX)
            .args(arguments.argv)
            .envs(arguments.env)
            .envs(arguments.more_env)
            .stdin(Input(self.wire.clone()))
            .stdout(Output {
                wire: self.wire.clone(),
                log: false,
            })
            .stderr(Output {
                wire: self.wire.clone(),
                log: true,
            });
        if let Some(scratch) = self.scratch {
            for (name, perms) in [
                ("in", FsPerms::ReadOnly),
                ("out", FsPerms::ReadWrite),
                ("tmp", FsPerms::ReadWrite),
            ] {
                wasi.preopened_dir(scratch.join(name), format!("/{name}"), perms)
                    .map_err(|error| End::HostRefused {
                        message: format!("open the scratch folder: {error:#}"),
                    })?;
            }
        }
        let mut wasi = wasi.build_p1();
        wasi.ctx().table.set_max_capacity(RESOURCES_MAX);
        let guest = Guest {
            wasi,
            bounds: self.bounds.clone(),
            wire: self.wire.clone(),
        };
        let mut store = Store::new(self.engine, guest);
        store.limiter(|guest| &mut guest.bounds);
        store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
        store.set_max_component_handles(RESOURCES_MAX);
        self.fill(&mut store, arguments.fuel);
        Ok(store)
    }

    /// Gives the store its fuel, where code accounts for it.
    pub(crate) fn fill(&self, store: &mut Store<Guest>, fuel: Option<u64>) {
        if self.fuel {
            store
                .set_fuel(fuel.unwrap_or(u64::MAX))
                .expect("the engine accounts for fuel");
        }
    }
}

async fn run_core(core: &Core, mut store: Store<Guest>, arguments: &Arguments<'_>) -> End {
    let instance = match core.pre.instantiate_async(&mut store).await {
        Ok(instance) => instance,
        Err(error) => return store.data().bounds.unmade(&error),
    };
    let result = async {
        initialize(core, &mut store, &instance).await?;
        match &core.call {
            Call::Command { start } => {
                let start = match instance.get_module_export(&mut store, start) {
                    Some(Extern::Func(start)) => start.typed::<(), ()>(&store)?,
                    Some(_) | None => unreachable!("the linker found a function"),
                };
                start.call_async(&mut store, ()).await
            }
            Call::Main {
                main,
                params,
                results,
            } => {
                let main = function(&instance, &mut store, main)?;
                let arguments = [Val::I32(0), Val::I32(0)];
                let mut code = [Val::I32(0)];
                let (given, taken) = (&arguments[..*params], &mut code[..*results]);
                main.call_async(&mut store, given, taken).await?;
                let [code] = code;
                match code.unwrap_i32() {
                    0 => Ok(()),
                    code => Err(Exit(code.cast_unsigned()).into()),
                }
            }
            Call::Bytes { alloc, run, memory } => {
                let place = BytesCall {
                    alloc: function(&instance, &mut store, alloc)?.typed(&store)?,
                    run: function(&instance, &mut store, run)?.typed(&store)?,
                    memory: match instance.get_module_export(&mut store, memory) {
                        Some(Extern::Memory(memory)) => memory,
                        Some(_) | None => unreachable!("the linker found a memory"),
                    },
                };
                place.call(&mut store, arguments.stdin_len).await
            }
            Call::Function(_) => unreachable!("functions come in batches of calls"),
        }
    }
    .await;
    match result {
        Ok(()) => End::Exit { code: 0 },
        Err(error) => store.data().bounds.end(&error),
    }
}

/// Calls what the module wants called before anything else.
pub(crate) async fn initialize(
    core: &Core,
    store: &mut Store<Guest>,
    instance: &Instance,
) -> wasmtime::Result<()> {
    for export in &core.initialize {
        let start = function(instance, store, export)?.typed::<(), ()>(&store)?;
        start.call_async(&mut *store, ()).await?;
    }
    Ok(())
}

pub(crate) fn function(
    instance: &Instance,
    store: &mut Store<Guest>,
    export: &wasmtime::ModuleExport,
) -> wasmtime::Result<wasmtime::Func> {
    match instance.get_module_export(store, export) {
        Some(Extern::Func(function)) => Ok(function),
        Some(_) | None => Err(Violation("an export is not a function".to_owned()).into()),
    }
}

/// The two functions and the memory of a bytes function.
struct BytesCall {
    alloc: TypedFunc<i32, i32>,
    run: TypedFunc<(i32, i32), i64>,
    memory: Memory,
}

impl BytesCall {
    async fn call(&self, store: &mut Store<Guest>, input_len: u64) -> wasmtime::Result<()> {
        let too_large = || Violation(format!("an input of {input_len} bytes does not fit"));
        if input_len > limits::STDIN_BYTES_MAX {
            return Err(too_large().into());
        }
        let length = i32::try_from(input_len).map_err(|_| too_large())?;
        let at = self.alloc.call_async(&mut *store, length).await?;
        self.write_input(store, at, input_len)?;
        let result = self
            .run
            .call_async(&mut *store, (at, length))
            .await?
            .cast_unsigned();
        let (at, length) = (result >> 32, result & 0xffff_ffff);
        let memory = self.memory.data(&*store);
        let bytes = usize::try_from(at)
            .ok()
            .zip(usize::try_from(at + length).ok())
            .and_then(|(from, to)| memory.get(from..to))
            .ok_or_else(|| Violation("`skep_run` gave a result outside its memory".to_owned()))?;
        let wire = store.data().wire.clone();
        wire.line().write_stdout(bytes)?;
        Ok(())
    }

    /// Fills the place that the guest gave, piece by piece; its memory is looked up anew for each.
    fn write_input(&self, store: &mut Store<Guest>, at: i32, length: u64) -> wasmtime::Result<()> {
        let mut at = u64::from(at.cast_unsigned());
        let end = at + length;
        if end > self.memory.data_size(&*store) as u64 {
            return Err(
                Violation("`skep_alloc` gave a place outside its memory".to_owned()).into(),
            );
        }
        let wire = store.data().wire.clone();
        while at < end {
            let piece = read(&mut wire.line())?;
            if piece.is_empty() {
                break;
            }
            let place = usize::try_from(at).expect("inside the memory");
            self.memory.write(&mut *store, place, &piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    }
}

fn read(line: &mut Line) -> wasmtime::Result<Bytes> {
    line.read_stdin(limits::PIECE_BYTES_MAX)
        .map_err(wasmtime::Error::new)
}
