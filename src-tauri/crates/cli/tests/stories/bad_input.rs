//! Wrong input of every kind: a code, a message, the documented exit code, and
//! nothing changed.

use crate::harness::Home;
use crate::programs;

/// Nothing was accepted.
#[track_caller]
fn nothing_changed(home: &Home) {
    let jobs = home.json(&["job", "ls"]);
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(0), "{jobs}");
}

#[test]
fn what_is_not_a_module_that_can_run_is_refused_with_7() {
    let home = Home::new();
    let hello = wat::parse_str(programs::hello()).unwrap();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "not_wasm"),
        ("text", b"hello".to_vec(), "not_wasm"),
        ("zip", b"PK\x03\x04rest".to_vec(), "not_wasm"),
        ("html", b"<!doctype html><p>".to_vec(), "not_wasm"),
        ("lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 132\n".to_vec(), "not_wasm"),
        ("truncated", hello[..hello.len() / 2].to_vec(), "truncated"),
        ("elf", b"\x7fELF\x02\x01\x01".to_vec(), "precompiled"),
        ("import", b"(module (import \"env\" \"launch\" (func)) (func (export \"_start\")))".to_vec(), "missing_import"),
        ("nothing", b"(module)".to_vec(), "no_entry"),
        ("threads", b"(module (memory (export \"memory\") 1 1 shared) (func (export \"_start\")))".to_vec(), "unsupported_feature"),
        ("memory64", b"(module (memory (export \"memory\") i64 1) (func (export \"_start\")))".to_vec(), "unsupported_feature"),
        ("go", b"(module (import \"gojs\" \"runtime.wasmExit\" (func (param i32))) (func (export \"run\")))".to_vec(), "wrong_kind"),
        ("wasi0", b"(module (import \"wasi_unstable\" \"proc_exit\" (func (param i32))) (memory (export \"memory\") 1) (func (export \"_start\")))".to_vec(), "wrong_kind"),
        ("component", b"(component)".to_vec(), "wrong_kind"),
    ];
    for (name, bytes, code) in cases {
        let file = home.file(&format!("{name}.wasm"), bytes);
        let outcome = home.run(&["--json", "run", &file]);
        assert_eq!(outcome.code, Some(7), "{name}: {outcome:?}");
        outcome.refused(7, code);
    }
    nothing_changed(&home);
}

#[test]
fn wrong_usage_is_refused_with_2() {
    let home = Home::new();
    let hello = home.file("hello.wat", programs::hello());
    let functions = home.file("functions.wat", programs::functions());
    let items = home.file("items.json", "{\"not\": \"an array\"}");
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (vec!["run"], "usage"),
        (vec!["run", "--frobnicate", &hello], "usage"),
        (vec!["run", "--listen", "x", &hello], "usage"),
        (
            vec!["run", "--range", "0..2", "--each-line", &items, &hello],
            "usage",
        ),
        (vec!["run", "--range", "zero..2", &hello], "bad_range"),
        (vec!["run", "--range", "0..10..0", &hello], "bad_range"),
        (vec!["run", "--range", "0..10..-1", &hello], "bad_range"),
        (vec!["run", "--items", &items, &hello], "bad_split"),
        (vec!["run", "--param", "size", &hello], "bad_split"),
        (vec!["run", "--param", "size=", &hello], "bad_split"),
        (vec!["run", "--param", "size=9..1", &hello], "bad_split"),
        (vec!["run", "--param", "index=1", &hello], "bad_split"),
        (
            vec!["run", "--param", "a=1", "--param", "a=2", &hello],
            "bad_split",
        ),
        (
            vec!["run", "--param", "a=1", "--range", "0..2", &hello],
            "usage",
        ),
        (
            vec!["run", "--param", "a=1", "--invoke", "square", &functions],
            "bad_split",
        ),
        (
            vec!["run", "--param", "a=1", "sample:word_count"],
            "unknown_parameter",
        ),
        (
            vec!["run", "--param", "width=1,2", "sample:mandelbrot"],
            "usage",
        ),
        (
            vec!["run", "--param", "size=1", &hello, "{sise}"],
            "unknown_placeholder",
        ),
        (vec!["run", &hello, "{nothing}"], "unknown_placeholder"),
        (vec!["run", &hello, "{line}"], "unknown_placeholder"),
        (vec!["run", &functions], "function_needed"),
        (
            vec!["run", "--invoke", "cube", &functions, "1"],
            "no_such_function",
        ),
        (
            vec!["run", "--invoke", "square", &functions],
            "wrong_arguments",
        ),
        (
            vec!["run", "--invoke", "square", &functions, "1", "2"],
            "wrong_arguments",
        ),
        (
            vec!["run", "--invoke", "square", &functions, "x"],
            "wrong_arguments",
        ),
        (vec!["run", "--memory", "lots", &hello], "usage"),
        (vec!["run", "--task-timeout", "soon", &hello], "usage"),
        (vec!["run", "--priority", "11", &hello], "usage"),
        (vec!["run", "--params", "{\"width\":1}", &hello], "usage"),
        (
            vec!["config", "set", "contribute.colour", "red"],
            "unknown_setting",
        ),
        (
            vec!["config", "set", "contribute.cores", "many"],
            "bad_setting",
        ),
        (vec!["frobnicate"], "usage"),
    ];
    for (args, code) in cases {
        let mut all = vec!["--json"];
        all.extend(&args);
        let outcome = home.run(&all);
        assert_eq!(outcome.code, Some(2), "{args:?}: {outcome:?}");
        outcome.refused(2, code);
    }
    nothing_changed(&home);
}

