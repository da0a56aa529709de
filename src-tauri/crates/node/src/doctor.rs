//! What stands on this machine, what is in the way, and what to do about it.
//! Looking changes nothing; only [`restore_backup`] and [`start_over`] do, and
//! only a person asks for them.

mod service;

use crate::folders::Folders;
use crate::node::door_errors::locked;
use crate::node::start::executor;
use crate::offline::Offline;
use crate::settings::Settings;
use crate::units;
use api::{Check, CheckState, Error, ErrorCode, Reply, Request};
use sandbox::{Sandbox, Walls};
use std::path::{Path, PathBuf};
use store::RecoverError;

/// Free disk below which a person should know, in bytes.
const FREE_FEW: u64 = 5_000_000_000;
/// Free disk below which jobs will soon be refused, in bytes.
const FREE_BAD: u64 = 500_000_000;

/// Of the node that runs.
pub(crate) fn of_node(
    folders: &Folders,
    settings: &Settings,
    sandbox: &Result<Sandbox, Error>,
    storage: Option<String>,
) -> Vec<Check> {
    let mut checks = vec![good("node", format!("process {} runs", std::process::id()))];
    checks.push(match storage {
        Some(full) => bad(
            "data",
            full,
            "make room on that disk; what was accepted goes on by itself",
        ),
        None => good("data", format!("{} is in use", folders.data.display())),
    });
    checks.push(disk(&folders.data));
    checks.push(file(settings.reload()));
    checks.push(contribute(settings));
    match sandbox {
        Ok(sandbox) => checks.extend(walls(sandbox.walls())),
        Err(error) => checks.push(of_error("executor", error)),
    }
    checks.extend(service::check());
    checks.push(samples());
    checks
}

/// Where no node runs, or its folder cannot be read.
pub async fn alone(folders: &Folders, settings: Result<Settings, Error>) -> Vec<Check> {
    let mut checks = vec![match crate::holder(folders) {
        None => note(
            "node",
            "none runs",
            "skep coordinator start starts one that stays",
        ),
        Some(holder) => bad(
            "node",
            holder,
            "it does not answer: end that process, and start it again",
        ),
    }];
    checks.push(data(folders).await);
    checks.push(disk(&folders.data));
    match settings {
        Ok(settings) => {
            checks.push(file(settings.reload()));
            checks.push(contribute(&settings));
        }
        Err(error) => checks.push(of_error("settings", &error)),
    }
    checks.extend(executors().await);
    checks.extend(service::check());
    checks.push(samples());
    checks
}

/// Puts the newest sound backup in the place of the database. Returns the one
/// that was taken.
///
/// # Errors
/// When a node holds the folder, or there is no backup.
pub async fn restore_backup(folders: &Folders) -> Result<PathBuf, Error> {
    let lock = store::lock(&folders.data).map_err(|error| locked(&error))?;
    store::restore_backup(&lock)
        .await
        .map_err(|error| unrecovered(&error))
}

/// Sets what is left of the database aside, so that the next start makes a new
/// one. Returns where it is now, where there was something.
///
/// # Errors
/// When a node holds the folder, or it cannot be written.
pub fn start_over(folders: &Folders) -> Result<Option<PathBuf>, Error> {
    let lock = store::lock(&folders.data).map_err(|error| locked(&error))?;
    store::start_over(&lock).map_err(|error| unrecovered(&error))
}

async fn data(folders: &Folders) -> Check {
    let place = folders.data.display();
    let counted = match Offline::open(folders).await {
        Ok(left) => {
            left.call(Request::Jobs {
                cursor: None,
                limit: 1,
            })
            .await
        }
        Err(error) if error.code == ErrorCode::NoNode => {
            return good("data", format!("{place} is made at the first use"));
        }
        Err(error) => Err(error),
    };
    match counted.map(|answer| answer.reply) {
        Ok(Reply::Jobs { jobs, .. }) if jobs.is_empty() => {
            good("data", format!("{place} is sound, and has no jobs"))
        }
        Ok(_) => good("data", format!("{place} is sound")),
        Err(error) => of_error("data", &error),
    }
}

