//! Results as they come in: which of them count, and what follows.
//!
//! A result counts if it names exactly the grant under which its machine holds
//! the task now: job, attempt and term. Everything else is stale, and changes
//! nothing.

use super::history::{History, Standing, shortened};
use super::hold::{delay, loss_delay};
use super::machine::Machine;
use super::{Coordinator, Event, Peer, measure};
use crate::codec::encode_results;
use crate::id::{Digest, JobNo, MachineId};
use crate::limits::REFUSED_DELAY_MIN;
use crate::message::{Chunk, Results, ToWorker};
use crate::record::{Record, StoredResults};
use crate::report::{Failure, FailureKind, Outcome, Plain, Report, Reports};
use serde_bytes::ByteBuf;

impl Coordinator {
    pub(super) fn handle_results(&mut self, peer: Peer, machine: MachineId, results: Results) {
        let Results { chunk, reports } = results;
        if !reports.describe(chunk.count) || chunk.first.checked_add(chunk.count).is_none() {
            self.strike(peer, "sent results that do not describe their tasks");
            self.send(machine, ToWorker::Stale(chunk));
            return;
        }
        let held = self.standing_grants(machine, &chunk);
        #[cfg(feature = "mutants")]
        self.keep_again(machine, &chunk, &reports);
        let mut answered = chunk.first;
        let mut reports = Some(reports);
        for &(first, count) in &held {
            self.answer_stale(machine, &chunk, answered, first);
            let part = if count == chunk.count {
                reports.take()
            } else {
                None
            };
            let part = part.or_else(|| {
                reports
                    .as_ref()
                    .map(|whole| whole.part(first - chunk.first, count))
            });
            if let Some(part) = part {
                self.accept(
                    machine,
                    Chunk {
                        first,
                        count,
                        ..chunk
                    },
                    part,
                );
            }
            answered = first + count;
        }
        self.answer_stale(machine, &chunk, answered, chunk.first + chunk.count);
    }

    /// The parts of the chunk whose results count.
    fn standing_grants(&self, machine: MachineId, chunk: &Chunk) -> Vec<(u32, u32)> {
        let Some(&no) = self.by_id.get(&chunk.job) else {
            return Vec::new();
        };
        let Some(job) = self.jobs.get(&no) else {
            return Vec::new();
        };
        #[cfg(feature = "mutants")]
        if self.is_planted(super::Mutant::StaleAttemptAccepted) {
            return job.tasks.held_in_any_attempt(chunk);
        }
        let mut held = job.tasks.held(chunk, machine);
        if !self.unsent.is_empty() {
            held.retain(|(first, _)| {
                !job.tasks
                    .start_of(*first)
                    .is_some_and(|start| self.unsent.contains(&(no, start)))
            });
        }
        held
    }

    fn answer_stale(&mut self, machine: MachineId, chunk: &Chunk, first: u32, end: u32) {
        if first < end {
            self.send(
                machine,
                ToWorker::Stale(Chunk {
                    first,
                    count: end - first,
                    ..*chunk
                }),
            );
        }
    }

    /// Results of tasks that the machine holds.
    fn accept(&mut self, machine: MachineId, chunk: Chunk, reports: Reports) {
        let Some(&no) = self.by_id.get(&chunk.job) else {
            return;
        };
        self.end_lease(no, chunk.first, chunk.count);
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        // How long the fold takes says nothing about tasks.
        if let Some(micros) = reports.measured()
            && chunk.first < job.spec.count
        {
            let slowed = self.machines.get(&machine).map_or(1_000, Machine::slowdown);
            let alone = micros.saturating_mul(1_000) / slowed;
            job.pace.measure(machine, chunk.count, alone);
            if let Some(nanos) = job.pace.on(machine) {
                self.speeds.measure(job.spec.module, no, machine, nanos);
            }
            job.tempo.note(self.now.moment, chunk.count);
            measure::add(&mut job.facts.measured, machine, chunk.count, micros);
        }
        match reports {
            Reports::Plain(plain) => self.keep_done(no, machine, chunk, Reports::Plain(plain)),
            Reports::Each(each) => self.accept_each(no, machine, chunk, each),
        }
        self.send(machine, ToWorker::Accepted(chunk));
        self.conclude(no);
    }

