//! What a machine gives, and how it takes it back without losing a task.

use crate::harness::Pool;
use crate::jobs::range;
use crate::programs;
use api::{Contribution, ErrorCode, JobState, MachineState, PauseUntil, Reply, Request};
use std::time::Duration;

/// What each task counts to, in millions, or sleeps, in milliseconds: a tenth of
/// a second and more, far less than a pause here.
const EFFORT: &str = "300";
const TASKS: u32 = 30;

async fn ask(pool: &Pool, request: Request) -> Contribution {
    match pool.call(request).await.unwrap() {
        Reply::Contribution(contribution) => contribution,
        other => panic!("{other:?}"),
    }
}

async fn pause(pool: &Pool, until: PauseUntil) -> Contribution {
    ask(pool, Request::Pause { until }).await
}

async fn set(pool: &Pool, key: &str, value: &str) -> Result<Reply, api::Error> {
    pool.call(Request::SetConfig {
        key: key.to_owned(),
        value: Some(value.to_owned()),
    })
    .await
}

/// A job of tasks that take their time, some of which have ended.
async fn long_job(pool: &Pool, program: &str) -> String {
    let mut submit = pool.program(program).await;
    submit.args = vec![EFFORT.to_owned(), "{index}".to_owned()];
    submit.split = range("0", &TASKS.to_string(), "1");
    submit.chunk = Some(1);
    let job = pool.submit(submit).await;
    while pool.job(&job).await.tasks.done < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    job
}

#[tokio::test]
async fn a_pause_stops_what_computes_and_costs_no_task_anything() {
    a_pause_costs_nothing(&programs::count()).await;
}

#[tokio::test]
async fn a_pause_stops_what_sleeps_and_costs_no_task_anything() {
    a_pause_costs_nothing(&programs::sleep()).await;
}

