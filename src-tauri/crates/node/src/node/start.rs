//! Starting: the lock, the store, the rules as they were left, the sandbox,
//! and the tasks that make a node of them.

use super::door_errors::{locked, restored, unopened, unwalled};
use super::forward::Forwarding;
use super::{Inner, Node, Options};
use crate::chores::Chores;
use crate::clock::{Clock, wall_ms};
use crate::contribute::{Parts, PausedUntil};
use crate::driver::{Driver, Driving, image, paused};
use crate::follow::Follows;
use crate::host::{self, HealthReader, Host, Sensors};
use crate::identity::{self, Identity};
use crate::keep::Keep;
use crate::library::Library;
use crate::limits::{INBOX, THUMBNAILS_AT_ONCE};
use crate::listening::pairing::Pairing;
use crate::listening::{self, Listening};
use crate::member::{Fetching, Member};
use crate::samples::{self, Samples};
use crate::settings::Settings;
use crate::space::Space;
use crate::spans::Spans;
use crate::stops::Stops;
use crate::tidy::Tidy;
use crate::watch::Watches;
use crate::work::{Supply, Way, Working};
use api::{Error, ErrorCode};
use pool::{Coordinator, Founding, Life, Term, Worker, WorkerOptions};
use sandbox::Sandbox;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Past, Store};
use tokio::sync::{Semaphore, mpsc, watch};

/// How long a change of the settings waits until the coordinator knows of it.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// Wishes that wait for the worker.
const WISHES: usize = 16;

