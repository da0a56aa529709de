//! A coordinator from its rows: what it knew when they were committed.

use super::chance::Chance;
use super::history::{Histories, History};
use super::job::{Ending, Facts, Job, Phase, Presence, Unsaved};
use super::machine::{Link, Machine, MachineRow};
use super::measure::Tempo;
use super::pace::Pace;
use super::queue::Turn;
use super::ranges::Ranges;
use super::registry::{Founding, Registry};
use super::save::LeaseRow;
use super::tasks::{Lease, Tasks};
use super::timer::Timer;
use super::{Chore, Coordinator};
use crate::codec::{DecodeError, decode_grown, decode_row};
use crate::id::{JobNo, Term};
use crate::limits::{TASKS_PER_JOB_MAX, TRANSIENT_LIFE};
use crate::moment::{Moment, Now};
use crate::record::{Image, JobRow, RangeRow};
use crate::registry::EntryError;
use crate::spec::Spec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why the rows are not a coordinator's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    #[error("the {what} of job {no} cannot be read: {why}", no = no.0)]
    Job {
        no: JobNo,
        what: &'static str,
        why: DecodeError,
    },
    #[error("a machine's row cannot be read: {0}")]
    Machine(DecodeError),
    #[error("the {what} of job {no} do not fit together", no = no.0)]
    Inconsistent { no: JobNo, what: &'static str },
    #[error("there are {what} of job {no}, which does not exist", no = no.0)]
    Orphan { no: JobNo, what: &'static str },
    #[error("jobs {0} and {1} have the same id", first.0, second.0)]
    Twice { first: JobNo, second: JobNo },
    #[error("the registry cannot be read: {0}")]
    Entry(EntryError),
    #[error("the registry does not fit together: {what}")]
    Registry { what: &'static str },
}

/// Of a description that was written before jobs could ask for machines.
pub(super) const NO_ON: [u8; 1] = [0];

/// Rows of one job besides its own.
#[derive(Default)]
struct Rows {
    leases: Vec<(u32, Lease)>,
    histories: Histories,
    done: Ranges,
}

impl Coordinator {
    /// Goes on from what was committed, in a new term. `now.moment` must not
    /// lie before the image's. Where there is no pool in it yet, one is founded.
    ///
    /// # Errors
    /// When a row cannot be read or contradicts another: it was damaged, or
    /// another program wrote it.
    pub fn restore(
        now: Now,
        seed: u64,
        image: Image,
        founding: &Founding,
    ) -> Result<Coordinator, RestoreError> {
        let now = Now {
            moment: now.moment.max(image.moment),
            ..now
        };
        let term = Term(image.term.0 + 1);
        let mut chance = Chance::new(seed ^ term.0.rotate_left(32));
        let registry = Registry::restore(now, founding, image.registry, || chance.bytes())?;
        let mut coordinator = Coordinator::begin(now, chance, term, registry);
        for (id, row) in image.machines {
            let row = MachineRow::decode(&row).map_err(RestoreError::Machine)?;
            let machine = Machine::away(row.about, row.orders, Link::Gone, now.moment);
            coordinator.machines.insert(id, machine);
        }
        coordinator.blobs = image
            .blobs
            .into_iter()
            .filter(|(_, refs)| *refs > 0)
            .collect();
        let mut rows = by_job(image.leases, image.histories, image.done, now.moment)?;
        for job in image.jobs {
            let rows = rows.remove(&job.no).unwrap_or_default();
            coordinator.restore_job(job, rows)?;
        }
        if let Some((&no, _)) = rows.first_key_value() {
            return Err(RestoreError::Orphan { no, what: "rows" });
        }
        coordinator.handle_expiry();
        coordinator.await_machines();
        coordinator.watch_orders();
        coordinator.handle_pulse();
        Ok(coordinator)
    }

    fn restore_job(&mut self, row: JobRow, rows: Rows) -> Result<(), RestoreError> {
        let no = row.no;
        let unreadable = |what| move |why| RestoreError::Job { no, what, why };
        let spec: Spec = decode_grown(&row.spec, &NO_ON).map_err(unreadable("description"))?;
        let mut facts: Facts = decode_row(&row.state).map_err(unreadable("state"))?;
        facts.person = self.owner_or_founder(facts.person);
        let tasks = self.restore_tasks(no, &spec, &facts, rows)?;
        if let Some(first) = self.by_id.insert(row.id, no) {
            return Err(RestoreError::Twice { first, second: no });
        }
        if !facts.forgetting {
            self.by_client.insert((facts.person, facts.client), no);
        }
        for (first, lease) in tasks.leases() {
            if let Some(machine) = self.machines.get_mut(&lease.machine) {
                machine.take(no, first, lease, spec.limits.memory_bytes);
            }
        }
        if let Some(deadline) = facts
            .deadline
            .filter(|_| !matches!(facts.phase, Phase::Ended(_)))
        {
            self.timers.arm(Timer::JobTimeout(no), deadline);
        }
        if spec.transient && !facts.forgetting {
            self.timers.arm(
                Timer::TransientOver(no),
                facts.accepted.after(TRANSIENT_LIFE),
            );
        }
        if facts.forgetting {
            self.chores.push_back(Chore::ListBlobs { job: row.id, no });
        }
        self.next_no = self.next_no.max(no.0 + 1);
        let turn = Turn::new(facts.person, no, facts.accepted, spec.priority, 0);
        let counted = tasks.waiting();
        self.queued_count += u64::from(counted);
        let job = Job {
            no,
            id: row.id,
            accepted_wall_ms: row.wall_ms,
            tasks,
            presence: Presence::default(),
            pace: Pace::default(),
            tempo: Tempo::default(),
            edition: 0,
            turn,
            left_since: None,
            place: None,
            counted,
            unsaved: Unsaved::default(),
            spec: Arc::new(spec),
            facts,
        };
        let open = !job.is_ended();
        self.jobs.insert(no, job);
        if open {
            self.give_fold_chore(no);
            self.touch(no);
        }
        Ok(())
    }

    fn restore_tasks(
        &self,
        no: JobNo,
        spec: &Spec,
        facts: &Facts,
        rows: Rows,
    ) -> Result<Tasks, RestoreError> {
        let Rows {
            mut leases,
            mut histories,
            mut done,
        } = rows;
        let count = spec.count;
        let inconsistent = |what| RestoreError::Inconsistent { no, what };
        if count > TASKS_PER_JOB_MAX {
            return Err(inconsistent("tasks"));
        }
        let with_fold = match &facts.phase {
            Phase::Open => false,
            Phase::Folding(folding) => matches!(folding, super::job::Folding::Task { .. }),
            Phase::Ended(ending) => {
                if !leases.is_empty() {
                    return Err(inconsistent("leases and its end"));
                }
                done = done_at_end(spec, ending, &histories)
                    .ok_or_else(|| inconsistent("done tasks"))?;
                false
            }
        };
        if !histories.fit(count + 1) {
            return Err(inconsistent("histories"));
        }
        if done.iter().any(|(first, len)| first + len > count + 1) {
            return Err(inconsistent("results"));
        }
        let mut taken = done.clone();
        for (first, lease) in &leases {
            let free = taken.within(*first, lease.count).is_empty();
            if !free || first + lease.count > count + 1 || lease.count == 0 {
                return Err(inconsistent("leases"));
            }
            taken.insert(*first, lease.count);
        }
        // A machine is written before its first lease, so one without a row was forgotten since.
        leases.retain(|(first, lease)| {
            let known = self.machines.contains_key(&lease.machine);
            if !known {
                histories.update(*first, lease.count, |history| History {
                    attempt: lease.attempt,
                    ..history.clone()
                });
            }
            known
        });
        let mut tasks = Tasks::restored(count, done, histories, leases, self.now.moment, with_fold);
        if let Phase::Ended(_) = facts.phase {
            tasks.withdraw();
        }
        Ok(tasks)
    }

    /// Machines that held leases may come back with them, for as long as after
    /// a connection that timed out.
    fn await_machines(&mut self) {
        for (id, machine) in &mut self.machines {
            if !machine.leases.is_empty() {
                machine.link = Link::Down { timed_out: true };
                if let Some(at) = machine.lost_at() {
                    self.timers.arm(Timer::Silence(*id), at);
                }
            }
        }
    }
}

fn by_job(
    leases: Vec<RangeRow>,
    histories: Vec<RangeRow>,
    done: Vec<(JobNo, Vec<(u32, u32)>)>,
    now: Moment,
) -> Result<BTreeMap<JobNo, Rows>, RestoreError> {
    let mut jobs: BTreeMap<JobNo, Rows> = BTreeMap::new();
    for row in leases {
        let RangeRow {
            no,
            first,
            count,
            value,
        } = row;
        let why = |why| RestoreError::Job {
            no,
            what: "leases",
            why,
        };
        let LeaseRow {
            machine,
            attempt,
            term,
            micros,
            granted_wall_ms,
        } = decode_row(&value).map_err(why)?;
        let lease = Lease {
            count,
            machine,
            attempt,
            term,
            micros,
            granted_wall_ms,
            inherited: true,
            granted: now,
            order: 0,
            queued: false,
        };
        if first.checked_add(count).is_none() {
            return Err(RestoreError::Inconsistent { no, what: "leases" });
        }
        jobs.entry(no).or_default().leases.push((first, lease));
    }
    for row in histories {
        let RangeRow {
            no,
            first,
            count,
            value,
        } = row;
        let why = |why| RestoreError::Job {
            no,
            what: "histories",
            why,
        };
        let history: History = decode_row(&value).map_err(why)?;
        if first.checked_add(count).is_none() || count == 0 {
            return Err(RestoreError::Inconsistent {
                no,
                what: "histories",
            });
        }
        jobs.entry(no)
            .or_default()
            .histories
            .restore(first, count, history);
    }
    for (no, runs) in done {
        let rows = jobs.entry(no).or_default();
        for (first, count) in runs {
            if first.checked_add(count).is_none() {
                return Err(RestoreError::Inconsistent {
                    no,
                    what: "results",
                });
            }
            rows.done.insert(first, count);
        }
    }
    Ok(jobs)
}

/// Which tasks of an ended job are done, the fold included: its rows are not
/// looked at task by task.
fn done_at_end(spec: &Spec, ending: &Ending, histories: &Histories) -> Option<Ranges> {
    let mut done = Ranges::default();
    match ending {
        Ending::Done => done.insert(
            0,
            spec.count + u32::from(spec.fold != crate::spec::Fold::None),
        ),
        Ending::Failed { .. } => {
            done.insert(0, spec.count);
            for (first, count, history) in histories.iter() {
                if history.is_failed() {
                    done.remove(first, count);
                }
            }
        }
        Ending::Cancelled { done: runs, .. } => {
            let mut at = 0_u32;
            for (skipped, count) in runs {
                at = at.checked_add(*skipped)?;
                done.insert(at, (at.checked_add(*count)?) - at);
                at += count;
            }
        }
    }
    Some(done)
}
