//! Where a coordinator may be reached: an IP address or a name, and a port.

use core::fmt;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use thiserror::Error;

/// How many addresses a link or an admission carries.
pub const ADDRESSES_MAX: usize = 16;

/// The longest name of a host (RFC 1035 §2.3.4), in bytes.
const NAME_BYTES_MAX: usize = 253;

/// A host and its UDP port; never port 0, never a name with odd characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Address {
    host: AddressHost,
    port: u16,
}

/// The host's half of an [`Address`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AddressHost {
    /// To be used as it is. IPv6 comes without a scope: another machine's
    /// interfaces have other numbers.
    Ip(IpAddr),
    /// To be looked up: letters, digits, dashes, underscores and dots.
    Name(String),
}

/// Why something is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The name of the host is empty, too long, or has other characters.
    #[error("a host is an IP address or a name of letters, digits, dashes and dots")]
    Host,
    /// The port is 0, above 65535 or no number.
    #[error("a port is a number from 1 to 65535")]
    Port,
}

impl Address {
    /// A host and a port, where both can be.
    pub fn new(host: AddressHost, port: u16) -> Result<Address, AddressError> {
        let host = match host {
            AddressHost::Ip(ip) => AddressHost::Ip(ip),
            AddressHost::Name(name) => named(&name)?,
        };
        if port == 0 {
            return Err(AddressError::Port);
        }
        Ok(Address { host, port })
    }

    /// What a person typed: `HOST`, `HOST:PORT`, `[IPV6]:PORT` or `IPV6`.
    pub fn parse(text: &str, default_port: u16) -> Result<Address, AddressError> {
        if let Ok(ip) = text.parse() {
            return Address::new(AddressHost::Ip(ip), default_port);
        }
        let (host, port) = match text.rsplit_once(':') {
            None => (text, default_port),
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
                (host, port.parse().map_err(|_| AddressError::Port)?)
            }
            Some((host, _)) if host.ends_with(']') => return Err(AddressError::Port),
            Some(_) if text.ends_with(']') => (text, default_port),
            Some(_) => return Err(AddressError::Port),
        };
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = match bare {
            Some(v6) => AddressHost::Ip(IpAddr::V6(v6.parse().map_err(|_| AddressError::Host)?)),
            None => named(host)?,
        };
        Address::new(host, port)
    }

    /// Whom to ask.
    pub fn host(&self) -> &AddressHost {
        &self.host
    }

    /// The UDP port, not 0.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// A name that a resolver may be asked for; a text of digits that is an IP
/// address becomes one.
fn named(name: &str) -> Result<AddressHost, AddressError> {
    if let Ok(ip) = name.parse() {
        return Ok(AddressHost::Ip(ip));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let labels = name.strip_suffix('.').unwrap_or(name).split('.');
    let well = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(plain);
    if name.len() > NAME_BYTES_MAX || !labels.into_iter().all(well) {
        return Err(AddressError::Host);
    }
    Ok(AddressHost::Name(name.to_ascii_lowercase()))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            AddressHost::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            AddressHost::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// An [`Address`] as bytes write it, before anybody looked at it.
#[derive(Serialize, Deserialize)]
struct Written {
    host: AddressHost,
    port: u16,
}

impl TryFrom<Written> for Address {
    type Error = AddressError;

    fn try_from(written: Written) -> Result<Address, AddressError> {
        Address::new(written.host, written.port)
    }
}

impl From<Address> for Written {
    fn from(address: Address) -> Written {
        Written {
            host: address.host,
            port: address.port,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_type_is_an_address_or_says_why_not() {
        let good = [
            ("192.168.1.4", "192.168.1.4:7538"),
            ("192.168.1.4:80", "192.168.1.4:80"),
            ("Studio-PC.local", "studio-pc.local:7538"),
            ("studio_pc:9", "studio_pc:9"),
            ("[fd00::2]:7540", "[fd00::2]:7540"),
            ("[fd00::2]", "[fd00::2]:7538"),
            ("fd00::2", "[fd00::2]:7538"),
        ];
        for (text, expected) in good {
            let address = Address::parse(text, 7538).map(|a| a.to_string());
            assert_eq!(address.as_deref(), Ok(expected), "{text}");
        }
        use AddressError::{Host, Port};
        let bad = [
            ("", Host),
            ("a b", Host),
            ("..", Host),
            ("user@host", Host),
            ("host/path", Host),
            ("a\u{1b}b", Host),
            ("bücher.example", Host),
            ("[fd00::zz]:1", Host),
            ("host:", Port),
            ("host:0", Port),
            ("host:65536", Port),
            ("host:port", Port),
            ("[fd00::2]:x", Port),
            ("https://host", Port),
        ];
        for (text, expected) in bad {
            assert_eq!(Address::parse(text, 7538), Err(expected), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_an_error_and_an_address_reads_back(text in ".{0,80}") {
            if let Ok(address) = Address::parse(&text, 7538) {
                prop_assert_eq!(Address::parse(&address.to_string(), 1), Ok(address));
            }
        }
    }
}
