//! `skep machine`: who works, and why or why not.

mod steer;

use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::{Column, Row, pairs, shaded};
use crate::output::{json, words};
use crate::reach;
use crate::watch::{Watch, watch};
use api::{MachineMemory, MachineState, MachineView};
use clap_complete::ArgValueCandidates;

/// Machines of the pool: list, show, pause, resume, drain, rename, remove, label
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Machine {
    Ls(Ls),
    Show(Show),
    #[command(flatten)]
    Steer(steer::Steer),
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
        Machine::Steer(steer) => steer::steer(context, steer).await,
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
        Column::Text("last seen"),
        Column::Text("why"),
    ];
    let rows = machines.iter().map(|machine| {
        let is_here = machine.state != MachineState::Offline;
        // What was true when it was last heard is not true of a machine that is away.
        let now = |text: String| if is_here { text } else { String::new() };
        Row {
            cells: vec![
                machine.name.clone(),
                state(machine.state).to_owned(),
                now(words::of(machine.cores_working, machine.cores)),
                now(machine.cpu.map_or_else(String::new, per_cent)),
                now(memory(&machine.memory)),
                if is_here {
                    "now".to_owned()
                } else {
                    words::when(machine.last_seen_ms)
                },
                machine.reason.clone(),
            ],
            faint: !is_here,
        }
    });
    shaded(&columns, rows.collect(), colours)
}

fn per_cent(cpu: f32) -> String {
    format!("{cpu:.0} %")
}

/// Nothing of a machine that did not say.
fn memory(memory: &MachineMemory) -> String {
    if memory.total == 0 {
        return String::new();
    }
    let (used, total) = (words::memory(memory.used), words::memory(memory.total));
    format!("{used} of {total}")
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
    rows.extend(machine.cpu.map(|cpu| ("cpu", per_cent(cpu))));
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

#[cfg(test)]
mod tests {
    use super::{MachineMemory, MachineState, MachineView, drawn, words};

    fn machine(name: &str, state: MachineState) -> MachineView {
        MachineView {
            id: format!("m_{name}"),
            name: name.to_owned(),
            state,
            reason: "Waiting for work".to_owned(),
            cores: 16,
            cores_working: 3,
            cpu: Some(21.4),
            memory: MachineMemory {
                total: 32 << 30,
                used: 5 << 30,
                offered: 16 << 30,
            },
            temperature_c: None,
            os: "Linux".to_owned(),
            version: "1".to_owned(),
            last_seen_ms: 43_200_000,
            processor: String::new(),
            core_loads: Vec::new(),
            on_battery: None,
            tasks_today: 0,
        }
    }

    #[test]
    fn several_machines_read_well_and_one_that_is_away_shows_when_it_was_seen() {
        let mut new = machine("pi", MachineState::Ready);
        new.cores = 4;
        new.cores_working = 0;
        new.cpu = None;
        new.memory.total = 0;
        let mut away = machine("old-laptop", MachineState::Offline);
        away.reason = "Not connected".to_owned();
        let machines = [machine("studio-pc", MachineState::Working), new, away];
        let plain = drawn(&machines, false);
        assert!(!plain.contains('\x1b'), "{plain}");
        let coloured = drawn(&machines, true);
        let faint: Vec<bool> = coloured
            .lines()
            .map(|line| line.contains("\x1b[2m"))
            .collect();
        assert_eq!(faint, [false, false, false, true], "{coloured:?}");
        // In whatever zone this runs.
        let seen = words::when(machines[2].last_seen_ms);
        insta::assert_snapshot!(plain.replace(&seen, "1970-01-01 12:00"));
    }
}
