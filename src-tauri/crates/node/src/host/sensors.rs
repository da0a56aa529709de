//! What is read of this machine for its policy, on a thread of its own: a
//! display that hangs or a battery that takes its time holds up nobody else.

use super::heat::Thermometer;
use super::idle::Seat;
use super::load::OtherLoad;
use super::power;
use super::script::Script;
use crate::limits::{LOOK_RESTING, LOOK_SLOW, LOOK_WORKING, READINGS_OLD};
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
struct Seen {
    readings: Readings,
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
        let at = Instant::now();
        sees.send_if_modified(|seen| {
            let asked = machine.seat.asked();
            let news = first || seen.readings != readings || *seen.asked != *asked;
            if *seen.asked != *asked {
                seen.asked = asked.into();
            }
            (seen.readings, seen.at) = (readings, at);
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

    /// A load lies between two looks: the first one waits for its second.
    fn other_load(&mut self) -> Option<u8> {
        let proc = Path::new("/proc");
        self.load.read(proc).or_else(|| {
            std::thread::sleep(LOOK_WORKING);
            self.load.read(proc)
        })
    }
}
