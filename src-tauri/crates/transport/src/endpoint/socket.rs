//! UDP sockets: both families where there are two, large buffers where the
//! system gives them, another port where the caller lets us.

use super::BindError;
use crate::limits::{PAIRING_PORT, PAIRING_PORTS_NEXT, POOL_PORT, POOL_PORTS_NEXT, SOCKET_BYTES};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
};

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// One address, or every one that this machine has.
    pub ip: Option<IpAddr>,
    /// The port that is wanted; 0 is any.
    pub port: u16,
    /// Where to look when it is taken, in this order.
    pub or_next: Option<RangeInclusive<u16>>,
}

impl At {
    /// The pool's port on every address, and the next free one where a person
    /// did not ask for this one.
    pub fn pool(or_next: bool) -> At {
        At {
            ip: None,
            port: POOL_PORT,
            or_next: or_next.then_some(POOL_PORTS_NEXT),
        }
    }

    /// The pairing port on every address, or the next free one, which the link
    /// and the announcement tell.
    pub fn pairing() -> At {
        At {
            ip: None,
            port: PAIRING_PORT,
            or_next: Some(PAIRING_PORTS_NEXT),
        }
    }

    /// Any free port of one address.
    pub fn any_port(ip: impl Into<IpAddr>) -> At {
        At {
            ip: Some(ip.into()),
            port: 0,
            or_next: None,
        }
    }
}

/// Binds what is wanted; the socket tells which port it got.
pub(super) fn bind(at: &At) -> Result<UdpSocket, BindError> {
    let mut taken = match one(at.ip, at.port) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => error,
        done => return done.map_err(|source| failed(at, source)),
    };
    for port in at.or_next.clone().into_iter().flatten() {
        match one(at.ip, port) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => taken = error,
            done => return done.map_err(|source| failed(at, source)),
        }
    }
    Err(failed(at, taken))
}

fn one(ip: Option<IpAddr>, port: u16) -> io::Result<UdpSocket> {
    let Some(ip) = ip else {
        return match open(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)) {
            Err(error) if has_no_ipv6(&error) => {
                open(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))
            }
            done => done,
        };
    };
    open(SocketAddr::new(ip, port))
}

fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    // The system may give less: slower, not wrong.
    let _ = socket.set_recv_buffer_size(SOCKET_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BYTES);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The family is missing, or switched off, which leaves no address to bind.
fn has_no_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.kind() == io::ErrorKind::Unsupported
        || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn failed(at: &At, source: io::Error) -> BindError {
    let port = at.port;
    let kind = source.kind();
    if kind == io::ErrorKind::AddrInUse {
        BindError::PortTaken { port }
    } else if kind == io::ErrorKind::PermissionDenied {
        BindError::NotAllowed { port }
    } else {
        BindError::Io { port, source }
    }
}

/// Whether the system knows a way to an address, which no packet is sent for.
pub(super) fn route(to: SocketAddr) -> io::Result<()> {
    let from: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind(SocketAddr::new(from, 0))?.connect(to)
}
