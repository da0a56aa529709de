//! Links, whole and tampered with.

use crate::pairing::link::is_whole;
use crate::pairing::*;
use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;

fn link() -> Link {
    let addresses = ["192.168.1.4:7538", "[fd00::2]:7540", "studio-pc.local"];
    let addresses = addresses.map(|text| Address::parse(text, 7538).expect("an address"));
    Link::new(
        addresses.to_vec(),
        Spki([0xca; 32]),
        Token::new([5; 16]),
        1_900_000_000,
    )
    .expect("a link")
}

/// A link of these bytes.
fn coded(bytes: &[u8]) -> String {
    format!("{LINK_SCHEME}{}", BASE64URL_NOPAD.encode(bytes))
}

fn bytes_of(link: &Link) -> Vec<u8> {
    let text = link.text();
    let coded = text.strip_prefix(LINK_SCHEME).expect("a link");
    BASE64URL_NOPAD.decode(coded.as_bytes()).expect("base64url")
}

#[test]
fn a_link_reads_back_with_all_that_it_says() {
    let read = Link::parse(&link().text()).expect("a link");
    assert_eq!(read, link());
    assert_eq!(read.addresses().len(), 3);
    assert_eq!(read.ca(), Spki([0xca; 32]));
    assert_eq!(read.token(), &Token::new([5; 16]));
    assert_eq!(read.expires_unix_s(), 1_900_000_000);
    assert!(
        read.text().len() < 200,
        "it fits a QR code: {}",
        read.text()
    );
}

#[test]
fn what_is_no_link_says_why() {
    let good = link().text();
    let coded_part = &good[LINK_SCHEME.len()..];
    let cases = [
        (String::new(), LinkError::Scheme),
        (format!("javascript:alert('{good}')"), LinkError::Scheme),
        (format!("SKEP://join/{coded_part}"), LinkError::Scheme),
        (format!("skep://evil/{coded_part}"), LinkError::Scheme),
        (format!("skep:join/{coded_part}"), LinkError::Scheme),
        (format!(" {good}"), LinkError::Scheme),
        (format!("{good}\n"), LinkError::Characters),
        (format!("{good}\0"), LinkError::Characters),
        (format!("{good}="), LinkError::Characters),
        (format!("{good}\u{202e}"), LinkError::Characters),
        (format!("{good}?pool=evil"), LinkError::Characters),
        (format!("{good}#x"), LinkError::Characters),
        (LINK_SCHEME.to_owned(), LinkError::Content),
        (coded(&[2, 0, 0]), LinkError::Version { found: 2 }),
        (good[..good.len() - 4].to_owned(), LinkError::Content),
        (format!("{good}AAAA"), LinkError::Content),
        ("x".repeat(10 << 10), LinkError::TooLong { bytes: 10 << 10 }),
    ];
    for (text, expected) in cases {
        assert_eq!(Link::parse(&text), Err(expected), "{text:?}");
    }
}

#[test]
fn a_link_has_one_to_sixteen_addresses_and_two_kibibytes() {
    let address = |nth: usize| Address::parse(&format!("10.0.0.{nth}"), 7538).expect("an address");
    let of = |count: usize| {
        let addresses = (0..count).map(address).collect();
        Link::new(addresses, Spki([0; 32]), Token::new([0; 16]), 0).map(|_| ())
    };
    assert_eq!(of(0), Err(LinkError::Addresses { found: 0 }));
    assert_eq!(of(16), Ok(()));
    assert_eq!(of(17), Err(LinkError::Addresses { found: 17 }));
    let long = format!("{0}.{0}.{0}.a", "a".repeat(63));
    let long = vec![Address::parse(&long, 1).expect("an address"); 16];
    let refused = Link::new(long, Spki([0; 32]), Token::new([0; 16]), 0);
    assert!(
        matches!(refused, Err(LinkError::TooLong { .. })),
        "{refused:?}"
    );
}

#[test]
fn one_link_has_one_text() {
    let mut bytes = bytes_of(&link());
    assert_eq!(bytes[1], 3, "the number of addresses");
    // The same number, written in two bytes.
    bytes.splice(1..2, [0x83, 0]);
    assert_eq!(Link::parse(&coded(&bytes)), Err(LinkError::Content));
}

#[test]
fn an_address_in_a_link_is_checked_like_one_that_is_typed() {
    // One address of four bytes, port 80.
    let with = |name: &[u8; 4]| {
        let body = [&[1, 1, 4], &name[..], &[80], &[0; 32], &[0; 16], &[0]].concat();
        Link::parse(&coded(&body)).map(|link| link.addresses()[0].to_string())
    };
    assert_eq!(with(b"host"), Ok("host:80".to_owned()));
    for odd in [b"a\x1bbc", b"a/bc", b"a bc", b"a:80"] {
        assert_eq!(with(odd), Err(LinkError::Address), "{odd:?}");
    }
    assert_eq!(with(b"a\xffbc"), Err(LinkError::Content));
    let port_0 = Address {
        host: "host".to_owned(),
        port: 0,
    };
    let refused = Link::new(vec![port_0], Spki([0; 32]), Token::new([0; 16]), 0);
    assert_eq!(refused.err(), Some(LinkError::Address));
}

#[test]
fn an_address_that_nobody_could_have_typed_is_not_whole() {
    let whole = |host: &str, port| {
        let host = host.to_owned();
        is_whole(&Address { host, port })
    };
    for host in ["studio", "studio.local", "10.0.0.7", "fd00::2"] {
        assert!(whole(host, 7538), "{host}");
    }
    for host in [
        "",
        "a b",
        "a/b",
        "a\u{1b}b",
        "a\u{202e}b",
        "user@host",
        "host:1",
        "[::1]",
        "::z",
    ] {
        assert!(!whole(host, 7538), "{host:?}");
    }
    assert!(!whole("studio", 0));
    assert!(!whole(&"a".repeat(254), 1));
}

proptest! {
    #[test]
    fn any_text_is_a_link_or_an_error(text in "(skep://join/)?.{0,300}") {
        if let Ok(link) = Link::parse(&text) {
            prop_assert_eq!(link.text(), text);
        }
    }

    #[test]
    fn any_bytes_are_a_link_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = coded(&[&[1], &bytes[..]].concat());
        if let Ok(link) = Link::parse(&text) {
            prop_assert_eq!(link.text(), text);
        }
    }

    #[test]
    fn a_link_that_was_tampered_with_is_another_or_none(at in 0_usize..100, mask in 1_u8..) {
        let mut bytes = bytes_of(&link());
        let at = at % bytes.len();
        bytes[at] ^= mask;
        if let Ok(other) = Link::parse(&coded(&bytes)) {
            prop_assert_ne!(other, link());
        }
    }

    #[test]
    fn every_link_reads_back(
        ca: [u8; 32],
        token: [u8; 16],
        expires: u64,
        hosts in prop::collection::vec(("[a-z0-9-]{1,20}", 1_u16..), 1..=16),
    ) {
        let addresses = hosts.iter().map(|(host, port)| Address::parse(host, *port).expect("an address"));
        let link = Link::new(addresses.collect(), Spki(ca), Token::new(token), expires).expect("a link");
        prop_assert_eq!(Link::parse(&link.text()), Ok(link));
    }
}
