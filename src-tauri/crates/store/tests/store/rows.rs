//! What is committed is what is read, and later changes win.

use crate::fixture::open;
use bytes::Bytes;
use store::{CommitError, Past, Write};

const ID: [u8; 16] = [3; 16];

fn job(no: u32, ended: bool, spec: Option<&'static str>, state: &'static str) -> Write {
    let spec = spec.map(|spec| Bytes::from(spec.as_bytes()));
    Write::Job {
        no,
        id: ID,
        ended,
        spec,
        state: Bytes::from(state),
        wall_ms: -5,
    }
}

fn result(no: u32, first: u32, count: u32, value: impl Into<Bytes>) -> Write {
    Write::Result {
        no,
        first,
        count,
        value: value.into(),
    }
}

#[tokio::test]
async fn everything_that_was_committed_is_there_after_opening_again() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut store = open(dir.path()).await;
    assert_eq!(store.past, Past::New);
    let value = Bytes::from_static(b"v");
    let batch = [
        Write::Meta {
            key: "term",
            value: i64::MIN,
        },
        Write::Meta {
            key: "moment",
            value: i64::MAX,
        },
        job(1, false, Some("spec one"), "running"),
        job(2, true, Some(""), ""),
        Write::Lease {
            no: 1,
            first: 64,
            count: 64,
            value: value.clone(),
        },
        Write::History {
            no: 1,
            first: 5,
            count: 1,
            value: Bytes::new(),
        },
        result(1, 0, 64, vec![7; 9000]),
        result(1, u32::MAX, 1, "the fold"),
        result(2, 0, 1, ""),
        Write::Blob {
            digest: [9; 32],
            refs: 2,
        },
        Write::Name {
            name: "it's \"a\" näme".to_owned(),
            digest: Some([9; 32]),
            bytes: 12,
            wall_ms: 77,
        },
        Write::Machine {
            id: ID,
            value: Some(value.clone()),
        },
        Write::Registry {
            key: [3; 17],
            value: Some(value.clone()),
        },
        Write::Registry {
            key: [2; 17],
            value: Some(Bytes::from_static(b"a person")),
        },
    ];
    store.writer.commit(&batch).await.expect("commit");
    assert!(store.writer.commit_micros() > 0);
    let before = store.reader.restore().await.expect("restore");
    store.reader.close().await;
    store.writer.close().await.expect("close");

    let store = open(dir.path()).await;
    assert_eq!(store.past, Past::Closed);
    let image = store.reader.restore().await.expect("restore");
    assert_eq!(image, before);
    assert_eq!(
        image.meta,
        [
            ("moment".to_owned(), i64::MAX),
            ("term".to_owned(), i64::MIN)
        ]
    );
    assert_eq!(image.jobs.len(), 2);
    assert_eq!(
        (
            image.jobs[0].no,
            &image.jobs[0].spec[..],
            &image.jobs[0].state[..]
        ),
        (1, &b"spec one"[..], &b"running"[..])
    );
    assert_eq!(
        (image.jobs[1].ended, image.jobs[1].wall_ms, image.jobs[1].id),
        (true, -5, ID)
    );
    assert_eq!(
        (
            image.leases[0].no,
            image.leases[0].first,
            image.leases[0].count
        ),
        (1, 64, 64)
    );
    assert_eq!(
        (image.histories[0].first, image.histories[0].value.len()),
        (5, 0)
    );
    assert_eq!(
        image.done,
        [(1, vec![(0, 64), (u32::MAX, 1)])],
        "of the job that has not ended"
    );
    assert_eq!(image.blobs, [([9; 32], 2)]);
    assert_eq!(image.machines, [(ID, value.clone())]);
    let person = Bytes::from_static(b"a person");
    assert_eq!(image.registry, [([2; 17], person), ([3; 17], value)]);
    let name = store
        .reader
        .name("it's \"a\" näme")
        .await
        .expect("name")
        .expect("is there");
    assert_eq!((name.digest, name.bytes, name.wall_ms), ([9; 32], 12, 77));
    let fold = store
        .reader
        .result_of(1, u32::MAX)
        .await
        .expect("result")
        .expect("is there");
    assert_eq!(&fold.value[..], b"the fold");
}

