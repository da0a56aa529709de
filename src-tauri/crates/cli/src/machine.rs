//! `skep machine`: who works, and why or why not.

use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::{Column, pairs, table};
use crate::output::{json, words};
use crate::reach;
use crate::watch::{Watch, watch};
use api::{MachineState, MachineView};
use clap_complete::ArgValueCandidates;

/// Machines of the pool: list, show
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Machine {
    Ls(Ls),
    Show(Show),
}

/// List the machines of this pool
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep machine ls
  skep machine ls --json")]
pub(crate) struct Ls {
    #[command(flatten)]
    watch: Watch,
}

/// Show one machine
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep machine show studio-pc
  skep machine show studio-pc --json")]
pub(crate) struct Show {
    /// A name, an id, or the beginning of one
    #[arg(value_name = "MACHINE", add = ArgValueCandidates::new(completions::machines))]
    machine: String,
}

pub(crate) async fn machine(context: &Context, machine: Machine) -> Result<(), Failure> {
    match machine {
        Machine::Ls(ls) => self::ls(context, &ls).await,
        Machine::Show(show) => self::show(context, &show).await,
    }
}

async fn ls(context: &Context, ls: &Ls) -> Result<(), Failure> {
    watch(context, &ls.watch, async || {
        let machines = reach::to_read(context).await?.machines().await?;
        let output = &context.output;
        if output.json {
            return Ok(json::document("machines", &machines).to_string());
        }
        if output.quiet {
            let ids: Vec<&str> = machines.iter().map(|machine| machine.id.as_str()).collect();
            return Ok(ids.join("\n"));
        }
        if machines.is_empty() {
            return Ok(
                "no machine has worked here yet; skep coordinator start makes this one work"
                    .to_owned(),
            );
        }
        Ok(drawn(&machines, output.stdout_colours()))
    })
    .await
}

pub(crate) fn drawn(machines: &[MachineView], colours: bool) -> String {
    let columns = [
        Column::Text("name"),
        Column::Text("state"),
        Column::Number("working"),
        Column::Number("cpu"),
        Column::Text("memory"),
        Column::Text("why"),
    ];
    let rows = machines.iter().map(|machine| {
        vec![
            machine.name.clone(),
            state(machine.state).to_owned(),
            words::of(machine.cores_working, machine.cores),
            machine
                .cpu
                .map(|cpu| format!("{cpu:.0} %"))
                .unwrap_or_default(),
            format!(
                "{} of {}",
                words::memory(machine.memory.used),
                words::memory(machine.memory.total)
            ),
            machine.reason.clone(),
        ]
    });
    table(&columns, rows.collect(), colours)
}

async fn show(context: &Context, show: &Show) -> Result<(), Failure> {
    let machine = reach::to_read(context)
        .await?
        .machine(&show.machine)
        .await?;
    let output = &context.output;
    if output.json {
        return output.document(&json::flat(&machine));
    }
    if output.quiet {
        return output.line(&machine.id);
    }
    let mut rows = vec![
        ("machine", machine.name.clone()),
        ("id", machine.id.clone()),
        ("state", state(machine.state).to_owned()),
        ("why", machine.reason.clone()),
        (
            "cores",
            format!(
                "{} working",
                words::of(machine.cores_working, machine.cores)
            ),
        ),
    ];
    rows.extend(machine.cpu.map(|cpu| ("cpu", format!("{cpu:.0} %"))));
    rows.push((
        "memory",
        format!(
            "{} of {} used, {} offered",
            words::memory(machine.memory.used),
            words::memory(machine.memory.total),
            words::memory(machine.memory.offered)
        ),
    ));
    rows.extend(
        machine
            .temperature_c
            .map(|celsius| ("temperature", format!("{celsius:.0} °C"))),
    );
    rows.push(("system", machine.os.clone()));
    rows.push(("version", machine.version.clone()));
    rows.push(("seen", words::when(machine.last_seen_ms)));
    output.line(pairs(rows))
}

fn state(state: MachineState) -> &'static str {
    match state {
        MachineState::Working => "working",
        MachineState::Ready => "ready",
        MachineState::Paused => "paused",
        MachineState::Slowed => "slowed",
        MachineState::Draining => "draining",
        MachineState::Offline => "offline",
    }
}