async fn stops(pool: &Pool, job: &str) -> Vec<api::Stop> {
    let request = Request::Spans {
        job: job.to_owned(),
        from: None,
        limit: 1,
    };
    match pool.call(request).await.unwrap() {
        Reply::Spans { stops, .. } => stops,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_pause_that_lets_what_runs_end_begins_nothing_new() {
    let pool = Pool::new().await;
    let job = long_job(&pool, &programs::sleep()).await;
    let asked = pause(&pool, PauseUntil::Finished).await;
    assert!(asked.on && asked.paused && asked.cores > 0);
    assert_eq!(
        (asked.state, asked.reason.as_str()),
        (MachineState::Draining, "Finishing what runs, then pausing")
    );
    let paused = loop {
        let contribution = ask(&pool, Request::Contribution).await;
        if contribution.state != MachineState::Draining {
            break contribution;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(paused.reason, "Paused: until you resume it");
    let rested = pool.job(&job).await.tasks;
    assert_eq!(
        (rested.running, rested.failed),
        (0, 0),
        "all that ran ended"
    );
    assert!(rested.done >= 2 && rested.done < TASKS);
}

async fn a_pause_costs_nothing(program: &str) {
    let pool = Pool::new().await;
    let job = long_job(&pool, program).await;
    let paused = pause(&pool, PauseUntil::Resumed).await;
    assert_eq!(paused.state, MachineState::Paused);
    assert_eq!(paused.reason, "Paused: until you resume it");
    assert!(paused.on && paused.paused && paused.cores == 0);
    assert_eq!(paused.paused_until_ms, None);
    let stands = paused.rules.iter().filter(|rule| !rule.met);
    assert_eq!(
        stands.map(|rule| rule.name.as_str()).collect::<Vec<_>>(),
        ["Pause"]
    );

    tokio::time::sleep(Duration::from_secs(1)).await;
    let stopped = pool.job(&job).await.tasks;
    // Every task that had begun would have ended by now.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(pool.job(&job).await.tasks, stopped);
    assert!(stopped.done < TASKS);
    let Reply::Machines { machines } = pool.call(Request::Machines).await.unwrap() else {
        panic!()
    };
    assert_eq!(machines[0].reason, paused.reason);
    assert_eq!(machines[0].state, MachineState::Paused);

    // A timeline names the reason afterwards too.
    let resumed = ask(&pool, Request::Resume).await;
    let stops = stops(&pool, &job).await;
    let [stop] = stops.as_slice() else {
        panic!("{stops:?}")
    };
    assert_eq!(
        (&stop.machine, &stop.reason),
        (&machines[0].id, &paused.reason)
    );
    assert!(stop.to_ms.unwrap() - stop.from_ms >= 2_900, "{stop:?}");
    assert!(!resumed.paused && resumed.cores == 2, "{resumed:?}");
    let ran = pool.follow(&job).await.end().await.done();
    assert_eq!(ran.job.state, JobState::Done);
    let expected: Vec<String> = (0..TASKS).map(|i| format!("{i}\n")).collect();
    assert_eq!(pool.texts(&job).await, expected);
    let request = Request::Tasks {
        job,
        from: 0,
        limit: TASKS,
    };
    let Reply::Tasks { tasks, .. } = pool.call(request).await.unwrap() else {
        panic!()
    };
    for task in tasks {
        assert_eq!(
            (task.failures, task.losses, task.elsewhere),
            (0, 0, 0),
            "{task:?}"
        );
    }
}

#[tokio::test]
async fn outside_its_hours_a_machine_stops_and_goes_on_when_they_begin() {
    let pool = Pool::new().await;
    let job = long_job(&pool, &programs::count()).await;
    // One hour of the week, half a day from now.
    let now = jiff::Zoned::now();
    let closed = now.checked_add(jiff::Span::new().hours(12)).unwrap();
    let day = closed.strftime("%a").to_string().to_lowercase();
    let hours = format!("{day} {}-{}", closed.hour(), closed.hour() + 1);
    set(&pool, "contribute.schedule", &hours).await.unwrap();
    let shut = ask(&pool, Request::Contribution).await;
    assert_eq!(shut.state, MachineState::Paused);
    let opens = format!("{:02}:00", closed.hour());
    assert!(
        shut.reason.starts_with("Paused: outside its hours until"),
        "{shut:?}"
    );
    assert!(shut.reason.ends_with(&opens), "{shut:?}");
    set(&pool, "contribute.schedule", "always").await.unwrap();
    let open = ask(&pool, Request::Contribution).await;
    assert_eq!(open.cores, 2);
    pool.follow(&job).await.end().await.done();
}

#[tokio::test]
async fn a_pause_survives_the_node_and_ends_by_itself() {
    let pool = Pool::new().await;
    let paused = pause(&pool, PauseUntil::For { ms: 3_600_000 }).await;
    let pool = pool.restart().await;
    let again = ask(&pool, Request::Contribution).await;
    assert_eq!(again.paused_until_ms, paused.paused_until_ms);
    assert_eq!(again.reason, paused.reason);
    assert_eq!(again.state, MachineState::Paused);
    pause(&pool, PauseUntil::For { ms: 1500 }).await;
    let job = pool.program(&programs::hello()).await;
    let ran = pool.run(job).await.done();
    assert_eq!(ran.job.state, JobState::Done);
    let over = ask(&pool, Request::Contribution).await;
    assert!(
        !over.paused && over.state != MachineState::Paused,
        "{over:?}"
    );
    for ms in [0, u64::MAX] {
        let until = PauseUntil::For { ms };
        let refused = pool.call(Request::Pause { until }).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Usage);
    }
}

#[tokio::test]
async fn settings_that_could_never_work_are_refused_and_change_nothing() {
    let pool = Pool::new().await;
    for (key, value) in [
        ("contribute.cores", "4000"),
        ("contribute.schedule", "never"),
        ("contribute.schedule", "mon 9-9"),
        ("contribute.temperature_limit_c", "30"),
        ("contribute.other_load_percent", "100"),
        ("contribute.when_in_use", "sometimes"),
        ("contribute.idle_minutes", "0"),
    ] {
        let refused = set(&pool, key, value).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::BadSetting, "{key} {value}");
    }
    set(&pool, "limits.memory", "4GiB").await.ok();
    let tiny = set(&pool, "contribute.memory_share", "5%").await;
    let total = match pool.call(Request::Machines).await.unwrap() {
        Reply::Machines { machines } => machines[0].memory.total,
        other => panic!("{other:?}"),
    };
    assert_eq!(tiny.is_err(), total / 20 < 4 << 30, "{tiny:?}");
    let now = ask(&pool, Request::Contribution).await;
    assert_eq!((now.cores, now.state), (2, MachineState::Ready));
}
