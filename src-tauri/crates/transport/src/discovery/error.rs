//! Why discovery does not work here, step by step.

use std::io;
use thiserror::Error;

/// Which step of discovery failed. Joining by address needs none of them.
#[derive(Debug, Error)]
pub enum DiscoveryError {
    /// There is no network.
    #[error("no network interface is up but the machine's own: connect to a network first")]
    NoInterface,
    /// UDP port 5353 cannot be shared with whoever has it.
    #[error(
        "the port of mDNS, UDP {port}, is kept by another program: {source}; a pool can be joined by its address all the same"
    )]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The interface, or a firewall, lets no multicast out.
    #[error(
        "the network interface {interface} takes no multicast: {source}; a pool can be joined by its address all the same"
    )]
    NoMulticast {
        /// The first interface that was tried.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// What was sent to the group did not come back.
    #[error(
        "multicast goes out but does not come in: let UDP {port} through the firewall, or join by address"
    )]
    NotHeard {
        /// The port.
        port: u16,
    },
    /// mDNS could not be started.
    #[error("mDNS could not be started: {0}")]
    Start(#[source] mdns_sd::Error),
    /// mDNS has stopped.
    #[error("mDNS has stopped: {0}")]
    Stopped(#[source] mdns_sd::Error),
}
