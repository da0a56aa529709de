//! The sandbox of a node: walls that were tried, compiled modules, and executors to be had.

use std::{
    collections::HashMap,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Instant,
};

use bytes::Bytes;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::{
    cache::{self, Cache, Key},
    compile::{self, CompileCaps, CompileError, compile},
    executor::Executor,
    frames::{self, Kind, Load, Loaded, PAGE_BYTES},
    inert::inert,
    limits,
    priority::Priority,
    process::{Process, Spawner, in_words},
    profile::{CompileSettings, Entry, Profile},
    scratch,
    sealed::{self, Sealed},
    walls::Walls,
};

/// How a sandbox is opened.
#[derive(Clone)]
pub struct Options {
    /// The binary `skep-executor`.
    pub executor: PathBuf,
    /// Compiled modules; made with mode 0700 where it is missing.
    pub cache_dir: PathBuf,
    /// Seals what is in the cache; the node keeps it to itself.
    pub cache_key: [u8; 32],
    /// What the cache may hold.
    pub cache_quota_bytes: u64,
    /// Where executors' scratch folders lie. Emptied when the sandbox is
    /// opened, so one node has it for itself.
    pub scratch_dir: PathBuf,
    /// What one task may leave in its scratch folder;
    /// [`SCRATCH_BYTES`](limits::SCRATCH_BYTES) is the most.
    pub scratch_quota_bytes: u64,
    /// How executors and compilers stand against the machine's other programs.
    pub priority: Priority,
    /// What compiling one module may take.
    pub compile: CompileCaps,
    /// Runs modules even where the second wall cannot be raised.
    pub without_os_wall: bool,
}

/// A cheap handle; executors live as long as any of them, or any executor.
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    executor: PathBuf,
    scratch_dir: PathBuf,
    scratch_quota_bytes: u64,
    priority: Priority,
    compile: CompileCaps,
    without_os_wall: bool,
    walls: Walls,
    fingerprints: HashMap<CompileSettings, String>,
    cache: Cache,
    spawner: Spawner,
    codes: Mutex<HashMap<Key, Slot>>,
    /// Compilers at work: each may take 4 GiB.
    compilers: tokio::sync::Semaphore,
}

/// What is known of one key; whoever has the lock prepares it for all.
type Slot = Arc<tokio::sync::Mutex<Known>>;

#[derive(Debug, Default)]
struct Known {
    code: Weak<Sealed>,
    refusal: Option<CompileError>,
}

/// A module ready to be run in a profile.
#[derive(Clone, Debug)]
pub struct Prepared {
    code: Arc<Sealed>,
    profile: Profile,
    component: bool,
    reuse: bool,
    large: bool,
}

