//! The card: all that is known of a file, and the verdict on it.

use std::fmt;

use wasmparser::MemoryType;

use super::{Function, KernelDescription, Toolchain, function, show};
use crate::Entry;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A WASI 0.1 program with `_start`.
    Wasi01Command,
    /// A component with `wasi:cli/run` of WASI 0.2.
    Wasi02Command,
    /// A component with `wasi:cli/run` of WASI 0.3, which does not run yet.
    Wasi03Command,
    /// Bytes in, bytes out: `skep_alloc` and `skep_run`.
    Bytes,
    /// Functions of numbers, no imports to speak of.
    Functions,
    /// Functions of numbers in a WASI 0.1 module without `_start`.
    Wasi01Library,
    /// `_start` or `main` without WASI: it can only succeed or fail.
    Program,
    /// A wasm-bindgen module that gets along without JavaScript.
    WasmBindgen,
    /// A wasm-bindgen module that needs JavaScript around it.
    WebPage,
    /// Go built for a browser.
    GoForBrowsers,
    /// AssemblyScript.
    AssemblyScript,
    /// WASI before 0.1.
    Wasi00,
    /// Shared memory or threads.
    Threads,
    /// Needs a feature of WebAssembly that is kept off.
    Feature,
    /// A component without a command.
    Component,
    /// A module that is none of the above: unknown imports, or nothing to call.
    Module,
    /// Machine code.
    Precompiled,
    /// Something else altogether.
    NotWasm,
    /// Meant as a module, but too large, cut off, damaged or malformed.
    Invalid,
}

impl Kind {
    fn title(self) -> &'static str {
        match self {
            Kind::Wasi01Command => "Command-line program (WASI 0.1)",
            Kind::Wasi02Command => "Command-line program (WASI 0.2)",
            Kind::Wasi03Command => "Command-line program (WASI 0.3)",
            Kind::Bytes => "Bytes function",
            Kind::Functions => "Module with functions",
            Kind::Wasi01Library => "Library with functions (WASI 0.1)",
            Kind::Program => "Program without WASI",
            Kind::WasmBindgen => "Module with functions (wasm-bindgen)",
            Kind::WebPage => "Part of a web page (wasm-bindgen)",
            Kind::GoForBrowsers => "Go program for browsers",
            Kind::AssemblyScript => "Module with functions (AssemblyScript)",
            Kind::Wasi00 => "Command-line program (WASI 0.0)",
            Kind::Threads => "Module with threads",
            Kind::Feature | Kind::Module => "WebAssembly module",
            Kind::Component => "WebAssembly component",
            Kind::Precompiled => "Machine code",
            Kind::NotWasm => "Not a WebAssembly module",
            Kind::Invalid => "Broken WebAssembly module",
        }
    }
}

/// Whether it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It runs.
    Run,
    /// It runs once a function is chosen.
    RunFunctions,
    /// It does not run here.
    Refuse(Refusal),
}

/// Why a file does not run, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: RefuseCode,
    /// What it is and why it does not run: whole sentences on one line, safe for a terminal.
    pub message: String,
    /// What to do, where something can be done: whole sentences on one line.
    pub hint: Option<String>,
}

impl Refusal {
    pub(super) fn new(code: RefuseCode, message: impl Into<String>) -> Refusal {
        Refusal {
            code,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Refusal {
        self.hint = Some(hint.into());
        self
    }
}

/// Message and hint on one line.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " {hint}"),
            None => Ok(()),
        }
    }
}

/// The kind of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefuseCode {
    /// No WebAssembly at all.
    NotWasm,
    /// The file ends in the middle.
    Truncated,
    /// Not valid WebAssembly, in binary or in text.
    ModuleInvalid,
    /// Larger than [`MODULE_BYTES_MAX`](crate::limits::MODULE_BYTES_MAX).
    ModuleTooLarge,
    /// Needs a feature that is kept off.
    UnsupportedFeature,
    /// Imports what is not there.
    MissingImport,
    /// Imports what is there with another type.
    LinkError,
    /// Exports nothing that can be called.
    NoEntry,
    /// For another host.
    WrongKind,
    /// Machine code.
    Precompiled,
    /// Breaks the contract of its kind.
    AbiViolation,
}

