//! `skep machine pause` and its like: what is asked of machines.

use crate::completions;
use crate::context::Context;
use crate::failure::{Failure, usage};
use crate::output::Each;
use crate::reach::{self, Door};
use api::{Request, Steer as Asked};
use clap_complete::ArgValueCandidates;
use std::time::Duration;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Steer {
    Pause(Pause),
    Resume(Resume),
    Drain(Drain),
    Rename(Rename),
    Rm(Rm),
    Label(Label),
}

/// Give machines no tasks for a while; what runs there is held
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep machine pause studio-pc
  skep machine pause studio-pc rack-2 --for 1h30m")]
pub(crate) struct Pause {
    #[command(flatten)]
    machines: Several,
    /// For this long; without it until they are resumed
    #[arg(long = "for", value_name = "TIME", value_parser = node::units::duration)]
    time: Option<Duration>,
}

/// End the pause or the draining of machines
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep machine resume studio-pc
  skep machine resume studio-pc rack-2")]
pub(crate) struct Resume {
    #[command(flatten)]
    machines: Several,
}

/// Let what runs on machines end, and begin nothing new there until they are resumed
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep machine drain studio-pc
  skep machine drain studio-pc rack-2")]
pub(crate) struct Drain {
    #[command(flatten)]
    machines: Several,
}

/// Call a machine otherwise in this pool
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "skep machine rename [OPTIONS] <MACHINE> <NAME|--own>",
    before_help = "Examples:
  skep machine rename desktop-4f7k studio-pc
  skep machine rename studio-pc --own"
)]
#[group(id = "called", args = ["name", "own"], required = true, multiple = false)]
pub(crate) struct Rename {
    #[command(flatten)]
    machine: One,
    /// What it is called from now on
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Call it as it calls itself
    #[arg(long)]
    own: bool,
}

/// Forget machines; one that is a device of the pool still comes back
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep machine rm old-laptop
  skep machine rm old-laptop rack-2")]
pub(crate) struct Rm {
    #[command(flatten)]
    machines: Several,
}

/// Set the words by which jobs may ask for a machine, as in skep run --on
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "skep machine label [OPTIONS] <MACHINE> <LABEL...|--none>",
    before_help = "Examples:
  skep machine label studio-pc fast gpu
  skep machine label studio-pc --none"
)]
#[group(id = "words", args = ["labels", "none"], required = true, multiple = true)]
pub(crate) struct Label {
    #[command(flatten)]
    machine: One,
    /// All its labels from now on
    #[arg(value_name = "LABEL", conflicts_with = "none")]
    labels: Vec<String>,
    /// Take all its labels away
    #[arg(long)]
    none: bool,
}

#[derive(Debug, clap::Args)]
struct One {
    /// A name, an id, or the beginning of one
    #[arg(value_name = "MACHINE", add = ArgValueCandidates::new(completions::machines))]
    machine: String,
}

#[derive(Debug, clap::Args)]
struct Several {
    /// Names, ids, or beginnings of them
    #[arg(value_name = "MACHINE", required = true, add = ArgValueCandidates::new(completions::machines))]
    machines: Vec<String>,
}

/// What is asked, of which machines, and what it is called when it is done.
#[derive(Debug, PartialEq)]
struct Meant {
    asked: Asked,
    of: Vec<String>,
    done: &'static str,
}

impl Steer {
    fn meant(self) -> Result<Meant, Failure> {
        let (asked, of, done) = match self {
            Steer::Pause(pause) => {
                let ms = pause.time.map(millis).transpose()?;
                (Asked::Pause { ms }, pause.machines.machines, "paused")
            }
            Steer::Resume(resume) => (Asked::Resume, resume.machines.machines, "resumed"),
            Steer::Drain(drain) => (Asked::Drain, drain.machines.machines, "drained"),
            Steer::Rename(rename) => (
                Asked::Rename {
                    name: rename.name.as_deref().map(word).transpose()?,
                },
                vec![rename.machine.machine],
                "renamed",
            ),
            Steer::Rm(rm) => (Asked::Remove, rm.machines.machines, "removed"),
            Steer::Label(label) => {
                let labels = label.labels.iter().map(|label| word(label));
                (
                    Asked::Label {
                        labels: labels.collect::<Result<_, _>>()?,
                    },
                    vec![label.machine.machine],
                    "labelled",
                )
            }
        };
        Ok(Meant { asked, of, done })
    }
}

