//! What the rules themselves cost: `cargo xtask bench pool`.
//!
//! Prints one JSON object a line. The coordinator is driven as a node drives
//! it, with every message as bytes; there is no disk and no machine.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a bench reads the clock and the process's size"
)]

use pool::codec::{Decoder, encode};
use pool::message::{Chunk, Health, Heartbeat, Hello, Results, ToCoordinator, ToWorker, VERSION};
use pool::record::{Image, JobRow, Record};
use pool::report::{Plain, Reports};
use pool::spec::{Fold, Limits, Spec};
use pool::{
    Admission, ClientId, Coordinator, DeviceId, Digest, Founding, InviteId, JobNo, JobState,
    JoinRequest, Life, Moment, NewInvite, Now, Peer, Spki, Submit, Term, Via,
};
use serde_bytes::ByteBuf;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

/// Rounds of each measurement; the median is what counts.
const ROUNDS: usize = 7;
const SLOTS: u32 = 2;
/// Bytes of a result.
const RESULT_BYTES: usize = 16;
/// What a no-op program was measured to take behind both walls.
const TASK_MICROS: u64 = 6;

fn main() {
    // First: what a later round gave back is not seen to be taken again.
    memory();
    let cost = |name, count, chunk, floor| {
        let rounds = (0..ROUNDS).map(|_| job_cost(count, chunk)).collect();
        print(name, "us/task", rounds, floor);
    };
    cost(
        "coordinator, job of 100,000 in chunks of 64",
        100_000,
        Some(64),
        "goal 3, floor 10",
    );
    cost(
        "coordinator, job of 1,000,000 in chunks as it sizes them",
        1_000_000,
        None,
        "goal 3, floor 10",
    );
    cost(
        "coordinator, job of 10,000 in leases of one",
        10_000,
        Some(1),
        "",
    );
    let lone = (0..ROUNDS).map(|_| lone_jobs(2_000)).collect();
    print(
        "coordinator, job of one task, submit to done",
        "us/job",
        lone,
        "",
    );
    let queued = (0..ROUNDS).map(|_| queued_jobs(10_000)).collect();
    print(
        "coordinator, 10,000 jobs of one task that wait together",
        "us/job",
        queued,
        "",
    );
    for (name, machines, tasks) in [
        (
            "coordinator, 20,000 long tasks over 1,000 machines",
            1_000,
            20_000,
        ),
        (
            "coordinator, 1,000 long tasks over 1,000 machines",
            1_000,
            1_000,
        ),
    ] {
        let rounds = (0..3).map(|_| many_machines(machines, tasks)).collect();
        print(name, "us/task", rounds, "floor 10 with one machine");
    }
    let heard = (0..ROUNDS).map(|_| idle_machines(1_000)).collect();
    print(
        "coordinator, a second of 1,000 idle machines",
        "ms",
        heard,
        "100 are a tenth of a core",
    );
    for (name, stride) in [
        ("restore 1,000,000 tasks, half done in order", 0),
        ("restore 1,000,000 tasks, every second one done", 2),
    ] {
        let rounds = (0..ROUNDS).map(|_| restore(1_000_000, stride)).collect();
        print(name, "ms", rounds, "goal 1000 with 100,000");
    }
}

const NOW: Now = Now {
    moment: Moment(1_000_000),
    wall_ms: 1_700_000_000_000,
};

fn memory() {
    let grown = |what: &dyn Fn() -> Coordinator, name, floor| {
        let Some(before) = resident_bytes() else {
            return;
        };
        let kept = what();
        let after = resident_bytes().unwrap_or(before);
        print(
            name,
            "MB",
            vec![megabytes(after.saturating_sub(before))],
            floor,
        );
        // The pages stay with the allocator, so the next one starts beyond them.
        Box::leak(Box::new(kept));
    };
    let queued = |jobs: u64, tasks: u32| {
        let mut driver = Driver::new();
        for client in 0..jobs {
            driver.submit(client, spec(tasks, None));
            driver.turn();
        }
        driver.coordinator
    };
    grown(
        &|| queued(1, 100_000),
        "memory, 100,000 queued tasks of a job",
        "floor 20",
    );
    grown(
        &|| queued(10_000, 1),
        "memory, 10,000 queued jobs of one task",
        "",
    );
    let half_done =
        || Coordinator::restore(NOW, 1, image(1_000_000, 2), &founding()).expect("rows of our own");
    grown(
        &half_done,
        "memory, 1,000,000 tasks, every second one done",
        "",
    );
}

/// The rule of the driver, without what it drives.
struct Driver {
    coordinator: Coordinator,
    now: Now,
    records: Vec<Record>,
    leases: VecDeque<(Peer, Chunk)>,
    frames: Vec<u8>,
    /// Time spent in the coordinator and its codec.
    spent: Duration,
}

impl Driver {
    fn new() -> Driver {
        Driver::with(1, SLOTS)
    }

