//! A store with known rows, and what its folder looks like when it is damaged.

use bytes::Bytes;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use store::{OpenError, Options, ReadError, Reader, ResultRow, Store, Write, lock};

pub(crate) const JOB: u32 = 7;
pub(crate) const MACHINE: [u8; 16] = [0xAB; 16];
pub(crate) const ENTRY: [u8; 17] = [0xCD; 17];

pub(crate) async fn open(dir: &Path) -> Store {
    try_open(dir).await.expect("open")
}

pub(crate) async fn try_open(dir: &Path) -> Result<Store, OpenError> {
    Store::open(&lock(dir).expect("lock"), Options::default()).await
}

pub(crate) async fn close(store: Store) {
    store.reader.close().await;
    store.writer.close().await.expect("close");
}

/// The bytes of the `n`-th piece of anything: not to be guessed, all different.
pub(crate) fn bytes(n: u64, length: usize) -> Bytes {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&n.to_le_bytes());
    let mut bytes = vec![0; length];
    hasher.finalize_xof().fill(&mut bytes);
    bytes.into()
}

/// The `n`-th commit, from 1 on, of a job that gets eight results in each: some
/// short, some beyond a page.
pub(crate) fn commit(n: u64) -> Vec<Write> {
    let first = u32::try_from(n).expect("small") * 8;
    let row = |first, length| Write::Result {
        no: JOB,
        first,
        count: 4,
        value: bytes(u64::from(first), length),
    };
    vec![
        Write::Meta {
            key: "last",
            value: i64::try_from(n).expect("small"),
        },
        Write::Job {
            no: JOB,
            id: [1; 16],
            ended: false,
            spec: (n == 1).then(|| bytes(0, 300)),
            state: bytes(n, 40),
            wall_ms: 5,
        },
        Write::LeaseEnded {
            no: JOB,
            first: first - 8,
        },
        Write::Lease {
            no: JOB,
            first,
            count: 8,
            value: bytes(n, 20),
        },
        Write::History {
            no: JOB,
            first,
            count: 1,
            value: bytes(n, 9),
        },
        row(first, 70),
        row(first + 4, 5000),
        Write::Blob {
            digest: *blake3::hash(&n.to_le_bytes()).as_bytes(),
            refs: n,
        },
        Write::Machine {
            id: MACHINE,
            value: Some(bytes(n, 30)),
        },
        Write::Registry {
            key: ENTRY,
            value: Some(bytes(n, 60)),
        },
    ]
}

/// What must be read after `commits` commits: nothing more, nothing less.
/// Damage that was found is told by the error.
pub(crate) async fn read_all(reader: &Reader) -> Result<u64, ReadError> {
    let image = reader.restore().await?;
    let last = image
        .meta
        .first()
        .map_or(0, |(_, last)| last.unsigned_abs());
    let results = reader.results(JOB, 0, 100_000, u64::MAX).await?;
    let mut expected = Vec::new();
    for n in 1..=last {
        let first = u32::try_from(n).expect("small") * 8;
        for (first, length) in [(first, 70), (first + 4, 5000)] {
            expected.push(ResultRow {
                first,
                count: 4,
                value: bytes(u64::from(first), length),
            });
        }
    }
    assert!(
        results == expected,
        "results of {last} commits, and no other bytes"
    );
    if last > 0 {
        let job = &image.jobs[0];
        assert_eq!((job.no, job.id, job.wall_ms), (JOB, [1; 16], 5));
        assert_eq!((&job.spec, &job.state), (&bytes(0, 300), &bytes(last, 40)));
        let ranges: Vec<_> = expected.iter().map(|row| (row.first, row.count)).collect();
        assert_eq!(image.done, [(JOB, ranges)]);
        assert_eq!(image.leases.len(), 1);
        assert_eq!(image.leases[0].value, bytes(last, 20));
        assert_eq!(image.histories.len() as u64, last);
        assert_eq!(image.machines, [(MACHINE, bytes(last, 30))]);
        assert_eq!(image.registry, [(ENTRY, bytes(last, 60))]);
        let refs: BTreeMap<_, _> = image.blobs.into_iter().collect();
        let expected = (1..=last)
            .map(|n| (*blake3::hash(&n.to_le_bytes()).as_bytes(), n))
            .collect();
        assert_eq!(refs, expected);
    }
    Ok(last)
}

/// The files of a data folder, to be put elsewhere again and again.
#[derive(Clone, Debug)]
pub(crate) struct Folder(pub(crate) BTreeMap<PathBuf, Vec<u8>>);

impl Folder {
    /// A store after `commits` commits, as it was closed.
    pub(crate) async fn closed(commits: u64) -> Folder {
        let dir = tempfile::tempdir().expect("tempdir");
        let mut store = open(dir.path()).await;
        for n in 1..=commits {
            store.writer.commit(&commit(n)).await.expect("commit");
        }
        close(store).await;
        Folder::of(dir.path())
    }

    /// The same, killed: the last `in_log` commits are in the log only.
    pub(crate) async fn killed(commits: u64, in_log: u64) -> Folder {
        let dir = tempfile::tempdir().expect("tempdir");
        Folder::closed(commits - in_log).await.put(dir.path());
        let mut store = open(dir.path()).await;
        for n in commits - in_log + 1..=commits {
            store.writer.commit(&commit(n)).await.expect("commit");
        }
        let folder = Folder::of(dir.path());
        close(store).await;
        folder
    }

    /// The same as closed, with no free page in the database.
    pub(crate) async fn compact(commits: u64) -> Folder {
        let dir = tempfile::tempdir().expect("tempdir");
        let mut folder = Folder::closed(commits).await;
        folder.put(dir.path());
        let store = open(dir.path()).await;
        let backup = store.reader.back_up_now().await.expect("backup");
        *folder.file("skep.db") = fs::read(backup).expect("backup");
        close(store).await;
        folder
    }

    pub(crate) fn of(dir: &Path) -> Folder {
        let mut files = BTreeMap::new();
        gather(dir, dir, &mut files);
        Folder(files)
    }

    pub(crate) fn put(&self, dir: &Path) {
        for (name, bytes) in &self.0 {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().expect("in a folder")).expect("folder");
            fs::write(path, bytes).expect("file");
        }
    }

    pub(crate) fn file(&mut self, name: &str) -> &mut Vec<u8> {
        self.0
            .get_mut(Path::new(name))
            .unwrap_or_else(|| panic!("there is a {name}"))
    }

    pub(crate) fn without(mut self, name: &str) -> Folder {
        self.file(name);
        self.0.remove(Path::new(name));
        self
    }
}

fn gather(root: &Path, dir: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(dir).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            gather(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below").to_owned();
            files.insert(name, fs::read(&path).expect("file"));
        }
    }
}

/// A small generator, so that a failure comes again.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as usize % limit
    }
}
