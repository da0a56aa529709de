//! Core modules: whether what they import is there, and what can be called.

use wasmparser::{
    CompositeInnerType, FuncType, Operator, Parser, Payload, RefType, ValType,
    types::{CoreTypeId, EntityType, TypesRef},
};

use super::{
    Function, KernelDescription, Sections, browser,
    browser::{Stub, stub},
    card::{Findings, Kind, MemorySize, Refusal, RefuseCode, Uses, Verdict},
    features, preview1, show,
};
use crate::{
    Entry,
    limits::{
        FUNCTIONS_MAX, LARGE_MODULE_BYTES, LARGE_TABLE_ELEMENTS_MAX, MEMORY_DEFAULT_BYTES,
        TABLE_ELEMENTS_MAX, TABLES_MAX,
    },
};

/// Missing imports that are listed by name.
pub(super) const IMPORTS_LISTED_MAX: usize = 5;
pub(super) const NETWORK_WARNING: &str =
    "Can ask for the network and will be refused: tasks have none.";

/// Judges a valid core module.
pub(super) fn judge(bytes: &[u8], types: TypesRef<'_>, sections: &Sections<'_>) -> Findings {
    let module = Module::new(types);
    let mut findings = match judge_imports(&module, sections) {
        Ok(()) => judge_exports(&module, sections).unwrap_or_else(Refused::into),
        Err(refused) => refused.into(),
    };
    findings.memory = (types.memory_count() > 0).then(|| MemorySize::of(&types.memory_at(0)));
    findings.uses = module.uses();
    if !matches!(findings.verdict, Verdict::Refuse(_)) {
        let code = Code::read(bytes, module.is_constant());
        findings.on_demand = module.holds_references() || code.holds_references;
        findings.reuse = module.is_constant() && !code.writes_tables;
        warn(&mut findings, &module, bytes.len() as u64);
    }
    findings
}

/// A refusal and the kind it is for.
struct Refused(Kind, Refusal);

impl From<Refused> for Findings {
    fn from(Refused(kind, refusal): Refused) -> Findings {
        Findings::refused(kind, refusal)
    }
}

fn refuse(kind: Kind, code: RefuseCode, message: impl Into<String>, hint: &str) -> Refused {
    Refused(kind, Refusal::new(code, message).hint(hint))
}

/// A valid core module's outside.
struct Module<'a> {
    types: TypesRef<'a>,
    imports: Vec<(&'a str, &'a str, EntityType)>,
    exports: Vec<(&'a str, EntityType)>,
    /// Imports from WASI 0.1.
    wasi: bool,
}

impl<'a> Module<'a> {
    fn new(types: TypesRef<'a>) -> Module<'a> {
        let imports: Vec<_> = types.core_imports().into_iter().flatten().collect();
        Module {
            types,
            exports: types.core_exports().into_iter().flatten().collect(),
            wasi: imports
                .iter()
                .any(|(module, ..)| *module == preview1::MODULE),
            imports,
        }
    }

    fn export(&self, name: &str) -> Option<EntityType> {
        self.exports
            .iter()
            .find(|(export, _)| *export == name)
            .map(|(_, ty)| *ty)
    }

    fn func(&self, ty: EntityType) -> Option<&'a FuncType> {
        match ty {
            EntityType::Func(id) | EntityType::FuncExact(id) => self.func_type(id),
            EntityType::Table(_)
            | EntityType::Memory(_)
            | EntityType::Global(_)
            | EntityType::Tag(_) => None,
        }
    }

    fn func_type(&self, id: CoreTypeId) -> Option<&'a FuncType> {
        match &self.types.get(id)?.composite_type.inner {
            CompositeInnerType::Func(ty) => Some(ty),
            CompositeInnerType::Array(_)
            | CompositeInnerType::Struct(_)
            | CompositeInnerType::Cont(_) => None,
        }
    }

    fn uses(&self) -> Uses {
        let mut uses = Uses::default();
        for (module, name, _) in &self.imports {
            if *module == preview1::MODULE {
                preview1::note(&mut uses, name);
            }
        }
        uses
    }

    /// Nothing can change from call to call: no memory, no mutable global, no
    /// WASI. Tables are left, which only code can write.
    fn is_constant(&self) -> bool {
        let globals = (0..self.types.global_count()).map(|at| self.types.global_at(at));
        !self.wasi
            && self.types.memory_count() == 0
            && !globals.into_iter().any(|global| global.mutable)
    }

    /// Tables, globals or functions are of external references.
    fn holds_references(&self) -> bool {
        let tables = (0..self.types.table_count())
            .any(|at| self.types.table_at(at).element_type != RefType::FUNCREF);
        let globals = (0..self.types.global_count())
            .any(|at| is_reference(self.types.global_at(at).content_type));
        let functions = (0..self.types.function_count()).any(|at| {
            let ty = self.func_type(self.types.core_function_at(at));
            ty.is_some_and(|ty| {
                ty.params()
                    .iter()
                    .chain(ty.results())
                    .any(|ty| is_reference(*ty))
            })
        });
        tables || globals || functions
    }
}

