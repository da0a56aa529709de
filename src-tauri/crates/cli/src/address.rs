//! Addresses as people type them: where to listen, and where a pool is.

use node::Place;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Where a coordinator listens: `ADDR:PORT`, and nowhere else. `[::]` is every
/// address that this machine has; port 0 is any free one.
///
/// # Errors
/// One sentence that says what is wrong with it.
pub(crate) fn listen(text: &str) -> Result<Place, String> {
    let at: SocketAddr = text.parse().map_err(|_| not_listened(text))?;
    let everywhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    Ok(Place {
        ip: (at.ip() != everywhere).then_some(at.ip()),
        port: at.port(),
        strict: true,
    })
}

fn not_listened(text: &str) -> String {
    /// What the examples show; the port that a pool has by itself.
    const PORT: u16 = 7537;
    if let Ok(ip) = text.parse::<IpAddr>() {
        return format!("it has no port; write {}", SocketAddr::new(ip, PORT));
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return match text.parse::<u16>() {
            Ok(port) => format!("it has no address; write [::]:{port} for every one"),
            Err(_) => format!("write an address and a port, such as [::]:{PORT}"),
        };
    };
    if port.parse::<u16>().is_err() {
        return format!("'{port}' is no port; one is a number from 0 to 65535");
    }
    if host.is_empty() {
        return format!("it has no address; write [::]:{port} for every one");
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        return format!("write an IPv6 address in brackets: [{host}]:{port}");
    }
    format!("'{host}' is no address of a machine, such as 192.168.1.20 or [::]")
}

/// Where a pool lets machines in: `HOST[:PORT]`, as it was typed.
///
/// # Errors
/// One sentence that says what is wrong with it.
pub(crate) fn host(text: &str) -> Result<String, String> {
    let typed = Ok(text.to_owned());
    if text.parse::<IpAddr>().is_ok() {
        return typed;
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if bare.is_some_and(|bare| bare.parse::<Ipv6Addr>().is_ok()) {
        return typed;
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if port.is_some_and(|port| !matches!(port.parse::<u16>(), Ok(1..))) {
        return Err("the port after the colon is a number from 1 to 65535".to_owned());
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        return Err("write an IPv6 address with a port as [ADDRESS]:PORT".to_owned());
    }
    if text.parse::<SocketAddr>().is_ok() || is_name(host) {
        return typed;
    }
    Err("write a machine's name or address, such as studio-pc or 192.168.1.20:7538".to_owned())
}

/// Of a machine, as far as it can be told without asking for it.
fn is_name(host: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(part)
}

#[cfg(test)]
mod tests {
    use super::{Place, host, listen};

    #[test]
    fn a_place_to_listen_is_an_address_and_a_port() {
        let place = |ip: Option<&str>, port| Place {
            ip: ip.map(|ip| ip.parse().unwrap()),
            port,
            strict: true,
        };
        assert_eq!(listen("[::]:7537"), Ok(place(None, 7537)));
        assert_eq!(listen("0.0.0.0:7540"), Ok(place(Some("0.0.0.0"), 7540)));
        assert_eq!(listen("127.0.0.1:0"), Ok(place(Some("127.0.0.1"), 0)));
        assert_eq!(listen("[fe80::1]:9"), Ok(place(Some("fe80::1"), 9)));
    }

    #[test]
    fn what_is_no_place_to_listen_is_told_how_to_be_one() {
        for (text, said) in [
            ("", "write an address and a port"),
            ("here", "write an address and a port"),
            ("7537", "write [::]:7537"),
            (":7537", "write [::]:7537"),
            ("192.168.1.5", "write 192.168.1.5:7537"),
            ("::1", "write [::1]:7537"),
            ("2001:db8::1:7537", "it has no port"),
            ("192.168.1.5:", "'' is no port"),
            ("192.168.1.5:65536", "'65536' is no port"),
            ("192.168.1.5:-1", "'-1' is no port"),
            ("192.168.1.256:7537", "'192.168.1.256' is no address"),
            ("localhost:7537", "'localhost' is no address"),
            (" [::]:7537", "is no address"),
        ] {
            let error = listen(text).unwrap_err();
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_pool_is_somewhere_by_name_or_address() {
        for text in [
            "studio-pc",
            "studio-pc.local:7538",
            "pool.example.org.",
            "192.168.1.20",
            "192.168.1.20:7540",
            "::1",
            "[::1]",
            "[fe80::1]:7538",
        ] {
            assert_eq!(host(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            ":7538",
            "studio pc",
            "studio-pc:0",
            "studio-pc:much",
            "studio-pc:65536",
            "[studio-pc]:7538",
            "http://studio-pc",
            "a..b",
            "a/b",
        ] {
            assert!(host(text).is_err(), "{text:?}");
        }
    }
}
