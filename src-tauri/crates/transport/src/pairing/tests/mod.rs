//! Stories of pairing, over a pipe in memory.

mod codes;
mod exchange;
mod hostile;
mod links;
mod pipe;
mod tokens;
