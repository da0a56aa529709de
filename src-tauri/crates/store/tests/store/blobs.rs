//! Blobs: there in whole or not at all, and never a byte that was not verified.

use crate::fixture::{Chance, bytes, close, open};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use store::{Digest, GetError, PutError};
use tempfile::tempdir;

const HOUR: Duration = Duration::from_secs(3600);

fn path(dir: &Path, digest: &Digest) -> PathBuf {
    let name = blake3::Hash::from(*digest).to_hex();
    dir.join("blobs").join(&name[..2]).join(&name[2..])
}

/// Files under `blobs/`, temporary ones too.
fn files(dir: &Path) -> usize {
    let folders = fs::read_dir(dir.join("blobs")).expect("blobs");
    folders
        .map(|folder| {
            fs::read_dir(folder.expect("entry").path())
                .expect("folder")
                .count()
        })
        .sum()
}

fn age(path: &Path, age: Duration) {
    let file = fs::File::open(path).expect("open");
    file.set_modified(SystemTime::now() - age)
        .expect("modified");
}

#[tokio::test]
async fn what_was_put_is_got_and_putting_it_again_is_harmless() {
    let dir = tempdir().expect("tempdir");
    let store = open(dir.path()).await;
    for length in [0, 1, 4096, 3_000_000] {
        let content = bytes(9, length);
        let digest = store.blobs.put(content.clone()).await.expect("put");
        assert_eq!(digest, *blake3::hash(&content).as_bytes());
        assert_eq!(
            store.blobs.put(content.clone()).await.expect("again"),
            digest
        );
        assert_eq!(store.blobs.get(&digest).await.expect("get"), content);
        assert_eq!(store.blobs.length(&digest).expect("length"), length as u64);
        let (mut file, said) = store.blobs.open(&digest).await.expect("open");
        let mut read = Vec::new();
        file.read_to_end(&mut read).expect("read");
        assert!(
            read == content && said == length as u64,
            "from its beginning"
        );
        let named = store.blobs.path(&digest).await.expect("path");
        assert!(fs::read(named).expect("read") == content);
    }
    assert_eq!(files(dir.path()), 4, "no temporary file is left");
    let missing = store.blobs.get(&[0; 32]).await;
    assert!(matches!(missing, Err(GetError::Missing)), "{missing:?}");
}

#[tokio::test]
async fn over_the_quota_nothing_new_is_kept() {
    let dir = tempdir().expect("tempdir");
    let store = open(dir.path()).await;
    let blobs = &store.blobs;
    let first = blobs.put(bytes(1, 60_000)).await.expect("put");
    assert_eq!(blobs.used(), 60_000);
    blobs.set_quota(100_000);
    let second = bytes(2, 50_000);
    let many: Vec<_> = (3..13).map(|seed| bytes(seed, 5_000)).collect();
    for refused in [
        blobs.put(second.clone()).await.map(drop),
        blobs.put_many(many).await.map(drop),
    ] {
        assert!(
            matches!(
                refused,
                Err(PutError::OverQuota {
                    used: 60_000,
                    quota: 100_000
                })
            ),
            "{refused:?}"
        );
    }
    let mut writer = blobs.writer();
    writer.write(&second).await.expect("written");
    assert!(matches!(
        writer.finish().await,
        Err(PutError::OverQuota { .. })
    ));
    assert_eq!(files(dir.path()), 1, "nothing is left of what was refused");
    // What is there may be put again.
    blobs.put(bytes(1, 60_000)).await.expect("put");
    assert!(blobs.delete(&first).await.expect("deleted"));
    assert_eq!(blobs.used(), 0);
    blobs.put(second).await.expect("put");
    close(store).await;
    let store = open(dir.path()).await;
    store.blobs.measure().await.expect("measured");
    assert_eq!(store.blobs.used(), 50_000);
    close(store).await;
}

#[tokio::test]
async fn many_at_once_are_all_there() {
    let dir = tempdir().expect("tempdir");
    let store = open(dir.path()).await;
    for count in [0, 1, 7, 8, 100] {
        let mut many: Vec<_> = (0..count).map(|n| bytes(n, 1000)).collect();
        many.extend(many.first().cloned());
        let digests = store.blobs.put_many(many.clone()).await.expect("put");
        assert_eq!(digests.len(), many.len());
        for (digest, content) in digests.iter().zip(&many) {
            assert_eq!(store.blobs.get(digest).await.expect("get"), content);
        }
    }
    assert_eq!(files(dir.path()), 100);
}

