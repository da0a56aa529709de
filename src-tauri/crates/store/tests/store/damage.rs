//! Damage at rest: found, said, set aside; never served, never replaced by
//! something new and empty.

use crate::fixture::{Chance, Folder, close, commit, open, read_all, try_open};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use store::{
    CommitError, OpenError, Options, Past, Store, Write, lock, restore_backup, start_over,
};
use tempfile::tempdir;

const PAGE: usize = 4096;

/// Opening is refused, now and again, with the files kept; then the person
/// starts over.
async fn refused_until_a_person_acts(name: &str, folder: &Folder) {
    let dir = tempdir().expect("tempdir");
    folder.put(dir.path());
    let first = try_open(dir.path()).await.expect_err(name);
    let OpenError::Damaged { what, moved_to, .. } = &first else {
        panic!("{name}: {first}");
    };
    if let Some(moved_to) = moved_to {
        for file in ["skep.db", "skep.db-wal"] {
            if let Some(before) = folder.0.get(Path::new(file)) {
                let there = fs::read(moved_to.join(file)).expect(name);
                assert!(there == *before, "{name}: {file} is kept as it was");
            }
        }
    }
    assert!(
        !dir.path().join("skep.db").exists(),
        "{name}: nothing new is made"
    );
    let again = try_open(dir.path()).await.expect_err(name);
    let OpenError::Damaged {
        what: what_again,
        moved_to: moved_again,
        ..
    } = &again
    else {
        panic!("{name}, again: {again}");
    };
    assert_eq!(
        (what, moved_to),
        (what_again, moved_again),
        "{name}: said again"
    );
    let reading = Store::open_read_only(dir.path()).await;
    assert!(
        matches!(reading, Err(OpenError::Damaged { .. })),
        "{name}: {reading:?}"
    );

    start_over(&lock(dir.path()).expect("lock")).expect("start over");
    let store = open(dir.path()).await;
    assert_eq!(store.past, Past::New);
    assert_eq!(read_all(&store.reader).await.expect("read"), 0);
    close(store).await;
    assert_eq!(open(dir.path()).await.past, Past::Closed);
}

#[tokio::test]
async fn a_database_that_is_not_ours_any_more_is_set_aside() {
    let closed = Folder::closed(20).await;
    let pages = closed.clone().file("skep.db").len() / PAGE;
    let used: Vec<usize> = (1..pages)
        .filter(|page| {
            closed.0[Path::new("skep.db")][page * PAGE..][..PAGE]
                .iter()
                .any(|byte| *byte != 0)
        })
        .collect();
    let bend = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut folder = closed.clone();
        change(folder.file("skep.db"));
        folder
    };
    let cases = [
        ("missing", closed.clone().without("skep.db")),
        ("empty", bend(&|file| file.clear())),
        ("short", bend(&|file| file.truncate(50))),
        ("half", bend(&|file| file.truncate(pages / 2 * PAGE))),
        (
            "100 bytes cut off",
            bend(&|file| file.truncate(file.len() - 100)),
        ),
        ("garbage in the header", bend(&|file| file[..64].fill(0xA5))),
        ("text", bend(&|file| *file = b"hello".repeat(5000))),
        ("another program's", bend(&|file| file[68..72].fill(1))),
        (
            "zeroed page",
            bend(&|file| file[used[3] * PAGE..][..PAGE].fill(0)),
        ),
        (
            "swapped pages",
            bend(&|file| {
                let (left, right) = file.split_at_mut(used[7] * PAGE);
                left[used[4] * PAGE..][..PAGE].swap_with_slice(&mut right[..PAGE]);
            }),
        ),
        (
            "another store's",
            Folder({
                let mut files = closed.0.clone();
                let other = Folder::closed(3).await.0;
                let name = Path::new("skep.db");
                files.insert(name.to_owned(), other[name].clone());
                files
            }),
        ),
    ];
    for (name, folder) in cases {
        refused_until_a_person_acts(name, &folder).await;
    }
}

