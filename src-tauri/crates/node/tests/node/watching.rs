//! What those who watch the pool see: changes, timelines, samples, thumbnails.

use crate::harness::{PATIENCE, Pool, folders};
use crate::jobs::range;
use crate::programs;
use api::{
    CellRun, Changes, ErrorCode, Event, JobState, JobView, MachineView, ModuleKind, ModuleRef,
    Reply, Request, Sample, SampleSpan, Span, Status, TaskState,
};
use node::Then;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// One who watches, and the picture that came of what was told.
struct Watched {
    events: mpsc::Receiver<Event>,
    jobs: HashMap<String, JobView>,
    machines: HashMap<String, MachineView>,
    cells: BTreeMap<u32, (TaskState, bool)>,
    spans: HashMap<(u32, u32, i64), Span>,
    status: Option<Status>,
    told: u32,
}

impl Watched {
    async fn begin(pool: &Pool, job: Option<&str>) -> Watched {
        let job = job.map(str::to_owned);
        let answer = pool.answer(Request::Watch { job }).await.unwrap();
        assert_eq!(answer.reply, Reply::Following);
        let Then::Events(events, _) = answer.then else {
            panic!("{:?}", answer.then)
        };
        let mut watched = Watched {
            events,
            jobs: HashMap::new(),
            machines: HashMap::new(),
            cells: BTreeMap::new(),
            spans: HashMap::new(),
            status: None,
            told: 0,
        };
        let first = watched.next().await;
        assert!(first.whole, "{first:?}");
        watched
    }

    async fn next(&mut self) -> Changes {
        let event = timeout(crate::harness::PATIENCE, self.events.recv());
        let Event::Changed(changes) = event.await.unwrap().expect("the watch goes on") else {
            panic!("an event of something else");
        };
        self.told += 1;
        for job in &changes.jobs {
            self.jobs.insert(job.id.clone(), job.clone());
        }
        for job in &changes.gone {
            self.jobs.remove(job);
        }
        for machine in &changes.machines {
            self.machines.insert(machine.id.clone(), machine.clone());
        }
        for CellRun {
            first,
            count,
            state,
            retried,
        } in changes.cells.clone()
        {
            self.cells
                .extend((first..first + count).map(|index| (index, (state, retried))));
        }
        for span in &changes.spans {
            self.spans
                .insert((span.index, span.attempt, span.started_ms), span.clone());
        }
        if let Some(status) = &changes.status {
            self.status = Some((**status).clone());
        }
        *changes
    }

    async fn until(&mut self, enough: impl Fn(&Watched) -> bool) {
        let begun = Instant::now();
        while !enough(self) {
            assert!(begun.elapsed() < PATIENCE, "what is waited for never comes");
            self.next().await;
        }
    }

    fn is_done(&self, job: &str) -> bool {
        self.jobs
            .get(job)
            .is_some_and(|job| job.state == JobState::Done)
    }
}

async fn sleepers(pool: &Pool, tasks: u32, millis: u32) -> String {
    let mut submit = pool.program(&programs::sleep()).await;
    submit.args = [millis.to_string(), "{index}".to_owned()].to_vec();
    submit.split = range("0", &tasks.to_string(), "1");
    pool.submit(submit).await
}

#[tokio::test]
async fn who_watches_a_job_sees_every_cell_and_every_span_of_it() {
    let pool = Pool::new().await;
    let job = sleepers(&pool, 12, 150).await;
    let mut watched = Watched::begin(&pool, Some(&job)).await;
    assert_eq!(watched.cells.len(), 12);
    assert_eq!(watched.machines.len(), 1);
    let mut saw_running = false;
    while !watched.is_done(&job) {
        watched.next().await;
        saw_running |= watched
            .cells
            .values()
            .any(|cell| *cell == (TaskState::Running, false));
    }
    assert!(saw_running);
    let done = |watched: &Watched| {
        watched
            .spans
            .values()
            .filter(|span| span.state == TaskState::Done)
            .map(|span| span.count)
            .sum::<u32>()
    };
    watched.until(|watched| done(watched) == 12).await;
    assert!(
        watched
            .cells
            .values()
            .all(|cell| *cell == (TaskState::Done, false)),
        "{:?}",
        watched.cells
    );
    let view = &watched.jobs[&job];
    assert!(view.task_ms.unwrap() >= 150.0, "{view:?}");
    assert_eq!(view.alone_ms, None, "no other machine helped");
    assert_eq!((view.eta_ms, view.per_second), (None, None), "it has ended");

    let mut spans: Vec<&Span> = watched.spans.values().collect();
    spans.sort_by_key(|span| (span.core, span.started_ms));
    for span in &spans {
        assert!(span.core < 2 && span.attempt == 1, "{span:?}");
        assert!(watched.machines.contains_key(&span.machine), "{span:?}");
        assert!(span.ended_ms.unwrap() - span.started_ms >= 100, "{span:?}");
    }
    for pair in spans.windows(2).filter(|pair| pair[0].core == pair[1].core) {
        // A start is told from a clock that was read a moment later.
        assert!(
            pair[0].ended_ms.unwrap() <= pair[1].started_ms + 50,
            "{pair:?}"
        );
    }

    let request = Request::Spans {
        job: job.clone(),
        from: None,
        limit: 5,
    };
    let Reply::Spans {
        spans,
        next,
        dropped,
        stops,
    } = pool.call(request).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((spans.len(), dropped), (5, 0));
    assert_eq!(stops, [], "it worked all the time");
    let request = Request::Spans {
        job: job.clone(),
        from: next,
        limit: 1000,
    };
    let Reply::Spans { spans, next, .. } = pool.call(request).await.unwrap() else {
        panic!()
    };
    assert_eq!((spans.len(), next), (7, None));

    // Another node does not know when they ran, and says so.
    let pool = pool.restart().await;
    let request = Request::Spans {
        job,
        from: None,
        limit: 10,
    };
    let reply = pool.call(request).await.unwrap();
    assert_eq!(
        reply,
        Reply::Spans {
            spans: Vec::new(),
            stops: Vec::new(),
            next: None,
            dropped: 12
        }
    );
}

