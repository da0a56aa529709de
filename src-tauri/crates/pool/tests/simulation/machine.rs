//! A machine that works: its program (a real [`Worker`]), its slots, its
//! clock, and what happens to it.

use crate::agenda::{At, HOUR, Input, MILLI, MachineInput, SECOND};
use crate::bench::{Bench, Step};
use crate::liar;
use crate::links::Break;
use crate::stage::{Stage, tell};
use crate::workload::{Workload, digest};
use pool::id::{Life, MachineId};
use pool::message::{Chunk, Health, Output, Stock, Stream, ToWorker};
use pool::moment::{Moment, Now};
use pool::report::{Payload, Report, Reports};
use pool::{Action, Peer, SlotId, Worker, WorkerConfig, WorkerOptions};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Between two tries to connect.
const RECONNECT_MAX: At = 5 * SECOND;
/// From the end of a batch until the worker hears of it.
const REPORT_DELAY_MAX: At = MILLI / 2;

#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) at: usize,
    pub(crate) id: MachineId,
    pub(crate) config: WorkerConfig,
    /// Tasks take so many times as long here as on the fastest machine.
    pub(crate) slowness: u64,
    /// Says what is not so, now and then.
    pub(crate) lies: bool,
    /// Has no business here: a copy of another, or a device that may not work.
    pub(crate) uninvited: bool,
    /// Of its process; what was planned for an earlier one is dropped.
    pub(crate) life: u32,
    worker: Option<Worker>,
    pub(crate) peer: Option<Peer>,
    benches: Vec<Bench>,
    workloads: BTreeMap<Vec<u8>, Rc<Workload>>,
    /// Asleep until then.
    pub(crate) asleep_until: At,
    /// Its clock began here and runs this much too fast, in millionths.
    clock_from: u64,
    drift_ppm: i64,
    timer: (u64, Option<Moment>),
    /// Planted into each of its workers.
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<pool::Mutant>,
}

