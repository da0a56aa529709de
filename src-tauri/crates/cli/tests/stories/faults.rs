//! A disk that is full, a folder that is damaged: said, and nothing lost.

use crate::harness::{Home, until};
use crate::programs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A data folder with one finished job whose result is a blob.
fn home_with_a_job() -> (Home, Vec<u8>) {
    let home = Home::new();
    let module = home.file("echo.wat", programs::echo());
    let bytes: Vec<u8> = (0..50_000u32).map(|i| (i % 251) as u8).collect();
    let input = home.file("input", &bytes);
    home.run(&[
        "run",
        "--stdin",
        &input,
        "-o",
        home.path("out").to_str().unwrap(),
        &module,
    ])
    .done();
    (home, bytes)
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn a_damaged_database_is_set_aside_and_never_replaced_in_silence() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 3] = [
        ("overwritten", |db| {
            let mut bytes = std::fs::read(db).unwrap();
            let n = bytes.len().min(8192);
            bytes[..n].fill(0x5a);
            std::fs::write(db, bytes).unwrap();
        }),
        ("empty", |db| std::fs::write(db, b"").unwrap()),
        ("missing", |db| std::fs::remove_file(db).unwrap()),
    ];
    for (name, damage) in damages {
        let (home, _) = home_with_a_job();
        let db = home.data().join("skep.db");
        damage(&db);
        let module = home.path("echo.wat");
        for attempt in 0..2 {
            let outcome = home.run(&["--json", "run", module.to_str().unwrap()]);
            assert_eq!(
                outcome.code,
                Some(1),
                "{name}, start {attempt}: {outcome:?}"
            );
            outcome.refused(1, "data_damaged");
            assert!(
                outcome.stderr.contains("\"hint\""),
                "{name}: what to do is said: {outcome:?}"
            );
        }
        home.run(&["--json", "coordinator", "start"])
            .refused(1, "data_damaged");
    }
}

#[test]
fn a_corrupted_blob_is_never_served() {
    let (home, bytes) = home_with_a_job();
    let mut damaged = 0;
    for path in files_below(&home.data().join("blobs")) {
        let mut content = std::fs::read(&path).unwrap();
        if content == bytes {
            content[31_337] ^= 1;
            // A blob's file may be read-only.
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, content).unwrap();
            damaged += 1;
        }
    }
    // Input and result are the same bytes, so they are one blob.
    assert_eq!(damaged, 1);
    let outcome = home.run(&[
        "--json",
        "job",
        "results",
        "last",
        "-o",
        home.path("again").to_str().unwrap(),
    ]);
    outcome.refused(1, "blob_corrupt");
    assert!(!home.path("again").exists());
}

/// Runs the named story again where `small` is a file system of its own.
/// True in that second run.
fn on_a_small_disk(story: &str, options: &str) -> bool {
    const INSIDE: &str = "SKEP_TEST_SMALL_DISK";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let status = command
        .args([
            "--mount",
            "sh",
            "-c",
            "mount -t tmpfs -o \"$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"",
            "sh",
            options,
        ])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", story, "--nocapture"])
        .env(INSIDE, dir.path())
        .env("TMPDIR", dir.path())
        .status()
        .expect("`unshare` of util-linux");
    assert!(
        status.success(),
        "the story on a small disk ended with {status}"
    );
    false
}