fn millis(time: Duration) -> Result<u64, Failure> {
    let ms = u64::try_from(time.as_millis()).ok().filter(|ms| *ms > 0);
    ms.ok_or_else(|| usage("--for is at least 1ms").into())
}

/// A name or a label.
fn word(text: &str) -> Result<String, Failure> {
    match text.trim() {
        "" => Err(usage("a name or a label has at least one letter").into()),
        word => Ok(word.to_owned()),
    }
}

pub(crate) async fn steer(context: &Context, steer: Steer) -> Result<(), Failure> {
    let meant = steer.meant()?;
    let door = reach::to_change(context).await?;
    let each = ask(&door, &meant, context.output.quiet).await;
    door.leave().await;
    context.output.done(meant.done, each)
}

/// Asks it of each, by the id that its word stands for.
async fn ask(door: &Door, meant: &Meant, by_id: bool) -> Each {
    let mut each = Each::default();
    for machine in &meant.of {
        let asked = async {
            let found = door.machine(machine).await?;
            let request = Request::SteerMachine {
                machine: found.id.clone(),
                steer: meant.asked.clone(),
            };
            door.ask(request).await?;
            Ok(if by_id { found.id } else { found.name })
        };
        match asked.await {
            Ok(done) => each.done.push(done),
            Err(error) => each.failed = each.failed.or(Some(error)),
        }
    }
    each
}

#[cfg(test)]
mod tests {
    use super::{Asked, Meant, Steer};
    use crate::typed::{Command, Typed};
    use std::ffi::OsString;

    fn typed(line: &str) -> Option<Steer> {
        let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let command = Typed::parse_words(&words).ok()?.command;
        let Command::Machine(crate::machine::Machine::Steer(steer)) = command else {
            return None;
        };
        Some(steer)
    }

    #[test]
    fn what_is_typed_is_asked_of_the_machines() {
        let is = |line: &str, asked, of: &[&str], done| {
            let of = of.iter().map(ToString::to_string).collect();
            let meant = typed(line).unwrap().meant().unwrap();
            assert_eq!(meant, Meant { asked, of, done }, "{line}");
        };
        let pause = |ms| Asked::Pause { ms };
        is("skep machine pause a b", pause(None), &["a", "b"], "paused");
        is(
            "skep machine pause --for 1h30m a",
            pause(Some(5_400_000)),
            &["a"],
            "paused",
        );
        is("skep machine resume a", Asked::Resume, &["a"], "resumed");
        is("skep machine drain a", Asked::Drain, &["a"], "drained");
        is("skep machine rm a b", Asked::Remove, &["a", "b"], "removed");
        let name = |name: Option<&str>| Asked::Rename {
            name: name.map(str::to_owned),
        };
        is(
            "skep machine rename a b",
            name(Some("b")),
            &["a"],
            "renamed",
        );
        is("skep machine rename a --own", name(None), &["a"], "renamed");
        let labels = |labels: &[&str]| Asked::Label {
            labels: labels.iter().map(ToString::to_string).collect(),
        };
        is(
            "skep machine label a x y",
            labels(&["x", "y"]),
            &["a"],
            "labelled",
        );
        is(
            "skep machine label a --none",
            labels(&[]),
            &["a"],
            "labelled",
        );
    }

    #[test]
    fn half_a_command_is_refused() {
        for line in [
            "skep machine pause",
            "skep machine pause a --for soon",
            "skep machine rename a",
            "skep machine rename a b --own",
            "skep machine label a",
            "skep machine label a x --none",
            "skep machine rm",
        ] {
            assert!(typed(line).is_none(), "{line}");
        }
        assert!(
            typed("skep machine pause a --for 0s")
                .unwrap()
                .meant()
                .is_err()
        );
        assert!(typed("skep machine rename a ").unwrap().meant().is_err());
    }
}
