//! Which step of discovery works here, for `skep doctor`.

use super::error::DiscoveryError;
use super::net::{Local, Net};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// How long our own question may take to come back.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

/// An interface that multicast goes out of and comes back from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The system's name of it, like `eth0`.
    pub name: String,
    /// Its address there.
    pub address: IpAddr,
}

/// Tries each step on each interface: the port, the group, sending, hearing.
/// Returns the interfaces where all of them work, or the step that failed
/// where none does. Takes up to a second per interface and blocks; sends one
/// question and changes nothing.
pub fn check() -> Result<Vec<Interface>, DiscoveryError> {
    check_in(Net::AROUND)
}

pub(super) fn check_in(net: Net) -> Result<Vec<Interface>, DiscoveryError> {
    let mut works = Vec::new();
    let mut failed = DiscoveryError::NoInterface;
    for local in net.locals()? {
        match try_local(net, &local) {
            Ok(()) => works.push(Interface {
                name: local.name,
                address: local.address,
            }),
            // The first interface's error is the one that is told.
            Err(error) if matches!(failed, DiscoveryError::NoInterface) => failed = error,
            Err(_) => {}
        }
    }
    if works.is_empty() {
        Err(failed)
    } else {
        Ok(works)
    }
}

fn try_local(net: Net, local: &Local) -> Result<(), DiscoveryError> {
    let port = net.port;
    let socket =
        bound(local.address, port).map_err(|source| DiscoveryError::Port { port, source })?;
    let no_multicast = |source| DiscoveryError::NoMulticast {
        interface: local.name.clone(),
        source,
    };
    let group = join(&socket, local).map_err(no_multicast)?;
    let question = question().map_err(no_multicast)?;
    let socket = UdpSocket::from(socket);
    socket
        .send_to(&question, SocketAddr::new(group, port))
        .map_err(no_multicast)?;
    let heard = hear(&socket, &question).map_err(no_multicast)?;
    if heard {
        Ok(())
    } else {
        Err(DiscoveryError::NotHeard { port })
    }
}

/// A socket that shares the port of mDNS with whoever else has it.
fn bound(address: IpAddr, port: u16) -> io::Result<Socket> {
    let (domain, any) = match address {
        IpAddr::V4(_) => (Domain::IPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        IpAddr::V6(_) => (Domain::IPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(SocketAddr::new(any, port)))?;
    Ok(socket)
}

/// Joins the group on this interface, and sends there.
fn join(socket: &Socket, local: &Local) -> io::Result<IpAddr> {
    match local.address {
        IpAddr::V4(address) => {
            socket.join_multicast_v4(&GROUP_V4, &address)?;
            socket.set_multicast_if_v4(&address)?;
            Ok(IpAddr::V4(GROUP_V4))
        }
        IpAddr::V6(_) => {
            socket.join_multicast_v6(&GROUP_V6, local.index)?;
            socket.set_multicast_if_v6(local.index)?;
            Ok(IpAddr::V6(GROUP_V6))
        }
    }
}

/// Whether this question came back in time, among all that others say.
fn hear(socket: &UdpSocket, question: &[u8]) -> io::Result<bool> {
    let until = Instant::now() + HEARD_WITHIN;
    let mut buffer = [0; 512];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        socket.set_read_timeout(Some(left))?;
        match socket.recv(&mut buffer) {
            Ok(length) if buffer[..length] == *question => return Ok(true),
            Ok(_) => {}
            Err(error) if is_wait(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_wait(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

/// One question of DNS (RFC 1035 §4.1), for our own service. Random bytes in
/// its name make it ours: nobody answers it.
fn question() -> io::Result<Vec<u8>> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let ours = data_encoding::HEXLOWER.encode(&random);
    let mut bytes = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in [&ours, "_skep", "_udp", "local"] {
        bytes.push(u8::try_from(label.len()).unwrap_or_default());
        bytes.extend(label.as_bytes());
    }
    // The root, then type PTR, class IN.
    bytes.extend([0, 0, 12, 0, 1]);
    Ok(bytes)
}
