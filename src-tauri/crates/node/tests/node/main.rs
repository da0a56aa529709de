//! The node through its one entrance, with the real executor, store and disk.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a story expects one reply, and any other is its failure"
)]

mod contribution;
mod explore;
mod faults;
mod follows;
mod harness;
mod jobs;
mod modules;
mod network;
#[expect(
    dead_code,
    reason = "some are for the stories of the command line only"
)]
#[path = "../../../cli/tests/stories/programs.rs"]
mod programs;
mod refusals;
mod steering;
mod watching;
