//! The table on which the stories are played: a coordinator, its disk, and
//! machines that are moved by hand. After every turn everything is checked,
//! and a coordinator restored from the rows must know the same.

use super::disk::Disk;
use crate::coordinator::*;
use crate::id::{DeviceId, Digest, InviteId, JobId, Life, MachineId, Spki};
use crate::limits::HEARTBEAT;
use crate::message::{Chunk, Heartbeat, Hello, Results, ToCoordinator, ToWorker, VERSION};
use crate::moment::{Moment, Now};
use crate::report::{Failure, FailureKind, Outcome, Payload, Plain, Report, Reports};
use crate::spec::{Fold, Limits, Spec};
use core::time::Duration;
use serde_bytes::ByteBuf;
use std::collections::{BTreeMap, VecDeque};

pub(super) struct Table {
    pub(super) coordinator: Coordinator,
    pub(super) disk: Disk,
    pub(super) now: Now,
    pub(super) events: Vec<Event>,
    pub(super) chores: VecDeque<Chore>,
    sent: BTreeMap<Peer, VecDeque<ToWorker>>,
    peers: u64,
    lives: u64,
    clients: u8,
    beating: BTreeMap<Peer, Heartbeat>,
    next_beat: Moment,
    invites: u64,
}

/// A machine's end of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) peer: Peer,
    pub(super) machine: MachineId,
}

pub(super) const MIB: u64 = 1 << 20;

impl Table {
    pub(super) fn new() -> Table {
        let now = Now {
            moment: Moment(1_000_000),
            wall_ms: 1_700_000_000_000,
        };
        let mut table = Table {
            coordinator: Coordinator::new(now, 7, &founding()),
            disk: Disk::default(),
            now,
            events: Vec::new(),
            chores: VecDeque::new(),
            sent: BTreeMap::new(),
            peers: 0,
            lives: 0,
            clients: 0,
            beating: BTreeMap::new(),
            next_beat: now.moment.after(HEARTBEAT),
            invites: 0,
        };
        table.turn();
        table
    }

    /// The rule of the driver, then every check there is.
    pub(super) fn turn(&mut self) {
        let records: Vec<_> = core::iter::from_fn(|| self.coordinator.poll_record()).collect();
        self.disk.commit(records);
        while let Some((peer, message)) = self.coordinator.poll_transmit() {
            self.sent.entry(peer).or_default().push_back(message);
        }
        self.events
            .extend(core::iter::from_fn(|| self.coordinator.poll_event()));
        self.chores
            .extend(core::iter::from_fn(|| self.coordinator.poll_chore()));
        self.coordinator.check();
        self.compare_restored();
        self.compare_cells();
    }

    /// Those who watch see what each task and each job says of itself.
    fn compare_cells(&self) {
        let mut counts = Counts::default();
        for job in self.coordinator.jobs() {
            counts.tasks_queued += job.queued;
            counts.tasks_running += job.running;
            match job.state {
                JobState::Queued => counts.jobs_queued += 1,
                JobState::Running | JobState::Folding => counts.jobs_running += 1,
                JobState::Done | JobState::Failed | JobState::Cancelled => {}
            }
            let cells = self.coordinator.cells(job.id).expect("a job has cells");
            let mut next = 0;
            for run in &cells {
                assert_eq!(run.first, next, "{cells:?}");
                next += run.count;
                for index in [run.first, next - 1] {
                    let task = self.task(job.id, index);
                    let before = match task.state {
                        TaskState::Queued | TaskState::Cancelled => task.attempt,
                        TaskState::Running | TaskState::Done | TaskState::Failed => {
                            task.attempt - 1
                        }
                    };
                    assert_eq!(
                        (run.state, run.retried),
                        (task.state, before > 0),
                        "task {index}: {cells:?}"
                    );
                }
            }
            assert_eq!(next, job.total, "{cells:?}");
            let alike = |pair: &[Cells]| {
                (pair[0].state, pair[0].retried) == (pair[1].state, pair[1].retried)
            };
            assert!(!cells.windows(2).any(alike), "not joined: {cells:?}");
        }
        assert_eq!(self.coordinator.counts(), counts);
    }

