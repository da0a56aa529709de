//! One job cut into tasks: ranges, lines, items and files.

use crate::harness::Home;
use crate::programs;

#[test]
fn a_function_over_a_range_gives_its_values_in_order() {
    let home = Home::new();
    let module = home.file("functions.wat", programs::functions());
    let outcome = home
        .run(&["run", "--range", "0..5000", "--invoke", "square", &module])
        .done();
    let expected: String = (0..5000i64).map(|i| format!("{}\n", i * i)).collect();
    assert!(outcome.text() == expected, "{} bytes", outcome.stdout.len());
    let outcome = home
        .run(&[
            "map",
            "--range",
            "10..-11..-5",
            "--invoke",
            "square",
            &module,
        ])
        .done();
    assert_eq!(outcome.text(), "100\n25\n0\n25\n100\n");
}

#[test]
fn a_program_over_a_range_knows_its_place_and_its_value() {
    let home = Home::new();
    let module = home.file("arguments.wat", programs::arguments());
    let outcome = home
        .run(&[
            "run",
            "--range",
            "5..20..5",
            &module,
            "{index}/{count}",
            "{item}",
        ])
        .done();
    assert_eq!(
        outcome.text(),
        "arguments.wat\n0/3\n5\narguments.wat\n1/3\n10\narguments.wat\n2/3\n15\n"
    );
}

#[test]
fn a_sweep_makes_a_task_of_each_combination() {
    let home = Home::new();
    let arguments = home.file("arguments.wat", programs::arguments());
    let swept = ["--param", "size=1..3", "--param", "shape=round,flat"];
    let out = home.path("out");
    let pattern = format!("{}/{{shape}}-{{size}}.txt", out.display());
    let mut args = vec!["map"];
    args.extend(swept);
    args.extend(["-o", &pattern, &arguments, "{index}/{count} {shape} {size}"]);
    home.run(&args).done();
    let combinations = ["1 round", "1 flat", "2 round", "2 flat"];
    for (index, combination) in combinations.iter().enumerate() {
        let (size, shape) = combination.split_once(' ').unwrap();
        let text = std::fs::read_to_string(out.join(format!("{shape}-{size}.txt"))).unwrap();
        assert_eq!(text, format!("arguments.wat\n{index}/4 {shape} {size}\n"));
    }
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 4);
    let task = home.json(&["task", "show", "last", "1"]);
    let expected = serde_json::json!([
        { "name": "size", "value": "1" }, { "name": "shape", "value": "flat" }
    ]);
    assert_eq!(task["parameters"], expected, "{task}");
    // The results are written by the names of their parameters later, too.
    std::fs::remove_dir_all(&out).unwrap();
    home.run(&["job", "results", "last", "-o", &pattern]).done();
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 4);
    let command = home.json(&["job", "show", "last"])["command"].clone();
    let command = command.as_str().unwrap();
    assert!(
        command.contains("--param size=1,2 --param shape=round,flat"),
        "{command}"
    );

    let environment = home.file("environment.wat", programs::environment());
    let mut args = vec!["map"];
    args.extend(swept);
    args.push(&environment);
    let outcome = home.run(&args).done();
    let named = |line: &&str| line.starts_with("SKEP_PARAM_");
    let variables: Vec<&str> = outcome.text().lines().filter(named).collect();
    let expected: Vec<String> = combinations
        .iter()
        .flat_map(|combination| {
            let (size, shape) = combination.split_once(' ').unwrap();
            [
                format!("SKEP_PARAM_SIZE={size}"),
                format!("SKEP_PARAM_SHAPE={shape}"),
            ]
        })
        .collect();
    assert_eq!(variables, expected);
}

#[test]
fn several_lines_can_be_one_task() {
    let home = Home::new();
    let echo = home.file("echo.wat", programs::echo());
    let input = home.file("five.txt", "1\n2\n3\n4\n5\n");
    let out = home.path("out");
    let pattern = format!("{}/{{index}}.txt", out.display());
    home.run(&[
        "map",
        "--each-line",
        &input,
        "--lines-per-task",
        "2",
        "-o",
        &pattern,
        &echo,
    ])
    .done();
    let read = |index: u32| std::fs::read_to_string(out.join(format!("{index}.txt"))).unwrap();
    assert_eq!([read(0), read(1), read(2)], ["1\n2", "3\n4", "5"]);
    let lone = home.run(&["map", "--lines-per-task", "2", &echo]);
    assert_eq!(lone.code, Some(2), "{lone:?}");
}