#[tokio::test]
async fn an_empty_database_does_not_cost_the_log_beside_it() {
    let mut folder = Folder::killed(10, 4).await;
    folder.file("skep.db").clear();
    refused_until_a_person_acts("empty beside its log", &folder).await;
}

#[tokio::test]
async fn another_stores_log_is_not_taken_for_ours() {
    let mut folder = Folder::killed(10, 4).await;
    let other = Folder::killed(12, 12).await;
    let name = Path::new("skep.db-wal");
    *folder.file("skep.db-wal") = other.0[name].clone();
    refused_until_a_person_acts("another store's log", &folder).await;
}

#[tokio::test]
async fn blobs_without_a_database_are_no_new_store() {
    let dir = tempdir().expect("tempdir");
    let store = open(dir.path()).await;
    store
        .blobs
        .put(crate::fixture::bytes(1, 10))
        .await
        .expect("put");
    close(store).await;
    fs::remove_file(dir.path().join("skep.db")).expect("remove");
    fs::remove_file(dir.path().join("mark")).expect("remove");
    let refused = try_open(dir.path()).await.expect_err("refused");
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
}

#[tokio::test]
async fn commits_that_are_gone_are_counted() {
    let killed = Folder::killed(10, 4).await;
    let cut = {
        let mut folder = killed.clone();
        let log = folder.file("skep.db-wal");
        log.truncate(log.len() / 2);
        folder
    };
    let flipped = {
        let mut folder = killed.clone();
        // In the first frame: none after it is taken.
        folder.file("skep.db-wal")[100] ^= 4;
        folder
    };
    let mut yesterday = killed.clone();
    *yesterday.file("skep.db") = Folder::of_commits_of(&killed, 6).await;
    let cases = [
        (
            "log deleted",
            killed.clone().without("skep.db-wal"),
            Some(4),
        ),
        ("log cut", cut, None),
        ("log flipped", flipped, Some(4)),
        ("old database", yesterday.without("skep.db-wal"), Some(4)),
    ];
    for (name, folder, lost) in cases {
        let dir = tempdir().expect("tempdir");
        folder.put(dir.path());
        let mut store = open(dir.path()).await;
        let last = read_all(&store.reader).await.expect("read");
        assert_eq!(
            store.past,
            Past::Restored {
                lost: Some(10 - last)
            },
            "{name}"
        );
        if let Some(lost) = lost {
            assert_eq!(last, 10 - lost, "{name}");
        }
        store
            .writer
            .commit(&commit(last + 1))
            .await
            .expect("goes on");
        close(store).await;
        let store = open(dir.path()).await;
        assert_eq!(store.past, Past::Closed, "{name}: said once");
        assert_eq!(read_all(&store.reader).await.expect("read"), last + 1);
    }
}

impl Folder {
    /// The database file that `folder` had when its last commits were not yet
    /// made.
    async fn of_commits_of(folder: &Folder, commits: u64) -> Vec<u8> {
        let dir = tempdir().expect("tempdir");
        folder.clone().without("skep.db-wal").put(dir.path());
        let store = open(dir.path()).await;
        assert_eq!(read_all(&store.reader).await.expect("read"), commits);
        close(store).await;
        fs::read(dir.path().join("skep.db")).expect("database")
    }
}

#[tokio::test]
async fn a_store_without_its_mark_counts_as_restored() {
    let killed = Folder::killed(10, 4).await;
    let mut bent = killed.clone();
    bent.file("mark")[60] ^= 1;
    for folder in [killed.without("mark"), bent] {
        let dir = tempdir().expect("tempdir");
        folder.put(dir.path());
        let store = open(dir.path()).await;
        assert_eq!(store.past, Past::Restored { lost: None });
        assert_eq!(read_all(&store.reader).await.expect("read"), 10);
        close(store).await;
        assert_eq!(
            open(dir.path()).await.past,
            Past::Closed,
            "it has a mark again"
        );
    }
}

