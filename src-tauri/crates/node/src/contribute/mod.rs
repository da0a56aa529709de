//! Carries this machine's policy out: looks at the machine, lets
//! [`pool::policy`] decide, and has the worker do as it says.

mod awake;
mod pause;
mod work;

pub use pause::PausedUntil;
pub(crate) use pause::span as pause_span;

use crate::clock::Clock;
use crate::host::{self, Host, Interest, Sensors};
use crate::limits::SLEEP_MAX;
use crate::settings::Settings;
use crate::work::Wish;
use awake::Awake;
use pool::WorkerConfig;
use pool::policy::{self, Before, Decision, Machine, Presence, Readings, Situation, State};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use work::Work;

/// Changes that wait to be carried out.
const CHANGES: usize = 16;

/// The policy at work; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Contributing {
    changes: mpsc::Sender<Change>,
    decided: watch::Receiver<Arc<Decided>>,
}

/// What was decided last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) decision: Decision,
    /// Tasks at once that there would be if contributing were on.
    pub(crate) cores_if_on: u32,
    /// Holds the system awake.
    pub(crate) awake: bool,
    /// Whom the last input was asked of; empty where nobody can sit here.
    pub(crate) asked: Arc<str>,
}

/// A change of what a person wants, and who waits until the coordinator was
/// told what it came to.
#[derive(Debug)]
struct Change {
    what: What,
    told: oneshot::Sender<()>,
}

#[derive(Debug)]
enum What {
    Settings(Box<Settings>),
    Pause(Option<PausedUntil>),
}

/// What the policy is made of.
pub(crate) struct Parts {
    pub(crate) host: Arc<Host>,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    /// Tasks at once, where the start of the node said so.
    pub(crate) cores: Option<u32>,
    pub(crate) paused: Option<PausedUntil>,
    pub(crate) sensors: Sensors,
}

/// The task behind it.
struct Loop {
    parts: Parts,
    /// What this machine can spare as long as the same people sit at it.
    spare: (bool, u32),
    before: Before,
    awake: Awake,
    wishes: mpsc::Sender<Wish>,
    busy: watch::Receiver<bool>,
    work: Work,
    says: watch::Sender<Arc<Decided>>,
}

impl Parts {
    /// Where the worker begins.
    pub(crate) fn first(&self, turnaround_micros: u32) -> WorkerConfig {
        let spare = host::spare_cores();
        let (decision, _) = self.decide(spare, false, Before::default());
        let mut config = WorkerConfig {
            slots: 0,
            memory_bytes: 0,
            paused: None,
            slowed: None,
            finishing: false,
            turnaround_micros,
        };
        put(&decision, &mut config);
        config
    }

    /// Goes on until the node is gone. `busy` says whether the worker has
    /// anything to do.
    pub(crate) fn start(
        self,
        wishes: mpsc::Sender<Wish>,
        busy: watch::Receiver<bool>,
    ) -> Contributing {
        let spare = host::spare_cores();
        let (decision, cores_if_on) = self.decide(spare, false, Before::default());
        let (says, decided) = watch::channel(Arc::new(Decided {
            decision,
            cores_if_on,
            awake: false,
            asked: self.sensors.asked(),
        }));
        let (changes, wanted) = mpsc::channel(CHANGES);
        let seated = self.sensors.readings().presence != Presence::Nobody;
        let this = Loop {
            parts: self,
            spare: (seated, spare),
            before: Before::default(),
            awake: Awake::default(),
            wishes,
            busy,
            work: Work::default(),
            says,
        };
        tokio::spawn(this.run(wanted));
        Contributing { changes, decided }
    }

    /// The decision, and the cores it would be with contributing on.
    fn decide(&self, spare: u32, working: bool, before: Before) -> (Decision, u32) {
        let settings = self.settings.policy(self.cores, spare);
        let wall = jiff::Zoned::now();
        let situation = Situation {
            now: self.clock.moment(),
            week: pause::week_minute(&wall),
            settings: &settings,
            machine: machine(&self.host, self.cores),
            readings: self.sensors.readings(),
            pause: self.paused.and_then(|until| until.seen_from(&wall)),
            working,
        };
        let decision = policy::decide(&situation, before);
        if settings.on {
            let cores = decision.cores;
            return (decision, cores);
        }
        let on = policy::Settings {
            on: true,
            ..settings.clone()
        };
        let situation = Situation {
            settings: &on,
            ..situation
        };
        (decision, policy::decide(&situation, before).cores)
    }
}

impl Contributing {
    pub(crate) fn decided(&self) -> Arc<Decided> {
        self.decided.borrow().clone()
    }

    /// Resolves when the coordinator knows what these settings come to.
    pub(crate) async fn set(&self, settings: Settings) {
        self.change(What::Settings(Box::new(settings))).await;
    }

