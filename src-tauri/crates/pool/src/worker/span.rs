//! Arithmetic of task ranges: what two chunks share, and what remains.

use crate::message::Chunk;

/// The index after the last task.
pub(super) fn end(chunk: &Chunk) -> u32 {
    chunk.first.saturating_add(chunk.count)
}

/// Whether both name the same lease's tasks: same job, attempt and term.
pub(super) fn same_grant(a: &Chunk, b: &Chunk) -> bool {
    a.job == b.job && a.attempt == b.attempt && a.term == b.term
}

/// The tasks both name, whatever the attempt, as a part of `of`.
pub(super) fn overlap(of: &Chunk, other: &Chunk) -> Option<Chunk> {
    if of.job != other.job {
        return None;
    }
    let first = of.first.max(other.first);
    let last = end(of).min(end(other));
    (first < last).then(|| Chunk {
        first,
        count: last - first,
        ..*of
    })
}

/// What is left of `of` on both sides of `part`, which lies inside it.
pub(super) fn without(of: &Chunk, part: &Chunk) -> impl Iterator<Item = Chunk> + use<> {
    let before = Chunk {
        count: part.first.saturating_sub(of.first),
        ..*of
    };
    let after = Chunk {
        first: end(part),
        count: end(of).saturating_sub(end(part)),
        ..*of
    };
    [before, after].into_iter().filter(|rest| rest.count > 0)
}

/// The parts of `of` that `other` does not grant.
pub(super) fn granted_out(of: &Chunk, other: &Chunk) -> Vec<Chunk> {
    match overlap(of, other).filter(|_| same_grant(of, other)) {
        Some(part) => without(of, &part).collect(),
        None => vec![*of],
    }
}

/// The parts of `of` that any of `list` grants too (same job, attempt, term).
pub(super) fn granted_in(of: &Chunk, list: &[Chunk]) -> Vec<Chunk> {
    list.iter()
        .filter(|other| same_grant(of, other))
        .filter_map(|other| overlap(of, other))
        .collect()
}
