//! What the node keeps and says, as hashes and as words of the trace.

use super::*;

/// Into the hashes: every byte into one, and into the other what was decided,
/// which is everything but bytes that tell a wall clock.
pub(super) fn note(stage: &mut Stage, record: &Record) {
    let decided = match record {
        Record::Term(term) => hash_of(&(0, term)),
        Record::Moment(moment) => hash_of(&(1, moment)),
        Record::Job { no, id, ended, .. } => hash_of(&(2, no, id, ended)),
        Record::Lease {
            no, first, count, ..
        } => hash_of(&(3, no, first, count)),
        Record::LeaseEnded { no, first } => hash_of(&(4, no, first)),
        Record::Result {
            no,
            first,
            count,
            value,
        } => hash_of(&(5, no, first, count, value)),
        Record::ResultForgotten { no, first } => hash_of(&(6, no, first)),
        Record::History {
            no,
            first,
            count,
            value,
        } => hash_of(&(7, no, first, count, value)),
        Record::HistoryEnded { no, first } => hash_of(&(8, no, first)),
        Record::Blob { digest, refs } => hash_of(&(9, digest, refs)),
        Record::Forget { no } => hash_of(&(10, no)),
        Record::Machine { id, value } => hash_of(&(11, id, value.is_some())),
        Record::Registry { key, value } => hash_of(&(12, key, value.is_some())),
    };
    let whole = match record {
        Record::Job {
            spec,
            state,
            wall_ms,
            ..
        } => hash_of(&(spec, state, wall_ms)),
        Record::Lease { value, .. } => hash_of(value),
        Record::Machine { value, .. } | Record::Registry { value, .. } => hash_of(value),
        Record::Term(_)
        | Record::Moment(_)
        | Record::LeaseEnded { .. }
        | Record::Result { .. }
        | Record::ResultForgotten { .. }
        | Record::History { .. }
        | Record::HistoryEnded { .. }
        | Record::Blob { .. }
        | Record::Forget { .. } => 0,
    };
    let now = stage.agenda.now();
    stage.trace.decisions.write_u64(decided ^ now);
    stage.trace.all.write_u64(decided ^ now);
    stage.trace.all.write_u64(whole);
}

pub(super) fn note_said(stage: &mut Stage, peer: Peer, message: &ToWorker) {
    let mut bytes = Vec::new();
    if pool::codec::encode(message, &mut bytes).is_ok() {
        let said = hash_of(&(peer, bytes)) ^ stage.agenda.now();
        stage.trace.decisions.write_u64(said);
        stage.trace.all.write_u64(said);
    }
}

pub(super) fn briefly(record: &Record) -> String {
    match record {
        Record::Job { no, id, ended, .. } => format!("Job {{ {no:?}, {id}, ended: {ended} }}"),
        Record::Lease {
            no, first, count, ..
        } => format!("Lease {{ {no:?}, {first} + {count} }}"),
        Record::Result {
            no, first, count, ..
        } => format!("Result {{ {no:?}, {first} + {count} }}"),
        Record::History {
            no, first, count, ..
        } => format!("History {{ {no:?}, {first} + {count} }}"),
        Record::Machine { id, value } => format!("Machine {{ {id}, {} }}", value.is_some()),
        Record::Registry {
            key,
            value: Some(value),
        } => {
            format!("{:?}", pool::registry::Entry::read(*key, value))
        }
        Record::Term(_)
        | Record::Moment(_)
        | Record::LeaseEnded { .. }
        | Record::ResultForgotten { .. }
        | Record::HistoryEnded { .. }
        | Record::Blob { .. }
        | Record::Forget { .. }
        | Record::Registry { value: None, .. } => format!("{record:?}"),
    }
}

pub(super) fn shortly(message: &ToCoordinator) -> String {
    match message {
        ToCoordinator::Results(results) => match &results.reports {
            pool::report::Reports::Plain(_) => format!("Results {{ {:?}, plain }}", results.chunk),
            pool::report::Reports::Each(each) => {
                let outcomes: Vec<_> = each.iter().map(|report| &report.outcome).collect();
                format!("Results {{ {:?}, {outcomes:?} }}", results.chunk)
            }
        },
        ToCoordinator::Hello(_)
        | ToCoordinator::Heartbeat(_)
        | ToCoordinator::Output(_)
        | ToCoordinator::Return(_)
        | ToCoordinator::Goodbye
        | ToCoordinator::Health(_)
        | ToCoordinator::Stock(_) => format!("{message:?}"),
    }
}

pub(super) fn answered(reply: &Reply) -> String {
    match reply {
        Reply::Submitted(client, result) => format!("{client:?}: {result:?}"),
        Reply::Done(command, result) => format!("{}: {result:?}", asked(command)),
        Reply::Steered(result) => format!("{result:?}"),
        Reply::Gate(answer) => format!("{answer:?}"),
    }
}

pub(super) fn asked(command: &Command) -> String {
    match command {
        Command::Submit(submit) => format!("Submit {{ {:?}, {:?} }}", submit.client, submit.spec),
        Command::Cancel(_)
        | Command::Release(_)
        | Command::Retry(..)
        | Command::Forget(_)
        | Command::Follow(..)
        | Command::Unfollow(..)
        | Command::Left(_)
        | Command::Read(_)
        | Command::Gate(_)
        | Command::HoldBlob(_)
        | Command::ReleaseBlob(_)
        | Command::Steer(..)
        | Command::Drain => format!("{command:?}"),
    }
}
