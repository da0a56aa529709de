//! `skep completions`, and what a shell that has them asks for: options by the
//! command line itself, ids and names by the pool.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Output, json, words};
use crate::reach::{self, Door};
use clap_complete::CompletionCandidate;
use clap_complete::engine::{PathCompleter, ValueCompleter};
use clap_complete::env::{CompleteEnv, Shells};
use node::Settings;
use node::folders::{Folders, Place};
use std::ffi::OsStr;
use std::io::Write;

/// Set by a shell that wants to know how a line goes on.
const VARIABLE: &str = "SKEP_COMPLETE";
const PROGRAM: &str = "skep";

/// Print completions for a shell; they know jobs, machines and modules too
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  source <(skep completions bash)
  skep completions fish | source")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Answers a shell and ends the process, where it was a shell that asked.
pub(crate) fn answer_shell() {
    CompleteEnv::with_factory(crate::typed::command)
        .var(VARIABLE)
        .completer(PROGRAM)
        .complete();
}

pub(crate) fn completions(context: &Context, completions: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    if let Some(shell) = shells.completer(&completions.shell.to_string()) {
        shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    }
    if context.output.json {
        let script = String::from_utf8_lossy(&script);
        return context
            .output
            .document(&serde_json::json!({ "schema": json::SCHEMA, "script": script }));
    }
    Ok(std::io::stdout().lock().write_all(&script)?)
}

pub(crate) fn jobs() -> Vec<CompletionCandidate> {
    let described = |job: api::JobView| {
        let help = format!("{}, {}", job.name, words::when(job.accepted_ms));
        CompletionCandidate::new(words::short(&job.id, []).to_owned()).help(Some(help.into()))
    };
    let last = CompletionCandidate::new("last").help(Some("the newest job".into()));
    let jobs = ask(async |door| door.jobs().await.unwrap_or_default());
    std::iter::once(last)
        .chain(jobs.into_iter().map(described))
        .collect()
}

pub(crate) fn machines() -> Vec<CompletionCandidate> {
    let machines = ask(async |door| door.machines().await.unwrap_or_default());
    machines
        .into_iter()
        .map(|machine| CompletionCandidate::new(machine.name))
        .collect()
}

/// Devices of the pool that are not revoked.
pub(crate) fn devices() -> Vec<CompletionCandidate> {
    let roll = ask(async |door| door.roll().await.unwrap_or_default());
    let devices = roll.devices.into_iter();
    let devices = devices.filter(|device| device.revoked_ms.is_none());
    let described = |device: api::DeviceView| {
        CompletionCandidate::new(device.name).help(Some(device.person.into()))
    };
    devices.map(described).collect()
}

/// Devices that ask to be let in.
pub(crate) fn joins() -> Vec<CompletionCandidate> {
    let roll = ask(async |door| door.roll().await.unwrap_or_default());
    let described =
        |join: api::JoinView| CompletionCandidate::new(join.name).help(Some(join.os.into()));
    roll.joins.into_iter().map(described).collect()
}

pub(crate) fn persons() -> Vec<CompletionCandidate> {
    let roll = ask(async |door| door.roll().await.unwrap_or_default());
    let persons = roll.persons.into_iter();
    persons
        .map(|person| CompletionCandidate::new(person.name))
        .collect()
}

pub(crate) fn invites() -> Vec<CompletionCandidate> {
    let invites = ask(async |door| door.invites().await.unwrap_or_default());
    let described = |invite: api::InviteView| {
        let id = words::short(&invite.id, []).to_owned();
        CompletionCandidate::new(id).help(Some(invite.name.into()))
    };
    invites.into_iter().map(described).collect()
}

pub(crate) fn modules() -> Vec<CompletionCandidate> {
    let modules = ask(async |door| door.modules().await.unwrap_or_default());
    let described = |module: api::ModuleView| {
        CompletionCandidate::new(module.name).help(Some(module.title.into()))
    };
    modules.into_iter().map(described).collect()
}

/// A module is a file first.
pub(crate) fn module_or_file(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = PathCompleter::file().complete(current);
    let begins = |name: &CompletionCandidate| {
        name.get_value()
            .as_encoded_bytes()
            .starts_with(current.as_encoded_bytes())
    };
    found.extend(modules().into_iter().filter(begins));
    found
}

pub(crate) fn settings() -> Vec<CompletionCandidate> {
    Settings::keys().map(CompletionCandidate::new).collect()
}

/// Asks the pool that the environment names. A shell that completes wants
/// words or nothing, never an error.
fn ask<T: Default>(question: impl AsyncFnOnce(&Door) -> T) -> T {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let place = Place {
        data: variable("SKEP_DATA").map(Into::into),
        profile: variable("SKEP_PROFILE"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let (Ok(folders), Ok(runtime)) = (Folders::locate(&place), runtime) else {
        return T::default();
    };
    let context = Context {
        folders,
        output: Output::plain(false),
    };
    runtime.block_on(async {
        match reach::to_read(&context).await {
            Ok(door) => question(&door).await,
            Err(_) => T::default(),
        }
    })
}