#[tokio::test]
async fn later_changes_of_a_batch_win_and_what_goes_is_gone() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut store = open(dir.path()).await;
    let lease = |first, value: &'static str| Write::Lease {
        no: 1,
        first,
        count: 1,
        value: Bytes::from(value),
    };
    let first = [
        job(1, false, Some("spec"), "queued"),
        job(1, false, None, "running"),
        lease(0, "a"),
        lease(1, "b"),
        result(1, 7, 1, "failed"),
        Write::Blob {
            digest: [1; 32],
            refs: 1,
        },
        Write::Name {
            name: "n".to_owned(),
            digest: Some([1; 32]),
            bytes: 1,
            wall_ms: 0,
        },
        Write::Machine {
            id: ID,
            value: Some(Bytes::new()),
        },
        Write::Registry {
            key: [4; 17],
            value: Some(Bytes::new()),
        },
        Write::Registry {
            key: [5; 17],
            value: Some(Bytes::from_static(b"before")),
        },
        job(2, false, Some("other"), "queued"),
        result(2, 0, 1, "other"),
    ];
    store.writer.commit(&first).await.expect("commit");
    let second = [
        lease(2, "c"),
        Write::LeaseEnded { no: 1, first: 2 },
        Write::LeaseEnded { no: 1, first: 0 },
        Write::LeaseEnded { no: 1, first: 1 },
        lease(1, "b again"),
        Write::ResultForgotten { no: 1, first: 7 },
        result(1, 7, 1, "done"),
        Write::Blob {
            digest: [1; 32],
            refs: 0,
        },
        Write::Name {
            name: "n".to_owned(),
            digest: None,
            bytes: 0,
            wall_ms: 0,
        },
        Write::Machine {
            id: ID,
            value: None,
        },
        Write::Registry {
            key: [4; 17],
            value: None,
        },
        Write::Registry {
            key: [5; 17],
            value: Some(Bytes::from_static(b"after")),
        },
        Write::Lease {
            no: 2,
            first: 0,
            count: 1,
            value: Bytes::new(),
        },
        Write::Forget { no: 2 },
    ];
    store.writer.commit(&second).await.expect("commit");
    let image = store.reader.restore().await.expect("restore");
    assert_eq!(image.jobs.len(), 1);
    assert_eq!(
        (&image.jobs[0].spec[..], &image.jobs[0].state[..]),
        (&b"spec"[..], &b"running"[..]),
        "the spec was kept"
    );
    assert_eq!(image.leases.len(), 1);
    assert_eq!(
        (image.leases[0].first, &image.leases[0].value[..]),
        (1, &b"b again"[..])
    );
    assert!(image.blobs.is_empty() && image.machines.is_empty());
    let after = Bytes::from_static(b"after");
    assert_eq!(image.registry, [([5; 17], after)]);
    assert_eq!(store.reader.names().await.expect("names"), []);
    assert_eq!(
        &store
            .reader
            .result_of(1, 7)
            .await
            .expect("result")
            .expect("there")
            .value[..],
        b"done"
    );
    assert_eq!(store.reader.result_of(2, 0).await.expect("result"), None);
    assert_eq!(store.reader.job(2).await.expect("job"), None);
}

#[tokio::test]
async fn a_result_is_never_overwritten() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut store = open(dir.path()).await;
    store
        .writer
        .commit(&[result(1, 0, 1, "first")])
        .await
        .expect("commit");
    let again = store
        .writer
        .commit(&[
            result(1, 0, 1, "second"),
            Write::Meta {
                key: "term",
                value: 1,
            },
        ])
        .await;
    assert!(matches!(again, Err(CommitError::Fatal(_))), "{again:?}");
    let later = store
        .writer
        .commit(&[Write::Meta {
            key: "term",
            value: 2,
        }])
        .await;
    assert!(
        matches!(later, Err(CommitError::Fatal(_))),
        "an unknown outcome stays one"
    );
    assert_eq!(
        &store
            .reader
            .result_of(1, 0)
            .await
            .expect("result")
            .expect("there")
            .value[..],
        b"first"
    );
    assert_eq!(
        store.reader.restore().await.expect("restore").meta,
        [],
        "nothing of the batch"
    );
}

#[tokio::test]
async fn a_batch_that_holds_a_result_twice_writes_nothing() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut store = open(dir.path()).await;
    let twice = store
        .writer
        .commit(&[result(1, 0, 1, "a"), result(1, 0, 1, "b")])
        .await;
    assert!(matches!(twice, Err(CommitError::Fatal(_))), "{twice:?}");
    assert_eq!(store.reader.result_of(1, 0).await.expect("result"), None);
}

#[tokio::test]
async fn results_come_in_pages_from_any_task_on() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut store = open(dir.path()).await;
    // Tasks 0..10, 10..20, …, but 30..40 is missing; rows of another job on both sides.
    let mut batch: Vec<Write> = [0, 10, 20, 40, 50]
        .iter()
        .map(|first| result(5, *first, 10, vec![1; 100]))
        .collect();
    batch.extend([result(4, 90, 10, "before"), result(6, 0, 10, "after")]);
    store.writer.commit(&batch).await.expect("commit");
    let page = async |from, rows, bytes| -> Vec<u32> {
        let rows = store
            .reader
            .results(5, from, rows, bytes)
            .await
            .expect("results");
        rows.iter().map(|row| row.first).collect()
    };
    assert_eq!(page(0, 100, 1 << 20).await, [0, 10, 20, 40, 50]);
    assert_eq!(
        page(15, 100, 1 << 20).await,
        [10, 20, 40, 50],
        "the row that covers it first"
    );
    assert_eq!(
        page(35, 100, 1 << 20).await,
        [40, 50],
        "the row before ends before it"
    );
    assert_eq!(page(35, 1, 0).await, [40]);
    assert_eq!(page(15, 2, 1 << 20).await, [10, 20]);
    assert_eq!(page(0, 100, 0).await, [0], "at least one");
    assert_eq!(
        page(0, 100, 250).await,
        [0, 10, 20],
        "until the bytes are reached"
    );
    assert_eq!(page(60, 100, 1 << 20).await, [0; 0]);
    for (index, first) in [
        (0, Some(0)),
        (9, Some(0)),
        (10, Some(10)),
        (35, None),
        (59, Some(50)),
        (60, None),
    ] {
        let row = store.reader.result_of(5, index).await.expect("result");
        assert_eq!(row.map(|row| row.first), first, "task {index}");
    }
}
