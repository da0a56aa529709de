//! People and their programs: who submits what, changes their mind, asks
//! twice, and goes away.

use crate::agenda::{MILLI, SECOND};
use crate::chance::Chance;
use crate::gate::{Answer, Knock};
use crate::model::Authored;
use crate::stage::Stage;
use crate::steer::{LABELS, Steering};
use crate::workload::{HANGING_MICROS_MAX, Workload, digest};
use core::time::Duration;
use pool::id::{DeviceId, Digest, JobId, MachineId};
use pool::spec::{Fold, Limits, On, Spec};
use pool::{ClientId, CommandError, MachineError, RetryChanges, Submit, SubmitError, Submitted};
use serde_bytes::ByteBuf;
use std::rc::Rc;

/// Work of one job of small tasks and of one of long ones: a run is to have
/// thousands of steps, not millions.
const WORK_MICROS_MAX: u64 = 5 * SECOND;
const LONG_WORK_MICROS_MAX: u64 = 200 * SECOND;
const LONG_TASKS_MAX: u64 = 40;
/// Leases of a job whose author says how large they are.
const CHUNKS_MAX: u64 = 300;
const TASKS_MAX: u64 = 30_000;
/// A chunk that was sized by short tasks may have tasks twenty times as long.
const UNEVEN_CHUNK_MICROS: u64 = 2 * SECOND;

/// One job's life as its author sees it.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) authored: Authored,
    pub(crate) digest: Digest,
    /// As acknowledged.
    pub(crate) job: Option<JobId>,
    /// Things still to do before the author waits for the end.
    acts: u64,
    pub(crate) following: bool,
    /// Has asked for it to be cancelled or forgotten: it need not be done.
    pub(crate) gave_up: bool,
    pub(crate) refused: bool,
    /// Names it gave to modules: each keeps a reference.
    pub(crate) names: Vec<Digest>,
}

/// What an author asks of the node.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Submit(Box<Submit>),
    Cancel(JobId),
    Release(JobId),
    Retry(JobId, RetryChanges),
    Forget(JobId),
    Follow(JobId, u64),
    Unfollow(JobId, u64),
    Left(JobId),
    /// Looks at it, and changes nothing.
    Read(JobId),
    HoldBlob(Digest),
    ReleaseBlob(Digest),
    Gate(Knock),
    /// The node is to stop in good order.
    Drain,
    /// A machine is to do something else.
    Steer(MachineId, Steering),
}

/// What the node answers, once it is durable.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Submitted(ClientId, Result<Submitted, SubmitError>),
    Done(Command, Result<(), CommandError>),
    Steered(Result<(), MachineError>),
    Gate(Answer),
}

impl Command {
    /// Which job it is about, if about one.
    pub(crate) fn job(&self) -> Option<JobId> {
        match self {
            Command::Cancel(job)
            | Command::Release(job)
            | Command::Retry(job, _)
            | Command::Forget(job)
            | Command::Follow(job, _)
            | Command::Unfollow(job, _)
            | Command::Left(job)
            | Command::Read(job) => Some(*job),
            Command::Submit(_)
            | Command::HoldBlob(_)
            | Command::ReleaseBlob(_)
            | Command::Gate(_)
            | Command::Steer(..)
            | Command::Drain => None,
        }
    }
}

