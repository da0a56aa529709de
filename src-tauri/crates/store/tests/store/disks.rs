//! Disks that are full, too small, or not to be written.
//!
//! A small disk is a tmpfs in a mount namespace of its own, in which the test
//! starts itself again. Where the system allows no such namespace, a limit on
//! the size of files stands in for it: the errors are others, what must hold
//! is the same.

use crate::fixture::{bytes, close, commit, open, read_all, try_open};
use crate::kills::{given_folder, itself};
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use store::{
    BackupError, CommitError, LockError, OpenError, Options, Past, PutError, Store, Write, lock,
};
use tempfile::tempdir;

/// How this system gives us a disk of our own, if it does.
fn namespace() -> Option<Command> {
    let tries: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    tries.into_iter().find_map(|flags| {
        let mut unshare = Command::new("unshare");
        unshare.args(flags).arg("--");
        let mut probe = Command::new("unshare");
        probe
            .args(flags)
            .args(["--", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
        let works = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
        works
            .is_ok_and(|status| status.success())
            .then_some(unshare)
    })
}

/// Runs `test` again on a disk of 24 MiB.
fn on_a_small_disk(test: &str) {
    match namespace() {
        Some(shell) => again_on(shell, "mount -t tmpfs -o size=24m tmpfs \"$1\"", test),
        None => println!("no mount namespace here: a limit on files stands for a small disk"),
    }
}

/// Runs `test` again after `script` has prepared its folder, `$1`. Whatever it
/// asserts is asserted here.
fn again_on(mut shell: Command, script: &str, test: &str) {
    let dir = tempdir().expect("tempdir");
    let itself = itself(test, dir.path());
    let script = format!("{script}; shift; exec \"$@\"");
    shell.args(["sh", "-ec", &script, "sh"]).arg(dir.path());
    shell.arg(itself.get_program()).args(itself.get_args());
    for (name, value) in itself.get_envs() {
        shell.env(name, value.expect("set"));
    }
    let done = shell.output().expect("start");
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Takes the space of a disk, down to its last pages.
struct Filler {
    path: PathBuf,
}

impl Filler {
    /// Leaves `pages` pages free.
    fn leave(dir: &Path, pages: usize) -> Filler {
        let path = dir.join("filler");
        let mut file = File::create(&path).expect("filler");
        let mut written = 0;
        for size in [1 << 20, 4096] {
            loop {
                match file.write_all(&vec![1; size]) {
                    Ok(()) => written += size as u64,
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
            file.set_len(written).expect("cut");
            std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).expect("seek");
        }
        file.set_len(written - 4096 * pages as u64).expect("cut");
        Filler { path }
    }

    fn go(self) {
        fs::remove_file(self.path).expect("remove");
    }
}

#[tokio::test]
async fn a_full_disk_holds_and_goes_on() {
    let test = "disks::a_full_disk_holds_and_goes_on";
    let Some(dir) = given_folder() else {
        return on_a_small_disk(test);
    };
    let mut last = 0;
    let mut refused = 0;
    for pages in 0..60 {
        let mut store = open(&dir).await;
        assert_eq!(read_all(&store.reader).await.expect("read"), last);
        // Begins a new log, which has to grow, and fills it until nothing goes.
        let filler = Filler::leave(&dir, pages);
        loop {
            match store.writer.commit(&commit(last + 1)).await {
                Ok(()) => last += 1,
                Err(CommitError::Full) => break,
                Err(fatal) => panic!("{pages} pages: {fatal}"),
            }
        }
        for _ in 0..3 {
            let again = store.writer.commit(&commit(last + 1)).await;
            assert!(matches!(again, Err(CommitError::Full)), "{again:?}");
            refused += 1;
        }
        assert_eq!(
            read_all(&store.reader).await.expect("reads go on"),
            last,
            "{pages} pages"
        );
        let put = store.blobs.put(bytes(1, 1_000_000)).await;
        assert!(matches!(put, Err(PutError::Full)), "{put:?}");
        let many = (0..20).map(|n| bytes(n, 100_000)).collect();
        let put = store.blobs.put_many(many).await;
        assert!(matches!(put, Err(PutError::Full)), "{put:?}");
        let backup = store.reader.back_up_now().await;
        assert!(matches!(backup, Err(BackupError::Full)), "{backup:?}");
        let left = fs::read_dir(dir.join("blobs/tmp")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "nothing half written is left");
        filler.go();
        store
            .writer
            .commit(&commit(last + 1))
            .await
            .expect("the same batch, now");
        last += 1;
        assert_eq!(read_all(&store.reader).await.expect("read"), last);
        close(store).await;
        if last > 250 {
            // So that the small disk is not full of what it should be.
            for file in fs::read_dir(&dir).expect("folder") {
                let path = file.expect("entry").path();
                let removed = if path.is_dir() {
                    fs::remove_dir_all(path)
                } else {
                    fs::remove_file(path)
                };
                removed.expect("remove");
            }
            last = 0;
        }
    }
    println!("{refused} commits refused");
}

#[tokio::test]
async fn a_checkpoint_on_a_full_disk_waits() {
    let test = "disks::a_checkpoint_on_a_full_disk_waits";
    let Some(dir) = given_folder() else {
        return on_a_small_disk(test);
    };
    let mut store = open(&dir).await;
    for first in 0..9 {
        let value = bytes(u64::from(first), 1 << 20);
        let row = Write::Result {
            no: 1,
            first,
            count: 1,
            value,
        };
        store
            .writer
            .commit(&[row])
            .await
            .expect("there is space for the log");
    }
    let filler = Filler::leave(&dir, 0);
    for _ in 0..3 {
        let held = store.writer.maintain().await;
        assert!(
            matches!(held, Err(CommitError::Full)),
            "the database cannot grow: {held:?}"
        );
    }
    let rows = store
        .reader
        .results(1, 0, 100, u64::MAX)
        .await
        .expect("reads go on");
    assert_eq!(rows.len(), 9);
    filler.go();
    store.writer.maintain().await.expect("there is space again");
    store.writer.commit(&commit(1)).await.expect("commit");
    close(store).await;
    let store = open(&dir).await;
    assert_eq!(store.past, Past::Closed);
    assert_eq!(
        store
            .reader
            .results(1, 0, 100, u64::MAX)
            .await
            .expect("read"),
        rows
    );
}

#[tokio::test]
async fn a_store_is_not_opened_on_a_full_disk_and_is_on_one_with_space() {
    let test = "disks::a_store_is_not_opened_on_a_full_disk_and_is_on_one_with_space";
    let Some(dir) = given_folder() else {
        return on_a_small_disk(test);
    };
    let mut refused = 0;
    // At any point of making it.
    for pages in (0..3000).step_by(150) {
        let filler = Filler::leave(&dir, pages + 1);
        match lock(&dir) {
            Ok(lock) => match Store::open(&lock, Options::default()).await {
                Err(OpenError::Full) => refused += 1,
                other => assert!(pages > 2400, "{pages} pages: {other:?}"),
            },
            Err(error) => assert!(matches!(error, LockError::Io { .. }), "{error}"),
        }
        filler.go();
        let mut store = open(&dir).await;
        assert!(matches!(
            store.past,
            Past::New | Past::Closed | Past::Killed
        ));
        store.writer.commit(&commit(1)).await.expect("commit");
        close(store).await;
        for file in ["skep.db", "mark"] {
            fs::remove_file(dir.join(file)).expect("remove");
        }
    }
    println!("{refused} times too full to make one");
    assert!(refused > 5, "the disk was full at several points");
    // And one that is there already.
    close(open(&dir).await).await;
    let filler = Filler::leave(&dir, 0);
    let refused = try_open(&dir).await.expect_err("no room for its log");
    assert!(matches!(refused, OpenError::Full), "{refused}");
    filler.go();
    assert_eq!(open(&dir).await.past, Past::Closed);
}

#[tokio::test]
async fn a_limit_on_files_ends_the_writer_and_loses_nothing() {
    let test = "disks::a_limit_on_files_ends_the_writer_and_loses_nothing";
    let Some(dir) = given_folder() else {
        let mut shell = Command::new("env");
        shell.arg("--");
        // In units of 1,024 bytes (or 512): the log of a new store needs 5 MB.
        return again_on(shell, "trap '' XFSZ; ulimit -f 12000", test);
    };
    let mut last = 0;
    let mut store = open(&dir).await;
    let outcome = loop {
        // Nobody copies the log, so it grows up to the limit.
        match store.writer.commit(&commit(last + 1)).await {
            Ok(()) => last += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(outcome, CommitError::Full | CommitError::Fatal(_)),
        "{outcome}"
    );
    assert_eq!(read_all(&store.reader).await.expect("reads go on"), last);
    let put = store.blobs.put(bytes(1, 20_000_000)).await;
    assert!(matches!(put, Err(PutError::Full)), "{put:?}");
    drop(store);
    let store = open(&dir).await;
    let there = read_all(&store.reader).await.expect("sound");
    assert!(
        (last..=last + 1).contains(&there),
        "{last} acknowledged, {there} there"
    );
}

#[tokio::test]
async fn a_read_only_folder_is_said_and_left_alone() {
    let test = "disks::a_read_only_folder_is_said_and_left_alone";
    let Some(dir) = given_folder() else {
        match namespace() {
            Some(namespace) => {
                again_on(namespace, "mount -t tmpfs -o size=24m tmpfs \"$1\"", test);
            }
            None => read_only_by_permission().await,
        }
        return;
    };
    let mut store = open(&dir).await;
    store.writer.commit(&commit(1)).await.expect("commit");
    close(store).await;
    let remount = |how| {
        let status = Command::new("mount")
            .args(["-o", how])
            .arg(&dir)
            .status()
            .expect("mount");
        assert!(status.success(), "{how}");
    };
    remount("remount,ro");
    let refused = lock(&dir).expect_err("nothing can be written");
    assert!(matches!(refused, LockError::ReadOnly { .. }), "{refused}");
    let refused = Store::open_read_only(&dir)
        .await
        .expect_err("SQLite keeps a file beside it to read");
    assert!(matches!(refused, OpenError::ReadOnly { .. }), "{refused}");
    remount("remount,rw");
    let store = open(&dir).await;
    assert_eq!(read_all(&store.reader).await.expect("read"), 1);
}

/// Where we are not root, permissions say the same.
async fn read_only_by_permission() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempdir().expect("tempdir");
    close(open(dir.path()).await).await;
    fs::remove_file(dir.path().join("lock")).expect("remove");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).expect("permissions");
    let refused = lock(dir.path()).expect_err("nothing can be written");
    assert!(matches!(refused, LockError::ReadOnly { .. }), "{refused}");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).expect("permissions");
    assert_eq!(open(dir.path()).await.past, Past::Closed);
}
