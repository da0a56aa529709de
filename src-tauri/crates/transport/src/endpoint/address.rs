//! Where a coordinator may be found, as people write it.

use serde::{Deserialize, Serialize};
use std::{
    fmt, io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// A host's name or number, and a UDP port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// A name, or an address without brackets.
    pub host: String,
    pub port: u16,
}

/// The text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("the address is empty")]
    Empty,
    #[error("the port must be a number from 1 to 65535")]
    Port,
    #[error("an IPv6 address with a port is written [ADDRESS]:PORT")]
    Brackets,
    #[error("a host's name has letters, digits, dots and dashes, and at most 253 of them")]
    Host,
}

impl Address {
    /// Reads `HOST`, `HOST:PORT`, `ADDRESS` or `[ADDRESS]:PORT`; an address of
    /// one link only with its interface, as in `fe80::1%eth0`.
    pub fn parse(text: &str, default_port: u16) -> Result<Address, AddressError> {
        let (host, port) = split(text)?;
        let port = match port {
            Some(port) => port.parse().map_err(|_| AddressError::Port)?,
            None => default_port,
        };
        if port == 0 {
            return Err(AddressError::Port);
        }
        if host.parse::<IpAddr>().is_err() && !is_ipv6(host) && !is_name(host) {
            return Err(AddressError::Host);
        }
        let host = host.to_owned();
        Ok(Address { host, port })
    }

    pub(super) async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        let found: Vec<_> = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await?
            .collect();
        if found.is_empty() {
            return Err(io::Error::other("the name has no address"));
        }
        Ok(found)
    }
}

fn split(text: &str) -> Result<(&str, Option<&str>), AddressError> {
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(AddressError::Brackets)?;
        if !is_ipv6(host) {
            return Err(AddressError::Brackets);
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(AddressError::Brackets),
        };
    }
    if is_ipv6(text) {
        return Ok((text, None));
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(AddressError::Brackets),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

/// With the interface where it is of one link only.
fn is_ipv6(host: &str) -> bool {
    let (ip, interface) = host.split_once('%').unwrap_or((host, "0"));
    ip.parse::<Ipv6Addr>().is_ok() && is_name(interface)
}

fn is_name(host: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !host.is_empty() && host.len() <= 253 && host.bytes().all(good)
}

impl FromStr for Address {
    type Err = AddressError;

    /// The pool's port where there is none.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Address::parse(text, crate::limits::POOL_PORT)
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => {
                format!("{}%{}", v6.ip(), v6.scope_id())
            }
            SocketAddr::V6(_) | SocketAddr::V4(_) => address.ip().to_canonical().to_string(),
        };
        let port = address.port();
        Address { host, port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (text, host, port, again) in [
            ("studio", "studio", 7537, "studio:7537"),
            ("studio.local:80", "studio.local", 80, "studio.local:80"),
            ("10.0.0.7", "10.0.0.7", 7537, "10.0.0.7:7537"),
            ("::1", "::1", 7537, "[::1]:7537"),
            ("[fe80::1]:9", "fe80::1", 9, "[fe80::1]:9"),
            ("[::1]", "::1", 7537, "[::1]:7537"),
            ("fe80::1%eth0", "fe80::1%eth0", 7537, "[fe80::1%eth0]:7537"),
            ("[fe80::1%2]:5", "fe80::1%2", 5, "[fe80::1%2]:5"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(
                (address.host.as_str(), address.port),
                (host, port),
                "{text}"
            );
            assert_eq!(address.to_string(), again);
        }
    }

    #[tokio::test]
    async fn an_address_of_one_link_keeps_its_interface() {
        let there = "[::1%1]:5".parse::<SocketAddr>().unwrap();
        let address = Address::from(there);
        assert_eq!(address.to_string(), "[::1%1]:5");
        assert_eq!(address.to_string().parse(), Ok(address.clone()));
        let found = address.resolve().await.unwrap();
        let scopes = found.iter().map(|one| match one {
            SocketAddr::V6(v6) => v6.scope_id(),
            SocketAddr::V4(_) => 0,
        });
        assert!(found.iter().all(|one| one.ip() == there.ip()), "{found:?}");
        assert!(scopes.into_iter().all(|scope| scope == 1), "{found:?}");
    }

    #[test]
    fn what_is_no_address_is_told_why() {
        for (text, error) in [
            ("", AddressError::Empty),
            ("studio:0", AddressError::Port),
            ("studio:x", AddressError::Port),
            ("studio:65536", AddressError::Port),
            ("[::1", AddressError::Brackets),
            ("[studio]:1", AddressError::Brackets),
            ("fe80::1:x:y", AddressError::Brackets),
            ("fe80::1%", AddressError::Brackets),
            ("a b", AddressError::Host),
            (":1", AddressError::Host),
            ("stu/dio", AddressError::Host),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }
}
