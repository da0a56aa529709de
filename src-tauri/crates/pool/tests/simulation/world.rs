//! One run: a coordinator, machines, authors, what goes wrong, and then a
//! world in which nothing goes wrong any more and everything must end.

use crate::agenda::{At, HOUR, Input, MINUTE, MachineInput, NodeInput, SECOND};
use crate::author::{Command, Reply, Story};
use crate::chance::{Chance, mix};
use crate::disk::Disk;
use crate::links::Break;
use crate::machine::Machine;
use crate::model::Model;
use crate::node::Node;
use crate::stage::{Stage, tell};
use crate::trace::Trace;
use pool::moment::Now;
use pool::{Coordinator, JobState, WorkerConfig};
use std::cell::Cell;
use std::hash::Hasher;
use std::sync::Once;

/// One run in so many is repeated with every wall clock shifted (I22).
const SHIFTED: u64 = 8;
/// By forty years.
const SHIFT_MS: i64 = 40 * 365 * 24 * 3_600_000;
/// Steps with faults, and then the most that healing may take.
const STEPS: u64 = 3_000;
const STEPS_MAX: u64 = 200_000;
/// Jobs of more tasks are not compared task by task.
const LOOKED_AT: u32 = 500;
/// In a healed world every job ends within this.
const LIVENESS: At = 48 * HOUR;

/// What may go wrong in a run; chosen anew for each, so that some runs have
/// few kinds of trouble and see deep into those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Reset,
    HalfOpen,
    MachineDies,
    PowerCut,
    Sleep,
    NodeCrash,
    NodeSleeps,
    OldBackup,
    DiskFull,
    ClockStep,
    Pause,
    Resize,
    Drain,
    Goodbye,
    NodeDrain,
}

const FAULTS: [Fault; 15] = [
    Fault::Reset,
    Fault::HalfOpen,
    Fault::MachineDies,
    Fault::PowerCut,
    Fault::Sleep,
    Fault::NodeCrash,
    Fault::NodeSleeps,
    Fault::OldBackup,
    Fault::DiskFull,
    Fault::ClockStep,
    Fault::Pause,
    Fault::Resize,
    Fault::Drain,
    Fault::Goodbye,
    Fault::NodeDrain,
];

/// How a run went.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) broken: Option<String>,
    pub(crate) steps: u64,
    pub(crate) virtual_micros: At,
    pub(crate) all: u64,
    pub(crate) decisions: u64,
    pub(crate) last: Vec<String>,
}

/// How to run it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    /// Moves every wall clock: must change nothing.
    pub(crate) wall_shift: i64,
    pub(crate) written: bool,
    pub(crate) aloud: bool,
    /// What is wrong with every coordinator of the run, on purpose.
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<pool::Mutant>,
}

impl Run {
    pub(crate) fn quiet(seed: u64) -> Run {
        Run {
            seed,
            wall_shift: 0,
            written: false,
            aloud: false,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }
}

struct Backup {
    disk: Disk,
    model: Model,
    /// Of each story.
    names: Vec<Vec<pool::Digest>>,
}

struct World {
    stage: Stage,
    node: Node,
    machines: Vec<Machine>,
    stories: Vec<Story>,
    /// When each author acts next; what was planned before is dropped.
    acts_at: Vec<At>,
    model: Model,
    faults: Vec<Fault>,
    fault_every: At,
    /// An old copy of the disk, with what was promised then.
    backup: Option<Backup>,
    node_sleeps_until: At,
    steps: u64,
    healing: bool,
    /// Steps of the wall clock come from their own chance, so that another
    /// shift does not change anything else.
    wall_chance: Chance,
    wall_shift: i64,
}

/// Runs it, and of some seeds a second time with every wall clock shifted.
pub(crate) fn judge(run: Run) -> Outcome {
    let mut outcome = play(run);
    if outcome.broken.is_none() && run.seed.is_multiple_of(SHIFTED) {
        let shifted = play(Run {
            wall_shift: SHIFT_MS,
            ..run
        });
        if shifted.broken.is_some() || shifted.decisions != outcome.decisions {
            outcome.broken = Some("I22: another wall clock, other decisions".to_owned());
        }
    }
    outcome
}

thread_local! {
    /// A panic in a run is an outcome, not a message for whoever reads.
    static PLAYING: Cell<bool> = const { Cell::new(false) };
}

fn keep_panics_of_runs_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !PLAYING.get() {
                hook(panic);
            }
        }));
    });
}

