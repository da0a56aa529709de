//! Many results become one.

use crate::harness::Home;
use crate::programs;

#[test]
fn sums_are_exact_and_survive_any_order() {
    let home = Home::new();
    let module = home.file("functions.wat", programs::functions());
    let outcome = home
        .run(&[
            "run", "--range", "0..20000", "--invoke", "square", "--fold", "sum", &module,
        ])
        .done();
    let expected: i128 = (0..20_000i128).map(|i| i * i).sum();
    assert_eq!(outcome.text().trim_end(), expected.to_string());
}

#[test]
fn concat_puts_bytes_in_index_order_with_nothing_between() {
    let home = Home::new();
    let module = home.file("echo.wat", programs::echo());
    let lines: Vec<String> = (0..500).map(|i| format!("<{i}>")).collect();
    let input = home.file("lines.txt", lines.join("\n"));
    let to = home.path("all");
    home.run(&[
        "run",
        "--each-line",
        &input,
        "--fold",
        "concat",
        "-o",
        to.to_str().unwrap(),
        &module,
    ])
    .done();
    assert_eq!(std::fs::read_to_string(to).unwrap(), lines.concat());
}

#[test]
fn a_fold_that_cannot_be_fails_the_job_and_keeps_the_results() {
    let home = Home::new();
    let module = home.file("echo.wat", programs::echo());
    let input = home.file("lines.txt", "1\nnot a number\n3\n");
    for fold in ["sum", "json"] {
        let outcome = home.run(&["run", "--each-line", &input, "--fold", fold, &module]);
        assert_eq!(outcome.code, Some(3), "{outcome:?}");
        let job = home.json(&["job", "show", "last"]);
        assert_eq!(job["state"], "failed");
        assert_eq!(job["tasks"]["done"], 3);
        let results = home.json(&["job", "results", "last"]);
        assert_eq!(results["folded"]["state"], "failed", "{results}");
        assert_eq!(results["results"][2]["text"], "3");
    }
}