/// Why a sandbox cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The executor's binary does not start.
    #[error("the executor {path} does not start: {error}", path = path.display())]
    Executor {
        /// Where it was looked for.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It started and said something else than it should.
    #[error("the executor {path} does not answer as it should: {message}", path = path.display())]
    Answer {
        /// Which one.
        path: PathBuf,
        /// What it did.
        message: String,
    },
    /// A layer of the wall is missing.
    #[error("{missing}; no module runs without it")]
    Walls {
        /// Which one, in one sentence.
        missing: String,
    },
    /// The folder of compiled modules or of scratch folders cannot be used.
    #[error("the folder {path} cannot be used: {error}", path = path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A thread or a file in memory could not be made.
    #[error("the machine refused: {0}")]
    Machine(#[from] io::Error),
}

/// Why an executor could not be had. The machine is at fault, not the module.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// Something that every process needs was refused.
    #[error("an executor could not be started: {0}")]
    Machine(#[from] io::Error),
    /// It ended before it was ready.
    #[error("an executor ended before it was ready: {message}")]
    Ended {
        /// How, and what it said.
        message: String,
    },
    /// It took too long.
    #[error("an executor was not ready after {} s", limits::SPAWN_TIME.as_secs())]
    TimedOut,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key stays out of logs.
        f.debug_struct("Options")
            .field("executor", &self.executor)
            .field("cache_dir", &self.cache_dir)
            .field("scratch_dir", &self.scratch_dir)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Tries both walls in a child and asks the executor what its code depends
    /// on. Where a wall is missing that is an error, unless the options say otherwise.
    pub async fn open(options: Options) -> Result<Sandbox, OpenError> {
        let spawner = Spawner::start()?;
        let path = options.executor;
        let walls = Walls::parse(&ask(&spawner, &path, "walls").await?);
        if let (Some(missing), false) = (walls.missing(), options.without_os_wall) {
            return Err(OpenError::Walls {
                missing: missing.to_owned(),
            });
        }
        let described = ask(&spawner, &path, "describe").await?;
        let mut fingerprints = HashMap::new();
        for settings in CompileSettings::ALL {
            let name = settings.to_string();
            let line = described
                .lines()
                .find_map(|line| line.strip_prefix(&name)?.strip_prefix(' '));
            let Some(fingerprint) = line else {
                let message = format!("it does not describe `{name}`");
                return Err(OpenError::Answer { path, message });
            };
            fingerprints.insert(settings, fingerprint.to_owned());
        }
        let folder = |path: &PathBuf| {
            let path = path.clone();
            move |error| OpenError::Folder { path, error }
        };
        let quota = options.cache_quota_bytes;
        let cache = Cache::open(&options.cache_dir, options.cache_key, quota)
            .map_err(folder(&options.cache_dir))?;
        scratch::sweep(&options.scratch_dir).map_err(folder(&options.scratch_dir))?;
        Ok(Sandbox(Arc::new(Inner {
            executor: path,
            scratch_dir: options.scratch_dir,
            scratch_quota_bytes: options.scratch_quota_bytes.min(limits::SCRATCH_BYTES),
            priority: options.priority,
            compile: options.compile,
            without_os_wall: options.without_os_wall,
            walls,
            fingerprints,
            cache,
            spawner,
            codes: Mutex::default(),
            compilers: tokio::sync::Semaphore::new(COMPILERS_MAX),
        })))
    }

    /// Which layers of the wall stand.
    pub fn walls(&self) -> &Walls {
        &self.0.walls
    }

    /// Compiled code from the cache, or compiled now. Calls for the same code
    /// share one compilation; a module that was refused is refused again
    /// without another. `digest` names the module's bytes; the caller has checked it.
    pub async fn prepare(
        &self,
        digest: [u8; 32],
        module: Bytes,
        profile: &Profile,
    ) -> Result<Prepared, CompileError> {
        let settings = profile.compile_settings();
        let key = cache::key(&digest, &self.0.fingerprints[&settings], settings);
        let code = self.code(&key, &module, settings).await?;
        // An instance that keeps nothing between calls need not be made anew.
        let reuse = if matches!(profile.entry, Entry::Function { .. }) {
            let module = module.clone();
            blocking(move || Ok(crate::inspect::inspect(&module).reuse))
                .await
                .map_err(|error| CompileError::machine(&error))?
        } else {
            false
        };
        Ok(Prepared {
            code,
            profile: profile.clone(),
            component: module.get(4..8) == Some(&[0x0d, 0, 1, 0]),
            reuse,
            large: module.len() as u64 > limits::LARGE_MODULE_BYTES,
        })
    }

    /// A new executor, ready for its first batch.
    pub async fn spawn(&self, prepared: &Prepared) -> Result<Executor, SpawnError> {
        match tokio::time::timeout(limits::SPAWN_TIME, self.start(prepared)).await {
            Ok(started) => started,
            Err(_) => Err(SpawnError::TimedOut),
        }
    }

    async fn code(
        &self,
        key: &Key,
        module: &Bytes,
        settings: CompileSettings,
    ) -> Result<Arc<Sealed>, CompileError> {
        let slot = self.slot(key);
        let mut known = slot.lock().await;
        if let Some(code) = known.code.upgrade() {
            return Ok(code);
        }
        if let Some(refusal) = &known.refusal {
            return Err(refusal.clone());
        }
        let made = self.load_or_compile(key, module, settings).await;
        match &made {
            Ok(code) => known.code = Arc::downgrade(code),
            Err(error) if error.is_final() => known.refusal = Some(error.clone()),
            Err(_) => {}
        }
        made
    }

    /// The slot of this key. Slots of code that nobody has any more go, and of
    /// refusals so many stay.
    fn slot(&self, key: &Key) -> Slot {
        let mut codes = self.0.codes.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.len() >= limits::REFUSALS_MAX && !codes.contains_key(key) {
            codes.retain(|_, slot| {
                Arc::strong_count(slot) > 1
                    || slot
                        .try_lock()
                        .is_ok_and(|known| known.code.strong_count() > 0)
            });
        }
        codes.entry(*key).or_default().clone()
    }

    async fn load_or_compile(
        &self,
        key: &Key,
        module: &Bytes,
        settings: CompileSettings,
    ) -> Result<Arc<Sealed>, CompileError> {
        let machine = |error: io::Error| CompileError::machine(&error);
        let (cache, of) = (self.0.cache.clone(), *key);
        let cached = blocking(move || Ok(cache.load(&of)))
            .await
            .map_err(machine)?;
        let code = match cached {
            Some(code) => code,
            None => {
                let compiler = self.0.compilers.acquire().await;
                let command = self.command("compile", settings);
                let mut code = compile(&self.0.spawner, command, module, self.0.compile).await?;
                drop(compiler);
                let (cache, of) = (self.0.cache.clone(), *key);
                blocking(move || {
                    cache.store(&of, &mut code);
                    Ok(code)
                })
                .await
                .map_err(machine)?
            }
        };
        Sealed::seal(code).map(Arc::new).map_err(machine)
    }

    async fn start(&self, prepared: &Prepared) -> Result<Executor, SpawnError> {
        let profile = &prepared.profile;
        let (ours, theirs) = UnixStream::pair()?;
        let page = sealed::fixed_file("skep-page", PAGE_BYTES)?;
        let errors = sealed::memory_file("skep-errors")?;
        let folder = if profile.scratch {
            Some(scratch::create(&self.0.scratch_dir)?)
        } else {
            None
        };
        let mut command = self.command("run", profile.compile_settings());
        command
            .arg(format!(
                "memory={}",
                profile.memory_bytes.min(limits::MEMORY_BYTES_MAX)
            ))
            .arg(format!("code={}", prepared.code.len()))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::from(errors.try_clone()?));
        if let Some(folder) = &folder {
            let mut argument = std::ffi::OsString::from("scratch=");
            argument.push(folder.path());
            command
                .arg(argument)
                .arg(format!("quota={}", self.0.scratch_quota_bytes));
        }
        let mut process = self.0.spawner.spawn(command).await?;
        let folder = folder.map(tempfile::TempDir::keep);
        process.folder.clone_from(&folder);

        ours.set_nonblocking(true)?;
        let table_elements = if prepared.large {
            limits::LARGE_TABLE_ELEMENTS_MAX
        } else {
            limits::TABLE_ELEMENTS_MAX
        };
        let load = Load {
            entry: profile.entry.clone(),
            component: prepared.component,
            reuse: prepared.reuse,
            table_elements: u32::try_from(table_elements).expect("a small number"),
        };
        hand_over(&ours, &load, &prepared.code.reopen()?, &page)?;
        let socket = tokio::net::UnixStream::from_std(ours)?;
        let failure = match loaded(&socket).await {
            Ok(Loaded { failure: None }) => {
                let entry = profile.entry.clone();
                let scratch = folder.map(|folder| (folder, self.0.scratch_quota_bytes));
                return Ok(Executor::new(process, socket, errors, page, entry, scratch));
            }
            Ok(Loaded {
                failure: Some(failure),
            }) => inert(&failure),
            Err(error) => how_it_ended(&mut process, errors, &error).await,
        };
        Err(SpawnError::Ended { message: failure })
    }

    /// A command for a compiler or an executor, its work still to be named.
    fn command(&self, work: &str, settings: CompileSettings) -> Command {
        let mut command = command(&self.0.executor);
        command
            .args([work, &settings.to_string()])
            .arg(format!("priority={}", self.0.priority));
        if self.0.without_os_wall {
            command.arg("without-wall");
        }
        command
    }
}

