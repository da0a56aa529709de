//! Every kind of file that people bring, and what the inspector says of it.

use std::{collections::BTreeSet, fs, path::Path};

use bytes::Bytes;
use sandbox::{
    Entry,
    inspect::{Card, EntryError, Kind, RefuseCode, TextError, Verdict, inspect, to_binary},
};

/// What a fixture's card must say.
enum Expected {
    /// It runs; the title.
    Runs(&'static str),
    /// It runs once a function is chosen; the title, and the functions.
    Functions(&'static str, &'static [&'static str]),
    /// It is refused; the code, and message and hint as one text.
    Refused(RefuseCode, &'static str),
}
use Expected::{Functions, Refused, Runs};

const FIXTURES: &[(&str, Kind, Expected)] = &[
    (
        "command",
        Kind::Wasi01Command,
        Runs("Command-line program (WASI 0.1), built with Rust 1.95."),
    ),
    (
        "component_command",
        Kind::Wasi02Command,
        Runs("Command-line program (WASI 0.2)."),
    ),
    (
        "component_command_wasi03",
        Kind::Wasi03Command,
        Refused(
            RefuseCode::WrongKind,
            "Built for WASI 0.3, which Skep does not run yet. Build for wasm32-wasip2 or wasip1.",
        ),
    ),
    (
        "component_missing_import",
        Kind::Wasi02Command,
        Refused(
            RefuseCode::MissingImport,
            "Skep provides WASI 0.2 without HTTP; these are missing: \
             `wasi:http/outgoing-handler@0.2.0`, `acme:gpu/compute@1.0.0`. \
             Build it without them, or join it with the component that exports them: `wac plug`.",
        ),
    ),
    ("component_library", Kind::Component, COMPONENT),
    ("component_http", Kind::Component, COMPONENT),
    ("component_interface", Kind::Component, COMPONENT),
    ("bytes_function", Kind::Bytes, Runs("Bytes function.")),
    (
        "bytes_function_incomplete",
        Kind::Bytes,
        Refused(
            RefuseCode::AbiViolation,
            "Exports `skep_run` without the rest of a bytes function. It takes three exports: \
             `memory`, `skep_alloc(i32) -> i32` and `skep_run(i32, i32) -> i64`.",
        ),
    ),
    (
        "command_and_bytes_function",
        Kind::Wasi01Command,
        Runs("Command-line program (WASI 0.1)."),
    ),
    (
        "functions",
        Kind::Functions,
        Functions(
            "Module with functions.",
            &["collatz(i64) -> i64", "hypot(f64, f32) -> f64"],
        ),
    ),
    (
        "functions_with_state",
        Kind::Functions,
        Functions("Module with functions.", &["mark(i32) -> i32"]),
    ),
    (
        "library",
        Kind::Wasi01Library,
        Functions(
            "Library with functions (WASI 0.1).",
            &["add(i32, i32) -> i32"],
        ),
    ),
    ("program", Kind::Program, Runs("Program without WASI.")),
    ("program_main", Kind::Program, Runs("Program without WASI.")),
    (
        "wasm_bindgen",
        Kind::WasmBindgen,
        Functions(
            "Module with functions (wasm-bindgen), built with Rust 1.95.",
            &["double(i32) -> i32"],
        ),
    ),
    (
        "web_page",
        Kind::WebPage,
        Refused(
            RefuseCode::WrongKind,
            "Built for a web page: it needs JavaScript around it. \
             Rebuild for the command line: `cargo build --release --target wasm32-wasip1`.",
        ),
    ),
    (
        "go_for_browsers",
        Kind::GoForBrowsers,
        Refused(
            RefuseCode::WrongKind,
            "Built with GOOS=js. Use `GOOS=wasip1 GOARCH=wasm go build`.",
        ),
    ),
    (
        "assembly_script",
        Kind::AssemblyScript,
        Functions(
            "Module with functions (AssemblyScript).",
            &["fib(i32) -> i32"],
        ),
    ),
    (
        "assembly_script_for_javascript",
        Kind::AssemblyScript,
        Refused(
            RefuseCode::MissingImport,
            "Built by AssemblyScript to run inside JavaScript; these are missing: \
             `env.console.log`, `env.Date.now`. Build it without what needs JavaScript, \
             or for WASI with @assemblyscript/wasi-shim.",
        ),
    ),
    (
        "wasi_unstable",
        Kind::Wasi00,
        Refused(
            RefuseCode::WrongKind,
            "Built for WASI 0.0 (wasi_unstable), which Skep does not run. \
             Build it again with current tools, for WASI 0.1 (wasm32-wasip1).",
        ),
    ),
    ("threads_shared_memory", Kind::Threads, THREADS),
    ("threads_spawn", Kind::Threads, THREADS),
    (
        "feature_memory64",
        Kind::Feature,
        Refused(
            RefuseCode::UnsupportedFeature,
            "Needs 64-bit memory (memory64), which Skep keeps off. \
             Build for wasm32 instead of wasm64; with Emscripten drop -sMEMORY64.",
        ),
    ),
    (
        "feature_multi_memory",
        Kind::Feature,
        Refused(
            RefuseCode::UnsupportedFeature,
            "Needs several memories (multi-memory), which Skep keeps off. \
             Merge them: wasm-opt --enable-multimemory --multi-memory-lowering.",
        ),
    ),
    (
        "feature_gc",
        Kind::Feature,
        Refused(
            RefuseCode::UnsupportedFeature,
            "Needs garbage collection (WasmGC), which Skep keeps off. \
             Kotlin, Dart and others need it; use a language that brings its own memory: \
             Rust, C, Go, Zig, TinyGo.",
        ),
    ),
    (
        "feature_exceptions",
        Kind::Feature,
        Refused(
            RefuseCode::UnsupportedFeature,
            "Needs WebAssembly exceptions, which Skep keeps off. \
             Build without them: C++ with -fno-exceptions, Rust with panic=abort.",
        ),
    ),
    (
        "feature_function_references",
        Kind::Feature,
        Refused(
            RefuseCode::UnsupportedFeature,
            "Needs typed function references, which Skep keeps off. \
             Build it with the default features of its compiler.",
        ),
    ),
    (
        "feature_stack_switching",
        Kind::Feature,
        Refused(
            RefuseCode::UnsupportedFeature,
            "Needs stack switching, which Skep keeps off. \
             Build it with the default features of its compiler.",
        ),
    ),
    (
        "feature_wide_arithmetic",
        Kind::Feature,
        Refused(
            RefuseCode::UnsupportedFeature,
            "Needs 128-bit arithmetic (wide-arithmetic), which Skep keeps off. Build without it: \
             clang with -mno-wide-arithmetic, Rust with -Ctarget-feature=-wide-arithmetic.",
        ),
    ),
    (
        "feature_page_size",
        Kind::Feature,
        Refused(
            RefuseCode::UnsupportedFeature,
            "Needs memory pages of another size (custom-page-sizes), which Skep keeps off. \
             Link with pages of 64 KiB: drop --page-size.",
        ),
    ),
    (
        "feature_two",
        Kind::Feature,
        Refused(
            RefuseCode::UnsupportedFeature,
            "Needs WebAssembly exceptions and 64-bit memory (memory64) and several memories \
             (multi-memory), which Skep keeps off. Build without them: C++ with -fno-exceptions, \
             Rust with panic=abort. Build for wasm32 instead of wasm64; with Emscripten drop \
             -sMEMORY64. Merge them: wasm-opt --enable-multimemory --multi-memory-lowering.",
        ),
    ),
    (
        "missing_imports",
        Kind::Module,
        Refused(
            RefuseCode::MissingImport,
            "Skep provides WASI and skep.progress; these are missing: `env.one`, \
             `env.two\\u{1b}[2J`, `env.memory`, `host.four`, `host.five` and 2 more. Build it for \
             wasm32-wasip1 or wasm32-wasip2, and without what the host would have to bring.",
        ),
    ),
    (
        "wasi_no_such_function",
        Kind::Module,
        Refused(
            RefuseCode::MissingImport,
            "Skep provides WASI and skep.progress; these are missing: \
             `wasi_snapshot_preview1.fd_teleport`. Build it for wasm32-wasip1 or wasm32-wasip2, \
             and without what the host would have to bring.",
        ),
    ),
    (
        "wasi_wrong_type",
        Kind::Module,
        Refused(
            RefuseCode::LinkError,
            "Imports `wasi_snapshot_preview1.fd_write` as (i32, i64) -> i32, but Skep has \
             it as (i32, i32, i32, i32) -> i32. Build it again with a current compiler or SDK.",
        ),
    ),
    (
        "wasi_without_memory",
        Kind::Wasi01Command,
        Refused(
            RefuseCode::AbiViolation,
            "Uses WASI, which needs the module's memory under the name `memory`; it exports none. \
             Export the memory as `memory`, as linkers do by default.",
        ),
    ),
    (
        "wasi_memory_is_a_function",
        Kind::Wasi01Command,
        Refused(
            RefuseCode::AbiViolation,
            "Uses WASI, which needs the module's memory under the name `memory`; here that is \
             a function. Export the memory as `memory`, as linkers do by default.",
        ),
    ),
    (
        "start_of_wrong_type",
        Kind::Program,
        Refused(
            RefuseCode::AbiViolation,
            "`_start` has to be a function of type () -> (); here it is (i32) -> i32. \
             Build it again with a current compiler or SDK.",
        ),
    ),
    (
        "nothing_to_call",
        Kind::Module,
        Refused(
            RefuseCode::NoEntry,
            "Exports nothing that can be called. Build it as a program, which exports `_start`, \
             or export a function of numbers.",
        ),
    ),
    (
        "no_numbers_to_call",
        Kind::Module,
        Refused(
            RefuseCode::NoEntry,
            "Exports nothing that can be called. Its functions take or give something other than \
             numbers; export one of numbers, or build it as a program that exports `_start`.",
        ),
    ),
    (
        "large_demands",
        Kind::Functions,
        Functions("Module with functions.", &["f() -> i32"]),
    ),
    (
        "kernel",
        Kind::Wasi01Command,
        Runs("Kernel: Mandelbrot set (WASI 0.1)."),
    ),
    (
        "kernel_malformed",
        Kind::Wasi01Command,
        Refused(
            RefuseCode::AbiViolation,
            "Its kernel description (section skep.kernel) is wrong: EOF while parsing a value at \
             line 1 column 12. Build it again with the current skep-kernel.",
        ),
    ),
];

const COMPONENT: Expected = Refused(
    RefuseCode::WrongKind,
    "A component without a command (`wasi:cli/run`); Skep runs commands. \
     Build it as a program: `cargo build --release --target wasm32-wasip2`.",
);
const THREADS: Expected = Refused(
    RefuseCode::UnsupportedFeature,
    "Uses threads inside one task, which Skep does not run. \
     Build single-threaded; Skep runs many copies.",
);

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    let text = fs::read(path.with_extension("wat")).expect("the fixture is there");
    wat::parse_bytes(&text)
        .expect("the fixture is well-formed")
        .into_owned()
}

fn card(name: &str) -> Card {
    inspect(&fixture(name))
}

fn refusal(bytes: &[u8]) -> (RefuseCode, String) {
    match inspect(bytes).verdict {
        Verdict::Refuse(refusal) => (refusal.code, refusal.to_string()),
        verdict @ (Verdict::Run | Verdict::RunFunctions) => panic!("refused, not {verdict:?}"),
    }
}

#[test]
fn every_kind_gets_its_verdict_and_its_words() {
    let mut wrong = Vec::new();
    for (name, kind, expected) in FIXTURES {
        let card = card(name);
        let functions: Vec<String> = card.functions.iter().map(ToString::to_string).collect();
        let as_expected = match (expected, &card.verdict) {
            (Runs(title), Verdict::Run) => card.title == *title,
            (Functions(title, names), Verdict::RunFunctions) => {
                card.title == *title && functions == *names
            }
            (Refused(code, text), Verdict::Refuse(refusal)) => {
                refusal.code == *code && refusal.to_string() == *text
            }
            _ => false,
        };
        if card.kind != *kind || !as_expected {
            wrong.push(format!(
                "{name}: {:?}, {}, {functions:?}, {:#?}",
                card.kind, card.title, card.verdict
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_fixture_is_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let lie_there: BTreeSet<String> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wat"))
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let listed = FIXTURES
        .iter()
        .map(|(name, ..)| (*name).to_owned())
        .collect();
    assert_eq!(lie_there, listed);
}

#[test]
fn a_card_tells_memory_and_what_is_used() {
    let command = card("command");
    let memory = command.memory.expect("it has one");
    assert_eq!(
        (memory.min_bytes, memory.max_bytes),
        (64 << 10, Some(1 << 20))
    );
    assert_eq!(command.uses.words(), ["clock", "random"]);
    assert_eq!(command.entry, Some(Entry::Command));
    assert!(!command.on_demand && !command.reuse);

    let component = card("component_command");
    assert_eq!(component.memory.expect("it has one").min_bytes, 128 << 10);
    assert_eq!(component.uses.words(), ["stdin", "clock"]);
    assert!(component.on_demand);

    let library = card("library");
    assert_eq!(library.uses.words(), ["files", "network"]);
    assert_eq!(
        library.warnings,
        ["Can ask for the network and will be refused: tasks have none."]
    );
}

#[test]
fn warnings_say_what_will_go_wrong() {
    assert_eq!(
        card("program").warnings,
        ["Imports no WASI, so it prints nothing: it can only succeed or fail."]
    );
    assert_eq!(
        card("program_main").warnings,
        ["Imports no WASI, so it prints nothing but what its `main` gives."]
    );
    assert_eq!(
        card("functions").warnings,
        ["Functions that take or give something other than numbers cannot be called: `shuffle`."]
    );
    assert_eq!(
        card("large_demands").warnings,
        [
            "Starts with 4 GiB of memory, more than a task gets by default; give it more with --memory.",
            "Has 5 tables and will fail at its start: 4 are allowed.",
            "Has a table of 10000000 elements and will fail at its start: 10000 are allowed.",
        ]
    );
}

#[test]
fn an_instance_is_reused_only_where_no_call_can_leave_a_trace() {
    assert!(card("functions").reuse);
    for name in [
        "functions_with_state",
        "library",
        "wasm_bindgen",
        "large_demands",
    ] {
        assert!(!card(name).reuse, "{name}");
    }
    let mutable = br#"(module (global (mut i32) (i32.const 0)) (func (export "f")))"#;
    assert!(!inspect(mutable).reuse);
}

#[test]
fn external_references_need_the_other_allocator() {
    assert!(card("wasm_bindgen").on_demand);
    for (text, on_demand) in [
        (
            r#"(module (func (export "f") (result i32) i32.const 0))"#,
            false,
        ),
        (r#"(module (table 1 funcref) (func (export "f")))"#, false),
        (r#"(module (table 1 externref) (func (export "f")))"#, true),
        (
            r#"(module (global externref (ref.null extern)) (func (export "f")))"#,
            true,
        ),
        (
            r#"(module (func (param externref)) (func (export "f")))"#,
            true,
        ),
        (r#"(module (func (export "f") (local externref)))"#, true),
    ] {
        assert_eq!(inspect(text.as_bytes()).on_demand, on_demand, "{text}");
    }
}

#[test]
fn what_is_called_follows_from_the_card_and_the_name() {
    let both = card("command_and_bytes_function");
    assert_eq!(both.entry_for(None), Ok(Entry::Command));
    assert_eq!(both.entry_for(Some("skep_run")), Ok(Entry::Bytes));
    assert_eq!(card("bytes_function").entry_for(None), Ok(Entry::Bytes));
    assert_eq!(card("kernel").entry_for(None), Ok(Entry::Kernel));
    let main = Entry::Function {
        name: "main".into(),
    };
    assert_eq!(card("program_main").entry_for(None), Ok(main));

    let functions = card("functions");
    let collatz = Entry::Function {
        name: "collatz".into(),
    };
    assert_eq!(functions.entry_for(Some("collatz")), Ok(collatz));
    let error = functions
        .entry_for(None)
        .expect_err("a function must be named");
    assert_eq!(
        error.to_string(),
        "this module has no command, only functions"
    );
    assert_eq!(
        error.hint().expect("it lists them"),
        "Choose a function, then a range of numbers: --invoke NAME [--range A..B]. \
         There are `collatz(i64) -> i64` and `hypot(f64, f32) -> f64`."
    );
    let error = functions
        .entry_for(Some("colatz"))
        .expect_err("there is none");
    assert_eq!(error.to_string(), "no function `colatz` that can be called");
    assert_eq!(error.hint().as_deref(), Some("Did you mean `collatz`?"));
    let error = functions
        .entry_for(Some("shuffle"))
        .expect_err("not of numbers");
    assert!(matches!(error, EntryError::NoSuchFunction { .. }));
    let error = card("web_page")
        .entry_for(Some("greet"))
        .expect_err("refused");
    assert!(matches!(error, EntryError::Refused(refusal) if refusal.code == RefuseCode::WrongKind));
}

#[test]
fn a_kernel_shows_its_parameters() {
    let kernel = card("kernel").kernel.expect("it describes itself");
    assert_eq!(kernel.title, "Mandelbrot set");
    assert_eq!(kernel.parameters[0].name, "width");
    assert_eq!(
        kernel.parameters[0].accepts(),
        "a whole number from 1 to 32768"
    );
}

#[test]
fn the_text_format_is_labelled_and_runs() {
    let text =
        b";; a comment (; not a block\n (; one (; nested ;) ;)\n(module $m (func (export \"f\")))";
    let card = inspect(text);
    assert_eq!((card.verdict, card.text), (Verdict::RunFunctions, true));
    assert_eq!(card.title, "Module with functions, text format.");
    let binary = to_binary(Bytes::from_static(text)).expect("well-formed");
    assert!(binary.starts_with(b"\0asm"));
    assert_eq!(to_binary(binary.clone()), Ok(binary));

    let wrong = b"(module\n  (func (export \"f\") (i32.cnst 1)))";
    assert_eq!(
        refusal(wrong),
        (
            RefuseCode::ModuleInvalid,
            "The text format has an error in line 2, column 23: unknown operator or unexpected token."
                .into()
        )
    );
    assert_eq!(
        to_binary(Bytes::from_static(wrong)).map_err(|error| error.to_string()),
        Err("the text format has an error in line 2, column 23: unknown operator or unexpected token"
            .into())
    );
    let not_utf8 = to_binary(Bytes::from(
        [b"(module)\n  \"", &[0xff][..], b"\""].concat(),
    ));
    // The first bytes decide what a file is; with such a byte it is no text.
    assert!(not_utf8.is_ok());
    let late = [&b"(module "[..], &b" ".repeat(20 << 10), &b"\n\xff)"[..]].concat();
    let problem = "a character that is not UTF-8".to_owned();
    assert_eq!(
        to_binary(Bytes::from(late)),
        Err(TextError::Malformed {
            line: 2,
            column: 1,
            problem
        })
    );
}

#[test]
fn what_is_no_module_is_told_what_it_is() {
    use RefuseCode::{ModuleInvalid, NotWasm, Precompiled, Truncated};
    let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 123456\n";
    let cases: &[(&[u8], RefuseCode, &str)] = &[
        (
            b"",
            NotWasm,
            "The file is empty. Build or download it again.",
        ),
        (
            lfs,
            NotWasm,
            "This is a Git LFS placeholder of 131 bytes. Run `git lfs pull`.",
        ),
        (
            b"PK\x03\x04zip",
            NotWasm,
            "This is a zip archive, not a WebAssembly module. Unpack it and give the .wasm inside.",
        ),
        (
            b"\x1f\x8b\x08\0\0",
            NotWasm,
            "This is compressed by gzip, not a WebAssembly module. Unpack it first: `gunzip`, \
             or `tar xzf` where its name ends in .tgz or .tar.gz.",
        ),
        (
            b"\n<!DOCTYPE html><html>",
            NotWasm,
            "This is a web page (HTML), not a WebAssembly module. The download probably failed or \
             asked to sign in: get the .wasm file itself.",
        ),
        (
            b"// glue\nimport { x } from './x_bg.js';",
            NotWasm,
            "This looks like JavaScript, not a WebAssembly module. If it loads a .wasm that lies \
             beside it, give that one.",
        ),
        (
            b"#!/bin/sh\x0aecho",
            NotWasm,
            "This is a script for /bin/sh, not a WebAssembly module. A module begins with the \
             bytes 00 61 73 6d; its name usually ends in .wasm.",
        ),
        (
            b"{\"a\":1}",
            NotWasm,
            "This looks like JSON, not a WebAssembly module. A module begins with the bytes \
             00 61 73 6d; its name usually ends in .wasm.",
        ),
        (
            b"hello",
            NotWasm,
            "This is text, not a WebAssembly module. A module begins with the bytes 00 61 73 6d; \
             its name usually ends in .wasm.",
        ),
        (
            b"\xde\xad\xbe\xef\x01",
            NotWasm,
            "Not a WebAssembly module: it begins with de ad be ef. A module begins with the bytes \
             00 61 73 6d; its name usually ends in .wasm.",
        ),
        (
            b"\x7fELF\x02\x01\x01\xc8",
            Precompiled,
            "Machine code from another computer can't be checked. Drop the original .wasm.",
        ),
        (
            b"\0as",
            Truncated,
            "The file is cut off: it ends after 3 bytes, in its header. Download or copy it again.",
        ),
        (
            b"\0asm\x01\0",
            Truncated,
            "The file is cut off: it ends after 6 bytes, in its header. Download or copy it again.",
        ),
        (
            b"\0asm\x02\0\0\0",
            ModuleInvalid,
            "A WebAssembly file of version 2; there is only version 1. Download or copy it again: \
             the file may be damaged.",
        ),
        (
            b"\0asm\x0a\0\x01\0",
            ModuleInvalid,
            "A component in a format from before WASI 0.2. Build it again with current tools.",
        ),
    ];
    for (bytes, code, text) in cases {
        assert_eq!(refusal(bytes), (*code, (*text).to_owned()));
    }
}

#[test]
fn a_module_cut_off_anywhere_is_refused_as_such() {
    let whole = fixture("command");
    let mut between_sections = 0;
    for length in 8..whole.len() {
        let card = inspect(&whole[..length]);
        match card.verdict {
            Verdict::Refuse(refusal) if refusal.code == RefuseCode::Truncated => {
                let text = format!("it ends after {length} bytes, in the middle of a section");
                assert!(refusal.message.contains(&text), "{}", refusal.message);
            }
            Verdict::Run | Verdict::RunFunctions | Verdict::Refuse(_) => between_sections += 1,
        }
    }
    // Between two sections a prefix is a module of its own, if hardly a valid one.
    assert!(between_sections <= 10, "{between_sections}");
}

#[test]
fn a_module_over_the_cap_is_refused_by_its_size() {
    let mut bytes = vec![0; (128 << 20) + 1];
    bytes[..8].copy_from_slice(b"\0asm\x01\0\0\0");
    let (code, text) = refusal(&bytes);
    assert_eq!(code, RefuseCode::ModuleTooLarge);
    assert!(
        text.starts_with("The module is larger than 128 MiB, the most that Skep takes."),
        "{text}"
    );
}

#[test]
fn invalid_modules_are_told_where() {
    let mut bytes = fixture("functions");
    bytes.extend([0x7f, 0]);
    let end = bytes.len();
    let (code, text) = refusal(&bytes);
    assert_eq!(code, RefuseCode::ModuleInvalid);
    assert_eq!(
        text,
        format!(
            "Not valid WebAssembly: malformed section id: 127 (at byte {end}). \
             Build it again, or copy it again: the file may be damaged."
        )
    );
}

/// An import of kind 0x20, a function of exact type, which the engine does not know.
#[test]
fn an_exact_function_is_not_provided() {
    let mut bytes = fixture("wasi_unstable");
    let unstable = b"wasi_unstable";
    let at = bytes
        .windows(unstable.len())
        .position(|window| window == unstable);
    let kind = at.expect("it is imported") + unstable.len() + 1 + "fd_write".len();
    assert_eq!(bytes[kind], 0);
    bytes[at.expect("it is imported")] = b'W';
    bytes[kind] = 0x20;
    assert_eq!(refusal(&bytes).0, RefuseCode::MissingImport);
}

#[test]
fn ten_thousand_exports_of_nearly_one_name_are_listed_and_more_are_not() {
    let exports = |count: usize| {
        let exports: String = (0..count)
            .map(|at| format!("(export \"_start{at}\" (func $f))"))
            .collect();
        inspect(format!("(module (func $f) {exports})").as_bytes())
    };
    let card = exports(10_000);
    assert_eq!((card.functions.len(), card.warnings.len()), (10_000, 0));
    assert_eq!(card.verdict, Verdict::RunFunctions);
    let card = exports(10_002);
    assert_eq!(card.functions.len(), 10_000);
    assert_eq!(
        card.warnings,
        ["Exports 2 functions more; only the first 10000 can be called."]
    );
}
