//! How executors and compilers stand against the other programs of the machine.

use std::fmt;

/// What a child asks of the machine's scheduler, for all of its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Like any other program.
    #[default]
    Normal,
    /// Only what nobody else wants, of processors and of disks.
    Idle,
}

impl Priority {
    /// Reads what [`Priority`]'s `Display` wrote.
    pub fn parse(text: &str) -> Option<Priority> {
        [Priority::Normal, Priority::Idle]
            .into_iter()
            .find(|priority| priority.to_string() == text)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Priority::Normal => "normal",
            Priority::Idle => "idle",
        })
    }
}