#[tokio::test]
async fn a_start_that_was_killed_while_it_made_the_store_is_made_again() {
    let dir = tempdir().expect("tempdir");
    start_over(&lock(dir.path()).expect("lock")).expect("a mark that says new");
    fs::write(dir.path().join("skep.db"), b"half").expect("write");
    fs::write(dir.path().join("skep.db-wal"), b"half").expect("write");
    assert_eq!(open(dir.path()).await.past, Past::New);
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let mut folder = Folder::closed(3).await;
    // SQLite's `user_version`.
    folder.file("skep.db")[60..64].copy_from_slice(&2_u32.to_be_bytes());
    let dir = tempdir().expect("tempdir");
    folder.put(dir.path());
    for _ in 0..2 {
        let refused = try_open(dir.path()).await.expect_err("refused");
        assert!(
            matches!(refused, OpenError::TooNew { found: 2, known: 1 }),
            "{refused}"
        );
    }
    let there = fs::read(dir.path().join("skep.db")).expect("still there");
    assert!(there == *folder.file("skep.db"), "unchanged");
}

#[tokio::test]
async fn tables_that_a_stranger_added_are_refused() {
    let dir = tempdir().expect("tempdir");
    let mut folder = Folder::closed(3).await;
    // A name of ours in the schema, changed where SQLite still reads it.
    let file = folder.file("skep.db");
    let place = file
        .windows(8)
        .position(|text| text == b"wall_ms ")
        .expect("in the schema");
    file[place..place + 7].copy_from_slice(b"wall_mz");
    folder.put(dir.path());
    let refused = try_open(dir.path()).await.expect_err("refused");
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
}

/// One flipped bit, anywhere in a file: either the store is refused, or each
/// read gives the right bytes or an error, or exactly the last commits are
/// missing and that is said.
async fn flip_bits(name: &str, folder: &Folder, commits: u64, times: usize) -> [usize; 4] {
    let mut chance = Chance(11);
    let [mut refused, mut found, mut lost, mut harmless] = [0; 4];
    let length = folder.0[Path::new(name)].len();
    for _ in 0..times {
        let (place, bit) = (chance.below(length), chance.below(8));
        let mut bent = folder.clone();
        bent.file(name)[place] ^= 1 << bit;
        let dir = tempdir().expect("tempdir");
        bent.put(dir.path());
        let at = format!("bit {bit} of byte {place} of {name}");
        match try_open(dir.path()).await {
            Err(OpenError::Full | OpenError::Missing { .. }) => panic!("{at}: another error"),
            Err(_) => refused += 1,
            Ok(store) => match read_all(&store.reader).await {
                Err(_) => found += 1,
                Ok(last) if last == commits => harmless += 1,
                Ok(last) => {
                    let gone = Past::Restored {
                        lost: Some(commits - last),
                    };
                    assert_eq!(store.past, gone, "{at}");
                    lost += 1;
                }
            },
        }
    }
    [refused, found, lost, harmless]
}

#[tokio::test]
async fn flipped_bits_are_never_served() {
    let closed = Folder::compact(20).await;
    let [refused, found, lost, harmless] = flip_bits("skep.db", &closed, 20, 300).await;
    println!("database: {refused} refused, {found} found, {lost} lost, {harmless} harmless");
    assert!(refused > 0 && found > 0, "both kinds of damage were tried");
    let killed = Folder::killed(20, 15).await;
    let [refused, found, lost, harmless] = flip_bits("skep.db-wal", &killed, 20, 120).await;
    println!("log: {refused} refused, {found} found, {lost} lost, {harmless} harmless");
    assert!(lost > 0, "commits of the log were lost, and counted");
    let [_, found, lost, _] = flip_bits("mark", &killed, 20, 40).await;
    assert_eq!(
        (found, lost),
        (0, 0),
        "the mark holds nothing that is served"
    );
}