    fn accept_each(&mut self, no: JobNo, machine: MachineId, chunk: Chunk, each: Vec<Report>) {
        let mut done = Vec::new();
        let mut first = chunk.first;
        for (index, report) in (chunk.first..).zip(each) {
            if report.outcome == Outcome::Done {
                done.push(report);
                continue;
            }
            self.keep_run(no, machine, Chunk { first, ..chunk }, &mut done);
            self.accept_unsuccessful(
                no,
                machine,
                Chunk {
                    first: index,
                    count: 1,
                    ..chunk
                },
                report,
            );
            first = index + 1;
        }
        self.keep_run(no, machine, Chunk { first, ..chunk }, &mut done);
    }

    fn keep_run(&mut self, no: JobNo, machine: MachineId, chunk: Chunk, done: &mut Vec<Report>) {
        let count = u32::try_from(done.len()).unwrap_or(u32::MAX);
        if count > 0 {
            self.keep_done(
                no,
                machine,
                Chunk { count, ..chunk },
                Reports::Each(core::mem::take(done)),
            );
        }
    }

    fn keep_done(&mut self, no: JobNo, machine: MachineId, chunk: Chunk, reports: Reports) {
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        job.tasks.finish(chunk.first, chunk.count);
        #[cfg(feature = "mutants")]
        self.queue_done(no, chunk.first, chunk.count);
        self.keep_row(no, machine, chunk, reports);
    }

    /// An attempt that ended without a result: tried again while that is
    /// allowed, each kind counted apart, else failed with its report kept.
    fn accept_unsuccessful(
        &mut self,
        no: JobNo,
        machine: MachineId,
        chunk: Chunk,
        mut report: Report,
    ) {
        let now = self.now.moment;
        let Some(job) = self.jobs.get_mut(&no) else {
            return;
        };
        let spec = job.spec.clone();
        let index = chunk.first;
        let before = job
            .tasks
            .histories()
            .get(index)
            .cloned()
            .unwrap_or_default();
        let mut history = History {
            attempt: chunk.attempt,
            ..before
        };
        let (given_up, wait) = match &report.outcome {
            Outcome::Done => return,
            Outcome::Failed(failure) => {
                history.failures += 1;
                history.note(chunk.attempt, machine, &failure.message, shortened(failure));
                (
                    history.failures > spec.retries,
                    delay(spec.retry_delay, history.failures),
                )
            }
            Outcome::Elsewhere => {
                history.elsewhere += 1;
                if !history.avoid.contains(&machine) {
                    history.avoid.push(machine);
                }
                let failure =
                    failure_of(FailureKind::Elsewhere, ELSEWHERE, history.elsewhere, None);
                history.note(chunk.attempt, machine, ELSEWHERE, failure);
                (
                    history.elsewhere > spec.elsewhere,
                    delay(spec.retry_delay, history.elsewhere),
                )
            }
            Outcome::Lost { why } => {
                history.losses += 1;
                let failure = failure_of(
                    FailureKind::Lost,
                    "lost its executor or machine",
                    history.losses,
                    Some(why),
                );
                history.note(chunk.attempt, machine, why, failure);
                (
                    history.losses >= spec.lost.max(1),
                    loss_delay(spec.retry_delay, history.losses),
                )
            }
            Outcome::Refused { why } => {
                history.refusals = history.refusals.saturating_add(1);
                let failure = failure_of(
                    FailureKind::Refused,
                    "a machine could not run it",
                    history.refusals,
                    Some(why),
                );
                history.note(chunk.attempt, machine, why, failure);
                let first = spec.retry_delay.max(REFUSED_DELAY_MIN);
                (false, delay(first, history.refusals))
            }
        };
        if !given_up {
            history.standing = Standing::Delayed {
                until: now.after(wait),
            };
            job.tasks.put_back(index, 1, now, |_| history.clone());
            return;
        }
        if let (Outcome::Elsewhere | Outcome::Lost { .. }, Some(failure)) =
            (&report.outcome, &history.failure)
        {
            report.outcome = Outcome::Failed((**failure).clone());
        }
        history.standing = Standing::Failed {
            blobs: Some(report.blobs().collect()),
        };
        job.tasks.put_back(index, 1, now, |_| history.clone());
        self.keep_row(no, machine, chunk, Reports::Each(vec![report]));
        self.note_failed(no, index, 1);
    }

