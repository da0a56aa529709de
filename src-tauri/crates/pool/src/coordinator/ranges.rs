//! Sets of task indices that come in runs: a million queued tasks are one pair
//! of numbers.

use std::collections::BTreeMap;

/// A set of `u32`, kept as runs that neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    /// First index → one past the last.
    runs: BTreeMap<u32, u32>,
    len: u32,
}

impl Ranges {
    pub(super) fn of(first: u32, count: u32) -> Ranges {
        let mut ranges = Ranges::default();
        ranges.insert(first, count);
        ranges
    }

    /// How many indices are in the set.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn contains(&self, index: u32) -> bool {
        self.runs
            .range(..=index)
            .next_back()
            .is_some_and(|(_, &end)| index < end)
    }

    /// The first run: (first, count).
    pub(super) fn front(&self) -> Option<(u32, u32)> {
        self.iter().next()
    }

    /// Runs in order: (first, count).
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, u32)> {
        self.runs.iter().map(|(&first, &end)| (first, end - first))
    }

    /// The parts of `first..first + count` that are in the set.
    pub(super) fn within(&self, first: u32, count: u32) -> Vec<(u32, u32)> {
        let end = first + count;
        let from = self
            .runs
            .range(..=first)
            .next_back()
            .map_or(first, |(&start, _)| start);
        self.runs
            .range(from..end)
            .map(|(&a, &b)| (a.max(first), b.min(end)))
            .filter(|(a, b)| a < b)
            .map(|(a, b)| (a, b - a))
            .collect()
    }

    /// The parts of `first..first + count` that are not in the set.
    pub(super) fn missing(&self, first: u32, count: u32) -> Vec<(u32, u32)> {
        let mut gaps = Vec::new();
        let mut at = first;
        for (start, len) in self.within(first, count) {
            if at < start {
                gaps.push((at, start - at));
            }
            at = start + len;
        }
        if at < first + count {
            gaps.push((at, first + count - at));
        }
        gaps
    }

    pub(super) fn insert(&mut self, first: u32, count: u32) {
        if count == 0 {
            return;
        }
        let (mut start, mut end) = (first, first + count);
        if let Some((&a, &b)) = self.runs.range(..=start).next_back()
            && b >= start
        {
            start = a;
            end = end.max(b);
            self.runs.remove(&a);
            self.len -= b - a;
        }
        while let Some((&a, &b)) = self.runs.range(start..=end).next() {
            end = end.max(b);
            self.runs.remove(&a);
            self.len -= b - a;
        }
        self.runs.insert(start, end);
        self.len += end - start;
    }

    pub(super) fn remove(&mut self, first: u32, count: u32) {
        if count == 0 {
            return;
        }
        let (start, end) = (first, first + count);
        if let Some((&a, &b)) = self.runs.range(..start).next_back()
            && b > start
        {
            self.runs.insert(a, start);
            self.len -= b - start;
            if b > end {
                self.runs.insert(end, b);
                self.len += b - end;
                return;
            }
        }
        while let Some((&a, &b)) = self.runs.range(start..end).next() {
            self.runs.remove(&a);
            self.len -= b - a;
            if b > end {
                self.runs.insert(end, b);
                self.len += b - end;
            }
        }
    }

    /// Panics unless the runs are apart, not empty, and as long as it says.
    pub(super) fn check(&self) {
        let mut before = None;
        let mut len = 0;
        for (&first, &end) in &self.runs {
            assert!(first < end, "an empty run at {first}");
            assert!(
                before.is_none_or(|end| end < first),
                "runs touch at {first}"
            );
            before = Some(end);
            len += end - first;
        }
        assert_eq!(len, self.len, "the length of a set of ranges");
    }
}

#[cfg(test)]
mod tests {
    use super::Ranges;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Whatever is put in and taken out, it is the set of indices.
        #[test]
        fn is_the_set_of_its_indices(steps in prop::collection::vec((any::<bool>(), 0_u32..200, 0_u32..40), 1..60)) {
            let mut ranges = Ranges::default();
            let mut model = BTreeSet::new();
            for (put, first, count) in steps {
                if put {
                    ranges.insert(first, count);
                    model.extend(first..first + count);
                } else {
                    ranges.remove(first, count);
                    model.retain(|index| !(first..first + count).contains(index));
                }
                ranges.check();
                let indices = |runs: Vec<(u32, u32)>| -> Vec<u32> {
                    runs.into_iter().flat_map(|(first, count)| first..first + count).collect()
                };
                prop_assert_eq!(indices(ranges.iter().collect()), model.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(indices(ranges.within(20, 90)), model.range(20..110).copied().collect::<Vec<_>>());
                let missing: Vec<u32> = (20..110).filter(|index| !model.contains(index)).collect();
                prop_assert_eq!(indices(ranges.missing(20, 90)), missing);
                prop_assert_eq!(ranges.contains(33), model.contains(&33));
            }
        }
    }
}
