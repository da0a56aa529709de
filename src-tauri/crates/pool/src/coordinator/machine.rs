//! One machine as the coordinator sees it: how to reach it, what it offers,
//! what it holds.

use super::Peer;
use super::pace::micros_of;
use super::tasks::Lease;
use crate::id::{JobNo, Life, MachineId};
use crate::limits::{
    CHUNKS_PER_SLOT, CHUNKS_PER_SLOT_MAX, LEASES_PER_WORKER_MAX, NAME_CHARS_MAX, PREFETCH_BELOW,
    SILENCE_MAX, SLOTS_MAX, TIMED_OUT_AFTER, TURNAROUND_MAX, TURNAROUNDS,
};
use crate::message::{Chunk, Heartbeat, Hello};
use crate::moment::{Moment, Now};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) about: About,
    pub(super) link: Link,
    /// Of its worker, as the last hello to this coordinator said.
    pub(super) life: Option<Life>,
    /// The last word from it.
    pub(super) heard: Moment,
    pub(super) heard_wall_ms: i64,
    pub(super) slots: u32,
    pub(super) memory_bytes: u64,
    turnaround_micros: u64,
    pub(super) pause: Option<Pause>,
    /// Why it works with fewer cores than its owner gave, if so.
    pub(super) slowed: Option<String>,
    /// Gets no leases before then, because it gave some back.
    pub(super) rests_until: Option<Moment>,
    /// Leases it holds, by job and first index.
    pub(super) leases: BTreeSet<(JobNo, u32)>,
    load: Load,
    /// Jobs that it may know, and in which edition this connection was told;
    /// `None` for what it only claimed to hold: it hears of it once more.
    pub(super) told: BTreeMap<JobNo, Option<u32>>,
    pub(super) progress: Vec<(Chunk, u16)>,
}

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

/// How deep a machine is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// A chunk for each slot.
    Slots,
    /// As many again, to wait behind them.
    Ahead,
    /// As many as it can work off in some turnarounds.
    Deep,
}

/// What its leases come to.
#[derive(Debug, Default)]
struct Load {
    chunks: u32,
    /// Expected work.
    micros: u64,
    /// Leases by the memory that a task of them may use.
    memory: BTreeMap<u64, u32>,
}

impl Machine {
    /// As known from its record; away until it says hello.
    pub(super) fn away(about: About, link: Link, now: Moment) -> Machine {
        Machine {
            heard_wall_ms: about.seen_wall_ms,
            about,
            link,
            life: None,
            heard: now,
            slots: 0,
            memory_bytes: 0,
            turnaround_micros: 0,
            pause: None,
            slowed: None,
            rests_until: None,
            leases: BTreeSet::new(),
            load: Load::default(),
            told: BTreeMap::new(),
            progress: Vec::new(),
        }
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
        up && self.slots > 0
            && self.pause.is_none()
            && self.rests_until.is_none_or(|until| until <= now)
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

    /// Whether it has credit for another lease, of tasks of this much memory.
    pub(super) fn has_room(&self, depth: Depth, memory_bytes: u64) -> bool {
        // A machine that offers less than before may have more reserved than it
        // offers: then one more of the same size adds nothing, and is too much.
        let reserved = self
            .reserved_bytes()
            .saturating_add(self.memory_more(memory_bytes));
        self.has_credit(depth) && reserved <= self.memory_bytes
    }

    pub(super) fn has_credit(&self, depth: Depth) -> bool {
        let chunks = u64::from(self.load.chunks);
        let slots = u64::from(self.slots);
        let chunks_max = match depth {
            Depth::Slots => slots,
            Depth::Ahead => slots * u64::from(CHUNKS_PER_SLOT),
            Depth::Deep => slots * u64::from(CHUNKS_PER_SLOT_MAX),
        };
        let short = match depth {
            Depth::Slots | Depth::Ahead => true,
            Depth::Deep => self.load.micros < TURNAROUNDS * self.turnaround_micros * slots,
        };
        chunks < chunks_max && short && self.leases.len() < LEASES_PER_WORKER_MAX
    }

    /// Memory that the tasks it may run at once could take: of the leases it
    /// holds, the largest for each slot.
    pub(super) fn reserved_bytes(&self) -> u64 {
        self.load.reserved(self.slots)
    }

    /// What one more lease adds to the reservation.
    fn memory_more(&self, memory_bytes: u64) -> u64 {
        if self.load.chunks < self.slots {
            return memory_bytes;
        }
        memory_bytes.saturating_sub(self.load.smallest_of(self.slots))
    }

    pub(super) fn take(&mut self, no: JobNo, first: u32, lease: &Lease, memory_bytes: u64) {
        self.leases.insert((no, first));
        self.load.chunks += 1;
        self.load.micros = self.load.micros.saturating_add(lease.micros);
        *self.load.memory.entry(memory_bytes).or_default() += 1;
    }

    pub(super) fn give(&mut self, no: JobNo, first: u32, lease: &Lease, memory_bytes: u64) {
        if !self.leases.remove(&(no, first)) {
            return;
        }
        self.load.chunks -= 1;
        self.load.micros = self.load.micros.saturating_sub(lease.micros);
        if let Some(count) = self.load.memory.get_mut(&memory_bytes) {
            *count -= 1;
            if *count == 0 {
                self.load.memory.remove(&memory_bytes);
            }
        }
    }

    /// What it holds is expected to be done in a moment.
    pub(super) fn is_soon_free(&self) -> bool {
        self.load.micros < micros_of(PREFETCH_BELOW) * u64::from(self.slots)
    }

    /// Leases of one job, counted as far as there are slots.
    pub(super) fn leases_of(&self, no: JobNo) -> u32 {
        let leases = self.leases.range((no, 0)..=(no, u32::MAX));
        let counted = leases.take(self.slots as usize).count();
        u32::try_from(counted).unwrap_or(u32::MAX)
    }

    /// Slots without a lease.
    pub(super) fn idle(&self) -> u32 {
        self.slots.saturating_sub(self.load.chunks)
    }

    /// Slots with one.
    pub(super) fn busy(&self) -> u32 {
        self.load.chunks.min(self.slots)
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

impl Load {
    fn reserved(&self, slots: u32) -> u64 {
        let mut left = slots;
        let mut bytes = 0_u64;
        for (&memory, &count) in self.memory.iter().rev() {
            let counted = count.min(left);
            bytes = bytes.saturating_add(memory.saturating_mul(u64::from(counted)));
            left -= counted;
        }
        bytes
    }

    /// The smallest of the `slots` largest.
    fn smallest_of(&self, slots: u32) -> u64 {
        let mut left = slots;
        for (&memory, &count) in self.memory.iter().rev() {
            if count >= left {
                return memory;
            }
            left -= count;
        }
        0
    }
}

/// A name from elsewhere, as one short line without control characters.
fn printable(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_control())
        .take(NAME_CHARS_MAX)
        .collect()
}
