//! How much more a machine may be given, and what it has.

use super::machine::Machine;
use super::pace::micros_of;
use super::tasks::Lease;
use crate::id::JobNo;
use crate::limits::{
    CHUNKS_PER_SLOT, CHUNKS_PER_SLOT_MAX, LEASES_PER_WORKER_MAX, PREFETCH_BELOW,
    SLOWED_BY_OTHERS_MAX, TURNAROUNDS,
};
use crate::moment::Moment;
use std::collections::BTreeMap;

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
pub(super) struct Load {
    pub(super) chunks: u32,
    /// Expected work.
    micros: u64,
    /// Leases by the memory that a task of them may use.
    pub(super) memory: BTreeMap<u64, u32>,
}

impl Machine {
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

    pub(super) fn give(
        &mut self,
        now: Moment,
        no: JobNo,
        first: u32,
        lease: &Lease,
        memory_bytes: u64,
    ) {
        if !self.leases.remove(&(no, first)) {
            return;
        }
        self.ended = now;
        self.recalled.remove(&(no, first));
        self.load.chunks -= 1;
        self.load.micros = self.load.micros.saturating_sub(lease.micros);
        if let Some(count) = self.load.memory.get_mut(&memory_bytes) {
            *count -= 1;
            if *count == 0 {
                self.load.memory.remove(&memory_bytes);
            }
        }
    }

    /// What its leases are expected to take together.
    pub(super) fn expected_micros(&self) -> u64 {
        self.load.micros
    }

    /// What is expected to be left of a lease that it runs, microseconds. One
    /// that takes longer than it should is expected to go on for a while more,
    /// and the longer the longer.
    pub(super) fn left_of(&self, lease: &Lease, now: Moment) -> u64 {
        let begun = if lease.queued {
            lease.granted.max(self.ended)
        } else {
            lease.granted
        };
        let ran = micros_of(now.since(begun));
        match lease.micros.checked_sub(ran) {
            Some(left) if left > 0 => left,
            Some(_) | None => ran / 4,
        }
    }

    /// How much longer a task takes because other programs run, per mille.
    pub(super) fn slowdown(&self) -> u64 {
        let others = self
            .health
            .as_ref()
            .map_or(0, |health| health.others_per_mille);
        let left = u64::from(self.about.cores.max(1)) * u64::from(1_000 - others.min(1_000));
        let wanted = u64::from(self.slots) * 1_000;
        (wanted * 1_000 / left.max(1)).clamp(1_000, 1_000 * SLOWED_BY_OTHERS_MAX)
    }

    /// Leases with so much work each that it could be given at once.
    pub(super) fn credits(&self, micros: u64) -> u32 {
        let slots = u64::from(self.slots);
        if micros >= micros_of(PREFETCH_BELOW) {
            return self.idle();
        }
        let deep = (TURNAROUNDS * self.turnaround_micros * slots).saturating_sub(self.load.micros);
        let ahead = slots * u64::from(CHUNKS_PER_SLOT);
        let most = slots * u64::from(CHUNKS_PER_SLOT_MAX);
        let chunks = u64::from(self.load.chunks);
        let credits = ahead.saturating_sub(chunks).max(deep / micros.max(1));
        u32::try_from(credits.min(most.saturating_sub(chunks))).unwrap_or(u32::MAX)
    }

    /// Leases beyond what its slots run.
    pub(super) fn waiting_leases(&self) -> u32 {
        self.load.chunks.saturating_sub(self.slots)
    }

    /// What it holds is expected to be done in a moment.
    pub(super) fn is_soon_free(&self) -> bool {
        self.load.micros < micros_of(PREFETCH_BELOW) * u64::from(self.slots)
    }

    /// Slots without a lease.
    pub(super) fn idle(&self) -> u32 {
        self.slots.saturating_sub(self.load.chunks)
    }

    /// Slots with one.
    pub(super) fn busy(&self) -> u32 {
        self.load.chunks.min(self.slots)
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