#[tokio::test]
async fn a_large_job_is_told_in_few_words() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::functions()).await;
    submit.invoke = Some("square".to_owned());
    submit.split = range("0", "200000", "1");
    let began = Instant::now();
    let job = pool.submit(submit).await;
    let mut watched = Watched::begin(&pool, Some(&job)).await;
    watched.until(|watched| watched.is_done(&job)).await;
    // One at the beginning, and one that was on its way.
    let most = began.elapsed().as_millis() / 250 + 2;
    assert!(u128::from(watched.told) <= most, "{} events", watched.told);
    assert_eq!(watched.cells.len(), 200_000);
    assert!(
        watched
            .cells
            .values()
            .all(|cell| *cell == (TaskState::Done, false))
    );
}

#[tokio::test]
async fn a_quiet_pool_says_no_more_than_how_its_machines_are() {
    let pool = Pool::new().await;
    let job = sleepers(&pool, 2, 1).await;
    pool.follow(&job).await.end().await.done();
    let mut watched = Watched::begin(&pool, Some(&job)).await;
    assert!(watched.is_done(&job));
    let status = watched.status.take().unwrap();
    assert_eq!((status.tasks_queued, status.tasks_running), (0, 0));
    // The machine may still be on its way back to ready.
    tokio::time::sleep(Duration::from_millis(500)).await;
    while watched.events.try_recv().is_ok() {}
    let until = Instant::now() + Duration::from_secs(3);
    let mut told = 0;
    while let Ok(Some(event)) = timeout(until - Instant::now(), watched.events.recv()).await {
        let Event::Changed(changes) = event else {
            panic!("{event:?}")
        };
        told += 1;
        let rest = Changes {
            machines: Vec::new(),
            contribution: None,
            ..*changes
        };
        assert_eq!(rest, Changes::default());
        if Instant::now() >= until {
            break;
        }
    }
    assert!(told <= 4, "{told} events in three seconds");
}

#[tokio::test]
async fn a_retried_task_is_marked_and_a_forgotten_job_goes() {
    let pool = Pool::new().await;
    let mut submit = pool.program(&programs::exit()).await;
    submit.args = vec!["{index}".to_owned()];
    submit.split = range("0", "3", "1");
    submit.limits.retries = Some(1);
    let job = pool.submit(submit).await;
    let mut watched = Watched::begin(&pool, Some(&job)).await;
    watched
        .until(|watched| watched.jobs[&job].state == JobState::Failed)
        .await;
    let cells: Vec<_> = watched.cells.values().copied().collect();
    assert_eq!(
        cells,
        [
            (TaskState::Done, false),
            (TaskState::Failed, true),
            (TaskState::Failed, true)
        ]
    );
    let attempts = |watched: &Watched| {
        let mut attempts: Vec<_> = watched
            .spans
            .values()
            .filter(|span| span.state == TaskState::Failed)
            // Short ones that follow each other on a core are one span.
            .flat_map(|span| {
                let last = span.index + span.count;
                (span.index..last).map(|index| (index, span.attempt))
            })
            .collect();
        attempts.sort_unstable();
        attempts
    };
    watched.until(|watched| attempts(watched).len() == 4).await;
    assert_eq!(attempts(&watched), [(1, 1), (1, 2), (2, 1), (2, 2)]);

    let mut others = Watched::begin(&pool, None).await;
    assert!(others.jobs.contains_key(&job) && others.cells.is_empty());
    pool.call(Request::RemoveJob { job: job.clone() })
        .await
        .unwrap();
    watched
        .until(|watched| !watched.jobs.contains_key(&job))
        .await;
    others.until(|others| !others.jobs.contains_key(&job)).await;
}

