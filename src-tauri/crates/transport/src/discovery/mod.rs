//! Finding pools of the same network by mDNS: `_skep._udp`. Everything heard
//! is a hint that anybody may have sent: names are for people to recognise,
//! addresses are to be tried, and whom to believe is decided by pairing or by
//! the pool's CA. Joining by address works without any of this.
//!
//! [`Announcer`] tells of a pool, [`Browser`] lists those that are heard, and
//! [`check`] says which step fails where nothing is heard. Each of the first
//! two keeps a thread or two of its own; what is heard is read in `advert` and
//! kept in `list`, which know neither sockets nor the clock. No settings of
//! the network are ever changed.

mod advert;
mod announce;
mod browse;
mod check;
mod error;
mod list;
mod net;

#[cfg(test)]
mod tests;

pub use advert::Advert;
pub use announce::Announcer;
pub use browse::Browser;
pub use check::{Interface, check};
pub use error::DiscoveryError;
pub use list::{FOUND_MAX, Found};
