//! A coordinator and its members on loopback, through what the crate gives.

mod pool;
mod session;
