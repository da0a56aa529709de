//! Where a coordinator may be found, as people write it.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// A host's name or number, and a UDP port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// A name, or an address without brackets.
    pub host: String,
    /// Not 0.
    pub port: u16,
}

/// The text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing at all.
    #[error("the address is empty")]
    Empty,
    /// The port is 0, above 65535 or no number.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// Which part is the port cannot be told.
    #[error("an IPv6 address with a port is written [ADDRESS]:PORT")]
    Brackets,
    /// The host is neither a name nor a number.
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_an_address_or_an_error_and_an_address_reads_back(text in ".{0,80}") {
            if let Ok(address) = Address::parse(&text, 7538) {
                prop_assert_eq!(Address::parse(&address.to_string(), 1), Ok(address));
            }
        }
    }
}
