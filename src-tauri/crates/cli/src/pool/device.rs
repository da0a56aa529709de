//! `skep pool device`: who belongs to the pool, and who asks to.

use super::roles;
use super::verbs::Roll;
use crate::ask;
use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::{Column, Row, shaded, table};
use crate::output::{json, words};
use crate::reach;
use crate::watch::{Watch, watch};
use api::{DeviceView, JoinView, OthersRole, Ownership, Request};
use clap_complete::ArgValueCandidates;

/// Devices of the pool: list, let in, refuse, revoke
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Device {
    Ls(Ls),
    Approve(Approve),
    Refuse(Refuse),
    Revoke(Revoke),
}

/// List the devices of the pool, and those that ask to be let in
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep pool device ls
  skep pool device ls --json")]
pub(crate) struct Ls {
    #[command(flatten)]
    watch: Watch,
}

/// Let a device in that asks
///
/// Yours may work, submit jobs, and see and steer everything of yours.
/// Somebody else's only works, or only submits and sees that person's jobs.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "skep pool device approve [OPTIONS] <ID> <--mine|--person <NAME> --role <ROLE>>",
    before_help = "Examples:
  skep pool device approve studio-pc --mine
  skep pool device approve studio-pc --person ben --role work"
)]
#[command(group = clap::ArgGroup::new("whose").args(["mine", "person"]).required(true))]
pub(crate) struct Approve {
    /// Its name, its id, or the beginning of one
    #[arg(value_name = "ID", add = ArgValueCandidates::new(completions::joins))]
    device: String,
    /// It is your own computer
    #[arg(long, conflicts_with = "role")]
    mine: bool,
    /// It is somebody else's: a person of this pool, or a new one
    #[arg(long, value_name = "NAME", requires = "role", value_parser = super::name,
          add = ArgValueCandidates::new(completions::persons))]
    person: Option<String>,
    /// What somebody else's may do: work or submit
    #[arg(
        long,
        value_enum,
        value_name = "ROLE",
        hide_possible_values = true,
        requires = "person"
    )]
    role: Option<RoleWord>,
}

/// Turn a device away that asks
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep pool device refuse studio-pc
  skep pool device refuse d_4f7k2m")]
pub(crate) struct Refuse {
    /// Its name, its id, or the beginning of one
    #[arg(value_name = "ID", add = ArgValueCandidates::new(completions::joins))]
    device: String,
}

/// Let a device in nowhere from now on; its tasks go elsewhere
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep pool device revoke old-laptop
  skep pool device revoke -y old-laptop")]
