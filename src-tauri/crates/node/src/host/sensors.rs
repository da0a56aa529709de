//! What is read of this machine for its policy, on a thread of its own: a
//! display that hangs or a battery that takes its time holds up nobody else.

use super::health::Aside;
use super::heat::Thermometer;
use super::idle::Seat;
use super::load::OtherLoad;
use super::power;
use super::script::Script;
use crate::limits::{LOOK_RESTING, LOOK_SLOW, LOOK_WORKING, READINGS_OLD};
use pool::limits::NEWS_EVERY;
use pool::policy::{Power, Presence, Readings};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;
use tokio::sync::watch;

/// What is looked for, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interest {
    /// Tasks run: what could stand against them is looked at often.
    pub(crate) working: bool,
    /// Other programs' load matters; it costs a look at every process.
    pub(crate) other_load: bool,
}

/// The readings of a thread, for one who waits. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Sensors {
    interest: Sender<Interest>,
    seen: watch::Receiver<Seen>,
}

#[derive(Clone, Debug)]
pub(super) struct Seen {
    readings: Readings,
    /// Is news to nobody who waits.
    pub(super) aside: Aside,
    at: Instant,
    asked: Arc<str>,
}

/// Before the first look: nothing is known.
const UNREAD: Readings = Readings {
    presence: Presence::Unknown,
    power: Power::Unknown,
    power_saver: false,
    temperature_c: None,
    other_load_percent: None,
};

impl Sensors {
    /// Has looked once when it returns, unless something hangs.
    pub(crate) async fn start() -> std::io::Result<Sensors> {
        let (interest, interests) = channel();
        let (sees, mut seen) = watch::channel(Seen {
            readings: UNREAD,
            aside: Aside::default(),
            at: Instant::now(),
            asked: "".into(),
        });
        std::thread::Builder::new()
            .name("sensors".to_owned())
            .spawn(move || look(&interests, &sees))?;
        let first = tokio::time::timeout(READINGS_OLD, seen.changed());
        // Without it, everything counts as unknown until it comes.
        let _ = first.await;
        Ok(Sensors { interest, seen })
    }

    pub(crate) fn interest(&self, interest: Interest) {
        // The thread ends only after this.
        let _ = self.interest.send(interest);
    }

    /// The last readings; those that grew old are not known any more.
    pub(crate) fn readings(&self) -> Readings {
        let seen = self.seen.borrow();
        if seen.at.elapsed() > READINGS_OLD {
            return UNREAD;
        }
        seen.readings
    }

    pub(super) fn seen(&self) -> watch::Receiver<Seen> {
        self.seen.clone()
    }

    /// Whom the last input was asked of, for people; empty where nobody can sit
    /// at this machine.
    pub(crate) fn asked(&self) -> Arc<str> {
        self.seen.borrow().asked.clone()
    }

    /// Resolves when they have changed.
    pub(crate) async fn changed(&mut self) {
        if self.seen.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

fn look(interests: &Receiver<Interest>, sees: &watch::Sender<Seen>) {
    let mut interest = Interest::default();
    let mut machine = Machine::new();
    let mut first = true;
    loop {
        let readings = machine.read(interest);
        let aside = machine.read_aside(interest);
        let at = Instant::now();
        sees.send_if_modified(|seen| {
            let asked = machine.seat.asked();
            let news = first || seen.readings != readings || *seen.asked != *asked;
            if *seen.asked != *asked {
                seen.asked = asked.into();
            }
            (seen.readings, seen.aside, seen.at) = (readings, aside, at);
            news
        });
        first = false;
        let pause = if interest.working {
            LOOK_WORKING
        } else {
            LOOK_RESTING
        };
        match interests.recv_timeout(pause) {
            Ok(news) => interest = news,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Everything that can be read.
struct Machine {
    script: Option<Script>,
    seat: Seat,
    thermometer: Thermometer,
    load: OtherLoad,
    last: Readings,
    /// Of a second at least: the policy's own look is a shorter one.
    aside_load: OtherLoad,
    aside_read: Option<Instant>,
    aside: Aside,
    /// The last look at what changes slowly.
    slow: Option<Instant>,
}

impl Machine {
    fn new() -> Machine {
        Machine {
            script: Script::of_process(),
            seat: Seat::of_machine(),
            thermometer: Thermometer::new(),
            load: OtherLoad::default(),
            last: UNREAD,
            aside_load: OtherLoad::default(),
            aside_read: None,
            aside: Aside::default(),
            slow: None,
        }
    }

    fn read(&mut self, interest: Interest) -> Readings {
        if let Some(script) = &self.script {
            self.last = script.read().unwrap_or(self.last);
            return self.last;
        }
        if self.slow.is_none_or(|slow| slow.elapsed() >= LOOK_SLOW) {
            self.slow = Some(Instant::now());
            self.seat.look();
            let sys = Path::new("/sys");
            self.last.power = power::power(sys);
            self.last.power_saver = power::power_saver(sys);
            self.last.temperature_c = self.thermometer.read();
            self.aside.battery_percent = power::battery_percent(sys);
        }
        self.last.presence = self.seat.presence();
        if interest.other_load {
            self.last.other_load_percent = self.other_load();
        } else {
            self.load.forget();
            self.last.other_load_percent = None;
        }
        self.last
    }

    /// Other programs' load while tasks run, whether the policy asks or not; it
    /// costs a look at every process, so only now and then.
    fn read_aside(&mut self, interest: Interest) -> Aside {
        if self.script.is_some() {
            self.aside.others_percent = self.last.other_load_percent;
        } else if !interest.working {
            self.aside_load.forget();
            (self.aside.others_percent, self.aside_read) = (None, None);
        } else if self.aside_read.is_none_or(|at| at.elapsed() >= NEWS_EVERY) {
            self.aside_read = Some(Instant::now());
            self.aside.others_percent = self.aside_load.read(Path::new("/proc"));
        }
        self.aside
    }

    /// A load lies between two looks: the first one waits for its second.
    fn other_load(&mut self) -> Option<u8> {
        let proc = Path::new("/proc");
        self.load.read(proc).or_else(|| {
            std::thread::sleep(LOOK_WORKING);
            self.load.read(proc)
        })
    }
}