/// Of the folder, or of what is there of its path.
fn disk(folder: &Path) -> Check {
    let existing = folder
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(existing) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let text = format!("{} free", bytesize::ByteSize(free).display().si());
            match free {
                ..FREE_BAD => bad("disk", text, "make room: a full disk holds every job"),
                FREE_BAD..FREE_FEW => note(
                    "disk",
                    text,
                    "make room soon: results and compiled modules are kept there",
                ),
                FREE_FEW.. => good("disk", text),
            }
        }
        Err(error) => bad(
            "disk",
            format!("{} cannot be read: {error}", existing.display()),
            "see whether the disk is there",
        ),
    }
}

fn file(settings: Result<Settings, crate::settings::SettingsError>) -> Check {
    match settings {
        Ok(settings) => match settings.values(None) {
            Ok(values) => {
                let set = values
                    .iter()
                    .filter(|value| value.layer != "default")
                    .count();
                good(
                    "settings",
                    format!("{set} of {} differ from the default", values.len()),
                )
            }
            Err(error) => of_error("settings", &error.into()),
        },
        Err(error) => of_error("settings", &error.into()),
    }
}

fn contribute(settings: &Settings) -> Check {
    if settings.contribute {
        let memory = settings.memory_percent;
        good(
            "contribute",
            format!("on, with up to {memory} % of the memory"),
        )
    } else {
        note("contribute", "off: jobs wait", "skep contribute on")
    }
}

/// The executor, tried with folders of its own.
async fn executors() -> Vec<Check> {
    let tried = async {
        let executor = executor()?;
        let unusable =
            |error: std::io::Error| Error::new(ErrorCode::FolderUnusable, error.to_string());
        let folder = tempfile::tempdir().map_err(unusable)?;
        let sandbox = Sandbox::open(sandbox::Options {
            executor,
            cache_dir: folder.path().join("cache"),
            cache_key: [0; 32],
            cache_quota_bytes: units::bytes("1MB").unwrap_or_default(),
            scratch_dir: folder.path().join("scratch"),
            scratch_quota_bytes: 0,
            priority: sandbox::Priority::Normal,
            compile: sandbox::CompileCaps::default(),
            // To be told which wall is missing.
            without_os_wall: true,
        });
        sandbox
            .await
            .map_err(|error| crate::node::door_errors::unwalled(&error))
    };
    match tried.await {
        Ok(sandbox) => walls(sandbox.walls()),
        Err(error) => vec![of_error("executor", &error)],
    }
}

fn walls(walls: &Walls) -> Vec<Check> {
    let layer = |name: &str, layer: &sandbox::Layer| {
        if layer.stands {
            good(name, &layer.sentence)
        } else {
            let hint =
                "no module runs without it; at your own risk: --dangerously-run-without-os-wall";
            bad(name, &layer.sentence, hint)
        }
    };
    vec![
        good("executor", "skep-executor answers"),
        layer("wall of limits", &walls.limits),
        layer("wall of landlock", &walls.landlock),
        layer("wall of seccomp", &walls.seccomp),
    ]
}

fn samples() -> Check {
    let names: Vec<&str> = bundle::kernels().iter().map(|kernel| kernel.name).collect();
    if names.is_empty() {
        return note(
            "samples",
            "none were built into this program",
            "from its source: cargo xtask kernels, and build again",
        );
    }
    good("samples", names.join(", "))
}

fn unrecovered(error: &RecoverError) -> Error {
    let message = error.to_string();
    match error {
        RecoverError::NoBackup => Error::new(ErrorCode::DataDamaged, message)
            .hint("to begin anew: skep doctor --start-over"),
        RecoverError::Io(_) => Error::new(ErrorCode::FolderUnusable, message),
    }
}

fn of_error(name: &str, error: &Error) -> Check {
    Check {
        name: name.to_owned(),
        state: CheckState::Bad,
        text: error.message.clone(),
        hint: error.hint.clone(),
    }
}

fn good(name: &str, text: impl Into<String>) -> Check {
    Check {
        name: name.to_owned(),
        state: CheckState::Good,
        text: text.into(),
        hint: None,
    }
}

fn note(name: &str, text: impl Into<String>, hint: &str) -> Check {
    Check {
        name: name.to_owned(),
        state: CheckState::Attention,
        text: text.into(),
        hint: Some(hint.to_owned()),
    }
}

fn bad(name: &str, text: impl Into<String>, hint: &str) -> Check {
    Check {
        name: name.to_owned(),
        state: CheckState::Bad,
        text: text.into(),
        hint: Some(hint.to_owned()),
    }
}