    fn compare_restored(&self) {
        let restored = Coordinator::restore(self.now, 8, self.disk.image(), &founding())
            .expect("rows fit together");
        restored.check();
        let views = |coordinator: &Coordinator| -> Vec<_> {
            let jobs: Vec<JobView> = coordinator
                .jobs()
                .map(|job| JobView {
                    reason: None,
                    of_late: None,
                    // Of one that goes on, only what was written with its state.
                    measured: match job.ended_wall_ms {
                        Some(_) => job.measured,
                        None => Vec::new(),
                    },
                    ..job
                })
                .collect();
            let tasks = |job: &JobView| -> Vec<TaskView> {
                let indices =
                    (0..job.total.min(40)).chain((job.fold != FoldView::None).then_some(job.total));
                let views = indices.filter_map(|index| coordinator.task(job.id, index));
                views
                    .map(|task| TaskView {
                        explanation: None,
                        progress: None,
                        ..task
                    })
                    .collect()
            };
            jobs.iter().map(|job| (job.clone(), tasks(job))).collect()
        };
        assert_eq!(
            views(&restored),
            views(&self.coordinator),
            "restored is not what it was"
        );
        assert_eq!(
            restored.blobs, self.coordinator.blobs,
            "references to blobs"
        );
    }

    /// The coordinator's process dies and starts again: connections are gone.
    pub(super) fn restart(&mut self) {
        self.now.moment = self.disk.image().moment.after(Duration::from_millis(1));
        self.now.wall_ms += 5_000;
        self.coordinator = Coordinator::restore(self.now, 9, self.disk.image(), &founding())
            .expect("rows fit together");
        self.sent.clear();
        self.chores.clear();
        self.events.clear();
        self.beating.clear();
        self.turn();
    }

    /// Lets time pass: timers fire when they are due, machines that are seated
    /// send their heartbeats.
    pub(super) fn pass(&mut self, span: Duration) {
        let end = self.now.moment.after(span);
        loop {
            let timer = self
                .coordinator
                .poll_timeout()
                .map_or(Moment(u64::MAX), |(at, _)| at);
            let beat = self.next_beat.max(self.now.moment);
            let next = end.min(beat).min(timer.max(self.now.moment));
            self.now.wall_ms +=
                i64::try_from(next.since(self.now.moment).as_millis()).expect("a short story");
            self.now.moment = next;
            if next == beat {
                self.next_beat = beat.after(HEARTBEAT);
                for (peer, heartbeat) in self.beating.clone() {
                    self.coordinator.handle_message(
                        self.now,
                        peer,
                        ToCoordinator::Heartbeat(heartbeat),
                    );
                }
                self.turn();
            }
            if timer <= next {
                self.coordinator.handle_timeout(self.now);
                self.turn();
                continue;
            }
            if next == end {
                return;
            }
        }
    }

    // ---- machines

    pub(super) fn seat(&mut self, name: u8, slots: u32) -> Seat {
        self.seat_with(name, slots, 1 << 40, &[], &[])
    }

    /// A machine that holds something has lived on; another one starts anew.
    pub(super) fn seat_with(
        &mut self,
        name: u8,
        slots: u32,
        memory: u64,
        holding: &[Chunk],
        undelivered: &[Chunk],
    ) -> Seat {
        self.peers += 1;
        let seat = Seat {
            peer: Peer(self.peers),
            machine: MachineId([name; 16]),
        };
        if holding.is_empty() && undelivered.is_empty() {
            self.lives += 1;
        }
        let hello = Hello {
            life: Life(self.lives),
            ..hello(name, offer(slots, memory), holding, undelivered)
        };
        self.beating.insert(seat.peer, hello.state.clone());
        self.admit(seat.machine.device());
        self.coordinator
            .handle_connected(self.now, seat.peer, seat.machine.device());
        self.say(seat, ToCoordinator::Hello(hello));
        seat
    }

    /// Lets the machine into the pool, to work, if it is not in it yet.
    pub(super) fn admit(&mut self, device: DeviceId) {
        let admission = self.join_by_invite(device, true);
        assert!(
            matches!(admission, Ok(Admission::Admitted(_))),
            "{admission:?}"
        );
    }

