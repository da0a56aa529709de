//! The log stays short, and a writer knows when it must stop.

use crate::fixture::{bytes, close, commit, open, read_all, try_open};
use std::fs;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use store::{CommitError, OpenError, Past, Write, limits};
use tempfile::tempdir;

#[tokio::test]
async fn the_log_is_copied_while_it_grows_and_cut_when_nothing_comes() {
    let dir = tempdir().expect("tempdir");
    let mut store = open(dir.path()).await;
    let log = || {
        fs::metadata(dir.path().join("skep.db-wal"))
            .expect("log")
            .len()
    };
    let megabyte = |first| Write::Result {
        no: 1,
        first,
        count: 1,
        value: bytes(1, 1 << 20),
    };
    for first in 0..30 {
        store
            .writer
            .commit(&[megabyte(first)])
            .await
            .expect("commit");
        store.writer.maintain().await.expect("maintain");
    }
    assert!(
        log() < 10 << 20,
        "copied at 1,000 pages, then begun again: {}",
        log()
    );
    for first in 30..60 {
        store
            .writer
            .commit(&[megabyte(first)])
            .await
            .expect("commit");
    }
    assert!(log() > limits::IDLE_LOG_BYTES, "nobody looked after it");
    tokio::time::sleep(limits::IDLE).await;
    store.writer.maintain().await.expect("maintain");
    assert_eq!(log(), 0);
    let rows = store
        .reader
        .results(1, 0, 100, u64::MAX)
        .await
        .expect("results");
    assert_eq!(rows.len(), 60);
}

#[tokio::test]
async fn many_small_commits_do_not_grow_the_log_for_ever() {
    let dir = tempdir().expect("tempdir");
    let mut store = open(dir.path()).await;
    for n in 1..=400 {
        store.writer.commit(&commit(n)).await.expect("commit");
        store.writer.maintain().await.expect("maintain");
    }
    let log = fs::metadata(dir.path().join("skep.db-wal"))
        .expect("log")
        .len();
    assert!(log < 10 << 20, "{log}");
    assert_eq!(read_all(&store.reader).await.expect("read"), 400);
}

#[tokio::test]
async fn a_commit_that_was_given_up_is_fatal() {
    let dir = tempdir().expect("tempdir");
    let mut store = open(dir.path()).await;
    {
        let batch = commit(1);
        let mut given_up = pin!(store.writer.commit(&batch));
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(
            given_up.as_mut().poll(&mut context),
            Poll::Pending
        ));
    }
    let refused = store
        .writer
        .commit(&commit(1))
        .await
        .expect_err("the outcome is not known");
    assert!(matches!(refused, CommitError::Fatal(_)), "{refused}");
    let maintained = store.writer.maintain().await;
    assert!(
        matches!(maintained, Err(CommitError::Fatal(_))),
        "{maintained:?}"
    );
}

#[tokio::test]
async fn a_data_folder_that_is_taken_away_ends_it() {
    for taken in ["skep.db", "."] {
        let dir = tempdir().expect("tempdir");
        let data = dir.path().join("data");
        let mut store = open(&data).await;
        store.writer.commit(&commit(1)).await.expect("commit");
        let away = dir.path().join("away");
        fs::rename(data.join(taken).canonicalize().expect("there"), &away).expect("move");
        let refused = store
            .writer
            .commit(&commit(2))
            .await
            .expect_err("nobody would find it");
        assert!(matches!(refused, CommitError::Fatal(_)), "{refused}");
        assert!(!data.join("skep.db").exists(), "nothing new is made");
    }
}

#[tokio::test]
async fn a_store_that_was_dropped_is_no_worse_than_a_closed_one() {
    let dir = tempdir().expect("tempdir");
    let mut store = open(dir.path()).await;
    store.writer.commit(&commit(1)).await.expect("commit");
    drop(store);
    let store = open(dir.path()).await;
    assert_eq!(store.past, Past::Closed);
    assert_eq!(read_all(&store.reader).await.expect("read"), 1);
    close(store).await;
}

#[tokio::test]
async fn a_database_that_was_replaced_while_open_is_not_written() {
    let dir = tempdir().expect("tempdir");
    let mut store = open(dir.path()).await;
    let database = dir.path().join("skep.db");
    fs::rename(&database, dir.path().join("old")).expect("move");
    fs::write(&database, "").expect("write");
    let refused = store
        .writer
        .commit(&commit(1))
        .await
        .expect_err("another file");
    assert!(matches!(refused, CommitError::Fatal(_)), "{refused}");
    drop(store);
    let refused = try_open(dir.path()).await.expect_err("it is empty");
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
}