    pub(super) fn keep_row(
        &mut self,
        no: JobNo,
        machine: MachineId,
        chunk: Chunk,
        reports: Reports,
    ) {
        let blobs: Vec<Digest> = reports.blobs().collect();
        let value = encode_results(&StoredResults {
            machine,
            attempt: chunk.attempt,
            reports,
        });
        self.unsaved.results.push(Record::Result {
            no,
            first: chunk.first,
            count: chunk.count,
            value,
        });
        self.refer_result_blobs(no, &blobs);
        self.events.push_back(Event::Tasks {
            job: chunk.job,
            first: chunk.first,
            count: chunk.count,
        });
    }
}

/// Of an attempt that ended with EX_TEMPFAIL.
const ELSEWHERE: &str = "asked to be run elsewhere";

fn failure_of(kind: FailureKind, what: &str, times: u32, why: Option<&str>) -> Failure {
    let times = if times == 1 {
        "once".to_owned()
    } else {
        format!("{times} times")
    };
    let message = match why {
        Some(why) => format!("{what} {times}, at last: {why}"),
        None => format!("{what} {times}"),
    };
    shortened(&Failure {
        kind,
        message,
        exit_code: None,
        backtrace: Vec::new(),
    })
}

impl Reports {
    /// Whether these can be the reports of `count` tasks.
    fn describe(&self, count: u32) -> bool {
        let sound = match self {
            Reports::Plain(plain) => {
                plain.ends.is_sorted()
                    && plain
                        .ends
                        .last()
                        .is_none_or(|end| *end as usize == plain.bytes.len())
            }
            Reports::Each(_) => true,
        };
        sound && count > 0 && self.count() == count
    }

    /// Microseconds that the tasks took together, where that says how long
    /// such tasks take.
    fn measured(&self) -> Option<u64> {
        match self {
            Reports::Plain(plain) => Some(plain.micros),
            Reports::Each(each) => {
                let mut micros = 0_u64;
                for report in each {
                    match report.outcome {
                        Outcome::Done | Outcome::Failed(_) => {
                            micros = micros.saturating_add(report.micros)
                        }
                        Outcome::Elsewhere | Outcome::Lost { .. } | Outcome::Refused { .. } => {
                            return None;
                        }
                    }
                }
                Some(micros)
            }
        }
    }

    /// The reports of `count` tasks from the `skip`th on.
    fn part(&self, skip: u32, count: u32) -> Reports {
        let (skip, count) = (skip as usize, count as usize);
        match self {
            Reports::Plain(plain) => {
                let start = skip
                    .checked_sub(1)
                    .and_then(|last| plain.ends.get(last))
                    .copied()
                    .unwrap_or(0);
                let ends: Vec<u32> = plain
                    .ends
                    .iter()
                    .skip(skip)
                    .take(count)
                    .map(|end| end - start)
                    .collect();
                let end = start + ends.last().copied().unwrap_or(0);
                let bytes = ByteBuf::from(&plain.bytes[start as usize..end as usize]);
                let micros = plain.micros * count as u64 / plain.ends.len().max(1) as u64;
                Reports::Plain(Plain {
                    micros,
                    ends,
                    bytes,
                })
            }
            Reports::Each(each) => {
                Reports::Each(each.iter().skip(skip).take(count).cloned().collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::report::{Plain, Reports};
    use serde_bytes::ByteBuf;

    #[test]
    fn a_part_of_plain_reports_has_its_own_ends() {
        let whole = Reports::Plain(Plain {
            micros: 40,
            ends: vec![1, 3, 3, 6],
            bytes: ByteBuf::from(*b"abbccc"),
        });
        let part = whole.part(1, 2);
        assert_eq!(
            part,
            Reports::Plain(Plain {
                micros: 20,
                ends: vec![2, 2],
                bytes: ByteBuf::from(*b"bb")
            })
        );
        assert_eq!(whole.part(0, 4), whole);
    }

    #[test]
    fn reports_that_lie_about_their_bytes_are_seen() {
        let plain = |ends: Vec<u32>, bytes: &[u8]| {
            Reports::Plain(Plain {
                micros: 0,
                ends,
                bytes: ByteBuf::from(bytes),
            })
        };
        assert!(plain(vec![1, 2], b"ab").describe(2));
        assert!(!plain(vec![1, 2], b"ab").describe(3), "too few");
        assert!(!plain(vec![2, 1], b"ab").describe(2), "not sorted");
        assert!(!plain(vec![1, 3], b"ab").describe(2), "beyond the bytes");
        assert!(!plain(vec![1, 1], b"ab").describe(2), "bytes of nobody");
        assert!(!plain(vec![], b"").describe(0), "nothing");
    }
}
