//! What a person has a machine of the pool do, wherever it is.

use super::Inner;
use crate::answer::Caller;
use crate::contribute::pause_span;
use crate::driver::Turn;
use crate::library::machines;
use api::{Error, ErrorCode, Reply, Steer};
use pool::{MachineError, MachineId};

pub(super) async fn steer(
    node: &Inner,
    caller: Caller,
    machine: String,
    steer: Steer,
) -> Result<Reply, Error> {
    node.steers(caller).await?;
    node.driving
        .ask(move |turn| {
            let id = machines::find(turn.coordinator, &machine)?;
            carry_out(turn, id, steer)
        })
        .await?;
    Ok(Reply::Done)
}

fn carry_out(turn: &mut Turn<'_>, id: MachineId, steer: Steer) -> Result<(), Error> {
    let (rules, now) = (&mut *turn.coordinator, turn.now);
    let done = match steer {
        Steer::Pause { ms } => {
            let span = ms.map(|ms| pause_span(ms, HINT)).transpose()?;
            let until = span.map(|span| now.moment.after(span));
            rules.pause_machine(now, id, until)
        }
        Steer::Drain => rules.drain_machine(now, id),
        Steer::Resume => rules.resume_machine(now, id),
        Steer::Rename { name } => rules.rename_machine(now, id, name.as_deref()),
        Steer::Label { labels } => rules.label_machine(now, id, &labels),
        Steer::Remove => rules.remove_machine(now, id),
    };
    done.map_err(|error| denied(&error))
}

const HINT: &str = "skep machine pause, without a time, lasts until somebody resumes it";

fn denied(error: &MachineError) -> Error {
    let (code, hint) = match error {
        MachineError::Unknown => (ErrorCode::NoSuchMachine, "skep machine ls lists them"),
        MachineError::Name => (ErrorCode::Usage, "choose a shorter name, on one line"),
        MachineError::Label { .. } => (ErrorCode::Usage, "write it like gpu or big-memory"),
        MachineError::TooManyLabels => (ErrorCode::Usage, "give it fewer"),
    };
    Error::new(code, error.to_string()).hint(hint)
}