    /// The device asks to join with an invite that the founder made for it.
    pub(super) fn join_by_invite(
        &mut self,
        device: DeviceId,
        unattended: bool,
    ) -> Result<Admission, JoinError> {
        self.invites += 1;
        let id = InviteId(u128::from(self.invites).to_le_bytes());
        let invite = NewInvite {
            id,
            person: self.coordinator.pool().founder,
            unattended,
            uses: 1,
            life: Duration::from_secs(60),
            name: "for the story".to_owned(),
        };
        self.coordinator
            .invite(self.now, invite)
            .expect("an invite that can be made");
        let admission = self
            .coordinator
            .ask_to_join(self.now, join_request(device, Via::Invite(id)));
        // Where it was in the pool already the invite was not used.
        if self.coordinator.invites().any(|invite| invite.id == id) {
            self.coordinator
                .revoke_invite(self.now, id)
                .expect("an invite that is there");
        }
        self.turn();
        admission
    }

    pub(super) fn say(&mut self, seat: Seat, message: ToCoordinator) {
        self.coordinator
            .handle_message(self.now, seat.peer, message);
        self.turn();
    }

    pub(super) fn beat(&mut self, seat: Seat, heartbeat: Heartbeat) {
        self.beating.insert(seat.peer, heartbeat.clone());
        self.say(seat, ToCoordinator::Heartbeat(heartbeat));
    }

    pub(super) fn pause(&mut self, seat: Seat, why: &str) {
        let heartbeat = Heartbeat {
            paused: Some(why.to_owned()),
            ..offer(4, 1 << 40)
        };
        self.beat(seat, heartbeat);
    }

    /// The machine says nothing any more; its connection stands.
    pub(super) fn hush(&mut self, seat: Seat) {
        self.beating.remove(&seat.peer);
    }

    pub(super) fn disconnect(&mut self, seat: Seat, timed_out: bool) {
        self.beating.remove(&seat.peer);
        self.coordinator
            .handle_disconnected(self.now, seat.peer, timed_out);
        self.turn();
    }

    /// All that was said to the machine since the last time.
    pub(super) fn heard(&mut self, seat: Seat) -> Vec<ToWorker> {
        self.sent.remove(&seat.peer).unwrap_or_default().into()
    }

    /// The leases among it; the rest is not heard again.
    pub(super) fn leases(&mut self, seat: Seat) -> Vec<Chunk> {
        let heard = self.heard(seat);
        heard
            .iter()
            .filter_map(|message| {
                if let ToWorker::Lease(chunk) = message {
                    Some(*chunk)
                } else {
                    None
                }
            })
            .collect()
    }

    pub(super) fn lease(&mut self, seat: Seat) -> Chunk {
        let leases = self.leases(seat);
        assert_eq!(leases.len(), 1, "one lease: {leases:?}");
        leases[0]
    }

    // ---- results

    /// Each task took a tenth of a second, and its result is its index.
    pub(super) fn finish(&mut self, seat: Seat, chunk: Chunk) {
        self.finish_in(seat, chunk, 100_000);
    }

    pub(super) fn finish_in(&mut self, seat: Seat, chunk: Chunk, task_micros: u64) {
        self.say(
            seat,
            ToCoordinator::Results(Results {
                chunk,
                reports: plain(chunk, task_micros),
            }),
        );
    }

    pub(super) fn report(&mut self, seat: Seat, chunk: Chunk, outcome: Outcome) {
        let each = (0..chunk.count).map(|_| report(outcome.clone())).collect();
        self.say(
            seat,
            ToCoordinator::Results(Results {
                chunk,
                reports: Reports::Each(each),
            }),
        );
    }

    /// Finishes whatever the machine is given until it is given nothing more.
    pub(super) fn work(&mut self, seat: Seat, task_micros: u64) -> Vec<Chunk> {
        let mut all = Vec::new();
        loop {
            let leases = self.leases(seat);
            if leases.is_empty() {
                return all;
            }
            for chunk in leases {
                self.finish_in(seat, chunk, task_micros);
                all.push(chunk);
            }
        }
    }

    // ---- jobs

    pub(super) fn submit(&mut self, spec: Spec) -> JobId {
        self.submit_from(OWN, spec)
    }

    pub(super) fn submit_from(&mut self, device: DeviceId, spec: Spec) -> JobId {
        self.clients += 1;
        let submit = Submit {
            device,
            ..submit(self.clients, spec)
        };
        let submitted = self
            .coordinator
            .submit(self.now, submit)
            .expect("a job that can be accepted");
        self.turn();
        assert!(!submitted.existed);
        submitted.job
    }