    /// As [`Contributing::set`], for a pause.
    pub(crate) async fn pause(&self, until: Option<PausedUntil>) {
        self.change(What::Pause(until)).await;
    }

    async fn change(&self, what: What) {
        let (told, heard) = oneshot::channel();
        // A node that ends has nobody to tell.
        if self.changes.send(Change { what, told }).await.is_ok() {
            let _ = heard.await;
        }
    }
}

impl Loop {
    async fn run(mut self, mut wanted: mpsc::Receiver<Change>) {
        self.look_out();
        let mut told = None;
        loop {
            let holds_for = self.decide(told.take()).await;
            let sleep = holds_for.map_or(SLEEP_MAX, |holds| holds.min(SLEEP_MAX));
            tokio::select! {
                change = wanted.recv() => match change {
                    Some(change) => told = Some(self.take(change)),
                    None => return,
                },
                () = self.parts.sensors.changed() => {}
                () = self.work.changes(&mut self.busy) => self.look_out(),
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    fn take(&mut self, change: Change) -> oneshot::Sender<()> {
        match change.what {
            What::Settings(settings) => {
                self.parts.settings = *settings;
                self.look_out();
            }
            What::Pause(until) => self.parts.paused = until,
        }
        change.told
    }

    /// Looks closer while there is something to stop.
    fn look_out(&mut self) {
        self.parts.sensors.interest(Interest {
            working: self.work.is_going(),
            other_load: self.parts.settings.other_load_percent.is_some(),
        });
    }

    /// Decides anew and has it carried out; for how long that holds by itself.
    async fn decide(&mut self, told: Option<oneshot::Sender<()>>) -> Option<std::time::Duration> {
        let readings = self.parts.sensors.readings();
        self.parts.host.sense(readings);
        let spare = self.spare(readings);
        let (decision, cores_if_on) = self.parts.decide(spare, self.work.is_going(), self.before);
        self.before = decision.before;
        let holds_for = decision.holds_for;
        let work = self.work.is_going() && decision.cores > 0;
        let may = self.parts.settings.keep_awake && is_on_mains(readings);
        let decided = Decided {
            awake: self.awake.keep(work && may, may),
            asked: self.parts.sensors.asked(),
            decision,
            cores_if_on,
        };
        let before = self.says.borrow().clone();
        if before.decision.state != decided.decision.state {
            match &decided.decision.state {
                State::Free => tracing::info!("this machine may work"),
                State::Slowed(reason) | State::Finishing(reason) | State::Paused(reason) => {
                    tracing::info!(
                        code = reason.code.as_str(),
                        "{}",
                        decided.decision.sentence(None)
                    );
                }
            }
        }
        let news = (
            &before.decision.state,
            before.decision.cores,
            before.decision.memory_bytes,
        ) != (
            &decided.decision.state,
            decided.decision.cores,
            decided.decision.memory_bytes,
        );
        if news || told.is_some() {
            let decision = decided.decision.clone();
            let change = move |config: &mut WorkerConfig| put(&decision, config);
            let told = told.unwrap_or_else(|| oneshot::channel().0);
            // A worker that is gone needs no telling.
            let _ = self
                .wishes
                .send(Wish::Configure(Box::new(change), told))
                .await;
        }
        self.says.send_if_modified(|last| {
            let news = **last != decided;
            if news {
                *last = Arc::new(decided);
            }
            news
        });
        holds_for
    }

    /// What is left to somebody who sits down changes when they do.
    fn spare(&mut self, readings: Readings) -> u32 {
        let seated = readings.presence != Presence::Nobody;
        if self.spare.0 != seated {
            self.spare = (seated, host::spare_cores());
        }
        self.spare.1
    }
}

/// What this machine has; a node that was started with more tasks at once than
/// there are cores is believed.
pub(crate) fn machine(host: &Host, cores: Option<u32>) -> Machine {
    Machine {
        cores: host::cores().max(cores.unwrap_or(0)),
        memory_bytes: host.reading().memory_total,
    }
}

fn is_on_mains(readings: Readings) -> bool {
    match readings.power {
        policy::Power::NoBattery | policy::Power::Mains => true,
        policy::Power::Battery | policy::Power::Unknown => false,
    }
}

fn put(decision: &Decision, config: &mut WorkerConfig) {
    config.slots = decision.cores;
    config.memory_bytes = decision.memory_bytes;
    config.finishing = matches!(decision.state, State::Finishing(_));
    (config.paused, config.slowed) = match &decision.state {
        State::Free => (None, None),
        State::Slowed(reason) | State::Finishing(reason) => (None, Some(reason.text.clone())),
        State::Paused(reason) => (Some(reason.text.clone()), None),
    };
}
