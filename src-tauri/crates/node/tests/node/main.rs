//! The node through its one entrance, with the real executor, store and disk.

mod faults;
mod follows;
mod harness;
mod jobs;
mod modules;
#[path = "../../../cli/tests/stories/programs.rs"]
#[allow(dead_code)]
mod programs;
mod refusals;