pub(super) async fn start(options: Options) -> Result<Node, Error> {
    let folders = &options.folders;
    folders.make()?;
    let lock = store::lock(&folders.data).map_err(|error| locked(&error))?;
    let Store {
        writer,
        reader,
        blobs,
        past,
    } = Store::open(&lock, store::Options::default())
        .await
        .map_err(|error| unopened(&error))?;
    let identity = identity::of(&folders.data)?;
    let sandbox = open_sandbox(&options, &identity).await;
    if let (true, Err(error)) = (options.work, &sandbox) {
        return Err(error.clone());
    }
    let founding = identity.founding(&options.settings.node_name);
    let (clock, mut coordinator, paused) = restore(&reader, past, &founding).await?;
    coordinator.limit_queued_tasks(u64::from(options.settings.queued_tasks));
    coordinator.living_only(options.living_only);

    let host = Arc::new(Host::new());
    let space = Space::new();
    let keep = Keep::new(blobs.clone(), space.clone());
    let (inbox, received) = mpsc::channel(INBOX);
    let driving = Driving::new(inbox);
    let member = Member::of(&folders.data)?;
    let pool = transport::PoolId(coordinator.pool().id.0);
    let listening = match (options.listen, &member) {
        (Some(place), None) => {
            let device = transport::DeviceId(identity.machine.0);
            match Listening::start(&folders.data, pool, device, place) {
                Ok(listening) => Some(Arc::new(listening)),
                Err(error) if place.strict => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "other machines cannot reach this one");
                    None
                }
            }
        }
        (Some(_) | None, _) => None,
    };
    let (registry_says, registry) = watch::channel(0_u64);
    let (admitted_says, admitted) = watch::channel(listening::admitted(&coordinator));
    let spans = Arc::new(Spans::new());
    let stops = Arc::new(Stops::default());
    let watches = Watches::new(spans.clone());
    let library = Library::of_node(
        driving.clone(),
        reader.clone(),
        blobs,
        host.clone(),
        identity.machine,
        (spans.clone(), stops.clone()),
    );
    let (commit_micros, commits) = watch::channel(writer.commit_micros());
    let (ended_says, ended) = watch::channel(false);
    let life = Life(random()?);
    let driver = Driver {
        coordinator,
        writer,
        clock,
        inbox: received,
        chores: Chores {
            driving: driving.clone(),
            reader: reader.clone(),
            keep: keep.clone(),
        },
        follows: Follows::default(),
        watches: watches.clone(),
        stops,
        space: space.clone(),
        admitted: admitted_says,
        registry: registry_says,
        commit_micros,
    };
    tokio::spawn(async move {
        driver.run().await;
        ended_says.send_replace(true);
    });

    let (worker_says, worker_ended) = watch::channel(!options.work);
    let (wishes, contributing) = match &sandbox {
        Ok(sandbox) if options.work => {
            let (wishes, wished) = mpsc::channel(WISHES);
            let parts = Parts {
                host: host.clone(),
                clock,
                settings: options.settings.clone(),
                cores: options.cores,
                paused,
                sensors: sensors().await?,
            };
            let health = HealthReader::new(host.clone(), &parts.sensors);
            let about = about(&options, &identity, life);
            let worker = Worker::new(clock.now(), about, parts.first(*commits.borrow()));
            let fetching = member
                .as_ref()
                .map(|member| Fetching::new(member.clone(), keep.clone()));
            let supply = Supply::new(sandbox.clone(), keep.clone(), fetching, spans.clone());
            let supply = Arc::new(supply);
            let way = match &member {
                Some(member) => Way::There(member.clone()),
                None => Way::Here(driving.clone()),
            };
            let (busy_says, busy) = watch::channel(false);
            let news = (commits, busy_says);
            let working = Working::new(worker, clock, supply, way, wished, news, health);
            tokio::spawn(async move {
                working.run().await;
                worker_says.send_replace(true);
            });
            let contributing = parts.start(wishes.clone(), busy);
            (Some(wishes), Some(contributing))
        }
        Ok(_) | Err(_) => (None, None),
    };
    if let Err(error) = options.settings.keep_last_good() {
        tracing::warn!(%error, "no copy of the settings file could be kept");
    }
    let (results_days, _) = watch::channel(options.settings.results_days);
    let (blob_quota, quota) = watch::channel(options.settings.blob_bytes);
    tokio::spawn(space.clone().watch(
        options.folders.data.clone(),
        keep.blobs().clone(),
        quota,
        ended.clone(),
    ));
    let samples = Samples::open(&options.folders.data).map(Arc::new);
    let samples = samples.map_err(|error| {
        tracing::warn!(%error, "samples of this machine cannot be kept");
        Error::new(
            ErrorCode::FolderUnusable,
            format!("samples cannot be kept: {error}"),
        )
    });
    if let Ok(samples) = &samples {
        tokio::spawn(samples::take(
            samples.clone(),
            host.clone(),
            spans,
            ended.clone(),
        ));
    }
    let pairing = listening.as_ref().map(|listening| {
        let data = options.folders.data.clone();
        Pairing::new(data, listening.clone(), driving.clone(), pool, registry)
    });
    let node = Node {
        inner: Arc::new(Inner {
            settings: Mutex::new(options.settings.clone()),
            options,
            started_ms: wall_ms(),
            driving,
            library,
            keep,
            host,
            sandbox,
            wishes,
            contributing,
            paused: Mutex::new(paused),
            space,
            watches,
            samples,
            thumbnails: Semaphore::new(THUMBNAILS_AT_ONCE),
            results_days,
            blob_quota,
            naming: tokio::sync::Mutex::default(),
            member: member.map(Forwarding::new),
            pairing: pairing.clone(),
            listening: listening.clone(),
            stopping: AtomicBool::new(false),
            worker_ended,
            ended,
        }),
    };
    tokio::spawn(node.inner.tidy().run());
    if let Some(listening) = listening {
        let (driving, keep) = (node.inner.driving.clone(), node.inner.keep.clone());
        if let Some(pairing) = pairing {
            tokio::spawn(pairing.run());
        }
        let desk = node.clone();
        tokio::spawn(async move { listening.serve(driving, keep, desk, admitted).await });
    }
    Ok(node)
}

impl Inner {
    pub(super) fn tidy(&self) -> Tidy {
        Tidy {
            driving: self.driving.clone(),
            reader: self.library.reader().clone(),
            keep: self.keep.clone(),
            results_days: self.results_days.subscribe(),
        }
    }
}

