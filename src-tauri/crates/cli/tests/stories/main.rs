//! Stories through the real binaries: what a person types, and what they see.
//!
//! Every story has a data folder of its own, modules written as text, and an
//! answer that was computed here, independently.

mod bad_input;
mod contribution;
mod faults;
mod folds;
mod harness;
mod help;
mod jobs;
mod kernels;
mod kills;
mod nodes;
mod pairs;
mod pools;
mod programs;
mod running;
mod shapes;
mod splits;
