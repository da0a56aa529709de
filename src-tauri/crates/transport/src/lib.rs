//! Moves bytes between the machines of a pool, and only between them.
#![forbid(unsafe_code)]
