//! Validation with exactly the features of WebAssembly that the executor's
//! engine has on, and the names of those it keeps off.

use wasmparser::{Error, Validator, WasmFeatures, types::Types};

use super::card::{Findings, Kind, Refusal, RefuseCode};

/// What the engine accepts: WebAssembly 3 less what costs safety or is too
/// young. The executor's engine is configured to the same.
fn engine() -> WasmFeatures {
    WasmFeatures::WASM3
        .union(WasmFeatures::COMPONENT_MODEL)
        .difference(WasmFeatures::GC)
        .difference(WasmFeatures::FUNCTION_REFERENCES)
        .difference(WasmFeatures::EXCEPTIONS)
        .difference(WasmFeatures::MEMORY64)
        .difference(WasmFeatures::MULTI_MEMORY)
        .difference(WasmFeatures::THREADS)
}

/// What a module needs beyond what is on.
pub(super) enum Needs {
    /// Nothing: it is valid.
    Nothing(Types),
    /// Features that are off; valid with them.
    Features(Types, Needed),
    /// It is not valid with any features.
    Never(Error),
}

/// Features that are off and needed.
pub(super) struct Needed(Vec<&'static Feature>);

impl From<Needed> for Findings {
    fn from(needed: Needed) -> Findings {
        let kind = match needed.0.first() {
            Some(first) if first.name == THREADS => Kind::Threads,
            _ => Kind::Feature,
        };
        Findings::refused(kind, needed.refusal())
    }
}

impl Needed {
    fn refusal(&self) -> Refusal {
        let refusal = |message: String| Refusal::new(RefuseCode::UnsupportedFeature, message);
        match self.0.as_slice() {
            [] => refusal("Needs features of WebAssembly that Skep keeps off.".into()),
            [first, ..] if first.name == THREADS => threads(),
            [one] => refusal(format!("Needs {}, which Skep keeps off.", one.name)).hint(one.drop),
            several => {
                let names: Vec<_> = several.iter().map(|feature| feature.name).collect();
                let drops: Vec<_> = several.iter().map(|feature| feature.drop).collect();
                refusal(format!(
                    "Needs {}, which Skep keeps off.",
                    names.join(" and ")
                ))
                .hint(drops.join(" "))
            }
        }
    }
}

/// The refusal of threads, by whatever sign they are recognised.
pub(super) fn threads() -> Refusal {
    Refusal::new(
        RefuseCode::UnsupportedFeature,
        "Uses threads inside one task, which Skep does not run.",
    )
    .hint("Build single-threaded; Skep runs many copies.")
}

struct Feature {
    flags: &'static [WasmFeatures],
    /// In words, reading after "needs".
    name: &'static str,
    /// How to build without it: a whole sentence.
    drop: &'static str,
}

const THREADS: &str = "threads";

/// Kept off, the likely ones first: a module is refused for the first that is enough.
const KEPT_OFF: [Feature; 11] = [
    Feature {
        flags: &[
            WasmFeatures::THREADS,
            WasmFeatures::SHARED_EVERYTHING_THREADS,
        ],
        name: THREADS,
        drop: "Build single-threaded; Skep runs many copies.",
    },
    Feature {
        flags: &[WasmFeatures::EXCEPTIONS, WasmFeatures::LEGACY_EXCEPTIONS],
        name: "WebAssembly exceptions",
        drop: "Build without them: C++ with -fno-exceptions, Rust with panic=abort.",
    },
    Feature {
        flags: &[WasmFeatures::MEMORY64, WasmFeatures::CM64],
        name: "64-bit memory (memory64)",
        drop: "Build for wasm32 instead of wasm64; with Emscripten drop -sMEMORY64.",
    },
    Feature {
        flags: &[WasmFeatures::FUNCTION_REFERENCES],
        name: "typed function references",
        drop: "Build it with the default features of its compiler.",
    },
    Feature {
        flags: &[
            WasmFeatures::GC,
            WasmFeatures::FUNCTION_REFERENCES,
            WasmFeatures::CUSTOM_DESCRIPTORS,
        ],
        name: "garbage collection (WasmGC)",
        drop: "Kotlin, Dart and others need it; use a language that brings its own memory: Rust, C, Go, Zig, TinyGo.",
    },
    Feature {
        flags: &[WasmFeatures::MULTI_MEMORY],
        name: "several memories (multi-memory)",
        drop: "Merge them: wasm-opt --enable-multimemory --multi-memory-lowering.",
    },
    Feature {
        flags: &[
            WasmFeatures::STACK_SWITCHING,
            WasmFeatures::FUNCTION_REFERENCES,
            WasmFeatures::EXCEPTIONS,
        ],
        name: "stack switching",
        drop: "Build it with the default features of its compiler.",
    },
    Feature {
        flags: &[WasmFeatures::WIDE_ARITHMETIC],
        name: "128-bit arithmetic (wide-arithmetic)",
        drop: "Build without it: clang with -mno-wide-arithmetic, Rust with -Ctarget-feature=-wide-arithmetic.",
    },
    Feature {
        flags: &[WasmFeatures::CUSTOM_PAGE_SIZES],
        name: "memory pages of another size (custom-page-sizes)",
        drop: "Link with pages of 64 KiB: drop --page-size.",
    },
    Feature {
        flags: &[
            WasmFeatures::CM_ASYNC,
            WasmFeatures::CM_ASYNC_STACKFUL,
            WasmFeatures::CM_MORE_ASYNC_BUILTINS,
            WasmFeatures::CM_THREADING,
            WasmFeatures::CM_ERROR_CONTEXT,
        ],
        name: "asynchronous component functions",
        drop: "Build for wasm32-wasip2 or wasip1.",
    },
    Feature {
        flags: &[
            WasmFeatures::MEMORY_CONTROL,
            WasmFeatures::COMPACT_IMPORTS,
            WasmFeatures::CM_VALUES,
            WasmFeatures::CM_NESTED_NAMES,
            WasmFeatures::CM_FIXED_LENGTH_LISTS,
            WasmFeatures::CM_GC,
            WasmFeatures::CM_MAP,
            WasmFeatures::CM_IMPLEMENTS,
            WasmFeatures::CM_CANON_NAMES,
        ],
        name: "an experimental feature of WebAssembly",
        drop: "Build it with the default features of its compiler.",
    },
];

impl Feature {
    fn flags(&self) -> WasmFeatures {
        self.flags
            .iter()
            .fold(WasmFeatures::empty(), |all, flag| all.union(*flag))
    }
}

/// Validates the module, and where it fails finds what it would need. Passes
/// are linear in the module's size: two for an invalid module, and two for
/// each feature where only features are missing.
pub(super) fn needs(bytes: &[u8]) -> Needs {
    let error = match validate(bytes, engine()) {
        Ok(types) => return Needs::Nothing(types),
        Err(error) => error,
    };
    let Ok(types) = validate(bytes, WasmFeatures::all()) else {
        return Needs::Never(error);
    };
    let enough = KEPT_OFF
        .iter()
        .find(|feature| validate(bytes, engine().union(feature.flags())).is_ok());
    let needed = match enough {
        Some(feature) => vec![feature],
        None => KEPT_OFF
            .iter()
            .filter(|feature| validate(bytes, without(feature)).is_err())
            .collect(),
    };
    Needs::Features(types, Needed(needed))
}

/// Everything but one feature; what other features need of it stays.
fn without(feature: &Feature) -> WasmFeatures {
    let own = feature.flags[0];
    WasmFeatures::all().difference(own)
}

fn validate(bytes: &[u8], features: WasmFeatures) -> Result<Types, Error> {
    Validator::new_with_features(features).validate_all(bytes)
}