    pub(super) fn job(&self, id: JobId) -> JobView {
        self.coordinator.job(&id).expect("a job that exists")
    }

    pub(super) fn state(&self, id: JobId) -> JobState {
        self.job(id).state
    }

    pub(super) fn task(&self, id: JobId, index: u32) -> TaskView {
        self.coordinator
            .task(id, index)
            .expect("a task that exists")
    }

    pub(super) fn chore_done(&mut self, done: ChoreDone) {
        self.coordinator.handle_chore_done(self.now, done);
        self.turn();
    }
}

/// The device that the coordinator of all stories runs on.
pub(super) const OWN: DeviceId = DeviceId([0xee; 16]);

pub(super) fn founding() -> Founding {
    Founding {
        device: OWN,
        spki: Some(spki_of(OWN)),
        device_name: "laptop".to_owned(),
        os: "Linux".to_owned(),
        person_name: "Ada".to_owned(),
        pool_name: "home".to_owned(),
    }
}

pub(super) fn spki_of(device: DeviceId) -> Spki {
    let mut spki = [0; 32];
    spki[..16].copy_from_slice(&device.0);
    Spki(spki)
}

pub(super) fn join_request(device: DeviceId, via: Via) -> JoinRequest {
    JoinRequest {
        device,
        spki: spki_of(device),
        name: format!("computer {}", device.0[0]),
        os: "Linux".to_owned(),
        via,
    }
}

pub(super) fn submit(client: u8, spec: Spec) -> Submit {
    let client = ClientId {
        submitter: 1_000,
        id: [client; 16],
    };
    Submit {
        device: OWN,
        client,
        spec,
        spec_digest: Digest([1; 32]),
        client_living: true,
    }
}

pub(super) fn spec(count: u32) -> Spec {
    Spec {
        name: "tiles".to_owned(),
        module: Digest([0xaa; 32]),
        count,
        fold: Fold::None,
        inputs: Vec::new(),
        run: ByteBuf::new(),
        limits: Limits {
            memory_bytes: 256 * MIB,
            task_time: None,
            fuel: None,
            output_bytes: 64 * MIB,
        },
        retries: 0,
        elsewhere: 3,
        lost: 5,
        retry_delay: Duration::from_secs(1),
        priority: 0,
        timeout: None,
        trial: false,
        transient: false,
        followed: false,
        chunk: None,
        on: Vec::new(),
    }
}

pub(super) fn offer(slots: u32, memory_bytes: u64) -> Heartbeat {
    Heartbeat {
        slots,
        memory_bytes,
        paused: None,
        slowed: None,
        held: Vec::new(),
        turnaround_micros: 500,
        progress: Vec::new(),
    }
}

pub(super) fn hello(name: u8, state: Heartbeat, holding: &[Chunk], undelivered: &[Chunk]) -> Hello {
    Hello {
        version: VERSION,
        machine: MachineId([name; 16]),
        life: Life(0),
        name: format!("machine {name}"),
        cores: 8,
        os: "Linux".to_owned(),
        program_version: "0.1.0".to_owned(),
        state,
        holding: holding.to_vec(),
        undelivered: undelivered.to_vec(),
    }
}

pub(super) fn plain(chunk: Chunk, task_micros: u64) -> Reports {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for index in chunk.first..chunk.first + chunk.count {
        bytes.extend_from_slice(index.to_string().as_bytes());
        ends.push(u32::try_from(bytes.len()).expect("a short story"));
    }
    Reports::Plain(Plain {
        micros: task_micros * u64::from(chunk.count),
        ends,
        bytes: ByteBuf::from(bytes),
    })
}

pub(super) fn report(outcome: Outcome) -> Report {
    Report {
        outcome,
        micros: 1_000,
        output: Payload::empty(),
        log: Payload::Inline(ByteBuf::from(*b"log")),
        log_truncated: false,
        files: None,
    }
}

pub(super) fn trap() -> Outcome {
    Outcome::Failed(Failure {
        kind: FailureKind::Trap,
        message: "unreachable".to_owned(),
        exit_code: None,
        backtrace: vec!["f".to_owned()],
    })
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn part(chunk: Chunk, first: u32, count: u32) -> Chunk {
    Chunk {
        first,
        count,
        ..chunk
    }
}
