//! What the simulated modules do: a pure function of the job, the task, the
//! attempt and the machine, written into `Spec::run` as a node writes there
//! how a program is run.

use crate::chance::{Chance, mix};
use crate::trace::hash_of;
use pool::id::{Digest, MachineId};
use pool::report::{Failure, FailureKind, Files, Outcome, Payload, Report};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Of one job, in all its tasks that hang.
pub(crate) const HANGING_MICROS_MAX: u64 = 300_000_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Workload {
    pub(crate) key: u64,
    /// Of a typical task.
    pub(crate) micros: u64,
    /// Tasks differ by up to this factor.
    pub(crate) spread: u64,
    /// Tasks in a thousand that do something else than end well.
    pub(crate) traps: u64,
    pub(crate) flaky: u64,
    pub(crate) elsewhere: u64,
    pub(crate) hangs: u64,
    pub(crate) poison: u64,
    pub(crate) kills_once: u64,
    pub(crate) refused: u64,
    /// Results in a thousand that are blobs, have a log, leave files.
    pub(crate) blobs: u64,
    pub(crate) logs: u64,
    pub(crate) files: u64,
}

/// How one attempt at one task goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    Traps,
    Elsewhere,
    /// Until the task's time limit ends it.
    Hangs,
    KillsExecutor,
    Refused,
}

impl Workload {
    pub(crate) fn choose(chance: &mut Chance, has_time_limit: bool) -> Workload {
        let mut sometimes = |per_mille: u64| {
            if chance.per_mille(250) {
                chance.between(1, per_mille)
            } else {
                0
            }
        };
        let (traps, flaky, elsewhere, hangs) =
            (sometimes(60), sometimes(200), sometimes(150), sometimes(60));
        let (poison, kills_once, refused) = (sometimes(40), sometimes(100), sometimes(100));
        let (blobs, logs, files) = (sometimes(300), sometimes(300), sometimes(200));
        Workload {
            key: chance.next(),
            micros: chance.magnitude(5, 60_000_000),
            spread: *chance.pick(&[1, 1, 2, 20]).unwrap_or(&1),
            traps,
            flaky,
            elsewhere,
            hangs: if has_time_limit { hangs } else { 0 },
            poison,
            kills_once,
            refused,
            blobs,
            logs,
            files,
        }
    }

    pub(crate) fn steady(key: u64, micros: u64) -> Workload {
        Workload {
            key,
            micros,
            spread: 1,
            traps: 0,
            flaky: 0,
            elsewhere: 0,
            hangs: 0,
            poison: 0,
            kills_once: 0,
            refused: 0,
            blobs: 0,
            logs: 0,
            files: 0,
        }
    }

    /// The same with so few unusual tasks among `count` that a run ends: each
    /// may be tried `tries` times, and one that hangs takes `hang_micros`.
    pub(crate) fn tempered(self, count: u32, tries: u32, hang_micros: u64) -> Workload {
        /// Of each kind, about.
        const UNUSUAL_MAX: u64 = 30;
        let count = u64::from(count.max(1));
        let most = (UNUSUAL_MAX * 1000 / count).max(1);
        let hang_micros = hang_micros.saturating_mul(u64::from(tries)).max(1);
        let hanging = HANGING_MICROS_MAX / hang_micros;
        Workload {
            traps: self.traps.min(most),
            flaky: self.flaky.min(most),
            elsewhere: self.elsewhere.min(most),
            hangs: self.hangs.min(most).min(hanging * 1000 / count),
            poison: self.poison.min(most),
            kills_once: self.kills_once.min(most),
            refused: self.refused.min(most),
            blobs: self.blobs.min(3 * most),
            logs: self.logs.min(3 * most),
            files: self.files.min(3 * most),
            ..self
        }
    }

    /// One that only ever ends well.
    pub(crate) fn is_harmless(&self) -> bool {
        [
            self.traps,
            self.flaky,
            self.elsewhere,
            self.hangs,
            self.poison,
            self.kills_once,
            self.refused,
        ]
        .iter()
        .all(|per_mille| *per_mille == 0)
    }

