//! One program at a time on a data folder.

use crate::fixture::{close, commit, open, read_all};
use crate::kills::{given_folder, itself};
use std::fs;
use std::io::{BufRead, BufReader};
use store::{LockError, OpenError, Past, Store, lock};
use tempfile::tempdir;

#[test]
fn the_second_is_told_who_is_the_first() {
    if let Some(dir) = given_folder() {
        let _lock = lock(&dir).expect("lock");
        println!("said locked");
        std::thread::park();
    }
    let dir = tempdir().expect("tempdir");
    let mut first = itself("locks::the_second_is_told_who_is_the_first", dir.path());
    let mut first = first.spawn().expect("start");
    let out = BufReader::new(first.stdout.take().expect("piped"));
    out.lines()
        .map_while(Result::ok)
        .find(|line| line.contains("said locked"))
        .expect("it locks");
    let refused = lock(dir.path()).expect_err("it is held");
    let LockError::Held { pid, program } = &refused else {
        panic!("{refused}")
    };
    assert_eq!(*pid, Some(first.id()));
    assert!(
        program
            .as_ref()
            .is_some_and(|line| line.contains("the_second_is_told"))
    );
    assert!(
        refused.to_string().contains(&first.id().to_string()),
        "{refused}"
    );
    first.kill().expect("kill");
    first.wait().expect("wait");
    lock(dir.path()).expect("a killed holder holds nothing");
}

#[test]
fn a_lock_of_the_same_process_counts_too() {
    let dir = tempdir().expect("tempdir");
    let first = lock(dir.path()).expect("lock");
    let clone = first.clone();
    drop(first);
    assert!(matches!(lock(dir.path()), Err(LockError::Held { .. })));
    drop(clone);
    lock(dir.path()).expect("released");
}

#[test]
fn the_folder_is_made_and_is_private() {
    let dir = tempdir().expect("tempdir");
    let inner = dir.path().join("a/b");
    lock(&inner).expect("lock");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(inner.clone()), 0o700);
        assert_eq!(mode(inner.join("lock")), 0o600);
    }
    fs::write(dir.path().join("file"), "").expect("write");
    let refused = lock(&dir.path().join("file/below")).expect_err("a file is no folder");
    assert!(matches!(refused, LockError::Io { .. }), "{refused}");
}

#[tokio::test]
async fn reading_needs_no_lock_and_sees_what_was_committed() {
    let dir = tempdir().expect("tempdir");
    for missing in [dir.path().join("nothing"), dir.path().to_owned()] {
        let refused = Store::open_read_only(&missing)
            .await
            .expect_err("there is none");
        assert!(matches!(refused, OpenError::Missing { .. }), "{refused}");
        assert!(!missing.join("skep.db").exists(), "nothing is made");
    }
    let mut store = open(dir.path()).await;
    store.writer.commit(&commit(1)).await.expect("commit");
    let (reader, blobs) = Store::open_read_only(dir.path())
        .await
        .expect("beside the writer");
    assert_eq!(read_all(&reader).await.expect("read"), 1);
    store.writer.commit(&commit(2)).await.expect("commit");
    assert_eq!(read_all(&reader).await.expect("read"), 2);
    let digest = store
        .blobs
        .put(crate::fixture::bytes(1, 5))
        .await
        .expect("put");
    blobs.get(&digest).await.expect("get");
    reader.close().await;
    close(store).await;

    let (reader, _) = Store::open_read_only(dir.path())
        .await
        .expect("of a closed one");
    assert_eq!(read_all(&reader).await.expect("read"), 2);
    let mut store = open(dir.path()).await;
    assert_eq!(store.past, Past::Closed, "a reader is no harm");
    store.writer.commit(&commit(3)).await.expect("commit");
    assert_eq!(read_all(&reader).await.expect("read"), 3);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for name in ["skep.db", "skep.db-wal", "mark"] {
            let mode = fs::metadata(dir.path().join(name))
                .expect("there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
