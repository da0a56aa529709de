//! What happened, as lines for people and as one hash for machines.

use std::collections::VecDeque;
use std::fmt::Display;
use std::hash::{Hash, Hasher};

/// Steps that a failure shows.
const KEPT: usize = 200;

/// FNV-1a: the same in every process, unlike the standard hasher's keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// The hash of one value.
pub(crate) fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = Fnv::default();
    value.hash(&mut hasher);
    hasher.finish()
}

#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// Of every byte that was said or kept.
    pub(crate) all: Fnv,
    /// Of what was decided: without anything that mentions a wall clock.
    pub(crate) decisions: Fnv,
    lines: VecDeque<String>,
    /// Print each line at once.
    aloud: bool,
    /// Keep lines at all: formatting costs more than simulating.
    written: bool,
}

impl Trace {
    pub(crate) fn new(written: bool, aloud: bool) -> Trace {
        Trace {
            written: written || aloud,
            aloud,
            ..Trace::default()
        }
    }

    pub(crate) fn is_written(&self) -> bool {
        self.written
    }

    pub(crate) fn line(&mut self, at: u64, text: impl Display) {
        if !self.written {
            return;
        }
        let line = format!("{:>12}.{:06} {text}", at / 1_000_000, at % 1_000_000);
        if self.aloud {
            println!("{line}");
        }
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub(crate) fn last(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}
