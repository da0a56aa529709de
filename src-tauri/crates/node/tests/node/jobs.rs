//! Jobs of every split, from submit to result.

use crate::harness::Pool;
use crate::programs;
use api::{BytesOf, Fold, InputFile, JobState, Reply, Request, Split, TaskState};

#[tokio::test]
async fn a_program_prints_its_result() {
    let pool = Pool::new().await;
    let submit = pool.program(&programs::hello()).await;
    let ran = pool.run(submit).await.done();
    assert_eq!(ran.stdout, b"hello\n");
    let (results, folded) = pool.results(&ran.job.id).await;
    assert_eq!((results.len(), folded), (1, None));
    assert_eq!(results[0].text.as_deref(), Some("hello\n"));
    assert_eq!(
        (results[0].exit_code, results[0].state, results[0].attempt),
        (Some(0), TaskState::Done, 1)
    );
    let hash = blake3::hash(b"hello\n").to_hex().to_string();
    assert_eq!(results[0].hash.as_deref(), Some(&*hash));
}

#[tokio::test]
async fn arguments_and_environment_know_their_task() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::arguments()).await;
    submit.args = ["{index}", "of {count}", "{item}", "{{item}}"]
        .map(str::to_owned)
        .to_vec();
    submit.split = range("10", "16", "2");
    let ran = pool.run(submit).await.done();
    let texts = pool.texts(&ran.job.id).await;
    assert_eq!(texts[2], "program.wasm\n2\nof 3\n14\n{item}\n");

    let mut submit = pool.program(&programs::environment()).await;
    submit.env.insert("GREETING".to_owned(), "hi".to_owned());
    submit.split = range("-1", "1", "1");
    let ran = pool.run(submit).await.done();
    let mut lines: Vec<String> = pool.texts(&ran.job.id).await[0]
        .lines()
        .map(str::to_owned)
        .collect();
    lines.sort();
    let job = format!("SKEP_JOB_ID={}", ran.job.id);
    let expected = [
        "GREETING=hi",
        "SKEP_ATTEMPT=1",
        "SKEP_ITEM=-1",
        &job,
        "SKEP_TASK_COUNT=2",
        "SKEP_TASK_INDEX=0",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn lines_items_and_files_are_the_tasks_input() {
    let pool = Pool::new().await;
    let echo = programs::echo();
    let long = "x".repeat(100_000);
    let lines = format!("one\r\n\n{long}\nfour");
    let mut submit = pool.program(&echo).await;
    submit.split = Split::Lines {
        blob: pool.upload(lines).await,
        per_task: 1,
    };
    let ran = pool.run(submit).await.done();
    let (results, _) = pool.results(&ran.job.id).await;
    assert_eq!(results.len(), 4);
    assert_eq!(results[0].text.as_deref(), Some("one"));
    assert_eq!(results[1].text.as_deref(), Some(""));
    assert_eq!(
        (results[2].text.as_deref(), results[2].bytes),
        (None, 100_000)
    );
    assert_eq!(
        pool.read(&ran.job.id, 2, BytesOf::Result).await.unwrap(),
        long.as_bytes()
    );

    let mut submit = pool.program(&echo).await;
    submit.split = Split::Items {
        blob: pool.upload(r#"[ {"a": 1}, "b", 3 ]"#).await,
    };
    let ran = pool.run(submit).await.done();
    assert_eq!(
        pool.texts(&ran.job.id).await,
        [r#"{"a": 1}"#, r#""b""#, "3"]
    );
    let Reply::Tasks { tasks, .. } = pool
        .call(Request::Tasks {
            job: ran.job.id,
            from: 0,
            limit: 10,
        })
        .await
        .unwrap()
    else {
        panic!()
    };
    let items: Vec<_> = tasks.into_iter().map(|task| task.item.unwrap()).collect();
    assert_eq!(items, [r#"{"a": 1}"#, "b", "3"]);

    let mut submit = pool.program(&echo).await;
    let files = [("a.txt", "alpha"), ("b.txt", "")];
    let mut split = Vec::new();
    for (name, bytes) in files {
        split.push(InputFile {
            name: name.to_owned(),
            blob: pool.upload(bytes).await,
        });
    }
    submit.split = Split::Files { files: split };
    let ran = pool.run(submit).await.done();
    assert_eq!(pool.texts(&ran.job.id).await, ["alpha", ""]);
}

#[tokio::test]
async fn no_input_is_a_job_of_no_tasks_and_done() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::echo()).await;
    submit.split = Split::Lines {
        blob: pool.upload("").await,
        per_task: 1,
    };
    let ran = pool.run(submit).await.done();
    assert_eq!(ran.job.tasks.total, 0);
}

#[tokio::test]
async fn functions_are_mapped_over_ranges_and_items_and_summed() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::functions()).await;
    submit.invoke = Some("square".to_owned());
    submit.split = range("0", "20000", "1");
    submit.fold = Some(Fold::Sum);
    let ran = pool.run(submit).await.done();
    let expected: i128 = (0..20_000i128).map(|i| i * i).sum();
    let (results, folded) = pool.results(&ran.job.id).await;
    assert_eq!(results.len(), 20_000);
    assert!(
        results
            .iter()
            .enumerate()
            .all(|(at, entry)| entry.index as usize == at)
    );
    assert_eq!(results[19_999].text.as_deref(), Some("399960001\n"));
    assert_eq!(folded.unwrap().text, Some(expected.to_string()));

    let mut submit = pool.program(&programs::functions()).await;
    submit.invoke = Some("scale".to_owned());
    submit.args = vec!["2.5".to_owned()];
    submit.split = Split::Items {
        blob: pool.upload("[1, 2, -4]").await,
    };
    let ran = pool.run(submit).await.done();
    assert_eq!(pool.texts(&ran.job.id).await, ["2.5\n", "5\n", "-10\n"]);

    let mut submit = pool.program(&programs::functions()).await;
    submit.invoke = Some("both".to_owned());
    submit.args = vec!["21".to_owned()];
    let ran = pool.run(submit).await.done();
    assert_eq!(pool.texts(&ran.job.id).await, ["21 42\n"]);
}

#[tokio::test]
async fn bytes_functions_map_bytes() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::bytes()).await;
    submit.split = Split::Lines {
        blob: pool.upload("HAL\nabc").await,
        per_task: 1,
    };
    let ran = pool.run(submit).await.done();
    assert_eq!(pool.texts(&ran.job.id).await, ["IBM", "bcd"]);
}

