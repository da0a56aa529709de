//! Looking around in a kernel's plane: plans, tiles as pictures, and views that
//! come and go while other work waits. Needs the module that
//! `cargo xtask kernels` builds; the test command does that first.

use crate::harness::{PATIENCE, Pool, client_id};
use crate::jobs::range;
use crate::programs;
use api::{ErrorCode, Event, JobState, Limits, ModuleRef, Reply, Request, Split, Submit};
use node::Then;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

fn mandelbrot() -> ModuleRef {
    ModuleRef::Name {
        name: "sample:mandelbrot".to_owned(),
    }
}

fn params(params: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    params.iter().map(owned).collect()
}

/// A view of the plane, which goes with whoever looks.
fn view(zoom: &str) -> Submit {
    Submit {
        on: Vec::new(),
        client_id: client_id(),
        module: mandelbrot(),
        module_name: "sample:mandelbrot".to_owned(),
        name: None,
        args: Vec::new(),
        env: BTreeMap::new(),
        invoke: None,
        params: params(&[
            ("width", "512"),
            ("height", "512"),
            ("zoom", zoom),
            ("centre_re", "-0.75"),
            ("centre_im", "0.1"),
            ("max_iterations", "2000"),
        ]),
        split: Split::Once,
        stdin: None,
        files: Vec::new(),
        fold: Some(api::Fold::None),
        limits: Limits::default(),
        priority: 10,
        timeout_ms: None,
        chunk: None,
        trial: false,
        transient: true,
        collect: false,
    }
}

async fn thumbnail(pool: &Pool, job: &str, index: u32) -> Vec<u8> {
    let request = Request::Thumbnail {
        job: job.to_owned(),
        index,
        pixels: 32,
    };
    let answer = pool.answer(request).await.unwrap();
    let Then::Bytes(mut pieces) = answer.then else {
        panic!("{:?}", answer.then)
    };
    let mut png = Vec::new();
    while let Some(piece) = pieces.recv().await {
        png.extend_from_slice(&piece.unwrap());
    }
    png
}

#[tokio::test]
async fn a_plan_counts_tiles_without_running_them() {
    let pool = Pool::new().await;
    let plan = |given: &[(&str, &str)]| Request::Plan {
        module: mandelbrot(),
        params: params(given),
    };
    let reply = pool
        .call(plan(&[("width", "1920"), ("height", "1080")]))
        .await
        .unwrap();
    assert_eq!(
        reply,
        Reply::Plan {
            tasks: 256,
            grid: Some((16, 16))
        }
    );
    let refused = pool.call(plan(&[("width", "0")])).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::BadParameter);
    let Reply::Jobs { jobs, .. } = pool
        .call(Request::Jobs {
            cursor: None,
            limit: 10,
        })
        .await
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(jobs, []);
}

#[tokio::test]
async fn tiles_and_the_whole_picture_have_thumbnails() {
    let pool = Pool::new().await;
    let submit = Submit {
        fold: None,
        transient: false,
        ..view("1")
    };
    let ran = pool.run(submit).await.done();
    assert!(ran.job.explores, "{:?}", ran.job);
    assert_eq!(ran.job.params["centre_re"], "-0.75");
    let total = ran.job.tasks.total;
    for index in [0, total] {
        let png = thumbnail(&pool, &ran.job.id, index).await;
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        // IHDR: width and height, big endian.
        let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        assert!(side(16) <= 32 && side(20) <= 32 && side(16).max(side(20)) == 32);
    }
}

#[tokio::test]
async fn a_view_comes_before_other_work_and_nothing_of_a_left_one_stays() {
    let pool = Pool::new().await;
    let mut other = pool.program(&programs::sleep()).await;
    other.args = ["40", "{index}"].map(str::to_owned).to_vec();
    other.split = range("0", "100000", "1");
    let other = pool.submit(other).await;
    // So that the kernel is compiled, as it is once somebody explores.
    pool.run(Submit {
        transient: false,
        ..view("1")
    })
    .await
    .done();

    for zoom in ["3", "7", "20"] {
        // A view that is left at once.
        let left = pool.submit(view("2")).await;
        let followed = pool.follow(&left).await;
        pool.call(Request::Cancel { job: left.clone() })
            .await
            .unwrap();
        drop(followed);

        let started = pool.job(&other).await.tasks.done;
        let job = pool.submit(view(zoom)).await;
        let mut followed = pool.follow(&job).await;
        let first = loop {
            let event = followed.next().await.expect("a first tile");
            if let Event::Results { first, .. } = event {
                break first;
            }
        };
        let meanwhile = pool.job(&other).await.tasks.done - started;
        // Both cores end the lease they have, and no other begins before it;
        // a busy machine tells of it late.
        assert!(meanwhile <= 100, "{meanwhile} other tasks ended first");
        assert_eq!(&thumbnail(&pool, &job, first).await[1..4], b"PNG");
        let ran = followed.end().await;
        assert_eq!(ran.job.state, JobState::Done);
        // Whoever saw it end can still read the last tiles.
        let (tiles, _) = pool.results(&job).await;
        assert_eq!(tiles.len(), ran.job.tasks.total as usize);
    }
    pool.call(Request::Cancel { job: other }).await.unwrap();

    // What was left at once is forgotten.
    let left = pool.submit(view("9")).await;
    let mut followed = pool.follow(&left).await;
    while !matches!(followed.next().await, Some(Event::Results { .. })) {}
    pool.call(Request::Cancel { job: left.clone() })
        .await
        .unwrap();
    followed.end().await;
    let began = Instant::now();
    let gone = async || {
        let job = Request::Job { job: left.clone() };
        pool.call(job)
            .await
            .is_err_and(|error| error.code == ErrorCode::NoSuchJob)
    };
    while !gone().await {
        assert!(began.elapsed() < PATIENCE, "a left view is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
