//! The life of an executor: walls, module, walls, then batch after batch.

use std::{
    any::Any,
    fs::File,
    future::{Future, poll_fn},
    os::fd::FromRawFd,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Mutex,
    task::Poll,
};

use sandbox::{
    CompileSettings, End, Entry, Priority,
    frames::{self, Calls, FrameError, Inbox, Kind, Load, Programs},
    inert,
};

use crate::{
    guest::Bounds,
    kernel::KernelEnd,
    module::Linkers,
    page::Page,
    program::{Arguments, Bench},
    receive,
    wall::{Refusal, Role, Scratch, Wall},
    wire::Wire,
};

/// What the command line said.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) settings: CompileSettings,
    pub(crate) memory_bytes: u64,
    pub(crate) code_bytes: u64,
    pub(crate) scratch: Option<Scratch>,
    pub(crate) priority: Priority,
    pub(crate) without_wall: bool,
}

/// Why an executor never came to run a task.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("make the engine: {0:#}")]
    Engine(wasmtime::Error),
    #[error("make the runtime: {0}")]
    Runtime(std::io::Error),
    #[error("raise the wall: {0}")]
    Wall(#[from] crate::wall::WallError),
    #[error("receive the module: {0}")]
    Receive(std::io::Error),
    #[error("understand the node: {0}")]
    Frame(#[from] FrameError),
    #[error("load the module: {0:#}")]
    Load(wasmtime::Error),
}

/// Serves until the parent goes; answers only with what went wrong before the first task.
pub(crate) fn serve(options: &Options) -> Result<(), ServeError> {
    // SAFETY: the parent gave its socket as standard input, and nobody else here uses it.
    let socket = unsafe { File::from_raw_fd(0) };
    let engine = crate::engine::engine(options.settings).map_err(ServeError::Engine)?;
    let linkers = Linkers::new(&engine, options.settings.on_demand).map_err(ServeError::Engine)?;
    keep_panic_messages();
    let role = Role::Run {
        on_demand: options.settings.on_demand,
        memory_bytes: options.memory_bytes,
        code_bytes: options.code_bytes,
    };
    let wall = Wall {
        role,
        scratch: options.scratch.as_ref(),
        refusal: Refusal::Kill,
        tolerant: options.without_wall,
    };
    // The random generator is seeded while nothing foreign is here.
    drop(wasmtime_wasi::thread_rng());
    let parked = std::sync::Arc::new(Mutex::new(None::<Wire>));
    let at_park = parked.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        // A guest that sleeps shows first what it wrote.
        .on_thread_park(move || {
            if let Ok(wire) = at_park.lock()
                && let Some(wire) = &*wire
            {
                wire.line().send_rest();
            }
        })
        .build()
        .map_err(ServeError::Runtime)?;

    // Not sooner: whoever waits for this executor waits for what is above.
    crate::priority::take(options.priority);
    wall.raise()?;
    let mut inbox = Inbox::default();
    let [code, page] = receive::descriptors(&socket, &mut inbox).map_err(ServeError::Receive)?;
    let page = Page::map(&page).map_err(ServeError::Receive)?;
    let wire = Wire::new(socket, inbox, page, options.scratch.is_some());
    *parked
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(wire.clone());

    let load: Load = {
        let mut line = wire.line();
        let (kind, body) = line.next()?;
        if kind != Kind::Load {
            return Err(FrameError::Turn(kind).into());
        }
        frames::owned(kind, body)?
    };
    let ready = linkers
        .load(&load, code)
        .map_err(ServeError::Load)
        .and_then(|program| wall.narrow().map(|()| program).map_err(ServeError::Wall));
    let program = match ready {
        Ok(program) => program,
        Err(error) => {
            wire.line().loaded(Some(inert(&error.to_string())));
            return Err(error);
        }
    };
    wire.line().loaded(None);
    let bench = Bench {
        engine: &engine,
        program: &program,
        wire: &wire,
        bounds: &Bounds::new(options.memory_bytes, load.table_elements, load.component),
        fuel: options.settings.fuel,
        scratch: options
            .scratch
            .as_ref()
            .map(|scratch| scratch.folder.as_path()),
    };
    runtime.block_on(batches(&bench, load.entry == Entry::Kernel))?;
    Ok(())
}

/// The batches as the parent wrote them, with what borrows from the wire copied.
enum Work {
    Calls(Calls),
    Programs {
        caps: frames::WireCaps,
        argv: Vec<String>,
        env: Vec<(String, String)>,
        count: u32,
    },
}

async fn batches(bench: &Bench<'_>, kernel: bool) -> Result<(), FrameError> {
    loop {
        let work = next_work(bench.wire)?;
        match work {
            Work::Calls(calls) => {
                if let Err(message) = unless_panic(bench.calls(&calls)).await {
                    give_up(bench.wire, End::HostRefused { message });
                }
            }
            Work::Programs {
                caps,
                argv,
                env,
                count,
            } if kernel => {
                bench.wire.line().wait()?;
                bench.wire.line().begin(caps);
                bench.wire.line().begin_kernel(count);
                let arguments = Arguments {
                    argv: &argv,
                    env: &env,
                    more_env: &[],
                    stdin_len: 0,
                    fuel: caps.fuel,
                };
                let ended = unless_panic(bench.run(&arguments)).await;
                let KernelEnd {
                    answered_all,
                    violation,
                } = bench.wire.line().end_kernel();
                match (ended, violation) {
                    (Ok(_), _) if answered_all => {}
                    (Err(message), _) => give_up(bench.wire, End::HostRefused { message }),
                    (Ok(End::Exit { code: 0 } | End::AbiViolation { .. }), Some(message)) => {
                        give_up(bench.wire, End::AbiViolation { message });
                    }
                    // What comes after the task that failed has partly been
                    // read: the parent gives it to a successor.
                    (Ok(end), _) => give_up(bench.wire, end),
                }
            }
            Work::Programs {
                caps,
                argv,
                env,
                count,
            } => {
                for _ in 0..count {
                    program(bench, caps, &argv, &env).await?;
                }
            }
        }
        bench.wire.line().idle();
    }
}

fn next_work(wire: &Wire) -> Result<Work, FrameError> {
    let mut line = wire.line();
    let (kind, body) = line.next()?;
    if kind == Kind::Calls {
        return Ok(Work::Calls(frames::owned(kind, body)?));
    }
    if kind != Kind::Programs {
        return Err(FrameError::Turn(kind));
    }
    let batch: Programs<'_> = frames::body(kind, body)?;
    let own = |text: &&str| (*text).to_owned();
    Ok(Work::Programs {
        caps: batch.caps,
        argv: batch.argv.iter().map(own).collect(),
        env: batch
            .env
            .iter()
            .map(|(name, value)| (own(name), own(value)))
            .collect(),
        count: batch.count,
    })
}

async fn program(
    bench: &Bench<'_>,
    caps: frames::WireCaps,
    argv: &[String],
    env: &[(String, String)],
) -> Result<(), FrameError> {
    let given = {
        let mut line = bench.wire.line();
        line.wait()?;
        line.begin(caps);
        line.take_task()?
    };
    let arguments = Arguments {
        argv: given.argv.as_deref().unwrap_or(argv),
        env,
        more_env: &given.env,
        stdin_len: given.stdin_len,
        fuel: caps.fuel,
    };
    match unless_panic(bench.run(&arguments)).await {
        Ok(end) => {
            let mut line = bench.wire.line();
            line.skip_stdin()?;
            line.end(end);
            Ok(())
        }
        Err(message) => give_up(bench.wire, End::HostRefused { message }),
    }
}

/// Tells of the running task's end and ends the process: what is left of it is not trusted.
fn give_up(wire: &Wire, end: End) -> ! {
    let mut line = wire.line();
    line.end(end);
    line.send();
    std::process::exit(0)
}

/// Awaits, and answers a panic with its message.
async fn unless_panic<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = pin!(future);
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(panic_message(panic.as_ref()))),
        },
    )
    .await
}

/// Where the last panic was; the payload alone does not say it.
static PANIC: Mutex<String> = Mutex::new(String::new());

fn keep_panic_messages() {
    std::panic::set_hook(Box::new(|info| {
        if let Ok(mut last) = PANIC.lock() {
            *last = info.to_string();
        }
    }));
}

fn panic_message(_: &(dyn Any + Send)) -> String {
    PANIC
        .lock()
        .map_or_else(|_| "it panicked".to_owned(), |last| inert(&last))
}