#[tokio::test]
async fn files_go_in_and_come_out() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::copy_file("data.bin")).await;
    let bytes: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    submit.files = vec![InputFile {
        name: "data.bin".to_owned(),
        blob: pool.upload(bytes.clone()).await,
    }];
    submit.collect = true;
    let ran = pool.run(submit).await.done();
    let (results, _) = pool.results(&ran.job.id).await;
    assert_eq!(results[0].files, [("copy".to_owned(), 200_000)]);
    let file = BytesOf::File {
        name: "copy".to_owned(),
    };
    assert_eq!(pool.read(&ran.job.id, 0, file).await.unwrap(), bytes);
    let missing = BytesOf::File {
        name: "../copy".to_owned(),
    };
    assert_eq!(
        pool.read(&ran.job.id, 0, missing).await.unwrap_err().code,
        api::ErrorCode::NoResult
    );
}

#[tokio::test]
async fn a_failure_says_why_and_leaves_the_others_alone() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::functions()).await;
    submit.invoke = Some("divide".to_owned());
    submit.split = range("-2", "3", "1");
    let ran = pool.run(submit).await;
    assert_eq!(ran.job.state, JobState::Failed);
    assert_eq!((ran.job.tasks.done, ran.job.tasks.failed), (4, 1));
    let (index, failure) = ran.job.first_failure.unwrap();
    assert_eq!((index, &*failure.kind), (2, "trap"));
    let (results, _) = pool.results(&ran.job.id).await;
    assert_eq!(results[2].state, TaskState::Failed);
    assert_eq!(results[4].text.as_deref(), Some("50\n"));

    let submit = pool.program(&programs::trap()).await;
    let ran = pool.run(submit).await;
    assert_eq!(ran.stderr, b"about to fail\n");
    let Reply::Task(task) = pool
        .call(Request::Task {
            job: "last".to_owned(),
            index: 0,
        })
        .await
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(task.log_tail, ["about to fail"]);
    assert_eq!(task.failure.unwrap().kind, "trap");

    let mut submit = pool.program(&programs::exit()).await;
    submit.args = vec!["42".to_owned()];
    let ran = pool.run(submit).await;
    assert_eq!(ran.job.first_failure.unwrap().1.exit_code, Some(42));
}

