//! Why a task is on the machine where it is, and which machine it waits for.
//!
//! Worked out when somebody asks, from what is known then: nothing is kept for
//! it, neither with a task nor with a lease.

use super::Coordinator;
use super::job::Job;
use super::machine::{Link, Machine};
use crate::id::{JobId, MachineId};
use crate::spec::On;

impl Coordinator {
    /// Why tasks of the job are given to this machine, as part of a sentence:
    /// "expected first to finish: 1.2 s a task against 3.4 s on pi, module ready
    /// there". Also for a task that is done, of which the store knows the machine.
    /// `None`: no such job or machine, or there is no other that could have it.
    #[must_use]
    pub fn explain_machine(&self, job: JobId, machine: MachineId) -> Option<String> {
        self.why_there(self.known(job)?, machine)
    }

    pub(super) fn why_there(&self, job: &Job, id: MachineId) -> Option<String> {
        let here = self.machines.get(&id)?;
        let rival = self.rival(job, id)?;
        let of = |id| self.task_nanos(job, id);
        let mut parts = Vec::new();
        let (first, last) = match (of(id), of(rival)) {
            (Some(mine), Some(theirs)) if mine <= theirs => {
                let (mine, theirs) = (Time(mine), Time(theirs));
                (
                    "expected first to finish",
                    format!("{mine} a task against {theirs}"),
                )
            }
            (Some(mine), Some(theirs)) => {
                let (mine, theirs) = (Time(mine), Time(theirs));
                (
                    "it had a free core",
                    format!("{mine} a task against {theirs}"),
                )
            }
            (Some(_) | None, None) | (None, Some(_)) => ("it had a free core", String::new()),
        };
        let name = self.machines.get(&rival).map_or("another", Machine::name);
        parts.push(if last.is_empty() {
            format!("{first}: nothing is measured yet that tells it from {name}")
        } else {
            format!("{first}: {last} on {name}")
        });
        if self.is_ready(job, id) {
            parts.push("module ready there".to_owned());
        }
        let inputs = &job.spec.inputs;
        if !inputs.is_empty() && inputs.iter().all(|blob| here.has_blob(blob)) {
            parts.push("input already there".to_owned());
        }
        let others = here
            .health
            .as_ref()
            .map_or(0, |health| health.others_per_mille);
        if here.slowdown() > 1_000 {
            let percent = others / 10;
            parts.push(format!("although other programs take {percent} % of it"));
        }
        Some(parts.join(", "))
    }

    /// The fastest other machine that could have tasks of the job now.
    fn rival(&self, job: &Job, id: MachineId) -> Option<MachineId> {
        let others = self
            .machines
            .iter()
            .filter(|(other, machine)| **other != id && self.could_have(job, **other, machine));
        let times = others.map(|(other, _)| (self.task_nanos(job, *other), *other));
        // A machine of which nothing is known comes last.
        let rival = times.min_by_key(|(nanos, other)| (nanos.unwrap_or(u64::MAX), *other));
        rival.map(|(_, other)| other)
    }

    pub(super) fn could_have(&self, job: &Job, id: MachineId, machine: &Machine) -> bool {
        machine.is_open(self.now.moment)
            && machine.memory_bytes >= job.spec.limits.memory_bytes
            && job.spec.allows(id, &machine.orders.labels)
    }

    /// The machine for which a task is kept although another has a free core.
    pub(super) fn kept_for(&self, job: &Job) -> Option<String> {
        job.left_since?;
        let may = |(id, machine): &(&MachineId, &Machine)| self.could_have(job, **id, machine);
        let idle = self
            .machines
            .iter()
            .filter(may)
            .find(|(_, machine)| machine.idle() > 0);
        let (idle, slow) = idle?;
        let best = self.rival(job, *idle)?;
        let name = self.machines.get(&best).map_or("another", Machine::name);
        let slow = slow.name();
        Some(
            match (self.task_nanos(job, best), self.task_nanos(job, *idle)) {
                (Some(there), Some(here)) => format!(
                    "waiting for {name}, which is expected to end it earlier: {} a task against {} on {slow}",
                    Time(there),
                    Time(here)
                ),
                (Some(_) | None, None) | (None, Some(_)) => {
                    format!("waiting for {name}, which is expected to end it earlier than {slow}")
                }
            },
        )
    }

    /// Why none of the machines that the job asks for has it; `None` where one
    /// is there and may work.
    pub(super) fn why_none_of(&self, job: &Job) -> Option<String> {
        if job.spec.on.is_empty() {
            return None;
        }
        let allowed = self.machines.iter();
        let allowed = allowed.filter(|(id, machine)| job.spec.allows(**id, &machine.orders.labels));
        let allowed: Vec<&Machine> = allowed.map(|(_, machine)| machine).collect();
        let asked = self.asked_for(job);
        let connected = allowed.iter().filter(|machine| match machine.link {
            Link::Up { .. } => true,
            Link::Silent { .. } | Link::Down { .. } | Link::Gone => false,
        });
        let connected: Vec<&&Machine> = connected.collect();
        if allowed.is_empty() {
            return Some(format!(
                "the job asks for {asked}, and the pool has no such machine"
            ));
        }
        if connected.is_empty() {
            return Some(format!(
                "the job asks for {asked}, and none of them is connected"
            ));
        }
        let works = |machine: &&Machine| self.why_not(machine).is_none();
        if connected.iter().any(|machine| works(machine)) {
            return None;
        }
        let first = connected.first()?;
        let why = self.why_not(first)?;
        let name = first.name();
        Some(format!("the job asks for {asked}; {name}: {why}"))
    }

    /// Why a connected machine takes no tasks, if it does not.
    pub(super) fn why_not(&self, machine: &Machine) -> Option<String> {
        if let Some(sentence) = machine.ordered(self.now.moment) {
            return Some(lower(&sentence));
        }
        if let Some(pause) = &machine.pause {
            return Some(pause.why.clone());
        }
        (machine.slots == 0).then(|| "none of its cores may work".to_owned())
    }

    fn asked_for(&self, job: &Job) -> String {
        let named = job.spec.on.iter().map(|on| match on {
            On::Machine(id) => match self.machines.get(id) {
                Some(machine) => machine.name().to_owned(),
                None => id.to_string(),
            },
            On::Label(label) => format!("label {label}"),
        });
        named.collect::<Vec<_>>().join(" or ")
    }
}

/// A sentence inside another.
fn lower(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// Nanoseconds as people read them.
struct Time(u64);

impl core::fmt::Display for Time {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let micros = self.0 / 1_000;
        match micros {
            0..1_000 => write!(f, "{micros} µs"),
            1_000..1_000_000 => write!(f, "{}.{} ms", micros / 1_000, micros % 1_000 / 100),
            1_000_000..60_000_000 => {
                let tenths = micros / 100_000;
                write!(f, "{}.{} s", tenths / 10, tenths % 10)
            }
            _ => {
                let seconds = micros / 1_000_000;
                write!(f, "{} min", seconds / 60)?;
                match seconds % 60 {
                    0 => Ok(()),
                    seconds => write!(f, " {seconds} s"),
                }
            }
        }
    }
}