    pub(crate) fn fate(&self, index: u32, attempt: u32, machine: MachineId) -> Fate {
        let of_task = mix(self.key, u64::from(index));
        let of_attempt = mix(of_task, u64::from(attempt));
        let mut at = of_task % 1000;
        let mut within = |per_mille: u64| {
            let is = at < per_mille;
            at = at.wrapping_sub(per_mille);
            is
        };
        if within(self.traps) {
            Fate::Traps
        } else if within(self.flaky) {
            if of_attempt.is_multiple_of(2) {
                Fate::Traps
            } else {
                Fate::Done
            }
        } else if within(self.elsewhere) {
            // Asks for another machine on about half of them.
            if mix(of_task, hash_of(&machine)).is_multiple_of(2) {
                Fate::Elsewhere
            } else {
                Fate::Done
            }
        } else if within(self.hangs) {
            Fate::Hangs
        } else if within(self.poison) {
            Fate::KillsExecutor
        } else if within(self.kills_once) {
            if attempt <= 1 {
                Fate::KillsExecutor
            } else {
                Fate::Done
            }
        } else if within(self.refused) {
            if of_attempt.is_multiple_of(3) {
                Fate::Refused
            } else {
                Fate::Done
            }
        } else {
            Fate::Done
        }
    }

    pub(crate) fn micros_of(&self, index: u32) -> u64 {
        let least = (self.micros / self.spread).max(1);
        least + mix(self.key, !u64::from(index)) % (self.micros.max(least) - least + 1)
    }

    /// What the task writes when it ends well.
    pub(crate) fn output(&self, index: u32) -> Payload {
        let mark = mix(self.key, u64::from(index) << 20);
        if mark % 1000 < self.blobs {
            return Payload::Blob {
                digest: digest(mark),
                bytes: 4096 + mark % 100_000,
            };
        }
        Payload::Inline(ByteBuf::from(mark.to_le_bytes().to_vec()))
    }

    /// Nothing but the output: what a packed report can say.
    pub(crate) fn is_plain(&self, index: u32) -> bool {
        matches!(self.output(index), Payload::Inline(_))
            && self.log(index, 0).is_none()
            && self.files(index, 0).is_none()
    }

    fn log(&self, index: u32, attempt: u32) -> Option<Payload> {
        let mark = mix(self.key ^ 0x106, u64::from(index));
        (mark % 1000 < self.logs).then(|| match mark % 3 {
            0 => Payload::Blob {
                digest: digest(mix(mark, u64::from(attempt))),
                bytes: 70_000,
            },
            _ => Payload::Inline(ByteBuf::from(b"a line on standard error".to_vec())),
        })
    }

    fn files(&self, index: u32, attempt: u32) -> Option<Files> {
        let mark = mix(self.key ^ 0xf11e, u64::from(index));
        let of_attempt = mix(mark, u64::from(attempt));
        (mark % 1000 < self.files).then(|| Files {
            manifest: digest(of_attempt),
            // Every attempt leaves one file that is the same and one that is not.
            blobs: vec![digest(mark), digest(of_attempt ^ 1)],
        })
    }

    pub(crate) fn report(&self, index: u32, attempt: u32, fate: Fate, micros: u64) -> Report {
        let failure = |kind, message: &str| {
            Outcome::Failed(Failure {
                kind,
                message: message.to_owned(),
                exit_code: None,
                backtrace: vec!["main".to_owned()],
            })
        };
        let outcome = match fate {
            Fate::Done => Outcome::Done,
            Fate::Traps => failure(FailureKind::Trap, "unreachable"),
            Fate::Hangs => failure(FailureKind::DeadlineExceeded, "over its time"),
            Fate::Elsewhere => Outcome::Elsewhere,
            Fate::KillsExecutor => Outcome::Lost {
                why: "the executor died".to_owned(),
            },
            Fate::Refused => Outcome::Refused {
                why: "the blob could not be read".to_owned(),
            },
        };
        let done = fate == Fate::Done;
        Report {
            outcome,
            micros,
            output: if done {
                self.output(index)
            } else {
                Payload::empty()
            },
            log: self.log(index, attempt).unwrap_or_else(Payload::empty),
            log_truncated: false,
            files: if done {
                self.files(index, attempt)
            } else {
                None
            },
        }
    }
}

/// A blob's name made of a number: nothing here reads the bytes behind it.
pub(crate) fn digest(mark: u64) -> Digest {
    let mut name = [0; 32];
    for (at, part) in name.chunks_exact_mut(8).enumerate() {
        part.copy_from_slice(&mix(mark, at as u64).to_le_bytes());
    }
    Digest(name)
}
