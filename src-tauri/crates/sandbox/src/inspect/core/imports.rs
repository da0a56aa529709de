//! Whether a core module's imports are there, and if not, what it was built for.

use wasmparser::{FuncType, ValType, types::EntityType};

use super::{
    super::{
        Sections, browser,
        browser::stub,
        card::{Kind, RefuseCode},
        features, preview1, show,
    },
    NAMES_LISTED_MAX, Refused,
    module::{Module, sort},
    refuse,
};

/// Refuses a module that imports what is not there.
pub(super) fn judge(module: &Module<'_>, sections: &Sections<'_>) -> Result<(), Refused> {
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
                        "Imports `{from}.{}` as {}, but Skep has it as {}.",
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
    let names = || show::names(missing.iter().map(String::as_str), NAMES_LISTED_MAX);
    if !module.wasi && (sections.wasm_bindgen || module.is_wasm_bindgen()) {
        return refuse(
            Kind::WebPage,
            RefuseCode::WrongKind,
            "Built for a web page: it needs JavaScript around it.",
            "Rebuild for the command line: `cargo build --release --target wasm32-wasip1`.",
        );
    }
    if module.is_assembly_script() {
        return refuse(
            Kind::AssemblyScript,
            RefuseCode::MissingImport,
            format!(
                "Built by AssemblyScript to run inside JavaScript; these are missing: {}.",
                names()
            ),
            "Build it without what needs JavaScript, or for WASI with @assemblyscript/wasi-shim.",
        );
    }
    refuse(
        Kind::Module,
        RefuseCode::MissingImport,
        format!(
            "Skep provides WASI and skep.progress; these are missing: {}.",
            names()
        ),
        "Build it for wasm32-wasip1 or wasm32-wasip2, and without what the host would have to bring.",
    )
}
