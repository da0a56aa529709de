//! Measures what the store costs: `cargo xtask bench store`.
//!
//! `SKEP_BENCH_FOLDER` decides which disk is measured; what is made in it is
//! removed again. A bare fsync stands beside the commits, because most of a
//! lone commit is one.

use bytes::Bytes;
use serde_json::json;
use std::error::Error;
use std::fs::File;
use std::io::{Seek, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};
use store::{Options, Store, Write, lock};

/// Tasks in a chunk, which is one row of results.
const CHUNK: u32 = 64;
const RUNS: usize = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::var_os("SKEP_BENCH_FOLDER").map_or_else(std::env::temp_dir, Into::into);
    let mut figures = Vec::new();
    for _ in 0..RUNS {
        let dir = tempfile::tempdir_in(&folder)?;
        figures.push(measure(dir.path()).await?);
    }
    for (place, (name, unit, _)) in figures[0].iter().enumerate() {
        let mut values: Vec<f64> = figures.iter().map(|run| run[place].2).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (min, median, max) = (values[0], values[RUNS / 2], values[RUNS - 1]);
        let figure = json!({ "name": name, "unit": unit, "median": median, "min": min, "max": max, "runs": RUNS });
        println!("{figure}");
    }
    Ok(())
}

type Figure = (&'static str, &'static str, f64);

async fn measure(dir: &Path) -> Result<Vec<Figure>, Box<dyn Error>> {
    let mut figures = vec![bare_fsync(dir)?];
    let began = Instant::now();
    let store = Store::open(&lock(dir)?, Options::default()).await?;
    figures.push(("a new store", "ms", millis(began)));
    store.reader.close().await;
    store.writer.close().await?;
    let began = Instant::now();
    let mut store = Store::open(&lock(dir)?, Options::default()).await?;
    figures.push(("opening an empty store", "ms", millis(began)));

    let mut took = Vec::new();
    for n in 0..1000 {
        let began = Instant::now();
        store.writer.commit(&lone(n)).await?;
        took.push(began.elapsed());
        store.writer.maintain().await?;
    }
    took.sort_unstable();
    figures.push(("lone commit, p50", "µs", micros(took[500])));
    figures.push(("lone commit, p99", "µs", micros(took[990])));

    let sizes = [
        ("batches of 64 tasks", 1),
        ("batches of 1,024 tasks", 16),
        ("batches of 16,384 tasks", 256),
    ];
    for (no, (name, chunks)) in (2..).zip(sizes) {
        store.writer.commit(&[job(no)]).await?;
        let tasks = CHUNK * chunks * 100;
        let began = Instant::now();
        for batch in 0..100 {
            let rows: Vec<Write> = (0..chunks)
                .flat_map(|row| chunk(no, (batch * chunks + row) * CHUNK))
                .collect();
            store.writer.commit(&rows).await?;
            store.writer.maintain().await?;
        }
        figures.push((
            name,
            "tasks/s",
            f64::from(tasks) / began.elapsed().as_secs_f64(),
        ));
    }

    let began = Instant::now();
    let image = store.reader.restore().await?;
    let done: u32 = image
        .done
        .iter()
        .flat_map(|(_, ranges)| ranges)
        .map(|(_, count)| count)
        .sum();
    figures.push((
        "restore, per million tasks done",
        "ms",
        millis(began) * 1e6 / f64::from(done),
    ));

    let many: Vec<Bytes> = (0..64_u32)
        .map(|n| Bytes::from(n.to_le_bytes().repeat(256)))
        .collect();
    let began = Instant::now();
    for blob in &many {
        store.blobs.put(blob.slice(4..)).await?;
    }
    figures.push(("blob of 1 KiB, alone", "µs", millis(began) * 1e3 / 64.0));
    let began = Instant::now();
    store.blobs.put_many(many).await?;
    figures.push((
        "blob of 1 KiB, 64 together",
        "µs",
        millis(began) * 1e3 / 64.0,
    ));

    store.reader.close().await;
    store.writer.close().await?;
    let began = Instant::now();
    let store = Store::open(&lock(dir)?, Options::default()).await?;
    figures.push(("opening it with 1.7 million results", "ms", millis(began)));
    drop(store);
    Ok(figures)
}

/// What the disk needs for one page, overwritten in place as in the log.
fn bare_fsync(dir: &Path) -> Result<Figure, Box<dyn Error>> {
    let mut file = File::create(dir.join("bare"))?;
    let mut took = Vec::new();
    for _ in 0..200 {
        file.rewind()?;
        file.write_all(&[1; 4096])?;
        let began = Instant::now();
        file.sync_all()?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(("bare fsync of one page, p50", "µs", micros(took[100])))
}

/// What accepting a job of one task and leasing it writes.
fn lone(n: u32) -> [Write; 3] {
    let lease = Write::Lease {
        no: 1,
        first: n,
        count: 1,
        value: Bytes::from_static(&[2; 20]),
    };
    [
        Write::Meta {
            key: "moment",
            value: i64::from(n),
        },
        job(1),
        lease,
    ]
}

fn job(no: u32) -> Write {
    let state = Bytes::from_static(&[1; 40]);
    Write::Job {
        no,
        id: [1; 16],
        ended: false,
        spec: Some(state.clone()),
        state,
        wall_ms: 0,
    }
}

/// What one chunk writes: its lease goes, its results come, the next is leased.
fn chunk(no: u32, first: u32) -> [Write; 3] {
    let value = Bytes::from(vec![7; 16 * CHUNK as usize]);
    [
        Write::LeaseEnded { no, first },
        Write::Lease {
            no,
            first: first + CHUNK,
            count: CHUNK,
            value: Bytes::from_static(&[2; 20]),
        },
        Write::Result {
            no,
            first,
            count: CHUNK,
            value,
        },
    ]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn millis(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}
