//! What is heard, and what is kept of it; then the same over loopback.

use super::advert::Advert;
use super::browse::records;
use super::check::check_in;
use super::list::{FOUND_MAX, Found, HEARD_MAX, List, leads_elsewhere};
use super::net::{Net, SERVICE};
use super::{Announcer, Browser};
use crate::pairing::{NAME_CHARS_MAX, PoolId};
use proptest::prelude::*;
use std::net::{IpAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

fn advert() -> Advert {
    Advert {
        pool: PoolId([0x2f; 16]),
        name: "home".to_owned(),
        port: 7537,
        pair: Some(7538),
    }
}

/// What somebody hears who is told these pairs.
fn read(txt: &[(&str, &[u8])]) -> Option<Advert> {
    Advert::from_txt(|key| {
        let pair = txt.iter().find(|(name, _)| *name == key);
        pair.map(|(_, value)| *value)
    })
}

fn told(advert: &Advert) -> Option<Advert> {
    let txt = advert.to_txt();
    let txt: Vec<(&str, &[u8])> = txt.iter().map(|(k, v)| (*k, v.as_bytes())).collect();
    read(&txt)
}

fn found(name: &str, pair: Option<u16>) -> Found {
    Found {
        pool: PoolId([1; 16]),
        name: name.to_owned(),
        addresses: vec![IpAddr::from([192, 168, 1, 4])],
        port: 7537,
        pair,
    }
}

#[test]
fn a_pool_is_heard_as_it_told_of_itself() {
    assert_eq!(told(&advert()), Some(advert()));
    let closed = Advert {
        pair: None,
        ..advert()
    };
    assert_eq!(told(&closed), Some(closed.clone()));
    assert!(closed.to_txt().iter().all(|(key, _)| *key != "pair"));
}

#[test]
fn a_record_that_is_not_ours_is_not_heard() {
    let pool: &[u8] = b"f4xs6lzpf4xs6lzpf4xs6lzpf4";
    let good: [(&str, &[u8]); 4] = [
        ("v", b"1"),
        ("pool", pool),
        ("name", b"home"),
        ("port", b"7537"),
    ];
    assert!(read(&good).is_some());
    let bad: [(&str, &[u8]); 12] = [
        ("v", b"2"),
        ("v", b""),
        ("v", b"\xff"),
        ("pool", b""),
        ("pool", b"f4xs6lzp"),
        ("pool", b"../../../../../../etc/pass"),
        ("port", b"0"),
        ("port", b"65536"),
        ("port", b"+80"),
        ("port", b"-1"),
        ("port", b""),
        ("port", b"7537\0"),
    ];
    for (key, value) in bad {
        let txt = good.map(|(name, was)| (name, if name == key { value } else { was }));
        assert_eq!(read(&txt), None, "{key} {value:?}");
    }
    for missing in ["v", "pool", "port"] {
        let txt: Vec<_> = good
            .into_iter()
            .filter(|(key, _)| *key != missing)
            .collect();
        assert_eq!(read(&txt), None, "{missing}");
    }
}

#[test]
fn a_pool_whose_name_cannot_be_shown_is_called_by_its_id() {
    for name in [&b""[..], b"\xff\xfe", "\u{202e}\u{200b}\u{7}".as_bytes()] {
        let pool: &[u8] = b"f4xs6lzpf4xs6lzpf4xs6lzpf4";
        let txt = [
            ("v", &b"1"[..]),
            ("pool", pool),
            ("name", name),
            ("port", b"1"),
        ];
        assert_eq!(
            read(&txt).map(|advert| advert.name).as_deref(),
            Some("f4xs6l")
        );
    }
}

#[test]
fn of_a_thousand_pretended_pools_fifty_are_listed_and_none_does_harm() {
    let mut list = List::default();
    let now = Instant::now();
    for nth in 0..1_000 {
        let lie = Advert {
            name: format!("<script>{nth}</script>\u{1b}[2J\u{202e}{}", "x".repeat(500)),
            ..advert()
        };
        let heard = told(&lie).expect("it is of our form");
        let addresses = (0..200).map(|nth| IpAddr::from([10, 0, 0, nth]));
        let found = Found::new(heard, addresses, leads_elsewhere).expect("it can be tried");
        list.hear(&format!("{nth}._skep._udp.local."), found, now);
    }
    let found = list.found(now);
    assert_eq!(found.len(), FOUND_MAX);
    assert!(list.left_out());
    for found in found {
        assert_eq!(found.name.chars().count(), NAME_CHARS_MAX);
        assert!(
            found.name.starts_with("<script>"),
            "shown as text: {}",
            found.name
        );
        assert!(!found.name.contains(['\u{1b}', '\u{202e}']));
        assert_eq!(found.addresses.len(), 16);
    }
}

#[test]
fn who_is_listed_stays_listed_until_it_goes_or_is_not_heard_again() {
    let mut list = List::default();
    let start = Instant::now();
    list.hear("ours", found("ours", None), start);
    for nth in 0..100 {
        list.hear(&nth.to_string(), found("fake", None), start);
    }
    assert!(list.found(start).contains(&found("ours", None)));
    // Heard again, now with a code: it changes in its place.
    let later = start + HEARD_MAX / 2;
    list.hear("ours", found("ours", Some(7538)), later);
    assert_eq!(
        list.found(later)[0],
        found("ours", Some(7538)),
        "it can be joined"
    );
    assert_eq!(list.found(later).len(), FOUND_MAX);
    // The others are not heard again.
    assert_eq!(list.found(start + HEARD_MAX), [found("ours", Some(7538))]);
    assert!(!list.left_out());
    list.gone("somebody else");
    assert_eq!(list.found(later).len(), 1);
    list.gone("ours");
    assert!(list.found(later).is_empty());
}

#[test]
fn the_list_has_an_order_that_does_not_jump() {
    let mut list = List::default();
    let now = Instant::now();
    for (key, name, pair) in [
        ("1", "Zoo", None),
        ("2", "attic", None),
        ("3", "Barn", Some(1)),
    ] {
        list.hear(key, found(name, pair), now);
    }
    let names: Vec<String> = list
        .found(now)
        .into_iter()
        .map(|found| found.name)
        .collect();
    assert_eq!(names, ["Barn", "attic", "Zoo"]);
}

#[test]
fn an_address_that_leads_nowhere_is_left_out() {
    let given = [
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "::",
        "224.0.0.251",
        "255.255.255.255",
        "ff02::fb",
        "fe80::1",
        "::ffff:10.0.0.1",
        "fd00::2",
        "192.168.1.4",
        "192.168.1.4",
        "10.0.0.1",
    ];
    let given = given.map(|text| text.parse::<IpAddr>().expect("an address"));
    let found = Found::new(advert(), given.into_iter(), leads_elsewhere).expect("some are left");
    let left: Vec<String> = found.addresses.iter().map(IpAddr::to_string).collect();
    assert_eq!(left, ["10.0.0.1", "192.168.1.4", "fd00::2"]);
    let nowhere = given.into_iter().take(9);
    assert_eq!(Found::new(advert(), nowhere, leads_elsewhere), None);
}

proptest! {
    #[test]
    fn any_record_is_read_without_harm(
        txt in prop::collection::vec(
            (prop::sample::select(vec!["v", "pool", "name", "port", "pair"]), any::<Vec<u8>>()), 0..8),
        name in ".*",
    ) {
        let mut txt: Vec<(&str, &[u8])> = txt.iter().map(|(k, v)| (*k, &v[..])).collect();
        let _ = read(&txt);
        txt.splice(0..0, [
            ("v", &b"1"[..]), ("port", b"1"), ("name", name.as_bytes()),
            ("pool", b"f4xs6lzpf4xs6lzpf4xs6lzpf4"),
        ]);
        let advert = read(&txt).expect("it is of our form");
        prop_assert!(!advert.name.is_empty());
        prop_assert!(advert.name.chars().count() <= NAME_CHARS_MAX);
        prop_assert!(!advert.name.chars().any(char::is_control));
        prop_assert_eq!(told(&advert), Some(advert));
    }
}

/// mDNS of this machine's own, at a port that nobody has.
fn own_net() -> Net {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
    Net {
        port: socket.local_addr().expect("its address").port(),
        loopback: true,
    }
}

/// Waits until it is so; generous, since nothing is promised about time.
fn until(browser: &Browser, what: &str, so: impl Fn(&[Found]) -> bool) -> Vec<Found> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let found = browser.found();
        if so(&found) {
            return found;
        }
        assert!(Instant::now() < end, "{what}, but {found:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_pool_is_found_updated_and_lost_over_loopback() {
    let net = own_net();
    let closed = Advert {
        pair: None,
        ..advert()
    };
    let browser = Browser::start_in(net).expect("it listens");
    let mut announcer = Announcer::start_in(net, &closed).expect("it tells");
    let found = until(&browser, "it is found", |found| !found.is_empty());
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].pool, found[0].name.as_str()),
        (closed.pool, "home")
    );
    assert_eq!((found[0].port, found[0].pair), (7537, None));
    assert_eq!(found[0].addresses, [IpAddr::from([127, 0, 0, 1])]);

    announcer.update(&advert()).expect("it tells of a code");
    until(&browser, "the code is heard of", |found| {
        found.iter().any(|found| found.pair == Some(7538))
    });
    announcer
        .update(&closed)
        .expect("it tells that the code is closed");
    until(&browser, "the code is gone", |found| {
        found.iter().any(|found| found.pair.is_none())
    });
    // What the browser watches, so that nobody fills this machine's memory.
    let daemon = net.start().expect("mDNS");
    let _events = daemon.browse(SERVICE).expect("it listens");
    let end = Instant::now() + Duration::from_secs(60);
    while records(&daemon).expect("mDNS counts its records") < 4 {
        assert!(
            Instant::now() < end,
            "a pool has a PTR, SRV, TXT and A record"
        );
        thread::sleep(Duration::from_millis(50));
    }

    announcer.withdraw();
    until(&browser, "it is gone", <[Found]>::is_empty);
    assert!(!browser.left_out());
}

#[test]
fn each_step_is_tried_on_the_interface() {
    let works = check_in(own_net()).expect("loopback takes multicast");
    assert!(
        works
            .iter()
            .any(|interface| interface.address == IpAddr::from([127, 0, 0, 1]))
    );
}

#[test]
fn a_port_that_is_not_shared_is_named() {
    let taken = UdpSocket::bind(("0.0.0.0", 0)).expect("a socket");
    let port = taken.local_addr().expect("its address").port();
    let error = check_in(Net {
        port,
        loopback: true,
    });
    let error = error.expect_err("the port is taken").to_string();
    assert!(error.contains(&port.to_string()), "{error}");
}