#[tokio::test]
async fn a_large_database_is_checked_while_it_runs() {
    let dir = tempdir().expect("tempdir");
    let mut store = open(dir.path()).await;
    // A start does not read names, so a damaged page of them goes unnoticed.
    let name = |n| {
        let name = format!("name {n:05}");
        Write::Name {
            name,
            digest: Some([5; 32]),
            bytes: 1,
            wall_ms: 0,
        }
    };
    let names: Vec<Write> = (0..2000).map(name).collect();
    store.writer.commit(&names).await.expect("commit");
    close(store).await;
    let mut file = fs::read(dir.path().join("skep.db")).expect("database");
    let needle = b"name 01000";
    let inside = file.windows(needle.len()).position(|text| text == needle);
    let page = inside.expect("the name is in the file") / PAGE;
    file[page * PAGE..][..PAGE].fill(0);
    fs::write(dir.path().join("skep.db"), file).expect("damage");
    let lock = lock(dir.path()).expect("lock");
    let unchecked = Options {
        foreground_check_bytes: 0,
    };
    let mut store = Store::open(&lock, unchecked).await.expect("opens");
    let began = Instant::now();
    let fatal = loop {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the check never ended"
        );
        match store
            .writer
            .commit(&[Write::Meta {
                key: "tick",
                value: 1,
            }])
            .await
        {
            Ok(()) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&fatal, CommitError::Fatal(why) if why.contains("damaged")),
        "{fatal}"
    );
    drop(store);
    let refused = Store::open(&lock, unchecked)
        .await
        .expect_err("it looks first now");
    assert!(
        matches!(
            refused,
            OpenError::Damaged {
                moved_to: Some(_),
                ..
            }
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn a_backup_brings_back_what_it_had() {
    let dir = tempdir().expect("tempdir");
    let mut store = open(dir.path()).await;
    for n in 1..=5 {
        store.writer.commit(&commit(n)).await.expect("commit");
    }
    let made = store
        .reader
        .back_up()
        .await
        .expect("backup")
        .expect("the first is due");
    assert_eq!(
        store.reader.back_up().await.expect("backup"),
        None,
        "not yet due"
    );
    for n in 6..=9 {
        store.writer.commit(&commit(n)).await.expect("commit");
    }
    close(store).await;
    fs::write(dir.path().join("skep.db"), "").expect("damage");
    let refused = try_open(dir.path()).await.expect_err("refused");
    let OpenError::Damaged {
        backup: Some(offered),
        ..
    } = refused
    else {
        panic!("{refused}");
    };
    assert_eq!(offered, made);
    let lock = lock(dir.path()).expect("lock");
    assert_eq!(restore_backup(&lock).await.expect("restored"), made);
    let store = Store::open(&lock, Options::default()).await.expect("open");
    assert_eq!(store.past, Past::Restored { lost: Some(4) });
    assert_eq!(read_all(&store.reader).await.expect("read"), 5);
    for _ in 0..4 {
        store.reader.back_up_now().await.expect("backup");
    }
    let kept = fs::read_dir(dir.path().join("backups"))
        .expect("folder")
        .count();
    assert_eq!(kept, 3, "the oldest went");
}

#[tokio::test]
async fn a_damaged_or_foreign_backup_is_not_taken() {
    let dir = tempdir().expect("tempdir");
    let store = open(dir.path()).await;
    let good = store.reader.back_up_now().await.expect("backup");
    let bad = store.reader.back_up_now().await.expect("backup");
    close(store).await;
    let mut bytes = fs::read(&bad).expect("backup");
    bytes.truncate(PAGE);
    fs::write(&bad, bytes).expect("damage");
    let foreign = Folder::closed(1).await.file("skep.db").clone();
    fs::write(
        dir.path().join("backups/skep-99991231-000000-000.db"),
        foreign,
    )
    .expect("write");
    let lock = lock(dir.path()).expect("lock");
    assert_eq!(restore_backup(&lock).await.expect("restored"), good);
    fs::remove_file(good).expect("remove");
    let none = restore_backup(&lock).await.expect_err("none is sound");
    assert_eq!(none.to_string(), "there is no sound backup of this store");
}
