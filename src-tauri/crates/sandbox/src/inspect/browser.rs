//! Modules that were built for JavaScript: what marks them, and the few of
//! their imports that need no JavaScript.

/// An import of a toolchain's own runtime that the executor stands in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stub {
    /// wasm-bindgen: `(pointer: i32, length: i32) -> ()` traps with that UTF-8 text.
    Throw,
    /// wasm-bindgen: `() -> ()` would fill a table of JavaScript's values; does nothing.
    InitExternrefTable,
    /// AssemblyScript: `(message: i32, file: i32, line: i32, column: i32) -> ()`
    /// traps. The texts are UTF-16 with their length in bytes, a u32, before
    /// them; a pointer of 0 is no text.
    Abort,
}

impl Stub {
    /// How many i32 it takes; none of them gives anything.
    pub fn params(self) -> usize {
        match self {
            Stub::Throw => 2,
            Stub::InitExternrefTable => 0,
            Stub::Abort => 4,
        }
    }
}

/// Whether the executor stands in for this import, and as what. wasm-bindgen
/// appends a hash to its names, so they cannot be listed.
pub fn stub(module: &str, name: &str) -> Option<Stub> {
    if module == "env" && name == "abort" {
        return Some(Stub::Abort);
    }
    let runtime = matches!(module, "wbg" | "__wbindgen_placeholder__")
        || module.starts_with("./") && module.ends_with("_bg.js");
    if !runtime {
        return None;
    }
    [
        ("__wbindgen_throw", Stub::Throw),
        ("__wbindgen_init_externref_table", Stub::InitExternrefTable),
    ]
    .into_iter()
    .find_map(|(known, stub)| is_named(name, known).then_some(stub))
}

/// `NAME`, or `__wbg_NAME_` and 16 hex digits.
fn is_named(name: &str, known: &str) -> bool {
    let hashed = |name: &str| {
        let hash = name
            .strip_prefix("__wbg_")?
            .strip_prefix(known)?
            .strip_prefix('_')?;
        Some(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    name == known || hashed(name) == Some(true)
}

/// Whether wasm-bindgen's glue is imported from this module.
pub(super) fn is_wasm_bindgen(module: &str) -> bool {
    matches!(
        module,
        "wbg" | "__wbindgen_placeholder__" | "__wbindgen_externref_xform__"
    ) || module.ends_with("_bg.js")
}

/// Whether this is imported by Go for a browser.
pub(super) fn is_go(module: &str, name: &str) -> bool {
    module == "gojs"
        || module == "go" && (name.starts_with("runtime.") || name.starts_with("syscall/js."))
}

/// Whether an export belongs to a toolchain's runtime and is not for people to call.
pub(super) fn is_runtime(export: &str) -> bool {
    const NAMES: [&str; 12] = [
        "_initialize",
        "_start",
        "__collect",
        "__main_void",
        "__new",
        "__pin",
        "__setArgumentsLength",
        "__unpin",
        "cabi_realloc",
        "skep_alloc",
        "skep_run",
        "wasi_thread_start",
    ];
    const PREFIXES: [&str; 5] = [
        "__externref_",
        "__wasm_",
        "__wbg_",
        "__wbindgen_",
        "asyncify_",
    ];
    NAMES.contains(&export) || PREFIXES.iter().any(|prefix| export.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wasm_bindgen_names_may_carry_a_hash() {
        for (module, name, expected) in [
            ("wbg", "__wbindgen_throw", Some(Stub::Throw)),
            (
                "./x_bg.js",
                "__wbg___wbindgen_throw_be289d5034ed271b",
                Some(Stub::Throw),
            ),
            (
                "wbg",
                "__wbindgen_init_externref_table",
                Some(Stub::InitExternrefTable),
            ),
            ("env", "abort", Some(Stub::Abort)),
            ("wbg", "__wbg_log_be289d5034ed271b", None),
            ("wbg", "__wbg___wbindgen_throw_", None),
            ("env", "__wbindgen_throw", None),
            ("other_bg.js", "__wbindgen_throw", None),
        ] {
            assert_eq!(stub(module, name), expected, "{module}.{name}");
        }
    }
}