impl Story {
    pub(crate) fn choose(
        chance: &mut Chance,
        number: u64,
        device: DeviceId,
        machines: &[MachineId],
    ) -> Story {
        let task_time = chance
            .per_mille(600)
            .then(|| Duration::from_micros(chance.magnitude(100 * MILLI, 60 * SECOND)));
        let workload = Workload::choose(chance, task_time.is_some());
        let most = if workload.micros < 50 * MILLI {
            (WORK_MICROS_MAX / workload.micros).clamp(LONG_TASKS_MAX, TASKS_MAX)
        } else {
            (LONG_WORK_MICROS_MAX / workload.micros).clamp(3, LONG_TASKS_MAX)
        };
        let count = if chance.per_mille(30) {
            0
        } else {
            chance.magnitude(1, most)
        };
        let fold = *chance
            .pick(&[
                Fold::None,
                Fold::None,
                Fold::Concat,
                Fold::Sum,
                Fold::Kernel,
            ])
            .unwrap_or(&Fold::None);
        let retries = u32::try_from(chance.below(4)).expect("few");
        let hang = task_time.map_or(0, |time| u64::try_from(time.as_micros()).expect("a minute"));
        let workload =
            workload.tempered(u32::try_from(count).expect("few tasks"), retries + 1, hang);
        let run = postcard::to_stdvec(&workload).expect("numbers are encoded");
        let spec = Spec {
            name: format!("story {number}"),
            module: digest(chance.below(4)),
            count: u32::try_from(count).expect("few tasks"),
            fold,
            inputs: (0..chance.below(3))
                .map(|_| digest(100 + chance.below(6)))
                .collect(),
            run: ByteBuf::from(run),
            limits: Limits {
                memory_bytes: 1 << *chance.pick(&[20, 26, 28, 29]).unwrap_or(&20),
                task_time,
                fuel: None,
                output_bytes: 1 << 26,
            },
            retries,
            elsewhere: 3,
            lost: *chance.pick(&[1, 3, 5, 5]).unwrap_or(&5),
            retry_delay: Duration::from_millis(chance.magnitude(1, 2_000)),
            priority: i8::try_from(chance.below(21)).expect("small") - 10,
            timeout: chance
                .per_mille(100)
                .then(|| Duration::from_micros(chance.magnitude(SECOND, 1_000 * SECOND))),
            trial: chance.per_mille(100),
            transient: chance.per_mille(70),
            followed: chance.per_mille(100),
            chunk: chance.per_mille(150).then(|| {
                u32::try_from(chance.magnitude(1 + count / CHUNKS_MAX, 200)).expect("few")
            }),
            on: chosen(chance, machines),
        };
        let digest = digest(chance.next());
        let mut id = [0; 16];
        id[..8].copy_from_slice(&chance.next().to_le_bytes());
        let client = ClientId {
            submitter: number % 3,
            id,
        };
        Story {
            authored: Authored {
                device,
                client,
                spec,
                workload: Rc::new(workload),
            },
            digest,
            job: None,
            acts: chance.below(7),
            following: false,
            gave_up: false,
            refused: false,
            names: Vec::new(),
        }
    }

    /// Tasks that only ever end well, one as long as the other.
    pub(crate) fn steady(
        chance: &mut Chance,
        (number, device): (u64, DeviceId),
        count: u32,
        micros: u64,
        priority: i8,
    ) -> Story {
        let story = Story::choose(chance, number, device, &[]);
        let workload = Workload::steady(chance.next(), micros);
        let run = postcard::to_stdvec(&workload).expect("numbers are encoded");
        let spec = Spec {
            count,
            fold: Fold::None,
            run: ByteBuf::from(run),
            limits: Limits {
                memory_bytes: 1 << 26,
                task_time: None,
                ..story.authored.spec.limits
            },
            priority,
            timeout: None,
            trial: false,
            transient: false,
            followed: false,
            chunk: None,
            on: Vec::new(),
            ..story.authored.spec
        };
        Story {
            authored: Authored {
                spec,
                workload: Rc::new(workload),
                ..story.authored
            },
            ..story
        }
    }

    /// Without it the job does not go on.
    pub(crate) fn waits_for_its_author(&self) -> bool {
        let spec = &self.authored.spec;
        (spec.trial || spec.followed) && !spec.transient
    }

    /// What one lease of it may take.
    pub(crate) fn longest_lease(&self) -> u64 {
        let Authored { spec, workload, .. } = &self.authored;
        let tasks = match spec.chunk {
            Some(chunk) => u64::from(chunk.min(spec.count)) * workload.micros,
            None => workload.micros.max(UNEVEN_CHUNK_MICROS),
        };
        let hanging = if workload.hangs > 0 {
            HANGING_MICROS_MAX
        } else {
            0
        };
        tasks + hanging
    }

