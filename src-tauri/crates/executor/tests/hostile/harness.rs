//! Runs one hostile case and watches what it does to everybody else.

use bytes::Bytes;
use sandbox::{
    Batch, Caps, CompileCaps, End, Entry, Event, Executor, Options, Prepared, Priority, Profile,
    Program, Sandbox, Stdin, Task,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// How long after its deadline a task may still be there on a busy machine.
const LATE: Duration = Duration::from_secs(10);
/// What a case may leave in the parent's memory.
const GROWTH_BYTES_MAX: u64 = 16 << 20;

/// One sandbox in a folder of its own, on a runtime of its own.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) sandbox: Sandbox,
    _alone: Option<Alone>,
}

/// A module and how it is to be run.
pub(crate) struct Case {
    pub(crate) module: Bytes,
    pub(crate) profile: Profile,
    pub(crate) caps: Caps,
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) stdin: Bytes,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) end: End,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// Refused before any task began: by the compiler or at the start of the executor.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::in_dir(folder())
    }

    pub(crate) fn in_dir(dir: tempfile::TempDir) -> Bench {
        let options = options(dir.path());
        Bench::open(dir, options, Some(Alone::take()))
    }

    /// A sandbox whose options differ.
    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Bench {
        let dir = folder();
        let mut options = options(dir.path());
        change(&mut options);
        Bench::open(dir, options, Some(Alone::take()))
    }

    fn open(dir: tempfile::TempDir, options: Options, alone: Option<Alone>) -> Bench {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let sandbox = runtime.block_on(Sandbox::open(options)).unwrap();
        Bench {
            dir,
            runtime,
            sandbox,
            _alone: alone,
        }
    }

    /// The case beside a neighbour; checks what holds for every case.
    #[track_caller]
    pub(crate) fn run(&self, case: &Case) -> Result<Seen, Refused> {
        self.beside(|| {
            let begun = Instant::now();
            let seen = self.runtime.block_on(attempt(&self.sandbox, case));
            if let (Some(limit), Ok(seen)) = (case.caps.task_time, &seen) {
                let late = begun.elapsed().saturating_sub(limit);
                assert!(
                    late < LATE,
                    "it ended {late:?} after its deadline: {:?}",
                    seen.end
                );
                if let End::DeadlineExceeded { .. } = seen.end {
                    assert!(
                        begun.elapsed() >= limit,
                        "it was ended before its deadline, after {:?}",
                        begun.elapsed()
                    );
                }
            }
            seen
        })
    }

    /// Something hostile beside a neighbour, which must be served all the
    /// while; afterwards nothing of it may be left.
    #[track_caller]
    pub(crate) fn beside<T>(&self, hostile: impl FnOnce() -> T) -> T {
        let (files, memory, children) = (open_files(), resident_bytes(), all_children());
        let neighbour = Neighbour::start();
        let seen = hostile();
        neighbour.finish();
        // Whoever takes the dead away, and their folders, may need a moment.
        let begun = Instant::now();
        let left = || {
            let scratch = self.scratch_entries();
            let left = (open_files(), all_children(), scratch);
            (left.0 > files || left.1 != children || !left.2.is_empty()).then_some(left)
        };
        while let Some((open, alive, scratch)) = left() {
            assert!(
                begun.elapsed() < LATE,
                "left behind: {open} descriptors of {files} before, \
                 children {alive:?} of {children:?}, in the scratch folder {scratch:?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        let growth = resident_bytes().saturating_sub(memory);
        assert!(
            growth <= GROWTH_BYTES_MAX,
            "the parent grew by {growth} bytes"
        );
        seen
    }

    /// An executor that has begun the case, or will at once.
    pub(crate) async fn begin(&self, case: &Case) -> Executor {
        let prepared = self
            .sandbox
            .prepare(digest(&case.module), case.module.clone(), &case.profile)
            .await
            .unwrap();
        let mut executor = self.sandbox.spawn(&prepared).await.unwrap();
        executor.send(case.batch()).await.unwrap();
        executor
    }

    pub(crate) fn prepare(&self, case: &Case) -> Result<Prepared, Refused> {
        self.runtime
            .block_on(self.sandbox.prepare(
                digest(&case.module),
                case.module.clone(),
                &case.profile,
            ))
            .map_err(|error| Refused(format!("{error:?}: {error}")))
    }

    fn scratch_entries(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.dir.path().join("scratch"))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect()
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("skep-hostile-")
        .tempdir()
        .unwrap()
}

fn options(dir: &std::path::Path) -> Options {
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

impl Case {
    /// A command with small limits: 256 MiB, half a second, 1 MiB of output.
    pub(crate) fn command(text: &str) -> Case {
        Case {
            module: binary(text),
            profile: Profile {
                memory_bytes: 256 << 20,
                fuel: false,
                scratch: false,
                on_demand: false,
                entry: Entry::Command,
            },
            caps: Caps {
                task_time: Some(Duration::from_millis(500)),
                fuel: None,
                output_bytes: 1 << 20,
                log_bytes: 1 << 20,
            },
            argv: vec!["hostile".to_owned()],
            env: Vec::new(),
            stdin: Bytes::new(),
        }
    }

    pub(crate) fn component(text: &str) -> Case {
        let mut case = Case::command(text);
        case.profile.on_demand = true;
        case
    }

    pub(crate) fn bytes(text: &str, stdin: &'static [u8]) -> Case {
        let mut case = Case::command(text);
        case.profile.entry = Entry::Bytes;
        case.stdin = Bytes::from_static(stdin);
        case
    }

    pub(crate) fn function(text: &str, name: &str) -> Case {
        let mut case = Case::command(text);
        case.profile.entry = Entry::Function {
            name: name.to_owned(),
        };
        case
    }

    /// With a scratch folder.
    pub(crate) fn filed(mut self) -> Case {
        self.profile.scratch = true;
        self
    }

    /// Long enough that only a mistake would reach it.
    pub(crate) fn patient(mut self) -> Case {
        self.caps.task_time = Some(Duration::from_secs(60));
        self
    }

    pub(crate) fn batch(&self) -> Batch {
        match self.profile.entry {
            Entry::Function { .. } => Batch::Calls {
                caps: self.caps.clone(),
                args: Vec::new(),
                range: None,
                first_index: 0,
                count: 1,
            },
            Entry::Command | Entry::Bytes | Entry::Kernel => Batch::Programs {
                caps: self.caps.clone(),
                shared: Arc::new(Program {
                    argv: self.argv.clone(),
                    env: self.env.clone(),
                }),
                tasks: vec![Task {
                    index: 0,
                    argv: None,
                    env: Vec::new(),
                    stdin: Stdin::Bytes(self.stdin.clone()),
                    files: None,
                }],
            },
        }
    }
}

impl Seen {
    #[track_caller]
    pub(crate) fn traps(&self, with: &str) {
        assert!(
            matches!(&self.end, End::Trap { message, .. } if message.contains(with)),
            "{self:?}"
        );
    }

    #[track_caller]
    pub(crate) fn is_over_its_deadline(&self) {
        assert!(matches!(self.end, End::DeadlineExceeded { .. }), "{self:?}");
    }
}

pub(crate) async fn attempt(sandbox: &Sandbox, case: &Case) -> Result<Seen, Refused> {
    let refused = |error: &dyn std::fmt::Display| Refused(error.to_string());
    let prepared = sandbox
        .prepare(digest(&case.module), case.module.clone(), &case.profile)
        .await
        .map_err(|error| refused(&error))?;
    let mut executor = sandbox
        .spawn(&prepared)
        .await
        .map_err(|error| refused(&error))?;
    executor
        .send(case.batch())
        .await
        .map_err(|error| refused(&error))?;
    Ok(watch(&mut executor).await)
}

/// Reads events until the one task has ended and the executor is idle or gone.
pub(crate) async fn watch(executor: &mut Executor) -> Seen {
    let (mut stdout, mut stderr, mut ended) = (Vec::new(), Vec::new(), None);
    loop {
        match executor.next().await {
            Event::Started { .. } | Event::Progress { .. } => {}
            Event::Stdout { bytes, .. } => stdout.extend_from_slice(&bytes),
            Event::Stderr { bytes, .. } => stderr.extend_from_slice(&bytes),
            Event::Ended { end, .. } => ended = Some(end),
            Event::Calls { bytes, .. } => {
                stdout.extend_from_slice(&bytes);
                ended = Some(End::Exit { code: 0 });
            }
            Event::Idle => break,
            Event::Gone { unstarted, why } => {
                assert!(
                    ended.is_some() && unstarted.is_empty(),
                    "the executor went without a word about its task: {why}"
                );
                break;
            }
        }
    }
    let end = ended.expect("an end before the executor is idle");
    Seen {
        end,
        stdout,
        stderr,
    }
}

/// A job that is well behaved: it runs in a sandbox of its own, again and
/// again, until it is told to finish, and every result must be right.
struct Neighbour {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Neighbour {
    fn start() -> Neighbour {
        let (stop, rounds) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (told, count) = (Arc::clone(&stop), Arc::clone(&rounds));
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let dir = folder();
            let options = options(dir.path());
            let bench = Bench::open(dir, options, None);
            let mut case = Case::command(ECHO).patient();
            bench.runtime.block_on(async {
                let prepared = bench
                    .sandbox
                    .prepare(digest(&case.module), case.module.clone(), &case.profile)
                    .await
                    .unwrap();
                let mut executor = bench.sandbox.spawn(&prepared).await.unwrap();
                while !told.load(Ordering::Relaxed) {
                    let round = count.load(Ordering::Relaxed);
                    case.stdin = Bytes::from(format!("round {round}"));
                    executor.send(case.batch()).await.unwrap();
                    let seen = watch(&mut executor).await;
                    assert_eq!(seen.stdout, case.stdin, "the neighbour's result is wrong");
                    assert!(seen.end.is_done(), "the neighbour failed: {seen:?}");
                    count.fetch_add(1, Ordering::Relaxed);
                    if round == 0 {
                        ready.send(()).unwrap();
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
        });
        is_ready.recv().expect("the neighbour's first result");
        Neighbour {
            stop,
            rounds,
            thread,
        }
    }

    #[track_caller]
    fn finish(self) {
        // One more round after the hostile case has ended.
        let seen = self.rounds.load(Ordering::Relaxed);
        let begun = Instant::now();
        while self.rounds.load(Ordering::Relaxed) <= seen {
            assert!(
                begun.elapsed() < Duration::from_secs(30) && !self.thread.is_finished(),
                "the neighbour stands still"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the neighbour");
    }
}

const ECHO: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 65536)) (i32.store (i32.const 4) (i32.const 65536))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

pub(crate) fn binary(text: &str) -> Bytes {
    Bytes::from(wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

/// Any name will do here, as long as other bytes have another one.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut out = [0; 32];
    for (i, chunk) in out.chunks_mut(8).enumerate() {
        let mut hasher = DefaultHasher::new();
        (i, bytes).hash(&mut hasher);
        chunk.copy_from_slice(&hasher.finish().to_le_bytes());
    }
    out
}

/// Ids of this process's children, by the system's account.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let mut parents = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(child) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let Some((_, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        let mut words = rest.split_whitespace();
        let (state, parent) = (
            words.next(),
            words.next().and_then(|word| word.parse::<u32>().ok()),
        );
        if state != Some("Z") {
            parents.insert(child, parent);
        }
    }
    parents
        .into_iter()
        .filter(|(_, parent)| *parent == Some(pid))
        .map(|(child, _)| child)
        .collect()
}

/// Whether the process is there and not only waiting to be taken away, which
/// is up to whoever inherited it.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_some_and(|rest| !rest.starts_with(['Z', 'X']))
}

/// One test at a time: what a case leaves in this process is counted, so
/// nobody else may be at work in it. A test may hold it several times.
#[derive(Debug)]
struct Alone;

static HOLDER: Mutex<(Option<ThreadId>, usize)> = Mutex::new((None, 0));
static RELEASED: Condvar = Condvar::new();

impl Alone {
    fn take() -> Alone {
        let me = std::thread::current().id();
        let mut holder = HOLDER.lock().unwrap();
        while holder.0.is_some_and(|other| other != me) {
            holder = RELEASED.wait(holder).unwrap();
        }
        *holder = (Some(me), holder.1 + 1);
        Alone
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let mut holder = HOLDER.lock().unwrap();
        holder.1 -= 1;
        if holder.1 == 0 {
            holder.0 = None;
            RELEASED.notify_one();
        }
    }
}

/// Children of this process, those that nobody took away yet among them.
fn all_children() -> BTreeSet<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let lists = tasks.map(|task| std::fs::read_to_string(task.path().join("children")));
    lists
        .flat_map(|list| {
            let list = list.unwrap_or_default();
            list.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The most memory that a process ever had in its hands, in bytes.
pub(crate) fn peak_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kibibytes.unwrap().parse::<u64>().unwrap() << 10
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Memory of this process that is its own: pages of its binary come and go.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let mut pages = statm
        .split_whitespace()
        .skip(1)
        .map(|word| word.parse::<u64>().unwrap());
    let (resident, shared) = (pages.next().unwrap(), pages.next().unwrap());
    (resident - shared) * 4096
}
