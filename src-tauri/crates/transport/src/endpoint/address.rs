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
    /// Reads `HOST`, `HOST:PORT`, `ADDRESS` or `[ADDRESS]:PORT`.
    pub fn parse(text: &str, default_port: u16) -> Result<Address, AddressError> {
        let (host, port) = split(text)?;
        let port = match port {
            Some(port) => port.parse().map_err(|_| AddressError::Port)?,
            None => default_port,
        };
        if port == 0 {
            return Err(AddressError::Port);
        }
        if host.parse::<IpAddr>().is_err() && !is_name(host) {
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
        host.parse::<Ipv6Addr>()
            .map_err(|_| AddressError::Brackets)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(AddressError::Brackets),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(AddressError::Brackets),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
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
        Address {
            host: address.ip().to_canonical().to_string(),
            port: address.port(),
        }
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
            ("a b", AddressError::Host),
            (":1", AddressError::Host),
            ("stu/dio", AddressError::Host),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }
}