#[test]
fn what_cannot_be_read_or_found_is_said() {
    let home = Home::new();
    let hello = home.file("hello.wat", programs::hello());
    let cases: Vec<(Vec<&str>, i32, &str)> = vec![
        (vec!["run", "no-such-file.wasm"], 6, "no_such_module"),
        (vec!["run", "sample:no_such"], 6, "no_such_module"),
        (
            vec!["run", "--stdin", "/no/such/file", &hello],
            1,
            "input_missing",
        ),
        (
            vec!["run", "--each-line", "/no/such/file", &hello],
            1,
            "input_missing",
        ),
        (
            vec!["run", "--in", "/no/such/file", &hello],
            1,
            "input_missing",
        ),
        (
            vec!["run", "--each-file", "/no/such/*", &hello],
            1,
            "input_missing",
        ),
        (vec!["run", "--stdin", "/", &hello], 1, "input_unreadable"),
        (
            vec!["run", "-o", "/no/such/folder/result", &hello],
            1,
            "output_unwritable",
        ),
        (vec!["job", "show", "last"], 6, "no_such_job"),
        (vec!["job", "show", "j_nothing"], 6, "no_such_job"),
        (vec!["machine", "show", "nobody"], 6, "no_such_machine"),
        (vec!["module", "inspect", "nothing"], 6, "no_such_module"),
        (vec!["module", "rm", "nothing"], 6, "no_such_module"),
        (vec!["run", "-d", &hello], 5, "no_node"),
        (vec!["job", "wait", "last"], 5, "no_node"),
    ];
    for (args, exit, code) in cases {
        let mut all = vec!["--json"];
        all.extend(&args);
        let outcome = home.run(&all);
        assert_eq!(outcome.code, Some(exit), "{args:?}: {outcome:?}");
        outcome.refused(exit, code);
    }
    nothing_changed(&home);
}

#[test]
fn a_malformed_settings_file_is_told_with_its_line_and_column() {
    let home = Home::new();
    let hello = home.file("hello.wat", programs::hello());
    for (text, place) in [
        ("[contribute]\ncores = \n", "2:"),
        ("[contribute]\ncolour = 1\n", "2:1"),
        ("[limits]\nmemory = \"lots\"\n", "2:10"),
    ] {
        home.file("data/config.toml", text);
        let outcome = home.run(&["--json", "run", &hello]);
        outcome.refused(1, "config_invalid");
        assert!(outcome.stderr.contains(place), "{text:?}: {outcome:?}");
    }
}

#[test]
fn an_error_is_one_line_and_a_hint() {
    let home = Home::new();
    let outcome = home.run(&["run", "no-such-file.wasm"]);
    let mut lines = outcome.stderr.lines();
    assert!(lines.next().unwrap().starts_with("error: "), "{outcome:?}");
    assert!(
        lines.next().is_none_or(|line| line.starts_with("hint: ")),
        "{outcome:?}"
    );
    assert_eq!(lines.next(), None, "{outcome:?}");
}
