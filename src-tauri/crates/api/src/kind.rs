//! The kinds of modules, as the contract names them.

use serde::{Deserialize, Serialize};

/// What a file is. Which of them run is said by the verdict, not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ModuleKind {
    /// It describes its parameters, and how its work is cut and put together.
    Kernel,
    /// A program with `_start` for WASI 0.1.
    #[serde(rename = "wasi_01_command")]
    Wasi01Command,
    /// A component with `wasi:cli/run` of WASI 0.2.
    #[serde(rename = "wasi_02_command")]
    Wasi02Command,
    #[serde(rename = "wasi_03_command")]
    Wasi03Command,
    /// Bytes in, bytes out.
    BytesFunction,
    /// Functions of numbers.
    Functions,
    /// Functions of numbers that use WASI 0.1.
    #[serde(rename = "wasi_01_library")]
    Wasi01Library,
    /// A program without WASI: it can only succeed or fail.
    Program,
    WasmBindgen,
    /// A wasm-bindgen module that needs its page.
    WebPage,
    GoForBrowsers,
    AssemblyScript,
    /// A program for WASI before 0.1.
    #[serde(rename = "wasi_00")]
    Wasi00,
    Threads,
    /// Needs a feature of WebAssembly that is kept off.
    Feature,
    /// A component without a command.
    Component,
    /// None of the others: unknown imports, or nothing to call.
    Module,
    /// Machine code.
    Precompiled,
    NotWasm,
    /// Cut off, damaged, malformed or too large.
    Invalid,
}