impl RefuseCode {
    /// The code as it is written in JSON; the same words as the door's error codes.
    pub fn as_str(self) -> &'static str {
        match self {
            RefuseCode::NotWasm => "not_wasm",
            RefuseCode::Truncated => "truncated",
            RefuseCode::ModuleInvalid => "module_invalid",
            RefuseCode::ModuleTooLarge => "module_too_large",
            RefuseCode::UnsupportedFeature => "unsupported_feature",
            RefuseCode::MissingImport => "missing_import",
            RefuseCode::LinkError => "link_error",
            RefuseCode::NoEntry => "no_entry",
            RefuseCode::WrongKind => "wrong_kind",
            RefuseCode::Precompiled => "precompiled",
            RefuseCode::AbiViolation => "abi_violation",
        }
    }
}

/// The memory that a module declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySize {
    /// What it starts with.
    pub min_bytes: u64,
    /// What it never grows beyond, where it says so.
    pub max_bytes: Option<u64>,
}

impl MemorySize {
    pub(super) fn of(memory: &MemoryType) -> MemorySize {
        let page = 1_u64
            .checked_shl(memory.page_size_log2.unwrap_or(16))
            .unwrap_or(0);
        MemorySize {
            min_bytes: memory.initial.saturating_mul(page),
            max_bytes: memory.maximum.map(|pages| pages.saturating_mul(page)),
        }
    }
}

/// What a module can ask its host for, by its imports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Opens files.
    pub files: bool,
    /// Reads the clock or sleeps.
    pub clock: bool,
    /// Asks for random numbers.
    pub random: bool,
    /// Speaks to sockets; there is no network for modules.
    pub network: bool,
    /// Reads its standard input, or files; in WASI 0.1 one call does both.
    pub stdin: bool,
}

impl Uses {
    /// The words of the card, in its order.
    pub fn words(&self) -> Vec<&'static str> {
        [
            (self.stdin, "stdin"),
            (self.files, "files"),
            (self.clock, "clock"),
            (self.random, "random"),
            (self.network, "network"),
        ]
        .into_iter()
        .filter_map(|(used, word)| used.then_some(word))
        .collect()
    }
}

/// All that is known of a file. Every text in it is safe for a terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// What it is.
    pub kind: Kind,
    /// Whether it runs.
    pub verdict: Verdict,
    /// One sentence: what it is and what built it.
    pub title: String,
    /// It is in the text format.
    pub text: bool,
    /// What built it.
    pub toolchain: Option<Toolchain>,
    /// Size of the file.
    pub bytes: u64,
    /// Its memory; of a component the largest one.
    pub memory: Option<MemorySize>,
    /// What it can ask for.
    pub uses: Uses,
    /// What `--invoke` can call, in the module's order.
    pub functions: Vec<Function>,
    /// What a kernel says of itself.
    pub kernel: Option<KernelDescription>,
    /// One instance may serve many calls of a function: there is no memory,
    /// no mutable global, no instruction that writes a table, and no WASI.
    pub reuse: bool,
    /// Needs the on-demand allocator: a component, or a module that holds
    /// external references.
    pub on_demand: bool,
    /// What is called when no function is named; `None` where one must be, and in a refusal.
    pub entry: Option<Entry>,
    /// What else a person should know before it runs: whole sentences.
    pub warnings: Vec<String>,
    /// Bytes go in and come out: `skep_alloc` and `skep_run` are there.
    pub(super) bytes_function: bool,
}

