//! Why an endpoint could not be opened, or a coordinator not be reached: which
//! step failed, and what to do.

use crate::{
    limits::WIRE_VERSION,
    session::{CloseReason, Closed},
    tls::{Refused, Unusable},
};
use std::{io, net::SocketAddr, time::Duration};

/// Why a port could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("UDP port {port} is taken by another program; end that or choose another port")]
    PortTaken { port: u16 },
    #[error("this account may not listen on UDP port {port}; choose one above 1023")]
    NotAllowed { port: u16 },
    #[error("cannot listen on UDP port {port}: {source}")]
    Io { port: u16, source: io::Error },
    #[error("the pool's CA certificate is damaged")]
    Ca,
    #[error(transparent)]
    Certificate(#[from] Unusable),
}

/// Why a member did not get to its coordinator.
#[derive(Debug, Default, thiserror::Error)]
pub enum ConnectError {
    #[default]
    #[error("no address of the coordinator is known")]
    NoAddress,
    #[error("the name {host} was not found: {source}")]
    Resolve { host: String, source: io::Error },
    #[error("this machine has no way to {address} ({source}); is it on the same network?")]
    NoRoute {
        address: SocketAddr,
        source: io::Error,
    },
    #[error(
        "{address} does not answer; is the coordinator on, and does a firewall let UDP port {} through?",
        address.port()
    )]
    NoAnswer { address: SocketAddr },
    #[error("{address} is not this pool's coordinator: {reason}")]
    OtherCoordinator {
        address: SocketAddr,
        reason: Refused,
    },
    #[error("the TLS handshake with {address} failed: {what}")]
    Tls { address: SocketAddr, what: String },
    #[error(
        "the coordinator does not let this device in; it was removed from the pool, or the pool was made anew"
    )]
    NotAdmitted,
    /// It says that our leaf is not valid at its time.
    #[error("{}", clock_words(*.coordinator_behind))]
    Clock {
        /// Where our leaf begins only later, by its clock: so much at least its
        /// clock is behind ours. `None`: the leaf ended more than a year ago, or
        /// one of the clocks is wrong.
        coordinator_behind: Option<Duration>,
    },
    #[error("{}", version_words(*.theirs))]
    Version {
        /// Of the wire; `None` where it did not say.
        theirs: Option<u16>,
    },
    #[error("the coordinator closed the connection: {0}")]
    Closed(Closed),
    #[error("this device's membership is damaged; join the pool again")]
    Membership,
    #[error(transparent)]
    Certificate(#[from] Unusable),
    #[error("this program is stopping")]
    Stopping,
}

impl ConnectError {
    /// Of several addresses' failures the one that came furthest tells most.
    pub(super) fn deeper(one: ConnectError, other: ConnectError) -> ConnectError {
        if other.depth() >= one.depth() {
            other
        } else {
            one
        }
    }

    fn depth(&self) -> u8 {
        match self {
            ConnectError::NoAddress => 0,
            ConnectError::Resolve { .. } => 1,
            ConnectError::NoRoute { .. } => 2,
            ConnectError::NoAnswer { .. } => 3,
            ConnectError::Tls { .. } => 4,
            ConnectError::OtherCoordinator { .. } => 5,
            ConnectError::Closed(Closed {
                reason: CloseReason::TimedOut | CloseReason::Restarted,
                ..
            }) => 6,
            ConnectError::Version { .. } => 7,
            ConnectError::Closed(_) => 8,
            ConnectError::NotAdmitted | ConnectError::Clock { .. } => 9,
            ConnectError::Membership | ConnectError::Certificate(_) | ConnectError::Stopping => 10,
        }
    }
}

fn clock_words(coordinator_behind: Option<Duration>) -> String {
    match coordinator_behind {
        Some(behind) => format!(
            "the coordinator's clock is at least {} behind this machine's; set both and try again",
            words(behind)
        ),
        None => "the coordinator finds this device's certificate long ended; look at both clocks, or join the pool again".to_owned(),
    }
}

fn words(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    match minutes {
        0..=1 => "a minute".to_owned(),
        2..120 => format!("{minutes} minutes"),
        120..2880 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

fn version_words(theirs: Option<u16>) -> String {
    match theirs {
        Some(theirs) if theirs < WIRE_VERSION => format!(
            "the coordinator speaks version {theirs} of the wire, this machine {WIRE_VERSION}; update the coordinator"
        ),
        Some(theirs) => format!(
            "the coordinator speaks version {theirs} of the wire, this machine {WIRE_VERSION}; update this machine"
        ),
        None => "the other side speaks another version; update both to the same release".to_owned(),
    }
}