pub(crate) fn play(run: Run) -> Outcome {
    let mut world = World::new(run);
    keep_panics_of_runs_quiet();
    PLAYING.set(true);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.play()));
    PLAYING.set(false);
    if let Err(panic) = result {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or(panic.downcast_ref::<&str>().copied());
        world
            .stage
            .accuse(format!("panicked: {}", text.unwrap_or("without a word")));
    }
    Outcome {
        broken: world.stage.broken.take(),
        steps: world.steps,
        virtual_micros: world.stage.agenda.now(),
        all: world.stage.trace.all.finish(),
        decisions: world.stage.trace.decisions.finish(),
        last: world.stage.trace.last().map(str::to_owned).collect(),
    }
}

impl World {
    fn new(run: Run) -> World {
        let mut chance = Chance::new(run.seed);
        let calm = chance.per_mille(200);
        let faults: Vec<Fault> = FAULTS
            .into_iter()
            .filter(|_| chance.per_mille(if calm { 100 } else { 350 }))
            .collect();
        let mut stage = Stage::new(
            Chance::new(chance.next()),
            Trace::new(run.written, run.aloud),
        );
        let lies = chance.per_mille(150);
        let count = usize::try_from(chance.magnitude(1, 6)).expect("few");
        let machines: Vec<Machine> = (0..count)
            .map(|at| Machine::new(at, &mut stage, lies && at == 0 && count > 1))
            .collect();
        let liars = machines
            .iter()
            .filter(|machine| machine.lies)
            .map(|machine| machine.id)
            .collect();
        let stories: Vec<Story> = (0..chance.magnitude(1, 10))
            .map(|number| Story::choose(&mut chance, number))
            .collect();
        let living_only = chance.per_mille(80);
        let wall_ms = 1_790_000_000_000 + run.wall_shift;
        let mut node = Node::new(
            &mut stage,
            chance.next(),
            machines.iter().map(|machine| machine.id).collect(),
            wall_ms,
        );
        node.living_only = living_only;
        node.queued_tasks_max = chance.per_mille(80).then(|| chance.magnitude(10, 30_000));
        let mut world = World {
            node,
            machines,
            acts_at: vec![0; stories.len()],
            stories,
            model: Model::new(liars, living_only),
            fault_every: chance.magnitude(SECOND, 2 * MINUTE),
            faults,
            backup: None,
            node_sleeps_until: 0,
            steps: 0,
            healing: false,
            wall_chance: Chance::new(mix(run.seed, 0xc10c)),
            wall_shift: run.wall_shift,
            stage,
        };
        #[cfg(feature = "mutants")]
        {
            world.node.mutant = run.mutant;
        }
        if world.has(Fault::NodeCrash) {
            world.node.crashes_per_mille = world.stage.chance.below(6);
        }
        world.plan_beginning();
        world
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn plan_beginning(&mut self) {
        self.stage.agenda.plan(0, Input::NodeStarts);
        for machine in 0..self.machines.len() {
            let at = self.stage.chance.magnitude(1, MINUTE);
            self.stage.agenda.plan(at, Input::MachineStarts { machine });
        }
        for story in 0..self.stories.len() {
            let at = self.stage.chance.magnitude(1, 3 * MINUTE);
            self.plan_author(story, at);
        }
        let at = self.stage.chance.between(1, self.fault_every);
        self.stage.agenda.plan(at, Input::Fault);
    }

    fn play(&mut self) {
        tell!(
            self.stage,
            "faults {:?}, one in {} s",
            self.faults,
            self.fault_every / SECOND
        );
        while self.steps < STEPS && self.stage.broken.is_none() && self.step() {}
        self.heal();
        let until = self.stage.agenda.now() + LIVENESS;
        while self.stage.broken.is_none() && !self.is_over() {
            if !self.step() || self.stage.agenda.now() > until || self.steps > STEPS_MAX {
                self.explain_stall();
                return;
            }
        }
        self.forget_everything();
    }

    fn step(&mut self) -> bool {
        let Some(input) = self.stage.agenda.next() else {
            return false;
        };
        self.steps += 1;
        match input {
            Input::NodeStarts => {
                self.node.start(&mut self.stage);
                if self.healing {
                    self.ask_authors();
                }
            }
            Input::Node { life, input } => self.node_does(life, input),
            Input::MachineStarts { machine } => {
                if let Some(machine) = self.machines.get_mut(machine) {
                    machine.start(&mut self.stage);
                }
            }
            Input::Machine {
                machine,
                life,
                input,
            } => self.machine_does(machine, life, input),
            Input::Author(story) => self.author_does(story),
            Input::Fault => self.fault(),
        }
        if self.steps.is_multiple_of(128) {
            self.look();
        }
        true
    }

    fn node_does(&mut self, life: u32, input: NodeInput) {
        if self.node.life != life {
            return;
        }
        if self.stage.agenda.now() < self.node_sleeps_until {
            self.stage
                .agenda
                .plan(self.node_sleeps_until, Input::Node { life, input });
            return;
        }
        let replies = self.node.handle(&mut self.stage, &mut self.model, input);
        for (story, reply) in replies {
            self.heard(story, reply);
        }
    }

    fn machine_does(&mut self, at: usize, life: u32, input: MachineInput) {
        let node_life = self.node.living();
        let Some(machine) = self.machines.get_mut(at) else {
            return;
        };
        if machine.life != life {
            return;
        }
        if self.stage.agenda.now() < machine.asleep_until {
            self.stage.agenda.plan(
                machine.asleep_until,
                Input::Machine {
                    machine: at,
                    life,
                    input,
                },
            );
            return;
        }
        machine.handle(&mut self.stage, input, node_life);
    }

    fn plan_author(&mut self, story: usize, at: At) {
        if let Some(acts_at) = self.acts_at.get_mut(story) {
            *acts_at = at;
            self.stage.agenda.plan(at, Input::Author(story));
        }
    }

    fn author_does(&mut self, at: usize) {
        if self.acts_at.get(at) != Some(&self.stage.agenda.now()) {
            return;
        }
        let Some(story) = self.stories.get_mut(at) else {
            return;
        };
        let (commands, next) = story.act(&mut self.stage, self.healing);
        let authored = story.authored.clone();
        let mut somebody_heard = true;
        for command in commands {
            somebody_heard &= self.node.ask(
                &mut self.stage,
                at,
                Some(Box::new(authored.clone())),
                command,
            );
        }
        if !somebody_heard && self.healing {
            self.plan_author(at, self.stage.agenda.now() + 10 * SECOND);
        } else if let Some(next) = next {
            self.plan_author(at, self.stage.agenda.now() + next);
        }
    }

    fn heard(&mut self, at: usize, reply: Reply) {
        let Some(story) = self.stories.get_mut(at) else {
            return;
        };
        match reply {
            Reply::Submitted(_, Ok(submitted)) => {
                story.job = Some(submitted.job);
                if self.healing {
                    self.plan_author(at, self.stage.agenda.now());
                }
            }
            Reply::Submitted(_, Err(pool::SubmitError::Conflict { .. })) => {}
            Reply::Submitted(_, Err(_)) => story.refused = true,
            Reply::Done(Command::HoldBlob(named), Ok(())) => story.names.push(named),
            Reply::Done(..) => {}
        }
    }

    // ---- what goes wrong

    fn fault(&mut self) {
        if self.healing {
            return;
        }
        let next = self.stage.agenda.now() + self.stage.chance.between(1, 2 * self.fault_every);
        self.stage.agenda.plan(next, Input::Fault);
        let Some(fault) = self.stage.chance.pick(&self.faults).copied() else {
            return;
        };
        let at = usize::try_from(self.stage.chance.below(self.machines.len() as u64)).expect("few");
        tell!(self.stage, "fault {fault:?} (m{at})");
        let now = self.stage.agenda.now();
        let span = self.stage.chance.magnitude(SECOND, 3 * HOUR);
        let Some(machine) = self.machines.get_mut(at) else {
            return;
        };
        match fault {
            Fault::Reset | Fault::HalfOpen => {
                self.stage.lost_something = true;
                if let Some(peer) = machine.peer {
                    let how = match (fault, self.stage.chance.below(3)) {
                        (Fault::Reset, _) => Break::Reset,
                        (_, 0) => Break::Silent {
                            to_node: true,
                            to_machine: false,
                        },
                        (_, 1) => Break::Silent {
                            to_node: false,
                            to_machine: true,
                        },
                        (_, _) => Break::Silent {
                            to_node: true,
                            to_machine: true,
                        },
                    };
                    self.stage.break_link(peer, how);
                }
            }
            Fault::MachineDies | Fault::PowerCut => {
                let silent = Break::Silent {
                    to_node: true,
                    to_machine: true,
                };
                machine.die(
                    &mut self.stage,
                    if fault == Fault::PowerCut {
                        silent
                    } else {
                        Break::Reset
                    },
                );
                let back = now + self.stage.chance.magnitude(SECOND, 20 * MINUTE);
                self.stage
                    .agenda
                    .plan(back, Input::MachineStarts { machine: at });
            }
            Fault::Sleep => {
                self.stage.lost_something = true;
                let span = span.min(2 * HOUR);
                machine.asleep_until = now + span;
                if let Some(peer) = machine.peer
                    && span > 20 * SECOND
                {
                    self.stage.break_link(
                        peer,
                        Break::Silent {
                            to_node: true,
                            to_machine: true,
                        },
                    );
                }
            }
            Fault::NodeCrash => self.node.crash(&mut self.stage),
            Fault::NodeSleeps => self.node_sleeps_until = now + span.min(10 * MINUTE),
            Fault::OldBackup => self.old_backup(),
            Fault::DiskFull => self.node.disk_is_full = !self.node.disk_is_full,
            Fault::ClockStep => {
                let step = self.wall_chance.below(20 * 365 * 24 * 3_600_000);
                let step = i64::try_from(step).expect("twenty years") - 10 * 365 * 24 * 3_600_000;
                self.node.wall_ms += if self.wall_shift == 0 {
                    step
                } else {
                    -step / 3
                };
            }
            Fault::Pause => {
                let paused = machine
                    .config
                    .paused
                    .is_none()
                    .then(|| "the machine is in use".to_owned());
                let config = WorkerConfig {
                    paused,
                    ..machine.config.clone()
                };
                machine.configure(&mut self.stage, config);
            }
            Fault::Resize => {
                let slots = u32::try_from(self.stage.chance.below(5)).expect("few");
                let memory_bytes = u64::from(slots.max(1))
                    << *self.stage.chance.pick(&[27, 28, 29]).unwrap_or(&28);
                let config = WorkerConfig {
                    slots,
                    memory_bytes,
                    ..machine.config.clone()
                };
                machine.configure(&mut self.stage, config);
            }
            Fault::Drain => machine.drain(&mut self.stage),
            Fault::Goodbye => machine.goodbye(&mut self.stage),
            Fault::NodeDrain => {
                self.node
                    .ask(&mut self.stage, usize::MAX, None, Command::Drain);
            }
        }
    }

    /// Somebody puts yesterday's copy of the data folder back. What was
    /// promised since then is gone, and nothing else.
    fn old_backup(&mut self) {
        match self.backup.take() {
            None => {
                if self.node.is_at_rest() {
                    self.backup = Some(Backup {
                        disk: self.node.disk.clone(),
                        model: self.model.clone(),
                        names: self
                            .stories
                            .iter()
                            .map(|story| story.names.clone())
                            .collect(),
                    });
                }
            }
            Some(backup) => {
                tell!(self.stage, "an old backup is put back");
                self.node.crash(&mut self.stage);
                self.node.disk = backup.disk;
                self.model = backup.model;
                for (story, names) in self.stories.iter_mut().zip(backup.names) {
                    story.names = names;
                }
                for story in &mut self.stories {
                    if story.job.is_some_and(|job| !self.model.knows(&job)) {
                        story.job = None;
                        story.refused = false;
                    }
                }
                for story in 0..self.stories.len() {
                    let at = self.stage.agenda.now() + self.stage.chance.between(SECOND, MINUTE);
                    self.plan_author(story, at);
                }
                // Blobs that only the lost future referred to may be there, those of the past must be.
                self.model.put_back_blobs(&mut self.stage.blobs);
            }
        }
    }

    // ---- and what goes right again

    fn heal(&mut self) {
        tell!(self.stage, "heals");
        self.healing = true;
        self.node.crashes_per_mille = 0;
        self.node.disk_is_full = false;
        self.node_sleeps_until = 0;
        let now = self.stage.agenda.now();
        self.stage.agenda.plan(now, Input::NodeStarts);
        for at in 0..self.machines.len() {
            let Some(machine) = self.machines.get_mut(at) else {
                continue;
            };
            machine.asleep_until = 0;
            if std::mem::replace(&mut machine.lies, false) {
                // What it did not say on this connection nobody will ever know.
                machine.die(&mut self.stage, Break::Reset);
            }
            let slots = machine.config.slots.max(1);
            let memory_bytes = 1 << 32;
            machine.configure(
                &mut self.stage,
                WorkerConfig {
                    slots,
                    memory_bytes,
                    paused: None,
                    ..machine.config.clone()
                },
            );
            machine.start(&mut self.stage);
        }
        self.ask_authors();
    }

    /// Clients follow their jobs on whatever node is there.
    fn ask_authors(&mut self) {
        let soon = self.stage.agenda.now() + SECOND;
        for story in 0..self.stories.len() {
            self.plan_author(story, soon);
        }
    }

    fn is_over(&self) -> bool {
        let Some(coordinator) = self.node.coordinator() else {
            return false;
        };
        let told = self
            .stories
            .iter()
            .all(|story| story.job.is_some() || story.refused);
        told && self.node.is_at_rest()
            && coordinator.jobs().all(|view| {
                matches!(
                    view.state,
                    JobState::Done | JobState::Failed | JobState::Cancelled
                )
            })
    }

    /// I24: says which job waits, and why the coordinator thinks so.
    fn explain_stall(&mut self) {
        let Some(coordinator) = self.node.coordinator() else {
            return self.stage.accuse("I24: the node does not come back");
        };
        let waiting: Vec<String> = coordinator
            .jobs()
            .filter(|view| {
                !matches!(
                    view.state,
                    JobState::Done | JobState::Failed | JobState::Cancelled
                )
            })
            .map(|view| {
                format!(
                    "{} is {:?} ({} of {} done): {:?}",
                    view.id,
                    view.state,
                    view.done,
                    view.total,
                    coordinator.explain(view.id, None)
                )
            })
            .collect();
        self.stage.accuse(format!(
            "I24: a healed world does not finish after {} steps: {}",
            self.steps,
            waiting.join("; ")
        ));
    }

    /// Every job goes, and nothing of any may remain.
    fn forget_everything(&mut self) {
        if self.stage.broken.is_some() {
            return;
        }
        self.look();
        self.must_be_done();
        // Transient jobs go by themselves, ten minutes after they came.
        let until = self.stage.agenda.now() + HOUR;
        let mut ask_at = 0;
        while self.stage.broken.is_none()
            && self.node.disk.remains().is_some()
            && self.stage.agenda.now() < until
        {
            // The node may stop once more: then they are asked again.
            if self.stage.agenda.now() >= ask_at {
                ask_at = self.stage.agenda.now() + MINUTE;
                let jobs: Vec<_> = self
                    .node
                    .coordinator()
                    .map_or_else(Vec::new, |coordinator| {
                        coordinator.jobs().map(|view| view.id).collect()
                    });
                for job in jobs {
                    self.node
                        .ask(&mut self.stage, usize::MAX, None, Command::Forget(job));
                }
            }
            self.step();
        }
        self.model.check_at_rest(&mut self.stage, &self.node.disk);
        if let Some(remains) = self.node.disk.remains() {
            self.stage
                .accuse(format!("I16: every job is forgotten, and {remains} remain"));
        }
    }

    fn must_be_done(&mut self) {
        let lies = self.machines.iter().any(|machine| machine.lies);
        if self.stage.lost_something || self.has(Fault::OldBackup) || lies {
            return;
        }
        let Some(coordinator) = self.node.coordinator() else {
            return;
        };
        for story in self.stories.iter().filter(|story| !story.gave_up) {
            let Some(id) = story.job.filter(|id| self.model.must_be_done(id)) else {
                continue;
            };
            if let Some(view) = coordinator.job(&id)
                && view.state != JobState::Done
                && !matches!(view.fold, pool::FoldView::Failed { .. })
            {
                self.stage.accuse(format!(
                    "I14: nothing was wrong with {id}, and it is {view:?}"
                ));
            }
        }
    }

    /// I14: where no machine, connection or executor was lost, no task counts a loss.
    fn charged_for_nothing(&self, coordinator: &Coordinator) -> Option<String> {
        let lies = self.machines.iter().any(|machine| machine.lies);
        let kills =
            |story: &Story| story.authored.workload.poison + story.authored.workload.kills_once > 0;
        if lies
            || self.stage.lost_something
            || self.has(Fault::OldBackup)
            || self.stories.iter().any(kills)
        {
            return None;
        }
        let mut tasks = coordinator
            .jobs()
            .filter(|view| view.total <= LOOKED_AT)
            .flat_map(|view| coordinator.tasks(view.id, 0, LOOKED_AT));
        tasks
            .find(|task| task.losses > 0)
            .map(|task| format!("I14: nothing was lost, and a task counts it: {task:?}"))
    }

    /// I27 and the states of all jobs, where everything decided is durable.
    fn look(&mut self) {
        if !self.node.is_at_rest() {
            return;
        }
        let Some(coordinator) = self.node.coordinator() else {
            return;
        };
        for view in coordinator.jobs() {
            self.model.viewed(&mut self.stage, &view);
        }
        if let Some(charged) = self.charged_for_nothing(coordinator) {
            self.stage.accuse(charged);
        }
        self.model.check_at_rest(&mut self.stage, &self.node.disk);
        let now = Now {
            moment: self.node.disk.moment,
            wall_ms: 0,
        };
        match Coordinator::restore(now, 1, self.node.disk.image()) {
            Ok(restored) => {
                if self.node.checks_itself() {
                    restored.check();
                }
                if let Some(differs) = differs(coordinator, &restored) {
                    self.stage.accuse(format!("I27: {differs}"));
                }
            }
            Err(error) => self
                .stage
                .accuse(format!("I27: what was committed does not restore: {error}")),
        }
    }
}

/// The first thing that a restored coordinator says otherwise.
fn differs(living: &Coordinator, restored: &Coordinator) -> Option<String> {
    let (mine, theirs): (Vec<_>, Vec<_>) = (living.jobs().collect(), restored.jobs().collect());
    if mine.len() != theirs.len() {
        return Some(format!("{} jobs became {}", mine.len(), theirs.len()));
    }
    for (before, after) in mine.into_iter().zip(theirs) {
        let counts = |view: &pool::JobView| {
            (
                view.id,
                view.state,
                view.queued,
                view.running,
                view.done,
                view.failed,
                view.cancelled,
                view.fold.clone(),
            )
        };
        if counts(&before) != counts(&after) {
            return Some(format!("{before:?} became {after:?}"));
        }
        if before.total > LOOKED_AT {
            continue;
        }
        let tasks = |coordinator: &Coordinator| {
            let of = |task: pool::TaskView| {
                (
                    task.index,
                    task.state,
                    task.attempt,
                    task.failures,
                    task.losses,
                    task.elsewhere,
                    task.last_failure,
                )
            };
            coordinator
                .tasks(before.id, 0, LOOKED_AT)
                .into_iter()
                .map(of)
                .collect::<Vec<_>>()
        };
        let (mine, theirs) = (tasks(living), tasks(restored));
        let ended = matches!(
            before.state,
            JobState::Done | JobState::Failed | JobState::Cancelled
        );
        if !ended && mine != theirs {
            let pair = mine
                .iter()
                .zip(&theirs)
                .find(|(mine, theirs)| mine != theirs);
            return Some(format!("of {}: {pair:?}", before.id));
        }
    }
    None
}