impl Machine {
    pub(crate) fn new(at: usize, stage: &mut Stage, lies: bool) -> Machine {
        let slots = u32::try_from(*stage.chance.pick(&[1, 1, 2, 4, 8]).unwrap_or(&1)).expect("few");
        let drift = stage.chance.below(401);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&stage.chance.next().to_le_bytes());
        id[8] = u8::try_from(at).expect("few machines");
        Machine {
            at,
            id: MachineId(id),
            config: WorkerConfig {
                slots,
                memory_bytes: u64::from(slots) << 28,
                paused: None,
                slowed: None,
                finishing: false,
                turnaround_micros: 1000,
            },
            slowness: *stage.chance.pick(&[1, 1, 1, 2, 4, 10]).unwrap_or(&1),
            lies,
            uninvited: false,
            life: 0,
            worker: None,
            peer: None,
            benches: Vec::new(),
            workloads: BTreeMap::new(),
            asleep_until: 0,
            clock_from: stage.chance.below(1 << 40),
            drift_ppm: i64::try_from(drift).expect("few") - 200,
            timer: (0, None),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    // ---- what happens to it

    pub(crate) fn start(&mut self, stage: &mut Stage) {
        if self.worker.is_some() {
            return;
        }
        let options = WorkerOptions {
            machine: self.id,
            life: Life(u64::from(self.life) << 8 | self.at as u64),
            name: format!("machine {}", self.at),
            os: "linux".to_owned(),
            program_version: "0.1.0".to_owned(),
            cores: self.config.slots,
        };
        let worker = Worker::new(self.now(stage), options, self.config.clone());
        #[cfg(feature = "mutants")]
        let worker = {
            let mut worker = worker;
            if let Some(mutant) = self.mutant {
                worker.plant(mutant);
            }
            worker
        };
        self.worker = Some(worker);
        self.benches.clear();
        tell!(
            stage,
            "m{} starts with {} slots",
            self.at,
            self.config.slots
        );
        self.connect_soon(stage, MILLI);
    }

    /// Its process is gone, and with it everything that was not delivered.
    pub(crate) fn die(&mut self, stage: &mut Stage, how: Break) {
        tell!(stage, "m{} dies ({how:?})", self.at);
        self.worker = None;
        self.benches.clear();
        self.life += 1;
        self.timer.1 = None;
        self.asleep_until = 0;
        if let Some(peer) = self.peer.take() {
            stage.break_link(peer, how);
            stage.link(peer).machine_open = false;
        }
    }

    pub(crate) fn handle(
        &mut self,
        stage: &mut Stage,
        input: MachineInput,
        node_life: Option<u32>,
    ) {
        let now = self.now(stage);
        let Some(mut worker) = self.worker.take() else {
            return;
        };
        match input {
            MachineInput::Connect => match node_life {
                Some(node_life) if self.peer.is_none() => {
                    let peer = stage.connect((self.at, self.id), self.life, node_life);
                    tell!(stage, "m{} connects as p{}", self.at, peer.0);
                    self.peer = Some(peer);
                    worker.handle_connected(now);
                }
                Some(_) => {}
                None => self.connect_soon(stage, RECONNECT_MAX),
            },
            MachineInput::Frame { peer, bytes } => {
                if self.peer == Some(peer) && stage.arrives_at_machine(peer) {
                    let decoder = &mut stage.link(peer).machine_decoder;
                    let (head, tail) = bytes.split_at(bytes.len() / 2);
                    decoder.push(head);
                    assert!(
                        decoder
                            .decode::<ToWorker>()
                            .is_ok_and(|message| message.is_none()),
                        "half a frame is no message"
                    );
                    decoder.push(tail);
                    match stage.link(peer).machine_decoder.decode::<ToWorker>() {
                        Ok(Some(message)) => {
                            tell!(stage, "m{} <- {message:?}", self.at);
                            worker.handle_message(now, message);
                        }
                        Ok(None) => stage.accuse("a whole frame gave no message"),
                        Err(error) => stage.accuse(format!(
                            "I28: what a coordinator encoded does not decode: {error}"
                        )),
                    }
                }
            }
            MachineInput::Disconnected { peer } => {
                if self.peer == Some(peer) {
                    tell!(stage, "m{} hears that p{} is gone", self.at, peer.0);
                    stage.close_from_machine(peer);
                    self.peer = None;
                    worker.handle_disconnected(now);
                    self.connect_soon(stage, RECONNECT_MAX);
                }
            }
            MachineInput::Timer { generation } => {
                if generation == self.timer.0 {
                    self.timer.1 = None;
                    worker.handle_timeout(now);
                    tell_news(stage, &mut worker, now);
                }
            }
            MachineInput::Bench { slot, generation } => self.bench_steps(stage, slot, generation),
            MachineInput::Reports {
                slot,
                chunk,
                reports,
            } => worker.handle_reports(now, SlotId(slot), chunk, reports),
            MachineInput::Output { slot, output } => {
                worker.handle_progress(now, SlotId(slot), output.index, 500);
                worker.handle_output(now, SlotId(slot), output);
            }
            MachineInput::Free { slot } => worker.handle_free(now, SlotId(slot)),
        }
        self.worker = Some(worker);
        self.pump(stage);
    }

    /// Its owner wants something else.
    pub(crate) fn configure(&mut self, stage: &mut Stage, config: WorkerConfig) {
        tell!(stage, "m{} is configured {config:?}", self.at);
        self.config = config;
        let now = self.now(stage);
        if let Some(worker) = &mut self.worker {
            worker.configure(now, self.config.clone());
        }
        self.pump(stage);
    }

    pub(crate) fn drain(&mut self, stage: &mut Stage) {
        tell!(stage, "m{} drains", self.at);
        let now = self.now(stage);
        if let Some(worker) = &mut self.worker {
            worker.drain(now);
        }
        self.pump(stage);
    }

    pub(crate) fn goodbye(&mut self, stage: &mut Stage) {
        tell!(stage, "m{} says goodbye", self.at);
        let now = self.now(stage);
        if let Some(worker) = &mut self.worker {
            worker.goodbye(now);
        }
        self.pump(stage);
    }

    // ---- how

    fn now(&self, stage: &Stage) -> Now {
        let passed = i128::from(stage.agenda.now());
        let local =
            i128::from(self.clock_from) + passed + passed * i128::from(self.drift_ppm) / 1_000_000;
        // A worker has no use for a wall clock: it is wrong by a century.
        Now {
            moment: Moment(u64::try_from(local).expect("clocks go on")),
            wall_ms: -3_000_000_000_000,
        }
    }

    /// When its clock will show `moment`.
    fn when(&self, moment: Moment) -> At {
        let local = i128::from(moment.0) - i128::from(self.clock_from);
        let passed = local * 1_000_000 / (1_000_000 + i128::from(self.drift_ppm)) + 1;
        At::try_from(passed).unwrap_or(0)
    }

    fn plan(&self, stage: &mut Stage, at: At, input: MachineInput) {
        stage.agenda.plan(
            at,
            Input::Machine {
                machine: self.at,
                life: self.life,
                input,
            },
        );
    }

    fn connect_soon(&self, stage: &mut Stage, within: At) {
        let at = stage.agenda.now() + stage.chance.between(1, within);
        self.plan(stage, at, MachineInput::Connect);
    }

    /// Everything the worker wants now, and when it wants to be woken.
    fn pump(&mut self, stage: &mut Stage) {
        let Some(mut worker) = self.worker.take() else {
            return;
        };
        while let Some(message) = worker.poll_transmit() {
            if let Some(peer) = self.peer {
                if self.lies {
                    liar::transmit(stage, peer, message);
                } else {
                    stage.send_to_node(peer, &message);
                }
            }
        }
        while let Some(action) = worker.poll_action() {
            self.act(stage, &mut worker, action);
        }
        self.unpin(stage, &worker);
        worker.check();
        self.check(stage);
        let due = worker.poll_timeout().map(|(moment, _)| moment);
        if due != self.timer.1 {
            self.timer = (self.timer.0 + 1, due);
            if let Some(moment) = due {
                self.plan(
                    stage,
                    self.when(moment),
                    MachineInput::Timer {
                        generation: self.timer.0,
                    },
                );
            }
        }
        self.worker = Some(worker);
    }

    fn act(&mut self, stage: &mut Stage, worker: &mut Worker, action: Action) {
        tell!(stage, "m{} does {action:?}", self.at);
        let now = stage.agenda.now();
        match action {
            Action::Run {
                slot,
                chunk,
                person: _,
                spec,
                fold_input,
            } => {
                if fold_input.is_some()
                    != (chunk.first == spec.count && spec.fold == pool::spec::Fold::Kernel)
                {
                    stage.accuse(format!(
                        "I17: {chunk:?} of {} tasks runs with fold input {fold_input:?}",
                        spec.count
                    ));
                }
                let workload = self.workloads.entry(spec.run.to_vec()).or_insert_with(|| {
                    Rc::new(postcard::from_bytes(&spec.run).expect("the author wrote it"))
                });
                let workload = Rc::clone(workload);
                let slowness = self.slowness;
                let bench = self.bench(slot);
                bench.run(chunk, &spec, workload, slowness);
                let given = bench.given();
                let reserved: u64 = self.benches.iter().map(Bench::memory_bytes).sum();
                if reserved > self.config.memory_bytes {
                    stage.accuse(format!(
                        "I13: m{} runs tasks of {reserved} bytes and offers {}",
                        self.at, self.config.memory_bytes
                    ));
                }
                if given > 2 {
                    stage.accuse(format!(
                        "slot {slot:?} of m{} was given three chunks",
                        self.at
                    ));
                }
                self.wake(stage, slot);
            }
            Action::Kill { slot, chunk } => {
                let bench = self
                    .benches
                    .get_mut(slot.0 as usize)
                    .expect("only what runs is killed");
                bench.kill(&chunk, now, &mut stage.chance);
                if bench.is_empty() {
                    // Nothing had begun, so nothing will end.
                    self.plan(stage, now, MachineInput::Free { slot: slot.0 });
                }
                self.wake(stage, slot);
            }
            Action::Stop { slot } => {
                self.bench(slot).stop(now);
                self.wake(stage, slot);
            }
            Action::Resume { slot } => {
                self.bench(slot).resume(now);
                self.wake(stage, slot);
            }
            Action::Forget { .. } => {}
            Action::Close { .. } => {
                if let Some(peer) = self.peer.take() {
                    stage.close_from_machine(peer);
                }
                worker.handle_disconnected(self.now(stage));
                if worker.is_gone() {
                    // Whoever left in good order comes back when its owner wants.
                    let at = now + stage.chance.between(SECOND, HOUR / 4);
                    self.plan(stage, at, MachineInput::Connect);
                } else {
                    self.connect_soon(stage, RECONNECT_MAX);
                }
            }
        }
    }

    fn bench(&mut self, slot: SlotId) -> &mut Bench {
        let at = slot.0 as usize;
        while self.benches.len() <= at {
            self.benches.push(Bench::default());
        }
        self.benches.get_mut(at).expect("made above")
    }

    /// Plans the bench's next wake-up; earlier ones no longer count.
    fn wake(&mut self, stage: &mut Stage, slot: SlotId) {
        let (now, id) = (stage.agenda.now(), self.id);
        let bench = self.bench(slot);
        bench.generation += 1;
        let generation = bench.generation;
        if let Some(at) = bench.go_on(now, id) {
            self.plan(
                stage,
                at,
                MachineInput::Bench {
                    slot: slot.0,
                    generation,
                },
            );
        }
    }

    fn bench_steps(&mut self, stage: &mut Stage, slot: u32, generation: u64) {
        let (now, id) = (stage.agenda.now(), self.id);
        let Some(bench) = self.benches.get_mut(slot as usize) else {
            return;
        };
        if bench.generation != generation {
            return;
        }
        let step = bench.step(now, id, &mut stage.chance);
        let mut heard_at = bench
            .heard_at
            .max(now + stage.chance.below(REPORT_DELAY_MAX));
        let is_empty = bench.is_empty();
        bench.heard_at = heard_at;
        if let Step::Ended { chunk, reports } = step {
            if chunk.count == 1 && stage.chance.per_mille(300) {
                let output = written(chunk);
                self.plan(stage, heard_at, MachineInput::Output { slot, output });
            }
            store_blobs(stage, self.at, chunk, &reports);
            self.plan(
                stage,
                heard_at,
                MachineInput::Reports {
                    slot,
                    chunk,
                    reports,
                },
            );
        }
        if is_empty {
            heard_at += stage.chance.below(REPORT_DELAY_MAX);
            self.plan(stage, heard_at, MachineInput::Free { slot });
            if let Some(bench) = self.benches.get_mut(slot as usize) {
                bench.heard_at = heard_at;
            }
        }
        self.wake(stage, SlotId(slot));
    }

    /// Blobs of results that the coordinator has answered for need no pin.
    fn unpin(&self, stage: &mut Stage, worker: &Worker) {
        if !stage
            .pinned
            .iter()
            .any(|(machine, _, _)| *machine == self.at)
        {
            return;
        }
        let kept: Vec<Chunk> = worker.undelivered().chain(worker.holding()).collect();
        stage.pinned.retain(|(machine, chunk, _)| {
            *machine != self.at
                || kept.iter().any(|kept| {
                    kept.job == chunk.job
                        && kept.first < chunk.first + chunk.count
                        && chunk.first < kept.first + kept.count
                })
        });
    }

    /// I12 and the machine's half of I13, as its owner would measure them.
    fn check(&self, stage: &mut Stage) {
        let executing = self
            .benches
            .iter()
            .filter(|bench| bench.is_executing())
            .count();
        let allowed = if self.config.paused.is_some() {
            0
        } else {
            self.config.slots
        };
        if executing > allowed as usize {
            stage.accuse(format!(
                "I12: m{} executes {executing} tasks on {allowed} slots",
                self.at
            ));
        }
    }
}

/// Now and then something about the machine is new.
fn tell_news(stage: &mut Stage, worker: &mut Worker, now: Now) {
    if stage.chance.per_mille(300) {
        let others = u16::try_from(stage.chance.below(1_001)).expect("per mille");
        let health = Health {
            core_loads: vec![others; 2],
            others_per_mille: others,
            ..Health::default()
        };
        worker.handle_health(now, health);
    }
    if stage.chance.per_mille(100) {
        let named = |from: u64, stage: &mut Stage| -> Vec<pool::Digest> {
            let names: Vec<u64> = (0..6).filter(|_| stage.chance.per_mille(500)).collect();
            names.into_iter().map(|name| digest(from + name)).collect()
        };
        let modules = named(0, stage);
        let blobs = named(100, stage);
        worker.handle_stock(now, Stock { modules, blobs });
    }
}

/// A piece of what the task wrote.
fn written(chunk: Chunk) -> Output {
    Output {
        job: chunk.job,
        index: chunk.first,
        attempt: chunk.attempt,
        stream: Stream::Stdout,
        offset: 0,
        bytes: ByteBuf::from(b"half of it".to_vec()),
    }
}

/// The worker keeps a blob's bytes before it says its name.
fn store_blobs(stage: &mut Stage, machine: usize, chunk: Chunk, reports: &Reports) {
    let Reports::Each(each) = reports else { return };
    for digest in each.iter().flat_map(blobs_of) {
        stage.blobs.insert(digest);
        stage.pinned.push((machine, chunk, digest));
    }
}

/// Every blob that a report names.
pub(crate) fn blobs_of(report: &Report) -> impl Iterator<Item = pool::Digest> {
    let payload = |payload: &Payload| match payload {
        Payload::Inline(_) => None,
        Payload::Blob { digest, .. } => Some(*digest),
    };
    let files = report
        .files
        .iter()
        .flat_map(|files| files.blobs.iter().copied().chain([files.manifest]));
    payload(&report.output)
        .into_iter()
        .chain(payload(&report.log))
        .chain(files)
}
