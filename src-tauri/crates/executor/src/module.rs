//! Loading compiled code, linking it to what Skep provides, and finding what is called in it.

use std::{fs::File, io::Read};

use sandbox::{End, Entry, frames::Load};
use wasmtime::{
    Caller, Engine, Extern, ExternType, InstancePre, Linker, Module, ModuleExport, Val, ValType,
    component::{Component, Linker as ComponentLinker},
};
use wasmtime_wasi::{p1, p2, p2::bindings::CommandPre};

use crate::guest::{Exit, Guest, Thrown, unloadable};

/// What Skep provides to modules; made before the wall is.
pub(crate) struct Linkers {
    pub(crate) engine: Engine,
    core: Linker<Guest>,
    component: Option<ComponentLinker<Guest>>,
}

/// What the tasks of this process run.
pub(crate) enum Program {
    Core(Core),
    Component(CommandPre<Guest>),
    /// Every task ends like this.
    Unusable(End),
}

/// A linked core module and what is called in it.
pub(crate) struct Core {
    pub(crate) pre: InstancePre<Guest>,
    pub(crate) call: Call,
    /// Called once per instance, before anything else.
    pub(crate) initialize: Vec<ModuleExport>,
    /// Imports nothing, so no call can wait.
    pub(crate) pure: bool,
}

/// What is called in a core module.
pub(crate) enum Call {
    Command {
        start: ModuleExport,
    },
    /// A `main` without a runtime around it, which takes so many zeros.
    Main {
        main: ModuleExport,
        params: usize,
        results: usize,
    },
    Bytes {
        alloc: ModuleExport,
        run: ModuleExport,
        memory: ModuleExport,
    },
    Function(Function),
}

/// An exported function of numbers.
pub(crate) struct Function {
    pub(crate) export: ModuleExport,
    pub(crate) params: Vec<ValType>,
    pub(crate) results: Vec<ValType>,
    pub(crate) reuse: bool,
}

const PREVIEW_1: &str = "wasi_snapshot_preview1";

impl Linkers {
    pub(crate) fn new(engine: &Engine, components: bool) -> wasmtime::Result<Linkers> {
        let mut core = Linker::new(engine);
        p1::add_to_linker_async(&mut core, |guest: &mut Guest| &mut guest.wasi)?;
        core.allow_shadowing(true);
        // The library's own refuses codes of 126 and above without telling the number.
        core.func_wrap(
            PREVIEW_1,
            "proc_exit",
            |code: i32| -> wasmtime::Result<()> { Err(Exit(code.cast_unsigned()).into()) },
        )?;
        core.func_wrap(
            "skep",
            "progress",
            |caller: Caller<'_, Guest>, per_mille: i32| {
                let per_mille = u16::try_from(per_mille.clamp(0, 1000)).expect("clamped");
                caller.data().wire.line().progress(per_mille);
            },
        )?;
        let component = if components {
            let mut linker = ComponentLinker::new(engine);
            p2::add_to_linker_async(&mut linker)?;
            Some(linker)
        } else {
            None
        };
        Ok(Linkers {
            engine: engine.clone(),
            core,
            component,
        })
    }

    /// Loads and links. A module at fault gives a [`Program::Unusable`]; an
    /// error is this executor's own.
    pub(crate) fn load(mut self, load: &Load, mut code: File) -> wasmtime::Result<Program> {
        if let Some(linker) = self.component.take_if(|_| load.component) {
            // Read by its length: to read to an end the library asks where it is, which the wall forbids.
            let length = usize::try_from(code.metadata()?.len())?;
            let mut bytes = vec![0; length];
            code.read_exact(&mut bytes)?;
            // SAFETY: the parent checked that these sealed bytes are what our compiler made.
            let component = unsafe { Component::deserialize(&self.engine, bytes)? };
            component.initialize_copy_on_write_image()?;
            return Ok(link_component(&linker, &component));
        }
        // SAFETY: as above, and the file is sealed: it never changes.
        let module = match unsafe { Module::deserialize_open_file(&self.engine, code) } {
            Ok(module) => module,
            Err(error) => return unfit(error),
        };
        module.initialize_copy_on_write_image()?;
        Ok(self
            .link(load, &module)
            .map_or_else(Program::Unusable, Program::Core))
    }

    fn link(&mut self, load: &Load, module: &Module) -> Result<Core, End> {
        self.stub_runtimes(module)
            .map_err(|error| unloadable(&error))?;
        let call = find_call(load, module)?;
        let uses_wasi = module.imports().any(|import| import.module() == PREVIEW_1);
        if uses_wasi && !matches!(module.get_export("memory"), Some(ExternType::Memory(_))) {
            return Err(violation(
                "a WASI program exports its memory as `memory`; this one does not",
            ));
        }
        let pre = self
            .core
            .instantiate_pre(module)
            .map_err(|error| unloadable(&error))?;
        let initialize = if matches!(load.entry, Entry::Command | Entry::Kernel) {
            Vec::new()
        } else {
            ["_initialize", "__wbindgen_start"]
                .into_iter()
                .filter(|name| takes(module, name, &[], &[]))
                .filter_map(|name| module.get_export_index(name))
                .collect()
        };
        Ok(Core {
            pre,
            call,
            initialize,
            pure: module.imports().len() == 0,
        })
    }

    /// Imports that compilers leave in modules which never need them: the
    /// throw and the table of wasm-bindgen, the abort of AssemblyScript.
    fn stub_runtimes(&mut self, module: &Module) -> wasmtime::Result<()> {
        for import in module.imports() {
            let ExternType::Func(ty) = import.ty() else {
                continue;
            };
            let (from, name) = (import.module(), import.name());
            let bindgen = from == "wbg"
                || from == "__wbindgen_placeholder__"
                || (from.starts_with("./") && from.ends_with("_bg.js"));
            if bindgen && name.contains("__wbindgen_init_externref_table") {
                self.core.func_new(from, name, ty, |_, _, _| Ok(()))?;
            } else if bindgen && name.contains("__wbindgen_throw") {
                self.core.func_new(from, name, ty, |mut caller, args, _| {
                    Err(Thrown(thrown(&mut caller, args)).into())
                })?;
            } else if from == "env" && name == "abort" {
                self.core.func_new(from, name, ty, |_, _, _| {
                    Err(wasmtime::Error::from(
                        wasmtime::Trap::UnreachableCodeReached,
                    ))
                })?;
            }
        }
        Ok(())
    }
}

