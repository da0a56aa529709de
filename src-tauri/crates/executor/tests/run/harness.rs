//! One sandbox in a folder of its own, and a way to run batches in it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use sandbox::{
    Batch, Caps, CompileCaps, End, Entry, Event, Executor, Options, OutFile, Prepared, Priority,
    Profile, Program, RangeArg, Sandbox, Stdin, Task, Value,
};

pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) sandbox: Sandbox,
}

/// What was heard of the tasks of some batches.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) stdout: BTreeMap<u64, Vec<u8>>,
    pub(crate) stderr: BTreeMap<u64, Vec<u8>>,
    pub(crate) ends: BTreeMap<u64, End>,
    pub(crate) out: BTreeMap<u64, Vec<(OutFile, Vec<u8>)>>,
    pub(crate) started: Vec<u64>,
    pub(crate) progress: Vec<(u64, u16)>,
    /// Tasks in the order in which their ends were told.
    pub(crate) order: Vec<u64>,
    /// Events that brought results of calls.
    pub(crate) frames: usize,
    pub(crate) gone: Option<(Vec<u64>, String)>,
}

/// Every wait in these tests ends, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a story on a runtime like a node's.
pub(crate) fn story<F: Future<Output = ()>>(tell: impl FnOnce(Bench) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let dir = tempfile::Builder::new()
            .prefix("skep-run-")
            .tempdir()
            .expect("a folder");
        let sandbox = Sandbox::open(options(dir.path())).await.expect("a sandbox");
        let told = tokio::time::timeout(PATIENCE, tell(Bench { dir, sandbox })).await;
        told.expect("the story ends");
    });
}

pub(crate) fn options(dir: &Path) -> Options {
    Options {
        executor: PathBuf::from(env!("CARGO_BIN_EXE_skep-executor")),
        cache_dir: dir.join("cache"),
        cache_key: [7; 32],
        cache_quota_bytes: 1 << 30,
        scratch_dir: dir.join("scratch"),
        scratch_quota_bytes: 1 << 30,
        priority: Priority::Normal,
        compile: CompileCaps::default(),
        without_os_wall: false,
    }
}

pub(crate) fn profile(entry: Entry) -> Profile {
    Profile {
        memory_bytes: 256 << 20,
        fuel: false,
        scratch: false,
        on_demand: false,
        entry,
    }
}

pub(crate) fn function(name: &str) -> Profile {
    profile(Entry::Function {
        name: name.to_owned(),
    })
}

pub(crate) fn caps() -> Caps {
    Caps {
        task_time: Some(Duration::from_secs(60)),
        fuel: None,
        output_bytes: 64 << 20,
        log_bytes: 16 << 20,
    }
}

pub(crate) fn task(index: u64) -> Task {
    Task {
        index,
        argv: None,
        env: Vec::new(),
        stdin: Stdin::Bytes(Bytes::new()),
        files: None,
    }
}

pub(crate) fn programs(tasks: Vec<Task>) -> Batch {
    let shared = Program {
        argv: vec!["program".to_owned()],
        env: Vec::new(),
    };
    Batch::Programs {
        caps: caps(),
        shared: Arc::new(shared),
        tasks,
    }
}

pub(crate) fn calls(
    args: Vec<Value>,
    range: Option<RangeArg>,
    first_index: u64,
    count: u32,
) -> Batch {
    Batch::Calls {
        caps: caps(),
        args,
        range,
        first_index,
        count,
    }
}

pub(crate) fn binary(text: &str) -> Bytes {
    Bytes::from(wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

impl Bench {
    pub(crate) async fn prepare(&self, text: &str, profile: &Profile) -> Prepared {
        let module = binary(text);
        self.sandbox
            .prepare(digest(&module), module, profile)
            .await
            .expect("it compiles")
    }

    pub(crate) async fn executor(&self, text: &str, profile: &Profile) -> Executor {
        let prepared = self.prepare(text, profile).await;
        self.sandbox.spawn(&prepared).await.expect("an executor")
    }

    /// Runs one batch in a new executor.
    pub(crate) async fn run(&self, text: &str, profile: &Profile, batch: Batch) -> Heard {
        let mut executor = self.executor(text, profile).await;
        executor.send(batch).await.expect("the batch is taken");
        hear(&mut executor, 1).await
    }
}

/// Listens until so many batches are done, or the executor is gone.
pub(crate) async fn hear(executor: &mut Executor, batches: usize) -> Heard {
    let mut heard = Heard::default();
    let mut idle = 0;
    while idle < batches {
        match executor.next().await {
            Event::Started { index } => heard.started.push(index),
            Event::Stdout { index, bytes } => heard.stdout.entry(index).or_default().extend(bytes),
            Event::Stderr { index, bytes } => heard.stderr.entry(index).or_default().extend(bytes),
            Event::Progress { index, per_mille } => heard.progress.push((index, per_mille)),
            Event::Ended {
                index, end, out, ..
            } => {
                let read = |file: OutFile| {
                    let bytes = std::fs::read(&file.path).expect("a collected file");
                    (file, bytes)
                };
                heard.out.insert(index, out.into_iter().map(read).collect());
                heard.order.push(index);
                assert!(
                    heard.ends.insert(index, end).is_none(),
                    "task {index} ended twice"
                );
            }
            Event::Calls {
                first_index,
                ends,
                bytes,
                ..
            } => {
                heard.frames += 1;
                let mut from = 0;
                for (index, end) in (first_index..).zip(ends) {
                    let end = end as usize;
                    heard.stdout.insert(index, bytes[from..end].to_vec());
                    heard.order.push(index);
                    let before = heard.ends.insert(index, End::Exit { code: 0 });
                    assert!(before.is_none(), "call {index} ended twice");
                    from = end;
                }
            }
            Event::Idle => idle += 1,
            Event::Gone { unstarted, why } => {
                heard.gone = Some((unstarted, why));
                break;
            }
        }
    }
    heard
}

impl Heard {
    pub(crate) fn text(&self, index: u64) -> String {
        let bytes = self.stdout.get(&index).cloned().unwrap_or_default();
        String::from_utf8(bytes).expect("text")
    }

    /// The text of a call's result, which is a line.
    #[track_caller]
    pub(crate) fn line(&self, index: u64) -> String {
        let text = self.text(index);
        text.strip_suffix('\n').expect("a line").to_owned()
    }

    #[track_caller]
    pub(crate) fn all_done(&self, count: u64) {
        assert_eq!(self.ends.len() as u64, count, "{:?}", self.gone);
        for (index, end) in &self.ends {
            assert!(end.is_done(), "task {index}: {end:?}");
        }
    }
}

/// The path of one of this crate's examples.
pub(crate) fn example(name: &str) -> PathBuf {
    let binaries = Path::new(env!("CARGO_BIN_EXE_skep-executor"))
        .parent()
        .expect("a folder");
    let path = binaries.join("examples").join(name);
    // With the name of a test cargo builds no examples.
    assert!(path.exists(), "first: cargo build -p executor --examples");
    path
}

/// Any name will do here, as long as other bytes have another one.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut out = [0; 32];
    for (salt, chunk) in out.chunks_mut(8).enumerate() {
        let mut hasher = DefaultHasher::new();
        (salt, bytes).hash(&mut hasher);
        chunk.copy_from_slice(&hasher.finish().to_le_bytes());
    }
    out
}