#[test]
fn each_line_is_a_task_empty_ones_too() {
    let home = Home::new();
    let module = home.file("echo.wat", programs::echo());
    let out = home.path("out");
    for (text, expected) in [
        ("a\nb\n", vec!["a", "b"]),
        ("a\r\n\r\nlast", vec!["a", "", "last"]),
        ("\n\n", vec!["", ""]),
    ] {
        let input = home.file("lines.txt", text);
        let _ = std::fs::remove_dir_all(&out);
        home.run(&[
            "run",
            "--each-line",
            &input,
            "-o",
            &format!("{}/{{index}}.txt", out.display()),
            &module,
        ])
        .done();
        for (index, line) in expected.iter().enumerate() {
            assert_eq!(
                std::fs::read_to_string(out.join(format!("{index}.txt"))).unwrap(),
                *line,
                "{text:?} {index}"
            );
        }
        assert_eq!(
            std::fs::read_dir(&out).unwrap().count(),
            expected.len(),
            "{text:?}"
        );
    }
}

#[test]
fn no_lines_make_a_job_of_no_tasks() {
    let home = Home::new();
    let module = home.file("echo.wat", programs::echo());
    let input = home.file("empty.txt", "");
    let outcome = home.run(&["run", "--each-line", &input, &module]).done();
    assert_eq!(outcome.text(), "");
    assert_eq!(home.json(&["job", "show", "last"])["state"], "done");
}

#[test]
fn lines_come_from_standard_input_too() {
    let home = Home::new();
    let module = home.file("arguments.wat", programs::arguments());
    let mut command = home.skep(&["run", "--each-line", "-", &module, "{line}"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(
        &mut child.stdin.take().unwrap(),
        "grüße\nworld\n".as_bytes(),
    )
    .unwrap();
    let outcome = crate::harness::finish(child).done();
    assert_eq!(
        outcome.text(),
        "arguments.wat\ngrüße\narguments.wat\nworld\n"
    );
}

#[test]
fn each_item_of_an_array_is_a_task() {
    let home = Home::new();
    let module = home.file("echo.wat", programs::echo());
    let input = home.file("items.json", r#"[1, "two", {"three": [3]}, null, 4.50]"#);
    let outcome = home
        .run(&["run", "--items", &input, "--fold", "json", &module])
        .done();
    let value: serde_json::Value = serde_json::from_slice(&outcome.stdout).unwrap();
    assert_eq!(
        value,
        serde_json::json!([1, "two", {"three": [3]}, null, 4.5])
    );
}

#[test]
fn each_file_is_a_task_and_lies_in_its_place() {
    let home = Home::new();
    let module = home.file("echo.wat", programs::echo());
    for name in ["b.txt", "a.txt", "c.md"] {
        home.file(&format!("tiles/{name}"), format!("this is {name}"));
    }
    let glob = format!("{}/*.txt", home.path("tiles").display());
    let out = home.path("out");
    home.run(&[
        "map",
        "--each-file",
        &glob,
        "-o",
        &format!("{}/{{stem}}.out", out.display()),
        &module,
    ])
    .done();
    assert_eq!(
        std::fs::read_to_string(out.join("a.out")).unwrap(),
        "this is a.txt"
    );
    assert_eq!(
        std::fs::read_to_string(out.join("b.out")).unwrap(),
        "this is b.txt"
    );
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2);

    let module = home.file("arguments.wat", programs::arguments());
    let outcome = home
        .run(&["map", "--each-file", &glob, &module, "{file}"])
        .done();
    assert_eq!(
        outcome.text(),
        "arguments.wat\n/in/a.txt\narguments.wat\n/in/b.txt\n"
    );
}

#[test]
fn many_results_go_to_a_folder() {
    let home = Home::new();
    let module = home.file("functions.wat", programs::functions());
    let out = home.path("out");
    std::fs::create_dir(&out).unwrap();
    home.run(&[
        "run",
        "--range",
        "0..30",
        "--invoke",
        "square",
        "-o",
        out.to_str().unwrap(),
        &module,
    ])
    .done();
    for i in 0..30 {
        assert_eq!(
            std::fs::read_to_string(out.join(format!("{i}.out")))
                .unwrap()
                .trim_end(),
            (i * i).to_string()
        );
    }
}

#[test]
fn a_failed_task_keeps_the_others_results() {
    let home = Home::new();
    let module = home.file("functions.wat", programs::functions());
    let outcome = home.run(&["run", "--range", "0..5", "--invoke", "divide", &module]);
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    let results = home.json(&["job", "results", "last"]);
    let entries = results["results"].as_array().unwrap();
    assert_eq!(entries.len(), 5);
    assert_eq!(entries[0]["state"], "failed");
    for (i, entry) in entries.iter().enumerate().skip(1) {
        assert_eq!(
            entry["text"].as_str().unwrap().trim_end(),
            (100 / i).to_string()
        );
    }
}
