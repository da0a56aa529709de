//! A coordinator and its members on loopback, through what the crate gives.

mod admission;
mod flood;
mod hostile;
mod lengths;
mod pairing;
mod pool;
mod raw;
mod renewal;
mod session;
mod survival;