#[tokio::test]
async fn a_running_job_says_how_fast_it_is_and_how_long_it_takes() {
    let pool = Pool::new().await;
    let job = sleepers(&pool, 400, 20).await;
    let mut watched = Watched::begin(&pool, None).await;
    watched
        .until(|watched| watched.jobs[&job].eta_ms.is_some())
        .await;
    let view = &watched.jobs[&job];
    let rest = f64::from(view.tasks.queued + view.tasks.running);
    let eta = view.eta_ms.unwrap() as f64 / 1000.0;
    let per_second = f64::from(view.per_second.unwrap());
    assert!(per_second > 0.0 && per_second <= 100.0, "{view:?}");
    assert!(
        (eta * per_second - rest).abs() <= 1.0 + rest / 100.0,
        "{view:?}"
    );
    pool.call(Request::Cancel { job }).await.unwrap();
}

#[tokio::test]
async fn modules_that_were_run_are_listed_with_what_is_known_of_them() {
    let pool = Pool::new().await;
    for _ in 0..2 {
        let submit = pool.program(&programs::hello()).await;
        pool.run(submit).await.done();
    }
    let list = async || match pool.call(Request::Modules).await.unwrap() {
        Reply::Modules { modules } => modules,
        other => panic!("{other:?}"),
    };
    let modules = list().await;
    let run = modules
        .iter()
        .find(|module| module.origin == "run")
        .expect("what was run");
    assert_eq!((&*run.name, run.runs), ("program.wasm", 2));
    assert_eq!(run.kind, Some(ModuleKind::Wasi01Command));
    assert!(run.task_ms.is_some() && run.last_run_ms.is_some() && run.bytes > 0);
    let push = Request::PushModule {
        name: "greeter".to_owned(),
        blob: run.hash.clone(),
    };
    pool.call(push).await.unwrap();
    let modules = list().await;
    assert!(modules.iter().all(|module| module.origin != "run"));
    let pushed = modules.iter().find(|module| module.name == "greeter");
    assert_eq!(pushed.unwrap().runs, 2);
}

#[tokio::test]
async fn samples_and_the_tasks_of_today_survive_a_restart() {
    let pool = Pool::new().await;
    let job = sleepers(&pool, 10, 20).await;
    pool.follow(&job).await.end().await.done();
    let machine = async |pool: &Pool| match pool.call(Request::Machines).await.unwrap() {
        Reply::Machines { mut machines } => machines.pop().unwrap(),
        other => panic!("{other:?}"),
    };
    let before = machine(&pool).await;
    assert_eq!(before.tasks_today, 10);
    assert!(!before.core_loads.is_empty());
    // The last sample is taken as the node ends.
    let pool = pool.restart().await;
    assert!(folders(pool.dir.path()).data.join("samples").exists());
    let samples = async |span| {
        let request = Request::Samples {
            machine: before.name.clone(),
            span,
        };
        match pool.call(request).await.unwrap() {
            Reply::Samples { every_ms, samples } => (every_ms, samples),
            other => panic!("{other:?}"),
        }
    };
    let tasks = |samples: &[Sample]| samples.iter().map(|sample| sample.tasks).sum::<u32>();
    let begun = Instant::now();
    let (every, day) = loop {
        let (every, day) = samples(SampleSpan::Day).await;
        // The node that was stopped may still be writing it.
        if tasks(&day) == 10 || begun.elapsed() > crate::harness::PATIENCE {
            break (every, day);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((every, tasks(&day)), (60_000, 10));
    assert!(day.iter().any(|sample| sample.cores_working > 0.0));
    let (every, month) = samples(SampleSpan::Month).await;
    assert_eq!((every, tasks(&month)), (3_600_000, 10));
    let request = Request::Samples {
        machine: "nobody".to_owned(),
        span: SampleSpan::Day,
    };
    let refused = pool.call(request).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NoSuchMachine);
}

#[tokio::test]
async fn what_is_no_picture_has_no_thumbnail_and_no_kernel_no_plan() {
    let pool = Pool::new().await;
    let submit = pool.program(&programs::hello()).await;
    let module = submit.module.clone();
    let job = pool.run(submit).await.done().job.id;
    let thumbnail = |index, pixels| Request::Thumbnail {
        job: job.clone(),
        index,
        pixels,
    };
    let refused = async |request| pool.call(request).await.unwrap_err().code;
    assert_eq!(refused(thumbnail(0, 96)).await, ErrorCode::NotAnImage);
    assert_eq!(refused(thumbnail(0, 0)).await, ErrorCode::Usage);
    assert_eq!(refused(thumbnail(0, 5_000)).await, ErrorCode::Usage);
    assert_eq!(refused(thumbnail(7, 96)).await, ErrorCode::NoSuchTask);
    let plan = |module, params| Request::Plan { module, params };
    assert_eq!(
        refused(plan(module.clone(), BTreeMap::new())).await,
        ErrorCode::PlanRefused
    );
    let params = BTreeMap::from([("width".to_owned(), "3".to_owned())]);
    assert_eq!(
        refused(plan(module, params)).await,
        ErrorCode::UnknownParameter
    );
    let nothing = ModuleRef::Name {
        name: "nothing".to_owned(),
    };
    assert_eq!(
        refused(plan(nothing, BTreeMap::new())).await,
        ErrorCode::NoSuchModule
    );
}