#[tokio::test]
async fn a_task_that_never_ends_is_stopped_and_its_neighbours_are_done() {
    let pool = Pool::new().await;
    let mut spin = pool.program(&programs::spin()).await;
    spin.limits.task_timeout_ms = Some(300);
    let spin = pool.submit(spin).await;
    let mut echo = pool.program(&programs::echo()).await;
    echo.split = Split::Lines {
        blob: pool.upload("a\nb\nc").await,
        per_task: 1,
    };
    let echo = pool.run(echo).await.done();
    assert_eq!(pool.texts(&echo.job.id).await, ["a", "b", "c"]);
    let ran = pool.follow(&spin).await.end().await;
    assert_eq!(ran.job.first_failure.unwrap().1.kind, "deadline_exceeded");
}

#[tokio::test]
async fn a_job_that_is_cancelled_stops_and_can_be_reopened() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::sleep()).await;
    submit.args = ["600000", "{index}"].map(str::to_owned).to_vec();
    submit.split = range("0", "4", "1");
    let job = pool.submit(submit).await;
    let mut followed = pool.follow(&job).await;
    followed.next().await;
    pool.call(Request::Cancel { job: job.clone() })
        .await
        .unwrap();
    let ran = followed.end().await;
    assert_eq!(ran.job.state, JobState::Cancelled);
    assert_eq!(ran.job.cancelled_by.as_deref(), Some("person"));
    assert_eq!(ran.job.tasks.cancelled, 4);
    // The slots are free again.
    let hello = pool.program(&programs::hello()).await;
    pool.run(hello).await.done();
    let changes = api::LimitChanges {
        task_timeout_ms: Some(200),
        ..api::LimitChanges::default()
    };
    pool.call(Request::Retry {
        job: job.clone(),
        changes,
    })
    .await
    .unwrap();
    let ran = pool.follow(&job).await.end().await;
    assert_eq!((ran.job.state, ran.job.tasks.failed), (JobState::Failed, 4));
    pool.call(Request::RemoveJob { job: job.clone() })
        .await
        .unwrap();
    let gone = pool.call(Request::Job { job }).await.unwrap_err();
    assert_eq!(gone.code, api::ErrorCode::NoSuchJob);
}

#[tokio::test]
async fn what_was_accepted_survives_a_restart() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::echo()).await;
    let lines: Vec<String> = (0..5_000).map(|n| format!("line {n}")).collect();
    submit.split = Split::Lines {
        blob: pool.upload(lines.join("\n")).await,
        per_task: 1,
    };
    submit.fold = Some(Fold::Concat);
    let job = pool.submit(submit).await;
    let pool = pool.restart().await;
    let ran = pool.follow(&job).await.end().await.done();
    assert_eq!(ran.job.tasks.done, 5_000);
    assert_eq!(pool.texts(&job).await, lines);
    let folded = pool.read(&job, 5_000, BytesOf::Result).await.unwrap();
    assert_eq!(folded, lines.concat().into_bytes());
    let pool = pool.restart().await;
    assert_eq!(pool.job(&job[..12]).await.state, JobState::Done);
}

pub(crate) fn range(start: &str, end: &str, step: &str) -> Split {
    Split::Range {
        start: start.to_owned(),
        end: end.to_owned(),
        step: step.to_owned(),
    }
}