impl Card {
    /// What is called with this `--invoke`, or without one.
    ///
    /// `skep_run` of a bytes function is called with bytes even where the
    /// module is a command too.
    pub fn entry_for(&self, invoke: Option<&str>) -> Result<Entry, EntryError> {
        if let Verdict::Refuse(refusal) = &self.verdict {
            return Err(EntryError::Refused(refusal.clone()));
        }
        match invoke {
            None => self
                .entry
                .clone()
                .ok_or_else(|| EntryError::FunctionNeeded {
                    functions: function::signatures(&self.functions),
                }),
            Some("skep_run") if self.bytes_function => Ok(Entry::Bytes),
            Some(name) => self
                .function(name)
                .map(|function| Entry::Function {
                    name: function.name.clone(),
                })
                .ok_or_else(|| EntryError::NoSuchFunction {
                    name: show::name(name),
                    suggestion: function::nearest(name, &self.functions),
                    functions: function::signatures(&self.functions),
                }),
        }
    }

    /// The function that `--invoke` would call.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }
}

/// Why nothing can be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The module does not run at all.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// There are only functions.
    #[error("this module has no command, only functions")]
    FunctionNeeded {
        /// The functions, as a list for people.
        functions: String,
    },
    /// There is no such function.
    #[error("no function `{name}` that can be called")]
    NoSuchFunction {
        /// What was asked for.
        name: String,
        /// A function with nearly this name.
        suggestion: Option<String>,
        /// The functions, as a list for people.
        functions: String,
    },
}

impl EntryError {
    /// What to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            EntryError::Refused(refusal) => refusal.hint.clone(),
            EntryError::FunctionNeeded { functions } => Some(format!(
                "Choose a function, then a range of numbers: --invoke NAME [--range A..B]. There are {functions}."
            )),
            EntryError::NoSuchFunction {
                suggestion: Some(near),
                ..
            } => Some(format!("Did you mean `{near}`?")),
            EntryError::NoSuchFunction { functions, .. } if functions.is_empty() => None,
            EntryError::NoSuchFunction { functions, .. } => Some(format!("There are {functions}.")),
        }
    }
}

/// A card in the making: what the parts of the inspector find out.
pub(super) struct Findings {
    pub(super) kind: Kind,
    pub(super) verdict: Verdict,
    pub(super) toolchain: Option<Toolchain>,
    pub(super) memory: Option<MemorySize>,
    pub(super) uses: Uses,
    pub(super) functions: Vec<Function>,
    pub(super) kernel: Option<KernelDescription>,
    pub(super) reuse: bool,
    pub(super) on_demand: bool,
    pub(super) entry: Option<Entry>,
    pub(super) warnings: Vec<String>,
    pub(super) bytes_function: bool,
}

impl Findings {
    pub(super) fn new(kind: Kind, verdict: Verdict) -> Findings {
        Findings {
            kind,
            verdict,
            toolchain: None,
            memory: None,
            uses: Uses::default(),
            functions: Vec::new(),
            kernel: None,
            reuse: false,
            on_demand: false,
            entry: None,
            warnings: Vec::new(),
            bytes_function: false,
        }
    }

    pub(super) fn refused(kind: Kind, refusal: Refusal) -> Findings {
        Findings::new(kind, Verdict::Refuse(refusal))
    }

    pub(super) fn card(self, bytes: u64, text: bool) -> Card {
        let mut title = match &self.kernel {
            Some(kernel) => format!("Kernel: {} (WASI 0.1)", kernel.title),
            None => self.kind.title().to_owned(),
        };
        if let Some(toolchain) = &self.toolchain {
            title.push_str(&format!(", built with {toolchain}"));
        }
        if text {
            title.push_str(", text format");
        }
        title.push('.');
        Card {
            kind: self.kind,
            verdict: self.verdict,
            title,
            text,
            toolchain: self.toolchain,
            bytes,
            memory: self.memory,
            uses: self.uses,
            functions: self.functions,
            kernel: self.kernel,
            reuse: self.reuse,
            on_demand: self.on_demand,
            entry: self.entry,
            warnings: self.warnings,
            bytes_function: self.bytes_function,
        }
    }
}