    fn with(machines: u16, slots: u32) -> Driver {
        let mut driver = Driver {
            coordinator: Coordinator::new(NOW, 1, &founding()),
            now: NOW,
            records: Vec::new(),
            leases: VecDeque::new(),
            frames: Vec::new(),
            spent: Duration::ZERO,
        };
        for number in 1..=machines {
            driver.seat(number, slots);
        }
        driver.turn();
        driver
    }

    /// Another computer comes into the pool, by an invite of its own.
    fn let_in(&mut self, number: u16) -> DeviceId {
        let (mut id, mut spki) = ([0; 16], [0; 32]);
        id[..2].copy_from_slice(&number.to_be_bytes());
        spki[..2].copy_from_slice(&number.to_be_bytes());
        let (device, invite) = (DeviceId(id), InviteId(id));
        let new = NewInvite {
            id: invite,
            person: self.coordinator.pool().founder,
            unattended: true,
            uses: 1,
            life: Duration::from_secs(60),
            name: "bench".to_owned(),
        };
        self.coordinator.invite(NOW, new).expect("room for it");
        let request = JoinRequest {
            device,
            spki: Spki(spki),
            name: "bench".to_owned(),
            os: "Linux".to_owned(),
            via: Via::Invite(invite),
        };
        let admission = self.coordinator.ask_to_join(NOW, request);
        assert!(matches!(admission, Ok(Admission::Admitted(_))));
        device
    }

    fn seat(&mut self, number: u16, slots: u32) {
        let peer = Peer(u64::from(number));
        let device = if number == 1 {
            OWN
        } else {
            self.let_in(number)
        };
        self.coordinator.handle_connected(NOW, peer, device);
        let state = heartbeat(slots);
        let hello = Hello {
            version: VERSION,
            machine: device.machine(),
            life: Life(1),
            name: "bench".to_owned(),
            cores: slots,
            os: "Linux".to_owned(),
            program_version: "0".to_owned(),
            state,
            holding: Vec::new(),
            undelivered: Vec::new(),
        };
        self.receive(peer, &ToCoordinator::Hello(hello));
    }

    fn submit(&mut self, client: u64, spec: Spec) -> pool::JobId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&client.to_le_bytes());
        let submit = Submit {
            device: OWN,
            client: ClientId { submitter: 1, id },
            spec,
            spec_digest: Digest([0; 32]),
            client_living: true,
        };
        let start = Instant::now();
        let submitted = self
            .coordinator
            .submit(self.now, submit)
            .expect("within the limits");
        self.spent += start.elapsed();
        submitted.job
    }

    fn receive(&mut self, peer: Peer, message: &ToCoordinator) {
        let mut frames = Vec::new();
        encode(message, &mut frames).expect("a message that fits");
        self.now.moment = self.now.moment.after(Duration::from_micros(100));
        let start = Instant::now();
        let mut decoder = Decoder::default();
        decoder.push(&frames);
        let message = decoder
            .decode()
            .expect("our own bytes")
            .expect("all of them");
        self.coordinator.handle_message(self.now, peer, message);
        self.spent += start.elapsed();
    }

    fn turn(&mut self) {
        self.records.clear();
        self.frames.clear();
        let start = Instant::now();
        self.records
            .extend(std::iter::from_fn(|| self.coordinator.poll_record()));
        while let Some((peer, message)) = self.coordinator.poll_transmit() {
            encode(&message, &mut self.frames).expect("a message that fits");
            if let ToWorker::Lease(chunk) = message {
                self.leases.push_back((peer, chunk));
            }
        }
        while self.coordinator.poll_event().is_some() {}
        while self.coordinator.poll_chore().is_some() {}
        self.spent += start.elapsed();
    }

    fn work(&mut self) {
        while let Some((peer, chunk)) = self.leases.pop_front() {
            self.receive(peer, &ToCoordinator::Results(results(chunk, TASK_MICROS)));
            self.turn();
        }
    }
}

fn job_cost(count: u32, chunk: Option<u32>) -> f64 {
    let mut driver = Driver::new();
    driver.spent = Duration::ZERO;
    let job = driver.submit(1, spec(count, chunk));
    driver.turn();
    driver.work();
    let state = driver.coordinator.job(&job).map(|job| job.state);
    assert_eq!(state, Some(JobState::Done));
    driver.spent.as_secs_f64() * 1e6 / f64::from(count)
}

/// Machines whose speeds spread tenfold, four slots each, and a job of which
/// each machine gets a few tasks: what choosing between them costs.
fn many_machines(machines: u16, tasks: u32) -> f64 {
    let mut driver = Driver::with(machines, 4);
    driver.spent = Duration::ZERO;
    let job = driver.submit(1, spec(tasks, None));
    driver.turn();
    let mut ends = BinaryHeap::new();
    loop {
        for (peer, chunk) in std::mem::take(&mut driver.leases) {
            let micros = 100_000 + 900 * peer.0;
            let end = driver.now.moment.0 + micros * u64::from(chunk.count);
            ends.push(Reverse((end, peer, micros, chunk)));
        }
        let Some(Reverse((end, peer, micros, chunk))) = ends.pop() else {
            break;
        };
        driver.now.moment = driver.now.moment.max(Moment(end));
        driver.receive(peer, &ToCoordinator::Results(results(chunk, micros)));
        driver.turn();
    }
    let state = driver.coordinator.job(&job).map(|job| job.state);
    assert_eq!(state, Some(JobState::Done));
    driver.spent.as_secs_f64() * 1e6 / f64::from(tasks)
}