/// The rules as they were committed, the clock that goes on from there, and
/// the pause that a person asked for.
async fn restore(
    reader: &store::Reader,
    past: Past,
    founding: &Founding,
) -> Result<(Clock, Coordinator, Option<PausedUntil>), Error> {
    let stored = reader.restore().await;
    let stored = stored.map_err(|error| crate::stored::unread(&error))?;
    let paused = paused(&stored);
    let mut image = image(stored);
    let clock = Clock::from(image.moment);
    let seed = random()?;
    let mut coordinator = match past {
        Past::New => Coordinator::new(clock.now(), seed, founding),
        Past::Closed | Past::Killed => Coordinator::restore(clock.now(), seed, image, founding)
            .map_err(|error| restored(&error))?,
        Past::Restored { lost } => {
            // Beyond any term that was forgotten: none was raised more often than once a millisecond.
            image.term = Term(image.term.0.max(wall_ms().unsigned_abs()));
            tracing::warn!(
                ?lost,
                "the database is older than what was committed here; what came later is forgotten"
            );
            Coordinator::restore(clock.now(), seed, image, founding)
                .map_err(|error| restored(&error))?
        }
    };
    // Their time went on while no node ran.
    for id in coordinator.invites_outlived(wall_ms()) {
        if let Err(error) = coordinator.revoke_invite(clock.now(), id) {
            tracing::warn!(%id, %error, "an invite that has expired was not revoked");
        }
    }
    Ok((clock, coordinator, paused))
}

async fn open_sandbox(options: &Options, identity: &Identity) -> Result<Sandbox, Error> {
    let sandbox = Sandbox::open(sandbox::Options {
        executor: executor()?,
        cache_dir: options.folders.cache.join("modules"),
        cache_key: identity.cache_key,
        cache_quota_bytes: options.settings.cache_bytes,
        scratch_dir: options.folders.data.join("scratch"),
        scratch_quota_bytes: sandbox::limits::SCRATCH_BYTES,
        priority: sandbox::Priority::Idle,
        compile: sandbox::CompileCaps::default(),
        without_os_wall: options.without_os_wall,
    });
    sandbox.await.map_err(|error| unwalled(&error))
}

/// Where the executor lies: beside this program, or in the package's libexec
/// folder; in builds for development wherever `SKEP_EXECUTOR` says.
pub(crate) fn executor() -> Result<PathBuf, Error> {
    const NAME: &str = "skep-executor";
    if cfg!(debug_assertions)
        && let Some(path) = std::env::var_os("SKEP_EXECUTOR")
    {
        return Ok(path.into());
    }
    let missing = |why: String| {
        Error::new(ErrorCode::ExecutorMissing, why)
            .hint("install Skep again; from its source: cargo build -p executor")
    };
    let program = std::env::current_exe()
        .map_err(|error| missing(format!("this program cannot find itself: {error}")))?;
    let beside = program.with_file_name(NAME);
    let libexec = program
        .parent()
        .and_then(|bin| bin.parent())
        .map(|prefix| prefix.join("libexec/skep").join(NAME));
    [Some(beside.clone()), libexec]
        .into_iter()
        .flatten()
        .find(|path| path.is_file())
        .ok_or_else(|| missing(format!("there is no {NAME} beside {}", program.display())))
}

fn random() -> Result<u64, Error> {
    getrandom::u64().map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))
}

fn about(options: &Options, identity: &Identity, life: Life) -> WorkerOptions {
    WorkerOptions {
        machine: identity.machine,
        life,
        name: options.settings.node_name.clone(),
        os: host::os(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        cores: host::cores(),
    }
}

async fn sensors() -> Result<Sensors, Error> {
    Sensors::start().await.map_err(|error| {
        Error::new(
            ErrorCode::Internal,
            format!("no thread could be started to look at this machine: {error}"),
        )
    })
}

impl super::Inner {
    /// Lets the worker know what the settings say now.
    pub(super) async fn apply(&self, settings: &Settings) {
        if let Some(contributing) = &self.contributing {
            // On a full disk the coordinator is not told now.
            let _ = tokio::time::timeout(TOLD_WITHIN, contributing.set(settings.clone())).await;
        }
    }

    /// The same for a pause.
    pub(super) async fn apply_pause(&self, until: Option<PausedUntil>) {
        if let Some(contributing) = &self.contributing {
            let _ = tokio::time::timeout(TOLD_WITHIN, contributing.pause(until)).await;
        }
    }
}
