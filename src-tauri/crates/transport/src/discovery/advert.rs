//! What is told about a pool, as the TXT record says it (RFC 6763 §6).

use crate::pairing::{PoolId, shown};
use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};

/// The form of the record.
const VERSION: &str = "1";

/// A pool that tells of itself: the pairs `v`, `pool`, `name`, `port` and,
/// while a code or link lives, `pair`. The announcer adds `n`, which means
/// nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// Which pool. Anybody can say this.
    pub pool: PoolId,
    /// Its name for people; fit to be shown where it was heard.
    pub name: String,
    /// The UDP port of the pool's endpoint.
    pub port: u16,
    /// The UDP port of the pairing endpoint, while a code or link lives.
    pub pair: Option<u16>,
}

impl Advert {
    /// The pool's id as it is written in records: 26 characters of base32.
    pub(super) fn pool_text(&self) -> String {
        BASE32_NOPAD.encode(&self.pool.0).to_ascii_lowercase()
    }

    /// The record's pairs. Each fits in 255 bytes.
    pub(super) fn to_txt(&self) -> Vec<(&'static str, String)> {
        let mut txt = vec![
            ("v", VERSION.to_owned()),
            ("pool", self.pool_text()),
            ("name", shown(&self.name)),
            ("port", self.port.to_string()),
        ];
        txt.extend(self.pair.map(|port| ("pair", port.to_string())));
        txt
    }

    /// What a record says, by its keys; `None` where it is not one of ours.
    /// A pairing port that makes no sense is none; a pool without a name that
    /// can be shown is called by the beginning of its id.
    pub(super) fn from_txt<'a>(value: impl Fn(&str) -> Option<&'a [u8]>) -> Option<Advert> {
        let text = |key: &str| core::str::from_utf8(value(key)?).ok();
        if text("v") != Some(VERSION) {
            return None;
        }
        let pool = BASE32_NOPAD_NOCASE.decode(value("pool")?).ok()?;
        let mut advert = Advert {
            pool: PoolId(pool.try_into().ok()?),
            name: shown(text("name").unwrap_or_default()),
            port: port(text("port")?)?,
            pair: text("pair").and_then(port),
        };
        if advert.name.is_empty() {
            advert.name = advert.pool_text()[..6].to_owned();
        }
        Some(advert)
    }
}

fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}
