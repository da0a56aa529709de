//! One run: a coordinator, machines, authors, what goes wrong, and then a
//! world in which nothing goes wrong any more and everything must end.

mod fair;
mod faults;
mod healed;
mod look;

use crate::agenda::{At, HOUR, Input, MINUTE, MachineInput, NodeInput, SECOND};
use crate::author::{Command, Reply, Story};
use crate::chance::{Chance, mix};
use crate::disk::Disk;
use crate::gate::{Gate, Knock};
use crate::links::Break;
use crate::machine::Machine;
use crate::model::{Authored, Model};
use crate::node::{Node, OWN, guest};
use crate::stage::{Stage, tell};
use crate::trace::Trace;
use faults::{FAULTS, Fault};
use pool::{JobId, JobState, WorkerConfig};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::sync::Once;

/// One run in so many is repeated with every wall clock shifted (I22).
const SHIFTED: u64 = 8;
/// By forty years.
const SHIFT_MS: i64 = 40 * 365 * 24 * 3_600_000;
/// Steps with faults, and then the most that healing may take.
const STEPS: u64 = 3_000;
const STEPS_MAX: u64 = 400_000;
/// In a healed world every job ends within this.
const LIVENESS: At = 48 * HOUR;
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
    gate: Gate,
    /// Machines that somebody wanted to be revoked.
    revoked: BTreeSet<usize>,
    steps: u64,
    healing: bool,
    /// Jobs with tasks that wait for a machine, since when.
    waits: BTreeMap<JobId, At>,
    /// One lease of each job that had not ended when the world healed.
    turns: At,
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
        let mut machines: Vec<Machine> = (0..count)
            .map(|at| Machine::new(at, &mut stage, lies && at == 0 && count > 1))
            .collect();
        let liars = machines
            .iter()
            .filter(|machine| machine.lies)
            .map(|machine| machine.id)
            .collect();
        let meant: Vec<_> = if faults.contains(&Fault::Revoke) {
            // One that was revoked does not come back for the job that waits for it.
            Vec::new()
        } else {
            machines.iter().map(|machine| machine.id).collect()
        };
        let guests = u8::try_from(chance.below(3)).expect("few");
        Self::add_uninvited(&mut machines, &mut stage, guests);
        stage.machines = machines.iter().map(|machine| machine.id).collect();
        let stories: Vec<Story> = (0..chance.magnitude(1, 10))
            .map(|number| {
                let device = if chance.per_mille(40) {
                    stage.machines.first().map(|machine| machine.device())
                } else {
                    let whose = u8::try_from(chance.below(u64::from(guests) + 1));
                    whose.ok().filter(|number| *number > 0).map(guest)
                };
                Story::choose(&mut chance, number, device.unwrap_or(OWN), &meant)
            })
            .collect();
        let living_only = chance.per_mille(80);
        let wall_ms = 1_790_000_000_000 + run.wall_shift;
        let ids = stage.machines.clone();
        let mut node = Node::new(&mut stage, chance.next(), ids, wall_ms);
        node.living_only = living_only;
        node.guests = guests;
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
            gate: Gate::default(),
            revoked: BTreeSet::new(),
            steps: 0,
            healing: false,
            waits: BTreeMap::new(),
            turns: 0,
            wall_chance: Chance::new(mix(run.seed, 0xc10c)),
            wall_shift: run.wall_shift,
            stage,
        };
        #[cfg(feature = "mutants")]
        {
            world.node.mutant = run.mutant;
            for machine in &mut world.machines {
                machine.mutant = run.mutant;
            }
        }
        if world.has(Fault::NodeCrash) {
            world.node.crashes_per_mille = world.stage.chance.below(6);
        }
        world.plan_beginning();
        world
    }

    /// Copies of a machine's data folder on another one, and other persons'
    /// computers that want to work although they may not.
    fn add_uninvited(machines: &mut Vec<Machine>, stage: &mut Stage, guests: u8) {
        let twin = machines.first().map(|machine| machine.id);
        let impostor = (guests > 0).then(|| guest(1).machine());
        for (id, per_mille) in [(twin, 100), (impostor, 150)] {
            let Some(id) = id.filter(|_| stage.chance.per_mille(per_mille)) else {
                continue;
            };
            let mut machine = Machine::new(machines.len(), stage, false);
            machine.id = id;
            machine.uninvited = true;
            machines.push(machine);
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn plan_beginning(&mut self) {
        self.stage.agenda.plan(0, Input::NodeStarts);
        for machine in 0..self.machines.len() {
            // Some come in the middle of the work.
            let late = self.stage.chance.per_mille(300);
            let at = self
                .stage
                .chance
                .magnitude(1, if late { HOUR / 4 } else { MINUTE });
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
                let healing = self.healing;
                let machine = self.machines.get_mut(machine);
                if let Some(machine) = machine.filter(|machine| !(healing && machine.uninvited)) {
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
            self.let_machines_work();
            self.check_turns();
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
        for command in &commands {
            self.may_end_anothers(&authored, command);
        }
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

    /// Two jobs of one person may have two authors: one ends what the other began.
    fn may_end_anothers(&mut self, by: &Authored, command: &Command) {
        let (Command::Cancel(job) | Command::Forget(job)) = command else {
            return;
        };
        let theirs =
            |story: &&mut Story| story.job == Some(*job) && story.authored.device == by.device;
        for story in self.stories.iter_mut().filter(theirs) {
            story.gave_up = true;
        }
    }

    fn heard(&mut self, at: usize, reply: Reply) {
        if let Reply::Gate(answer) = reply {
            return self.gate.heard(answer);
        }
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
            // It was forgotten. If it was submitted anew and the answer was
            // lost, there is one that waits for its author: asked again, it says so.
            Reply::Done(Command::Follow(..), Err(pool::CommandError::UnknownJob))
                if self.healing && story.waits_for_its_author() =>
            {
                story.job = None;
                self.plan_author(at, self.stage.agenda.now() + SECOND);
            }
            Reply::Done(..) | Reply::Steered(_) | Reply::Gate(_) => {}
        }
    }
}
