//! What can be called in a core module.

use wasmparser::{ValType, types::EntityType};

use super::{
    super::{
        Function, KernelDescription, Sections, browser,
        card::{Findings, Kind, RefuseCode, Verdict},
        show,
    },
    NAMES_LISTED_MAX, Refused,
    module::{Module, sort},
    refuse,
};
use crate::{Entry, limits::FUNCTIONS_MAX};

/// What can be called in a module whose imports are all there.
pub(super) fn judge(module: &Module<'_>, sections: &Sections<'_>) -> Result<Findings, Refused> {
    let bytes_function = judge_bytes_function(module)?;
    if module.wasi {
        require_memory(module)?;
    }
    let listed = Listed::of(module);
    let mut findings = Findings {
        functions: listed.functions,
        warnings: listed.warnings,
        bytes_function,
        ..Findings::new(Kind::Functions, Verdict::Run)
    };
    if let Some(start) = module.export("_start") {
        findings.kind = if module.wasi {
            Kind::Wasi01Command
        } else {
            Kind::Program
        };
        require_nullary(module, findings.kind, "_start", start)?;
        findings.entry = Some(Entry::Command);
    } else {
        for (name, kind) in [
            ("_initialize", Kind::Wasi01Library),
            ("__wbindgen_start", Kind::WasmBindgen),
        ] {
            if let Some(export) = module.export(name) {
                require_nullary(module, kind, name, export)?;
            }
        }
        let library = module.wasi || module.export("_initialize").is_some();
        let only = match findings.functions.as_slice() {
            [main] if main.name == "main" && main.params.is_empty() => Some(main.name.clone()),
            _ => None,
        };
        (findings.kind, findings.verdict, findings.entry) = if bytes_function {
            (Kind::Bytes, Verdict::Run, Some(Entry::Bytes))
        } else if findings.functions.is_empty() {
            return Err(nothing_to_call(library, module));
        } else if let (Some(name), false) = (only, library) {
            (Kind::Program, Verdict::Run, Some(Entry::Function { name }))
        } else if library {
            (Kind::Wasi01Library, Verdict::RunFunctions, None)
        } else if module.is_wasm_bindgen() {
            (Kind::WasmBindgen, Verdict::RunFunctions, None)
        } else if module.is_assembly_script() {
            (Kind::AssemblyScript, Verdict::RunFunctions, None)
        } else {
            (Kind::Functions, Verdict::RunFunctions, None)
        };
    }
    describe_kernel(&mut findings, sections)?;
    Ok(findings)
}

fn nothing_to_call(library: bool, module: &Module<'_>) -> Refused {
    let kind = if library {
        Kind::Wasi01Library
    } else {
        Kind::Module
    };
    let others = module
        .exports
        .iter()
        .any(|(name, ty)| module.func(*ty).is_some() && !browser::is_runtime(name));
    let hint = if others {
        "Its functions take or give something other than numbers; export one of numbers, or build it as a program that exports `_start`."
    } else {
        "Build it as a program, which exports `_start`, or export a function of numbers."
    };
    refuse(
        kind,
        RefuseCode::NoEntry,
        "Exports nothing that can be called.",
        hint,
    )
}

/// The functions that can be called, and what to say of the others.
struct Listed {
    functions: Vec<Function>,
    warnings: Vec<String>,
}

impl Listed {
    fn of(module: &Module<'_>) -> Listed {
        let mut functions = Vec::new();
        let (mut others, mut more, mut unshown) = (Vec::new(), 0_usize, 0_usize);
        for (name, ty) in &module.exports {
            let Some(ty) = module.func(*ty).filter(|_| !browser::is_runtime(name)) else {
                continue;
            };
            match Function::of(name, ty) {
                Some(_) if !show::is_plain(name) || name.is_empty() => unshown += 1,
                Some(_) if functions.len() >= FUNCTIONS_MAX => more += 1,
                Some(function) => functions.push(function),
                None => others.push(*name),
            }
        }
        let mut warnings = Vec::new();
        if !others.is_empty() {
            warnings.push(format!(
                "Functions that take or give something other than numbers cannot be called: {}.",
                show::names(others, NAMES_LISTED_MAX)
            ));
        }
        match unshown {
            0 => {}
            1 => warnings
                .push("1 function has a name that cannot be shown, and cannot be called.".into()),
            _ => warnings.push(format!(
                "{unshown} functions have names that cannot be shown, and cannot be called."
            )),
        }
        if more > 0 {
            warnings.push(format!(
                "Exports {more} functions more; only the first {FUNCTIONS_MAX} can be called."
            ));
        }
        Listed {
            functions,
            warnings,
        }
    }
}