#[tokio::test]
async fn a_damaged_blob_is_never_served_and_putting_it_mends_it() {
    let dir = tempdir().expect("tempdir");
    let store = open(dir.path()).await;
    let content = bytes(1, 700);
    let digest = store.blobs.put(content.clone()).await.expect("put");
    store.blobs.open(&digest).await.expect("verified once");
    let path = path(dir.path(), &digest);
    let mut chance = Chance(5);
    let mut bents: Vec<Vec<u8>> = (0..200)
        .map(|_| {
            let mut bent = content.to_vec();
            bent[chance.below(700)] ^= 1 << chance.below(8);
            bent
        })
        .collect();
    bents.extend([
        Vec::new(),
        content[..699].to_vec(),
        [&content[..], b"x"].concat(),
    ]);
    for bent in bents {
        fs::write(&path, bent).expect("damage");
        let got = store.blobs.get(&digest).await;
        assert!(matches!(got, Err(GetError::Corrupt)), "{got:?}");
        let opened = store.blobs.open(&digest).await;
        assert!(matches!(opened, Err(GetError::Corrupt)), "{opened:?}");
        let named = store.blobs.path(&digest).await;
        assert!(matches!(named, Err(GetError::Corrupt)), "{named:?}");
        store.blobs.put(content.clone()).await.expect("mend");
        assert_eq!(store.blobs.get(&digest).await.expect("mended"), content);
        store.blobs.open(&digest).await.expect("mended");
    }
}

#[tokio::test]
async fn a_blob_comes_in_pieces_or_not_at_all() {
    let dir = tempdir().expect("tempdir");
    let store = open(dir.path()).await;
    let content = bytes(3, 1_000_001);
    for piece in [1 << 16, 300_000, 2_000_000] {
        let mut writer = store.blobs.writer();
        for part in content.chunks(piece) {
            writer.write(part).await.expect("write");
        }
        let (digest, length) = writer.finish().await.expect("finish");
        assert_eq!(
            (digest, length),
            (*blake3::hash(&content).as_bytes(), 1_000_001)
        );
        assert_eq!(store.blobs.get(&digest).await.expect("get"), content);
    }
    let empty = store.blobs.writer().finish().await.expect("finish");
    assert_eq!(empty, (*blake3::hash(b"").as_bytes(), 0));
    let mut dropped = store.blobs.writer();
    dropped.write(&bytes(4, 1_000_000)).await.expect("write");
    drop(dropped);
    assert_eq!(files(dir.path()), 2, "the dropped one left nothing");
}

#[tokio::test]
async fn a_file_is_copied_up_to_its_cap() {
    let dir = tempdir().expect("tempdir");
    let store = open(dir.path()).await;
    let content = bytes(5, 1_000_000);
    let source = dir.path().join("source");
    fs::write(&source, &content).expect("write");
    let (digest, length) = store.blobs.put_file(&source, 1_000_000).await.expect("put");
    assert_eq!(
        (digest, length),
        (*blake3::hash(&content).as_bytes(), 1_000_000)
    );
    assert_eq!(store.blobs.get(&digest).await.expect("get"), content);
    let large = store.blobs.put_file(&source, 999_999).await;
    assert!(
        matches!(large, Err(PutError::TooLarge { cap: 999_999 })),
        "{large:?}"
    );
    for unreadable in [dir.path().join("nothing"), dir.path().to_owned()] {
        let put = store.blobs.put_file(&unreadable, 10).await;
        assert!(matches!(&put, Err(PutError::Source { path, .. }) if *path == unreadable));
    }
    assert_eq!(files(dir.path()), 1);
}

#[tokio::test]
async fn a_blob_goes_when_told_unless_somebody_holds_it() {
    let dir = tempdir().expect("tempdir");
    let store = open(dir.path()).await;
    let digest = store.blobs.put(bytes(1, 10)).await.expect("put");
    let (hold, second) = (store.blobs.hold(&digest), store.blobs.hold(&digest));
    drop(hold);
    assert!(!store.blobs.delete(&digest).await.expect("delete"), "held");
    assert_eq!(
        store
            .blobs
            .sweep(|_| false, Duration::ZERO)
            .await
            .expect("sweep"),
        0,
        "held"
    );
    drop(second);
    assert!(store.blobs.delete(&digest).await.expect("delete"));
    assert!(store.blobs.delete(&digest).await.expect("gone is no error"));
    assert!(matches!(
        store.blobs.open(&digest).await,
        Err(GetError::Missing)
    ));
}

#[tokio::test]
async fn a_sweep_takes_what_is_old_and_unwanted() {
    let dir = tempdir().expect("tempdir");
    let store = open(dir.path()).await;
    let mut put = Vec::new();
    for n in 0..4 {
        put.push(store.blobs.put(bytes(n, 10)).await.expect("put"));
    }
    let [wanted, young, again, old] = put[..] else {
        panic!("four")
    };
    for digest in [wanted, again, old] {
        age(&path(dir.path(), &digest), 2 * HOUR);
    }
    store
        .blobs
        .put(bytes(2, 10))
        .await
        .expect("put again, so it is young again");
    let temporary = dir.path().join("blobs/tmp");
    fs::write(temporary.join("old"), "x").expect("write");
    age(&temporary.join("old"), 2 * HOUR);
    fs::write(temporary.join("young"), "x").expect("write");
    let gone = store
        .blobs
        .sweep(|digest| *digest == wanted, HOUR)
        .await
        .expect("sweep");
    assert_eq!(gone, 2, "a blob and a temporary file");
    for digest in [wanted, young, again] {
        store.blobs.get(&digest).await.expect("stays");
    }
    assert!(matches!(
        store.blobs.get(&old).await,
        Err(GetError::Missing)
    ));
    assert!(temporary.join("young").exists());
    close(store).await;
    open(dir.path()).await;
    assert!(
        !temporary.join("young").exists(),
        "at a start it is nobody's"
    );
}
