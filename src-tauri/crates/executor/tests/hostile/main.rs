//! Hostile modules against the real executor, with a well-behaved job beside
//! them.
//!
//! Every case ends in a typed error or an ordinary result, never before its
//! deadline and never much after it, and leaves nothing behind: no process, no
//! descriptor, no file, no memory in the parent. Meanwhile a neighbour's job
//! gives right results. The numbers are those of the project's list of hostile
//! modules.

mod cache;
mod compiling;
mod harness;
mod input;
mod linking;
mod memory;
mod output;
mod processes;
mod scratch;
mod sockets;
mod time;
