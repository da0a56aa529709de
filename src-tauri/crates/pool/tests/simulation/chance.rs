//! Chance from one number: everything that a run chooses, it chooses here.

/// SplitMix64: eight bytes of state, and a stream that is the same everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed ^ 0x5ee9_5ee9_5ee9_5ee9)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, and without, `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// Spread over orders of magnitude: short spans as often as long ones.
    pub(crate) fn magnitude(&mut self, first: u64, last: u64) -> u64 {
        let bits = u64::from(last.max(1).ilog2().saturating_sub(first.max(1).ilog2()));
        let low = first.max(1) << self.below(bits + 1);
        self.between(low, low.saturating_mul(2)).clamp(first, last)
    }

    pub(crate) fn per_mille(&mut self, chance: u64) -> bool {
        self.below(1000) < chance
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let at = self.below(of.len() as u64);
        of.get(at as usize)
    }
}

/// One number of two, for what must be the same whoever asks.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    Chance::new(a.rotate_left(17) ^ b).next()
}