#[test]
fn a_full_disk_holds_and_goes_on_when_there_is_space() {
    if !on_a_small_disk(
        "faults::a_full_disk_holds_and_goes_on_when_there_is_space",
        "size=48m",
    ) {
        return;
    }
    let home = Home::new();
    let node = home.coordinator(&["--cores", "1"]);
    let module = home.file("fill.wat", programs::sleep_and_fill());
    let id = home
        .run(&[
            "-q", "run", "-d", "--range", "0..60", &module, "50", "{index}",
        ])
        .done()
        .text()
        .trim()
        .to_owned();
    until("it began", || {
        home.json(&["job", "show", &id])["tasks"]["done"].as_u64() > Some(0)
    });

    let ballast = home.path("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    until("it says that the disk is full", || {
        home.json(&["status"])["storage"].is_string()
    });
    let hello = home.data().join("hello");
    assert!(
        std::fs::write(&hello, [0; 8192]).is_err(),
        "the disk is full"
    );
    let outcome = home.run(&["--json", "run", "-d", &module, "1", "x"]);
    outcome.refused(1, "storage_full");
    drop(std::fs::remove_file(hello));

    // Its space comes back when nobody has it open any more.
    drop(file);
    std::fs::remove_file(&ballast).unwrap();
    assert_eq!(home.run(&["job", "wait", &id]).code, Some(0));
    let expected: String = (0..60)
        .map(|i| format!("{i}\n{}", "\0".repeat(16_384)))
        .collect();
    assert!(home.run(&["job", "results", &id]).done().text() == expected);
    assert!(home.json(&["status"])["storage"].is_null());
    assert!(node.stop().success());
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    if !on_a_small_disk(
        "faults::a_folder_that_cannot_be_written_is_said",
        "size=48m",
    ) {
        return;
    }
    let home = Home::new();
    let module = home.file("hello.wat", programs::hello());
    let disk = std::env::var("SKEP_TEST_SMALL_DISK").unwrap();
    let status = Command::new("mount")
        .args(["-o", "remount,ro", &disk])
        .status()
        .unwrap();
    assert!(status.success());
    let outcome = home.run(&["--json", "run", &module]);
    outcome.refused(1, "folder_unusable");
    let status = Command::new("mount")
        .args(["-o", "remount,rw", &disk])
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(home.run(&["run", &module]).done().text(), "hello\n");
}

#[test]
fn over_its_quota_the_blob_folder_takes_nothing_new() {
    let home = Home::new();
    let echo = home.file("echo.wat", programs::echo());
    let large = home.file("large.txt", vec![b'x'; 3 << 20]);
    let node = home.coordinator(&[]);
    home.run(&["config", "set", "storage.blob_quota", "2MiB"])
        .done();
    let refused = home.run(&["--json", "run", "--stdin", &large, &echo]);
    refused.refused(1, "storage_full");
    assert!(refused.stderr.contains("storage.blob_quota"), "{refused:?}");
    assert_eq!(home.json(&["job", "ls"])["jobs"], serde_json::json!([]));
    home.run(&["config", "set", "storage.blob_quota", "--unset"])
        .done();
    let outcome = home.run(&["run", "--stdin", &large, &echo]).done();
    assert!(outcome.stdout == vec![b'x'; 3 << 20]);
    // What is there stays, and is said to be too much.
    home.run(&["config", "set", "storage.blob_quota", "1MiB"])
        .done();
    until("it is said", || {
        home.json(&["status"])["storage"].is_string()
    });
    home.run(&["--json", "run", &echo])
        .refused(1, "storage_full");
    home.run(&["job", "rm", "last"]).done();
    assert!(node.stop().success());
}

#[test]
fn blobs_that_nothing_names_go_at_the_next_start() {
    let (home, _) = home_with_a_job();
    let job = home.run(&["job", "results", "last"]).done();
    let named = blobs(&home);
    let orphan = named[0].with_file_name("0".repeat(62));
    std::fs::write(&orphan, "nobody's").unwrap();
    let hours = std::time::Duration::from_secs(2 * 3600);
    for path in named.iter().chain([&orphan]) {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(std::time::SystemTime::now() - hours)
            .unwrap();
    }
    let node = home.coordinator(&[]);
    until("the orphan is gone", || !orphan.exists());
    assert!(node.stop().success());
    assert!(home.run(&["job", "results", "last"]).done().stdout == job.stdout);
}

/// Files of the blob folder.
fn blobs(home: &Home) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(home.data().join("blobs")).unwrap();
    folders
        .flat_map(|folder| {
            std::fs::read_dir(folder.unwrap().path())
                .into_iter()
                .flatten()
        })
        .map(|file| file.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name.len() == 62))
        .collect()
}