/// A reference to something outside the module.
fn is_reference(ty: ValType) -> bool {
    match ty {
        ValType::Ref(reference) => reference != RefType::FUNCREF,
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 | ValType::V128 => false,
    }
}

fn judge_imports(module: &Module<'_>, sections: &Sections<'_>) -> Result<(), Refused> {
    let has = |test: &dyn Fn(&str, &str) -> bool| {
        module
            .imports
            .iter()
            .any(|(module, name, _)| test(module, name))
    };
    if has(&|module, _| module == "wasi_unstable") {
        return Err(refuse(
            Kind::Wasi00,
            RefuseCode::WrongKind,
            "Built for WASI 0.0 (wasi_unstable), which Skep does not run.",
            "Build it again with current tools, for WASI 0.1 (wasm32-wasip1).",
        ));
    }
    if has(&|module, name| module == "wasi" && matches!(name, "thread-spawn" | "thread_spawn")) {
        return Err(Refused(Kind::Threads, features::threads()));
    }
    if has(&browser::is_go) {
        return Err(refuse(
            Kind::GoForBrowsers,
            RefuseCode::WrongKind,
            "Built with GOOS=js.",
            "Use `GOOS=wasip1 GOARCH=wasm go build`.",
        ));
    }
    let mut missing = Vec::new();
    for (from, name, ty) in &module.imports {
        match supply(module, from, name, *ty) {
            Supply::There => {}
            Supply::OtherType(needed) => {
                return Err(refuse(
                    Kind::Module,
                    RefuseCode::LinkError,
                    format!(
                        "Imports `{from}.{}` as {}; it is {}.",
                        show::name(name),
                        module
                            .func(*ty)
                            .map_or_else(|| sort(*ty).into(), show::func_type),
                        show::func_type(&needed)
                    ),
                    "Build it again with a current compiler or SDK.",
                ));
            }
            Supply::Missing => missing.push(format!("{from}.{name}")),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(missing_imports(module, sections, &missing))
}

enum Supply {
    There,
    OtherType(FuncType),
    Missing,
}

fn supply(module: &Module<'_>, from: &str, name: &str, ty: EntityType) -> Supply {
    let func = module.func(ty);
    let known = match (from, name) {
        (preview1::MODULE, name) => preview1::signature(name),
        ("skep", "progress") => Some(FuncType::new([ValType::I32], [])),
        _ => {
            let known =
                stub(from, name).map(|stub| FuncType::new(vec![ValType::I32; stub.params()], []));
            // Another import of the same name is another thing.
            return match known {
                Some(known) if func == Some(&known) => Supply::There,
                _ => Supply::Missing,
            };
        }
    };
    match known {
        Some(known) if func == Some(&known) => Supply::There,
        Some(known) => Supply::OtherType(known),
        None => Supply::Missing,
    }
}

fn missing_imports(module: &Module<'_>, sections: &Sections<'_>, missing: &[String]) -> Refused {
    let names = || show::names(missing.iter().map(String::as_str), IMPORTS_LISTED_MAX);
    if !module.wasi && (sections.wasm_bindgen || is_wasm_bindgen(module)) {
        return refuse(
            Kind::WebPage,
            RefuseCode::WrongKind,
            "Built for a web page: it needs JavaScript around it.",
            "Rebuild for the command line: `cargo build --release --target wasm32-wasip1`.",
        );
    }
    if is_assembly_script(module) {
        return refuse(
            Kind::AssemblyScript,
            RefuseCode::MissingImport,
            format!(
                "Built by AssemblyScript to run inside JavaScript; these imports are missing: {}.",
                names()
            ),
            "Build it without what needs JavaScript, or for WASI with @assemblyscript/wasi-shim.",
        );
    }
    refuse(
        Kind::Module,
        RefuseCode::MissingImport,
        format!(
            "Skep provides WASI and skep.progress; these imports are missing: {}.",
            names()
        ),
        "Build it for wasm32-wasip1 or wasm32-wasip2, and without what the host would have to bring.",
    )
}

fn is_wasm_bindgen(module: &Module<'_>) -> bool {
    module
        .imports
        .iter()
        .any(|(from, ..)| browser::is_wasm_bindgen(from))
        || module
            .exports
            .iter()
            .any(|(name, _)| name.starts_with("__wbindgen_"))
}

fn is_assembly_script(module: &Module<'_>) -> bool {
    let abort = module.imports.iter().any(|(from, name, ty)| {
        stub(from, name) == Some(Stub::Abort)
            && matches!(supply(module, from, name, *ty), Supply::There)
    });
    abort || module.export("__new").is_some() && module.export("__pin").is_some()
}

/// What can be called in a module whose imports are all there.
fn judge_exports(module: &Module<'_>, sections: &Sections<'_>) -> Result<Findings, Refused> {
    let bytes_function = judge_bytes_function(module)?;
    if module.wasi {
        require_memory(module)?;
    }
    let listed = Listed::of(module);
    let mut findings = Findings {
        kind: Kind::Functions,
        verdict: Verdict::Run,
        toolchain: None,
        memory: None,
        uses: Uses::default(),
        functions: listed.functions,
        kernel: None,
        reuse: false,
        on_demand: false,
        entry: None,
        warnings: listed.warnings,
        bytes_function,
    };
    if let Some(start) = module.export("_start") {
        require_nullary(module, "_start", start)?;
        findings.kind = if module.wasi {
            Kind::Wasi01Command
        } else {
            Kind::Program
        };
        findings.entry = Some(Entry::Command);
    } else {
        for name in ["_initialize", "__wbindgen_start"] {
            if let Some(export) = module.export(name) {
                require_nullary(module, name, export)?;
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
        } else if is_wasm_bindgen(module) {
            (Kind::WasmBindgen, Verdict::RunFunctions, None)
        } else if is_assembly_script(module) {
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
                show::names(others, IMPORTS_LISTED_MAX)
            ));
        }
        if unshown > 0 {
            warnings.push(format!(
                "{unshown} functions have names that cannot be shown, and cannot be called."
            ));
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

fn require_nullary(module: &Module<'_>, name: &str, export: EntityType) -> Result<(), Refused> {
    let found = match module.func(export) {
        Some(ty) if ty.params().is_empty() && ty.results().is_empty() => return Ok(()),
        Some(ty) => show::func_type(ty),
        None => sort(export).into(),
    };
    let kind = if module.wasi {
        Kind::Wasi01Command
    } else {
        Kind::Program
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

fn sort(ty: EntityType) -> &'static str {
    match ty {
        EntityType::Func(_) | EntityType::FuncExact(_) => "a function",
        EntityType::Table(_) => "a table",
        EntityType::Memory(_) => "a memory",
        EntityType::Global(_) => "a global",
        EntityType::Tag(_) => "a tag",
    }
}

/// What only the code tells.
#[derive(Default)]
struct Code {
    holds_references: bool,
    writes_tables: bool,
}

impl Code {
    /// Instructions are read only where they decide something.
    fn read(bytes: &[u8], instructions: bool) -> Code {
        let mut code = Code::default();
        for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
            let Payload::CodeSectionEntry(body) = payload else {
                continue;
            };
            if let Ok(locals) = body.get_locals_reader() {
                let mut types = locals.into_iter().map_while(Result::ok);
                code.holds_references |= types.any(|(_, ty)| is_reference(ty));
            }
            if let (true, Ok(operators)) = (instructions, body.get_operators_reader()) {
                let mut operators = operators.into_iter().map_while(Result::ok);
                code.writes_tables |= operators.any(|operator| {
                    matches!(
                        operator,
                        Operator::TableSet { .. }
                            | Operator::TableGrow { .. }
                            | Operator::TableFill { .. }
                            | Operator::TableCopy { .. }
                            | Operator::TableInit { .. }
                            | Operator::ElemDrop { .. }
                    )
                });
            }
        }
        code
    }
}

/// What will go wrong when it runs, or may.
fn warn(findings: &mut Findings, module: &Module<'_>, bytes: u64) {
    let warnings = &mut findings.warnings;
    if findings.kind == Kind::Program {
        warnings.push("Imports no WASI, so it prints nothing: it can only succeed or fail.".into());
    }
    if findings.uses.network {
        warnings.push(NETWORK_WARNING.into());
    }
    if let Some(memory) = findings
        .memory
        .filter(|memory| memory.min_bytes > MEMORY_DEFAULT_BYTES)
    {
        warnings.push(format!(
            "Starts with {} of memory, more than a task gets by default; give it more with --memory.",
            show::bytes(memory.min_bytes)
        ));
    }
    let types = module.types;
    if types.table_count() as usize > TABLES_MAX {
        warnings.push(format!(
            "Has {} tables and will fail at its start: {TABLES_MAX} are allowed.",
            types.table_count()
        ));
    }
    let elements_max = if bytes > LARGE_MODULE_BYTES {
        LARGE_TABLE_ELEMENTS_MAX
    } else {
        TABLE_ELEMENTS_MAX
    };
    let largest = (0..types.table_count())
        .map(|at| types.table_at(at).initial)
        .max();
    if let Some(elements) = largest.filter(|elements| *elements > elements_max as u64) {
        warnings.push(format!(
            "Has a table of {elements} elements and will fail at its start: {elements_max} are allowed."
        ));
    }
}