/// Each tells how it is, and one in five sends its heartbeat.
fn idle_machines(machines: u16) -> f64 {
    let mut driver = Driver::with(machines, 4);
    driver.spent = Duration::ZERO;
    for number in 1..=machines {
        let peer = Peer(u64::from(number));
        let health = Health {
            core_loads: vec![number; 8],
            ..Health::default()
        };
        driver.receive(peer, &ToCoordinator::Health(health));
        driver.turn();
        if number.is_multiple_of(5) {
            driver.receive(peer, &ToCoordinator::Heartbeat(heartbeat(4)));
            driver.turn();
        }
    }
    driver.spent.as_secs_f64() * 1e3
}

fn lone_jobs(count: u32) -> f64 {
    let mut driver = Driver::new();
    driver.spent = Duration::ZERO;
    for client in 0..count {
        driver.submit(u64::from(client), spec(1, None));
        driver.turn();
        driver.work();
    }
    driver.spent.as_secs_f64() * 1e6 / f64::from(count)
}

fn queued_jobs(count: u32) -> f64 {
    let mut driver = Driver::new();
    driver.spent = Duration::ZERO;
    for client in 0..count {
        driver.submit(u64::from(client), spec(1, None));
    }
    driver.turn();
    driver.work();
    assert_eq!(driver.coordinator.queued_tasks(), 0);
    driver.spent.as_secs_f64() * 1e6 / f64::from(count)
}

fn restore(count: u32, stride: usize) -> f64 {
    let image = image(count, stride);
    let start = Instant::now();
    let restored = Coordinator::restore(NOW, 1, image, &founding()).expect("rows of our own");
    let spent = start.elapsed();
    assert_eq!(restored.queued_tasks(), u64::from(count / 2));
    spent.as_secs_f64() * 1e3
}

/// The pool's own device, whose worker is the first machine.
const OWN: DeviceId = DeviceId([1; 16]);

fn founding() -> Founding {
    Founding {
        device: OWN,
        spki: None,
        device_name: "bench".to_owned(),
        os: "Linux".to_owned(),
        person_name: "me".to_owned(),
        pool_name: "bench".to_owned(),
    }
}

/// Rows of one job of which half is done: in order, or every `stride`th task.
fn image(count: u32, stride: usize) -> Image {
    let mut driver = Driver::new();
    driver.submit(1, spec(count, None));
    driver.turn();
    let job = driver.records.iter().find_map(|record| {
        let Record::Job {
            no,
            id,
            spec: Some(spec),
            state,
            wall_ms,
            ..
        } = record
        else {
            return None;
        };
        Some(JobRow {
            no: *no,
            id: *id,
            ended: false,
            spec: spec.clone(),
            state: state.clone(),
            wall_ms: *wall_ms,
        })
    });
    let done = match stride {
        0 => vec![(0, count / 2)],
        stride => (0..count).step_by(stride).map(|index| (index, 1)).collect(),
    };
    Image {
        term: Term(1),
        moment: NOW.moment,
        jobs: job.into_iter().collect(),
        done: vec![(JobNo(1), done)],
        ..Image::default()
    }
}

fn spec(count: u32, chunk: Option<u32>) -> Spec {
    Spec {
        name: "nothing".to_owned(),
        module: Digest([1; 32]),
        count,
        fold: Fold::None,
        inputs: Vec::new(),
        run: ByteBuf::from(vec![0; 64]),
        limits: Limits {
            memory_bytes: 1 << 28,
            task_time: None,
            fuel: None,
            output_bytes: 1 << 26,
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
        chunk,
        on: Vec::new(),
    }
}

fn heartbeat(slots: u32) -> Heartbeat {
    Heartbeat {
        slots,
        memory_bytes: 1 << 34,
        paused: None,
        slowed: None,
        held: Vec::new(),
        turnaround_micros: 500,
        progress: Vec::new(),
    }
}

fn results(chunk: Chunk, task_micros: u64) -> Results {
    let tasks = chunk.count as usize;
    let ends = (1..=chunk.count)
        .map(|task| task * RESULT_BYTES as u32)
        .collect();
    let plain = Plain {
        micros: task_micros * u64::from(chunk.count),
        ends,
        bytes: ByteBuf::from(vec![b'x'; tasks * RESULT_BYTES]),
    };
    Results {
        chunk,
        reports: Reports::Plain(plain),
    }
}

fn print(name: &str, unit: &str, mut rounds: Vec<f64>, note: &str) {
    rounds.sort_by(f64::total_cmp);
    let (min, max) = (rounds[0], rounds[rounds.len() - 1]);
    let median = rounds[rounds.len() / 2];
    println!(
        r#"{{"name":"{name}","unit":"{unit}","median":{median:.3},"min":{min:.3},"max":{max:.3},"note":"{note}"}}"#
    );
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// What the process occupies; only Linux says.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