/// Compilers at work at the same time.
const COMPILERS_MAX: usize = 2;

/// A command with nothing of our environment.
fn command(executor: &PathBuf) -> Command {
    let mut command = Command::new(executor);
    command.env_clear();
    command
}

/// Runs the executor with one word and gives what it printed.
async fn ask(spawner: &Spawner, path: &PathBuf, word: &str) -> Result<String, OpenError> {
    let mut printed = sealed::memory_file("skep-answer")?;
    let mut command = command(path);
    command
        .arg(word)
        .stdin(Stdio::null())
        .stdout(Stdio::from(printed.try_clone()?))
        .stderr(Stdio::from(printed.try_clone()?));
    let started = Instant::now();
    let mut child = spawner
        .spawn(command)
        .await
        .map_err(|error| OpenError::Executor {
            path: path.clone(),
            error,
        })?;
    let ended = tokio::time::timeout(limits::SPAWN_TIME, child.ended()).await;
    let said = compile::text(&mut printed);
    match ended {
        Ok(Ok(status)) if status.success() => Ok(said),
        Ok(Ok(status)) => {
            let message = format!("{}: {said}", in_words(status));
            Err(OpenError::Answer {
                path: path.clone(),
                message,
            })
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_) => {
            let message = format!("no answer after {} s", started.elapsed().as_secs());
            Err(OpenError::Answer {
                path: path.clone(),
                message,
            })
        }
    }
}

/// Sends the first frame with the two descriptors.
fn hand_over(
    socket: &UnixStream,
    load: &Load,
    code: &OwnedFd,
    page: &std::fs::File,
) -> io::Result<()> {
    let mut frame = Vec::new();
    frames::put(&mut frame, Kind::Load, load);
    let descriptors = [code.as_fd(), page.as_fd()];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    let pieces = [io::IoSlice::new(&frame)];
    // A new socket has room for far more than this.
    let sent = sendmsg(socket, &pieces, &mut ancillary, SendFlags::NOSIGNAL)?;
    if sent == frame.len() {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

/// Waits for the executor's first word.
async fn loaded(socket: &tokio::net::UnixStream) -> io::Result<Loaded> {
    let mut inbox = frames::Inbox::default();
    loop {
        socket.readable().await?;
        match socket.try_read(inbox.spare()) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => inbox.filled(bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        if let Some((Kind::Loaded, body)) = inbox.take().map_err(io::Error::other)? {
            return frames::owned(Kind::Loaded, body).map_err(io::Error::other);
        }
    }
}

async fn how_it_ended(
    process: &mut Process,
    mut errors: std::fs::File,
    error: &io::Error,
) -> String {
    process.signal(rustix::process::Signal::KILL);
    let ended = tokio::time::timeout(limits::EXIT_TIME, process.ended()).await;
    let said = compile::text(&mut errors);
    match ended {
        Ok(Ok(status)) if said.is_empty() => in_words(status),
        Ok(Ok(_)) => said,
        Ok(Err(_)) | Err(_) => error.to_string(),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}
