//! `skep-executor` compiles one module, or runs the tasks of one module, behind
//! the operating system's wall. It has no keys, no network and no files but
//! what its parent hands it, and never outlives its parent.

mod answers;
mod calls;
#[cfg(feature = "compile")]
mod compile;
mod engine;
mod guest;
mod kernel;
mod module;
mod page;
mod priority;
mod program;
mod receive;
mod serve;
mod streams;
mod wall;
mod wire;

use std::{path::PathBuf, process::ExitCode};

use sandbox::{CompileSettings, Priority};

/// The module is at fault: the reason is on standard output.
#[cfg(feature = "compile")]
const REFUSED: u8 = 1;
/// This process could not do its work: the reason is on standard error.
const FAILED: u8 = 2;
/// Compiling needs more memory than it may have.
#[cfg(feature = "compile")]
const EXHAUSTED: u8 = 3;
/// Started by somebody else than a node.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some(invocation) = Invocation::parse(&words) else {
        eprintln!("skep-executor is started by skep, and does nothing by itself");
        return ExitCode::from(USAGE);
    };
    die_with(invocation.parent);
    match invocation.work {
        #[cfg(feature = "compile")]
        Work::Describe => describe(),
        #[cfg(feature = "compile")]
        Work::Compile(options) => match compile::compile(&options) {
            Ok(compile::Outcome::Compiled) => ExitCode::SUCCESS,
            Ok(compile::Outcome::Refused) => ExitCode::from(REFUSED),
            Ok(compile::Outcome::Exhausted) => ExitCode::from(EXHAUSTED),
            Err(error) => failed(&error),
        },
        Work::Walls => {
            wall::probe::print_layers();
            ExitCode::SUCCESS
        }
        Work::Run(options) => match serve::serve(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
    }
}

struct Invocation {
    /// The process that started this one, where it must not be outlived.
    parent: Option<u32>,
    work: Work,
}

enum Work {
    #[cfg(feature = "compile")]
    Describe,
    #[cfg(feature = "compile")]
    Compile(compile::Options),
    Walls,
    Run(serve::Options),
}

impl Invocation {
    /// `WORK [SETTINGS] [KEY=VALUE…]`, as the crate `sandbox` writes it.
    fn parse(words: &[&str]) -> Option<Invocation> {
        let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
        let parent = match value("parent=") {
            Some(parent) => Some(parent.parse().ok()?),
            None => None,
        };
        let settings = || CompileSettings::parse(words.get(1)?);
        let priority = || Priority::parse(value("priority=")?);
        let without_wall = words.contains(&"without-wall");
        let work = match *words.first()? {
            #[cfg(feature = "compile")]
            "describe" => Work::Describe,
            #[cfg(feature = "compile")]
            "compile" => Work::Compile(compile::Options {
                settings: settings()?,
                cpu_seconds: value("cpu=")?.parse().ok()?,
                memory_bytes: value("memory=")?.parse().ok()?,
                priority: priority()?,
                without_wall,
            }),
            "walls" => Work::Walls,
            "run" => Work::Run(serve::Options {
                settings: settings()?,
                memory_bytes: value("memory=")?.parse().ok()?,
                code_bytes: value("code=")?.parse().ok()?,
                scratch: match value("scratch=") {
                    Some(folder) => Some(wall::Scratch {
                        folder: PathBuf::from(folder),
                        quota_bytes: value("quota=")?.parse().ok()?,
                    }),
                    None => None,
                },
                priority: priority()?,
                without_wall,
            }),
            _ => return None,
        };
        Some(Invocation { parent, work })
    }
}

/// Has the kernel kill this process when the thread that started it ends, and
/// looks whether it has ended already.
fn die_with(parent: Option<u32>) {
    let Some(parent) = parent else { return };
    // SAFETY: plain calls with constants.
    let (armed, now) = unsafe {
        (
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL),
            libc::getppid().cast_unsigned(),
        )
    };
    if armed != 0 || now != parent {
        std::process::exit(0);
    }
}

#[cfg(feature = "compile")]
fn describe() -> ExitCode {
    for settings in CompileSettings::ALL {
        match engine::fingerprint(settings) {
            Ok(fingerprint) => println!("{settings} {fingerprint}"),
            Err(error) => {
                eprintln!("make the engine: {error:#}");
                return ExitCode::from(FAILED);
            }
        }
    }
    ExitCode::SUCCESS
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::from(FAILED)
}