/// Whether bytes go in and come out; an error where it is nearly so.
fn judge_bytes_function(module: &Module<'_>) -> Result<bool, Refused> {
    use ValType::{I32, I64};
    let Some(run) = module.export("skep_run") else {
        return Ok(false);
    };
    let is = |ty: EntityType, params: &[ValType], result: ValType| {
        module
            .func(ty)
            .is_some_and(|ty| ty.params() == params && ty.results() == [result])
    };
    let complete = is(run, &[I32, I32], I64)
        && module
            .export("skep_alloc")
            .is_some_and(|alloc| is(alloc, &[I32], I32))
        && matches!(module.export("memory"), Some(EntityType::Memory(_)));
    if complete || module.export("_start").is_some() {
        return Ok(complete);
    }
    Err(refuse(
        Kind::Bytes,
        RefuseCode::AbiViolation,
        "Exports `skep_run` without the rest of a bytes function.",
        "It takes three exports: `memory`, `skep_alloc(i32) -> i32` and `skep_run(i32, i32) -> i64`.",
    ))
}

/// WASI finds a program's memory by its name.
fn require_memory(module: &Module<'_>) -> Result<(), Refused> {
    let kind = if module.export("_start").is_some() {
        Kind::Wasi01Command
    } else {
        Kind::Wasi01Library
    };
    let message = match module.export("memory") {
        Some(EntityType::Memory(_)) => return Ok(()),
        Some(other) => format!(
            "Uses WASI, which needs the module's memory under the name `memory`; here that is {}.",
            sort(other)
        ),
        None => {
            "Uses WASI, which needs the module's memory under the name `memory`; it exports none."
                .into()
        }
    };
    Err(refuse(
        kind,
        RefuseCode::AbiViolation,
        message,
        "Export the memory as `memory`, as linkers do by default.",
    ))
}

/// A program's or library's beginning takes and gives nothing.
fn require_nullary(
    module: &Module<'_>,
    kind: Kind,
    name: &str,
    export: EntityType,
) -> Result<(), Refused> {
    let found = match module.func(export) {
        Some(ty) if ty.params().is_empty() && ty.results().is_empty() => return Ok(()),
        Some(ty) => show::func_type(ty),
        None => sort(export).into(),
    };
    Err(refuse(
        kind,
        RefuseCode::AbiViolation,
        format!("`{name}` has to be a function of type () -> (); here it is {found}."),
        "Build it again with a current compiler or SDK.",
    ))
}

fn describe_kernel(findings: &mut Findings, sections: &Sections<'_>) -> Result<(), Refused> {
    let problem = match sections.kernels.as_slice() {
        [] => return Ok(()),
        [_] if findings.kind != Kind::Wasi01Command => {
            "only a WASI 0.1 program can be a kernel".into()
        }
        [section] => match KernelDescription::parse(section) {
            Ok(kernel) => {
                if kernel.batch {
                    findings.entry = Some(Entry::Kernel);
                }
                findings.kernel = Some(kernel);
                return Ok(());
            }
            Err(problem) => problem,
        },
        _ => "there are several".into(),
    };
    Err(refuse(
        findings.kind,
        RefuseCode::AbiViolation,
        format!("Its kernel description (section skep.kernel) is wrong: {problem}."),
        "Build it again with the current skep-kernel.",
    ))
}