    /// The next thing its author does, and when there will be another. Until
    /// an answer comes the same is asked again.
    pub(crate) fn act(&mut self, stage: &mut Stage, healing: bool) -> (Vec<Command>, Option<u64>) {
        let soon = stage.chance.between(SECOND, 30 * SECOND);
        let Some(job) = self.job else {
            return if self.refused {
                (Vec::new(), None)
            } else {
                (self.submits(stage, healing), Some(soon))
            };
        };
        if healing {
            return (self.see_it_through(job), None);
        }
        if self.acts == 0 {
            return (Vec::new(), None);
        }
        self.acts -= 1;
        if let Some(command) = meddles(stage, job) {
            return (vec![command], Some(soon));
        }
        let command = match stage.chance.below(12) {
            0 | 1 => {
                self.gave_up = true;
                Command::Cancel(job)
            }
            2 | 3 => Command::Retry(job, self.changes(stage)),
            4 | 5 => Command::Release(job),
            6 => {
                self.gave_up = true;
                Command::Forget(job)
            }
            7 if !self.following => Command::Left(job),
            7 | 8 => {
                self.following = true;
                Command::Follow(job, 1)
            }
            9 => {
                self.following = false;
                Command::Unfollow(job, 1)
            }
            10 => self.submits(stage, healing).remove(0),
            _ => match self.names.pop() {
                Some(named) => Command::ReleaseBlob(named),
                None => Command::HoldBlob(digest(stage.chance.below(4))),
            },
        };
        (vec![command], Some(soon))
    }

    fn submits(&self, stage: &mut Stage, healing: bool) -> Vec<Command> {
        let submit = Submit {
            device: self.authored.device,
            client: self.authored.client,
            spec: self.authored.spec.clone(),
            spec_digest: self.digest,
            client_living: self.following || stage.chance.per_mille(500),
        };
        let mut commands = vec![Command::Submit(Box::new(submit.clone()))];
        if !healing && stage.chance.per_mille(150) {
            commands.push(Command::Submit(Box::new(submit.clone())));
        }
        if !healing && stage.chance.per_mille(100) {
            // The same id for something else.
            let spec = Spec {
                name: "another".to_owned(),
                ..submit.spec.clone()
            };
            commands.push(Command::Submit(Box::new(Submit {
                spec,
                spec_digest: digest(0xc0f),
                ..submit
            })));
        }
        commands
    }

    fn see_it_through(&mut self, job: JobId) -> Vec<Command> {
        self.following = true;
        let mut commands = vec![Command::Follow(job, 1)];
        if self.authored.spec.trial {
            commands.push(Command::Release(job));
        }
        commands
    }

    fn changes(&self, stage: &mut Stage) -> RetryChanges {
        RetryChanges {
            memory_bytes: stage.chance.per_mille(200).then_some(1 << 27),
            task_time: None,
            retries: stage
                .chance
                .per_mille(300)
                .then(|| u32::try_from(stage.chance.below(6)).expect("few")),
        }
    }
}

/// Most jobs run anywhere; some name machines, or what machines are called.
fn chosen(chance: &mut Chance, machines: &[MachineId]) -> Vec<On> {
    if !chance.per_mille(200) {
        return Vec::new();
    }
    let one = |chance: &mut Chance| match chance.pick(machines).copied() {
        Some(machine) if chance.per_mille(500) => On::Machine(machine),
        Some(_) | None => On::Label((*chance.pick(&LABELS).unwrap_or(&"")).to_owned()),
    };
    (0..chance.between(1, 2)).map(|_| one(chance)).collect()
}

/// Now and then somebody tries their luck with a job that may be another's.
fn meddles(stage: &mut Stage, own: JobId) -> Option<Command> {
    if !stage.chance.per_mille(150) {
        return None;
    }
    let job = stage.known_job().filter(|job| *job != own)?;
    Some(match stage.chance.below(4) {
        0 => Command::Cancel(job),
        1 => Command::Forget(job),
        2 => Command::Retry(job, RetryChanges::default()),
        _ => Command::Read(job),
    })
}