pub(crate) struct Revoke {
    /// Its name, its id, or the beginning of one
    #[arg(value_name = "ID", add = ArgValueCandidates::new(completions::devices))]
    device: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum RoleWord {
    Work,
    Submit,
}

pub(crate) async fn device(context: &Context, device: Device) -> Result<(), Failure> {
    match device {
        Device::Ls(ls) => self::ls(context, &ls).await,
        Device::Approve(approve) => self::approve(context, approve).await,
        Device::Refuse(refuse) => self::refuse(context, refuse).await,
        Device::Revoke(revoke) => self::revoke(context, revoke).await,
    }
}

async fn ls(context: &Context, ls: &Ls) -> Result<(), Failure> {
    watch(context, &ls.watch, async || {
        let roll = reach::to_read(context).await?.roll().await?;
        let output = &context.output;
        if output.json {
            return Ok(json::flat(&roll).to_string());
        }
        if output.quiet {
            let ids: Vec<&str> = roll.devices.iter().map(|device| &*device.id).collect();
            return Ok(ids.join("\n"));
        }
        Ok(drawn(&roll, output.stdout_colours()))
    })
    .await
}

fn drawn(roll: &Roll, colours: bool) -> String {
    let devices = drawn_devices(&roll.devices, colours);
    if roll.joins.is_empty() {
        return devices;
    }
    format!(
        "{devices}\n\nAsking to be let in; skep pool device approve or refuse answers\n{}",
        drawn_joins(&roll.joins, colours)
    )
}

fn drawn_devices(devices: &[DeviceView], colours: bool) -> String {
    let ids: Vec<&str> = devices.iter().map(|device| &*device.id).collect();
    let columns = [
        Column::Text("id"),
        Column::Text("name"),
        Column::Text("person"),
        Column::Text("may"),
        Column::Text("state"),
        Column::Text("system"),
        Column::Text("joined"),
    ];
    let rows = devices.iter().map(|device| Row {
        cells: vec![
            words::short(&device.id, ids.iter().copied()).to_owned(),
            device.name.clone(),
            device.person.clone(),
            roles(device.roles),
            state(device),
            device.os.clone(),
            words::when(device.joined_ms),
        ],
        faint: device.revoked_ms.is_some() || !(device.connected || device.own),
    });
    shaded(&columns, rows.collect(), colours)
}

fn state(device: &DeviceView) -> String {
    if let Some(revoked) = device.revoked_ms {
        return format!("revoked {}", words::when(revoked));
    }
    let here = match (device.own, device.connected) {
        (true, _) => "this one",
        (false, true) => "connected",
        (false, false) => "not connected",
    };
    if device.coordinates {
        format!("{here}, coordinates")
    } else {
        here.to_owned()
    }
}

fn drawn_joins(joins: &[JoinView], colours: bool) -> String {
    let ids: Vec<&str> = joins.iter().map(|join| &*join.id).collect();
    let columns = [
        Column::Text("id"),
        Column::Text("name"),
        Column::Text("system"),
        Column::Text("asked"),
        Column::Text("waits until"),
    ];
    let rows = joins.iter().map(|join| {
        vec![
            words::short(&join.id, ids.iter().copied()).to_owned(),
            join.name.clone(),
            join.os.clone(),
            words::when(join.asked_ms),
            words::when(join.expires_ms),
        ]
    });
    table(&columns, rows.collect(), colours)
}

impl Approve {
    fn ownership(&self) -> Ownership {
        match (&self.person, self.role) {
            (Some(person), Some(role)) => Ownership::Someone {
                person: person.clone(),
                role: role.into(),
            },
            // The command line has one of both, whole.
            _ => Ownership::Mine,
        }
    }
}

async fn approve(context: &Context, approve: Approve) -> Result<(), Failure> {
    let ownership = approve.ownership();
    let request = Request::Approve {
        device: approve.device.clone(),
        ownership,
    };
    // Who waits to be let in waits at the node that runs.
    let door = reach::to_node(context).await?;
    let approved = door.each(&[approve.device], [request]).await;
    context.output.done("approved", approved)
}

async fn refuse(context: &Context, refuse: Refuse) -> Result<(), Failure> {
    let request = Request::Refuse {
        device: refuse.device.clone(),
    };
    let door = reach::to_node(context).await?;
    let refused = door.each(&[refuse.device], [request]).await;
    context.output.done("refused", refused)
}

async fn revoke(context: &Context, revoke: Revoke) -> Result<(), Failure> {
    ask::confirm(
        revoke.yes,
        "this takes a device's rights away for good",
        &format!(
            "{} is let in nowhere from now on, and its tasks go elsewhere. Revoke it?",
            revoke.device
        ),
    )?;
    let request = Request::Revoke {
        device: revoke.device.clone(),
    };
    let door = reach::to_change(context).await?;
    let revoked = door.each(&[revoke.device], [request]).await;
    door.leave().await;
    context.output.done("revoked", revoked)
}

impl From<RoleWord> for OthersRole {
    fn from(word: RoleWord) -> OthersRole {
        match word {
            RoleWord::Work => OthersRole::Work,
            RoleWord::Submit => OthersRole::Submit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Approve, Device, Roll, drawn, words};
    use crate::pool::Pool;
    use crate::typed::{Command, Typed};
    use api::{DeviceView, JoinView, OthersRole, Ownership, Roles};
    use std::ffi::OsString;

    fn approve(line: &str) -> Option<Approve> {
        let line = format!("skep pool device approve {line}");
        let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let command = Typed::parse_words(&words).ok()?.command;
        let Command::Pool(Pool::Device(Device::Approve(approve))) = command else {
            return None;
        };
        Some(approve)
    }

    #[test]
    fn whose_a_device_is_has_to_be_said_and_said_whole() {
        let ownership = |line: &str| approve(line).map(|approve| approve.ownership());
        let someone = |role| {
            let person = "ben".to_owned();
            Some(Ownership::Someone { person, role })
        };
        assert_eq!(ownership("pc --mine"), Some(Ownership::Mine));
        let work = ownership("pc --person ben --role work");
        assert_eq!(work, someone(OthersRole::Work));
        let submit = ownership("--role submit --person ben pc");
        assert_eq!(submit, someone(OthersRole::Submit));
        for wrong in [
            "pc",
            "--mine",
            "pc --mine --person ben --role work",
            "pc --mine --role work",
            "pc --person ben",
            "pc --role work",
            "pc --person ben --role admin",
            "pc --person= --role work",
        ] {
            assert!(approve(wrong).is_none(), "{wrong}");
        }
    }

    /// Long ago, so that its day is told and not its time.
    const DAY: i64 = 24 * 3_600 * 1_000;

    fn device(id: &str, name: &str, person: &str) -> DeviceView {
        DeviceView {
            id: id.to_owned(),
            name: name.to_owned(),
            os: "Linux".to_owned(),
            person: person.to_owned(),
            roles: Roles {
                work: true,
                ..Roles::default()
            },
            own: false,
            coordinates: false,
            connected: false,
            joined_ms: DAY / 2,
            revoked_ms: None,
        }
    }

    #[test]
    fn who_belongs_and_who_asks_is_told_apart() {
        let mut own = device("d_aaaaaaaaaa", "laptop", "ada");
        own.roles = Roles {
            work: true,
            submit: true,
            admin: true,
        };
        own.own = true;
        own.coordinates = true;
        let mut near = device("d_aaaaaaaabb", "studio-pc", "ada");
        near.connected = true;
        let far = device("d_cccccccccc", "b\u{202e}en's\nbox", "ben");
        let mut gone = device("d_dddddddddd", "old-laptop", "ada");
        gone.revoked_ms = Some(200 * DAY);
        let mut roll = Roll {
            devices: vec![own, near, far, gone],
            ..Roll::default()
        };
        let alone = drawn(&roll, false);
        roll.joins.push(JoinView {
            id: "n_eeeeeeeeee".to_owned(),
            name: "pi".to_owned(),
            os: "Linux".to_owned(),
            asked_ms: 3 * DAY / 2,
            expires_ms: 3 * DAY / 2 + 600_000,
        });
        let mut text = [alone, drawn(&roll, false)].join("\n\n");
        // In whatever zone this runs.
        for (ms, utc) in [
            (DAY / 2, "1970-01-01 12:00"),
            (200 * DAY, "1970-07-20 00:00"),
            (3 * DAY / 2, "1970-01-02 12:00"),
            (3 * DAY / 2 + 600_000, "1970-01-02 12:10"),
        ] {
            text = text.replace(&words::when(ms), utc);
        }
        insta::assert_snapshot!(text);
    }
}
