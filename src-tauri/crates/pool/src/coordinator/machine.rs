//! One machine as the coordinator sees it: how to reach it, what it offers,
//! what it holds.

use super::Peer;
use super::credit::Load;
use super::order::{Order, Orders};
use super::pace::micros_of;
use crate::codec::{DecodeError, decode_grown, encode_grown};
use crate::id::{Digest, JobNo, Life, MachineId};
use crate::limits::{
    LEASES_PER_WORKER_MAX, NAME_CHARS_MAX, SILENCE_MAX, SLOTS_MAX, TIMED_OUT_AFTER, TURNAROUND_MAX,
};
use crate::message::{Chunk, Health, Heartbeat, Hello};
use crate::moment::{Moment, Now};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) about: About,
    pub(super) orders: Orders,
    pub(super) link: Link,
    /// Of its worker, as the last hello to this coordinator said.
    pub(super) life: Option<Life>,
    /// The last word from it.
    pub(super) heard: Moment,
    pub(super) heard_wall_ms: i64,
    pub(super) slots: u32,
    pub(super) memory_bytes: u64,
    pub(super) turnaround_micros: u64,
    /// When a lease of it ended last.
    pub(super) ended: Moment,
    pub(super) pause: Option<Pause>,
    /// Why it works with fewer cores than its owner gave, if so.
    pub(super) slowed: Option<String>,
    /// Gets no leases before then, because it gave some back.
    pub(super) rests_until: Option<Moment>,
    /// Leases it holds, by job and first index.
    pub(super) leases: BTreeSet<(JobNo, u32)>,
    pub(super) load: Load,
    /// Jobs that it may know, and in which edition this connection was told;
    /// `None` for what it only claimed to hold: it hears of it once more.
    pub(super) told: BTreeMap<JobNo, Option<u32>>,
    pub(super) progress: Vec<(Chunk, u16)>,
    /// Of its leases, those that it was asked to give back if they have not begun.
    pub(super) recalled: BTreeMap<(JobNo, u32), Moment>,
    /// As this connection told last.
    pub(super) health: Option<Health>,
    /// What lies ready there, likewise.
    pub(super) modules: BTreeSet<Digest>,
    pub(super) blobs: BTreeSet<Digest>,
}

/// What is durable of a machine: what it said of itself, and what persons decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MachineRow {
    pub(super) about: About,
    pub(super) orders: Orders,
}

/// Of a row that was written before persons could decide anything: to work,
/// without a name, without labels.
const NO_ORDERS: [u8; 3] = [0; 3];

/// What is kept of a machine that is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) name: String,
    pub(super) os: String,
    pub(super) program_version: String,
    pub(super) cores: u32,
    pub(super) seen_wall_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Up {
        peer: Peer,
    },
    /// Connected, and silent for so long that its leases were taken away.
    Silent {
        peer: Peer,
    },
    /// The connection ended without a goodbye; its leases wait for it.
    Down {
        timed_out: bool,
    },
    /// Nothing is expected of it.
    Gone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) why: String,
    pub(super) since: Moment,
}

impl Machine {
    /// As known from its record; away until it says hello.
    pub(super) fn away(about: About, orders: Orders, link: Link, now: Moment) -> Machine {
        Machine {
            heard_wall_ms: about.seen_wall_ms,
            about,
            orders,
            link,
            life: None,
            heard: now,
            slots: 0,
            memory_bytes: 0,
            turnaround_micros: 0,
            ended: now,
            pause: None,
            slowed: None,
            rests_until: None,
            leases: BTreeSet::new(),
            load: Load::default(),
            told: BTreeMap::new(),
            progress: Vec::new(),
            recalled: BTreeMap::new(),
            health: None,
            modules: BTreeSet::new(),
            blobs: BTreeSet::new(),
        }
    }

    /// As people call it.
    pub(super) fn name(&self) -> &str {
        self.orders.name.as_deref().unwrap_or(&self.about.name)
    }

