//! The kernels that ship with Skep. They need the modules that
//! `cargo xtask kernels` builds; the test command does that first.

use crate::harness::Home;

#[test]
fn mandelbrot_draws_one_picture() {
    let home = Home::new();
    let to = home.path("m.png");
    home.run(&[
        "run",
        "-o",
        to.to_str().unwrap(),
        "sample:mandelbrot",
        "--width",
        "320",
        "--height",
        "200",
        "--max-iterations",
        "100",
    ])
    .done();
    let bytes = std::fs::read(to).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    // IHDR: width and height, big endian.
    assert_eq!(&bytes[16..24], [0, 0, 1, 64, 0, 0, 0, 200]);
    let job = home.json(&["job", "show", "last"]);
    assert_eq!(job["state"], "done");
    assert_eq!(job["fold"]["state"], "done");
}

#[test]
fn word_count_counts_what_is_there() {
    let home = Home::new();
    let text = "the bee and the flower\nthe hive\n\nBee hive bee\n";
    let input = home.file("text.txt", text);
    let outcome = home
        .run(&[
            "run",
            "--each-line",
            &input,
            "sample:word_count",
            "--top",
            "3",
        ])
        .done();
    let said = outcome.text().to_lowercase();
    for (word, count) in [("the", 3), ("bee", 3), ("hive", 2)] {
        assert!(
            said.contains(word) && said.contains(&count.to_string()),
            "{said}"
        );
    }
    assert!(!said.contains("flower"), "only the first three: {said}");
}

#[test]
fn parameters_are_checked_before_anything_runs() {
    let home = Home::new();
    for (args, code) in [
        (vec!["--width", "0"], "bad_parameter"),
        (vec!["--width", "wide"], "bad_parameter"),
        (vec!["--params", r#"{"colour":"red"}"#], "unknown_parameter"),
        (vec!["--params", "{"], "usage"),
    ] {
        let mut all = vec!["--json", "run", "sample:mandelbrot"];
        all.extend(&args);
        home.run(&all).refused(2, code);
    }
    assert_eq!(
        home.json(&["job", "ls"])["jobs"].as_array().unwrap().len(),
        0
    );
}

#[test]
fn a_kernel_that_counts_for_itself_takes_no_split() {
    let home = Home::new();
    home.run(&["--json", "run", "--range", "0..3", "sample:mandelbrot"])
        .refused(2, "usage");
    home.run(&["--json", "run", "sample:word_count"])
        .refused(2, "usage");
}
