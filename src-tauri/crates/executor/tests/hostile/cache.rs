//! Case 59: a compiled module that was changed is never loaded.

use crate::harness::{Bench, Case};
use sandbox::End;
use std::path::{Path, PathBuf};

/// Files of the compile cache.
pub(crate) fn entries(bench: &Bench) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&bench.dir.path().join("cache"), &mut found);
    found.sort();
    found
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), found);
        } else if entry.metadata().unwrap().len() > 1000 {
            found.push(entry.path());
        }
    }
}

fn exits_with(code: u32) -> Case {
    Case::command(&format!(
        r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
             (func (export "_start") (call $exit (i32.const {code}))))"#
    ))
    .patient()
}

#[track_caller]
fn still_right(dir: tempfile::TempDir, code: u32) -> tempfile::TempDir {
    // A new sandbox on the same folder, so that nothing is remembered.
    let bench = Bench::in_dir(dir);
    let seen = bench.run(&exits_with(code)).unwrap();
    assert!(
        matches!(seen.end, End::Exit { code: told } if told == code),
        "{seen:?}"
    );
    bench.dir
}

#[test]
fn case_59_flipped_cut_swapped_and_linked_entries_are_made_anew() {
    let bench = Bench::new();
    bench.run(&exits_with(3)).unwrap();
    let entry = entries(&bench).remove(0);
    let good = std::fs::read(&entry).unwrap();
    let mut dir = bench.dir;

    for place in [0, good.len() / 3, good.len() / 2, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[place] ^= 4;
        std::fs::write(&entry, &bytes).unwrap();
        dir = still_right(dir, 3);
        assert_ne!(
            std::fs::read(&entry).unwrap(),
            bytes,
            "the damaged entry was replaced"
        );
    }
    for length in [0, 1, good.len() / 2, good.len() - 1] {
        std::fs::write(&entry, &good[..length]).unwrap();
        dir = still_right(dir, 3);
    }
    // A symbolic link to a good entry outside the folder.
    let outside = dir.path().join("outside");
    std::fs::write(&outside, &good).unwrap();
    std::fs::remove_file(&entry).unwrap();
    std::os::unix::fs::symlink(&outside, &entry).unwrap();
    dir = still_right(dir, 3);
    assert_eq!(
        std::fs::read(&outside).unwrap(),
        good,
        "nothing was written through the link"
    );

    // Two entries swapped.
    let bench = Bench::in_dir(dir);
    bench.run(&exits_with(4)).unwrap();
    let both = entries(&bench);
    assert_eq!(both.len(), 2, "{both:?}");
    let (one, two) = (
        std::fs::read(&both[0]).unwrap(),
        std::fs::read(&both[1]).unwrap(),
    );
    std::fs::write(&both[0], two).unwrap();
    std::fs::write(&both[1], one).unwrap();
    let dir = still_right(bench.dir, 3);
    drop(still_right(dir, 4));
}

#[test]
fn case_59_an_entry_made_with_other_settings_is_made_anew() {
    let bench = Bench::new();
    bench.run(&exits_with(3)).unwrap();
    let plain = entries(&bench).remove(0);
    let mut metered = exits_with(3);
    metered.profile.fuel = true;
    metered.caps.fuel = Some(1_000_000);
    bench.run(&metered).unwrap();
    let mut both = entries(&bench);
    both.retain(|path| *path != plain);
    // Sealed by ourselves, and for the very same module.
    let other = std::fs::read(&both[0]).unwrap();
    std::fs::write(&plain, &other).unwrap();
    let dir = still_right(bench.dir, 3);
    assert_ne!(std::fs::read(&plain).unwrap(), other);
    drop(dir);
}

#[test]
fn case_59_a_cache_sealed_by_somebody_else_is_made_anew() {
    let bench = Bench::with(|options| options.cache_key = [8; 32]);
    bench.run(&exits_with(3)).unwrap();
    let entry = entries(&bench).remove(0);
    let theirs = std::fs::read(&entry).unwrap();
    let dir = still_right(bench.dir, 3);
    assert_ne!(std::fs::read(&entry).unwrap(), theirs);
    drop(dir);
}

#[test]
fn the_cache_is_used_at_all() {
    let bench = Bench::new();
    bench.run(&exits_with(3)).unwrap();
    let entry = entries(&bench).remove(0);
    let made = std::fs::metadata(&entry).unwrap().created().ok();
    let dir = still_right(bench.dir, 3);
    assert_eq!(
        std::fs::metadata(&entry).unwrap().created().ok(),
        made,
        "the entry was not written again"
    );
    drop(dir);
}