fn link_component(linker: &ComponentLinker<Guest>, component: &Component) -> Program {
    let pre = linker.instantiate_pre(component).and_then(CommandPre::new);
    pre.map_or_else(
        |error| Program::Unusable(unloadable(&error)),
        Program::Component,
    )
}

/// A module that the pool has no room for is at fault itself; code that does
/// not fit this engine is ours.
fn unfit(error: wasmtime::Error) -> wasmtime::Result<Program> {
    let end = unloadable(&error);
    if matches!(end, End::LinkError { .. }) {
        Err(error)
    } else {
        Ok(Program::Unusable(end))
    }
}

fn find_call(load: &Load, module: &Module) -> Result<Call, End> {
    let export = |name: &str| {
        module
            .get_export_index(name)
            .ok_or_else(|| violation(&format!("it exports no `{name}`")))
    };
    match &load.entry {
        Entry::Command if module.get_export("_start").is_none() => {
            let Some((params, results)) = main_type(module) else {
                return Err(violation(
                    "it exports neither `_start` nor a `main` of C's types",
                ));
            };
            let main = export("main")?;
            Ok(Call::Main {
                main,
                params,
                results,
            })
        }
        Entry::Command | Entry::Kernel => {
            if !takes(module, "_start", &[], &[]) {
                return Err(violation(
                    "`_start` is not a function without parameters and results",
                ));
            }
            Ok(Call::Command {
                start: export("_start")?,
            })
        }
        Entry::Bytes => {
            if !takes(module, "skep_alloc", &[ValType::I32], &[ValType::I32]) {
                return Err(violation("`skep_alloc` is not a function (i32) -> i32"));
            }
            if !takes(
                module,
                "skep_run",
                &[ValType::I32, ValType::I32],
                &[ValType::I64],
            ) {
                return Err(violation("`skep_run` is not a function (i32, i32) -> i64"));
            }
            if !matches!(module.get_export("memory"), Some(ExternType::Memory(_))) {
                return Err(violation("a bytes function exports its memory as `memory`"));
            }
            Ok(Call::Bytes {
                alloc: export("skep_alloc")?,
                run: export("skep_run")?,
                memory: export("memory")?,
            })
        }
        Entry::Function { name } => {
            let Some(ExternType::Func(ty)) = module.get_export(name) else {
                return Err(violation(&format!("it exports no function `{name}`")));
            };
            let (params, results): (Vec<_>, Vec<_>) =
                (ty.params().collect(), ty.results().collect());
            if !params.iter().chain(&results).all(is_number) {
                return Err(violation(&format!(
                    "`{name}` takes or gives something that is not a number"
                )));
            }
            Ok(Call::Function(Function {
                export: export(name)?,
                params,
                results,
                reuse: load.reuse,
            }))
        }
    }
}

/// How many numbers `main` takes and gives, where it is as compilers without
/// a WASI make it: `(argc, argv)` or nothing, an exit code or nothing.
fn main_type(module: &Module) -> Option<(usize, usize)> {
    let integers = [ValType::I32, ValType::I32];
    [(0, 0), (0, 1), (2, 0), (2, 1)]
        .into_iter()
        .find(|(params, results)| {
            takes(module, "main", &integers[..*params], &integers[..*results])
        })
}

fn is_number(ty: &ValType) -> bool {
    matches!(
        ty,
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64
    )
}

fn takes(module: &Module, name: &str, params: &[ValType], results: &[ValType]) -> bool {
    let Some(ExternType::Func(ty)) = module.get_export(name) else {
        return false;
    };
    let same = |these: &mut dyn Iterator<Item = ValType>, those: &[ValType]| {
        these
            .zip(those)
            .all(|(this, that)| ValType::eq(&this, that))
    };
    ty.params().len() == params.len()
        && ty.results().len() == results.len()
        && same(&mut ty.params(), params)
        && same(&mut ty.results(), results)
}

fn violation(message: &str) -> End {
    End::AbiViolation {
        message: sandbox::inert(message),
    }
}

/// The message of a wasm-bindgen throw: pointer and length in the guest's memory.
fn thrown(caller: &mut Caller<'_, Guest>, args: &[Val]) -> String {
    let mut message = || {
        let [Val::I32(at), Val::I32(length)] = args else {
            return None;
        };
        let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
            return None;
        };
        let at = usize::try_from(at.cast_unsigned()).ok()?;
        let length = usize::try_from(length.cast_unsigned())
            .ok()?
            .min(MESSAGE_BYTES);
        let bytes = memory.data(&*caller).get(at..at.checked_add(length)?)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    };
    message().unwrap_or_else(|| "something that cannot be read".to_owned())
}

/// As much of a thrown message as is read, in bytes.
const MESSAGE_BYTES: usize = sandbox::limits::MESSAGE_BYTES_MAX;
