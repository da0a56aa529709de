//! The node through its one entrance, with the real executor, store and disk.

mod faults;
mod follows;
mod harness;
mod jobs;
mod modules;
#[path = "../../../cli/tests/stories/programs.rs"]
#[expect(dead_code, reason = "the command line's stories use the others")]
mod programs;
mod refusals;