    pub(super) fn peer(&self) -> Option<Peer> {
        match self.link {
            Link::Up { peer } | Link::Silent { peer } => Some(peer),
            Link::Down { .. } | Link::Gone => None,
        }
    }

    /// May be given leases.
    pub(super) fn is_open(&self, now: Moment) -> bool {
        let up = match self.link {
            Link::Up { .. } => true,
            Link::Silent { .. } | Link::Down { .. } | Link::Gone => false,
        };
        up && self.may_work()
            && self.slots > 0
            && self.pause.is_none()
            && self.rests_until.is_none_or(|until| until <= now)
    }

    /// No person keeps it from working.
    fn may_work(&self) -> bool {
        match self.orders.order {
            Order::Work => true,
            Order::Pause { .. } | Order::Drain => false,
        }
    }

    /// When its leases are lost if nothing more is heard of it.
    pub(super) fn lost_at(&self) -> Option<Moment> {
        match self.link {
            Link::Up { .. } | Link::Down { timed_out: false } => {
                Some(self.heard.after(SILENCE_MAX))
            }
            Link::Down { timed_out: true } => Some(self.heard.after(TIMED_OUT_AFTER)),
            Link::Silent { .. } | Link::Gone => None,
        }
    }

    /// A new connection of this machine.
    pub(super) fn greet(&mut self, now: Now, peer: Peer, hello: &Hello) {
        self.about = About::of(now, hello);
        self.link = Link::Up { peer };
        self.life = Some(hello.life);
        self.rests_until = None;
        self.told.clear();
        self.forget_news();
        self.heed(now, &hello.state);
    }

    /// It lives, and says what it offers.
    pub(super) fn heed(&mut self, now: Now, heartbeat: &Heartbeat) {
        self.heard = now.moment;
        self.heard_wall_ms = now.wall_ms;
        self.slots = heartbeat.slots.min(SLOTS_MAX);
        self.memory_bytes = heartbeat.memory_bytes;
        self.turnaround_micros =
            u64::from(heartbeat.turnaround_micros).min(micros_of(TURNAROUND_MAX));
        self.pause = heartbeat.paused.as_ref().map(|why| Pause {
            why: printable(why),
            since: self.pause.as_ref().map_or(now.moment, |pause| pause.since),
        });
        self.slowed = heartbeat.slowed.as_deref().map(printable);
        self.progress.clone_from(&heartbeat.progress);
        self.progress
            .truncate(LEASES_PER_WORKER_MAX.min(self.leases.len()));
    }

    /// Leases of one job, counted as far as there are slots.
    pub(super) fn leases_of(&self, no: JobNo) -> u32 {
        let leases = self.leases.range((no, 0)..=(no, u32::MAX));
        let counted = leases.take(self.slots as usize).count();
        u32::try_from(counted).unwrap_or(u32::MAX)
    }

    pub(super) fn check(&self, id: MachineId) {
        assert_eq!(
            self.load.chunks as usize,
            self.leases.len(),
            "leases of {id}"
        );
        assert_eq!(
            self.load.chunks,
            self.load.memory.values().sum::<u32>(),
            "memory of {id}"
        );
    }
}

impl MachineRow {
    pub(super) fn encode(machine: &Machine) -> Bytes {
        encode_grown(&MachineRow {
            about: machine.about.clone(),
            orders: machine.orders.clone(),
        })
    }

    pub(super) fn decode(row: &[u8]) -> Result<MachineRow, DecodeError> {
        decode_grown(row, &NO_ORDERS)
    }
}

impl About {
    pub(super) fn of(now: Now, hello: &Hello) -> About {
        About {
            name: printable(&hello.name),
            os: printable(&hello.os),
            program_version: printable(&hello.program_version),
            cores: hello.cores,
            seen_wall_ms: now.wall_ms,
        }
    }
}

/// A name from elsewhere, as one short line without control characters.
fn printable(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_control())
        .take(NAME_CHARS_MAX)
        .collect()
}
