//! The link that lets a machine in: where the coordinator is, whom to believe,
//! and a token. It only pre-fills: who clicks on one is asked all the same.

use super::address::Address;
use super::names::Spki;
use super::secret::Secret;
use super::token::Token;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How every link begins.
pub const LINK_SCHEME: &str = "skep://join/";

/// The longest link, in bytes.
pub const LINK_BYTES_MAX: usize = 2048;

/// How many addresses a link or an admission carries.
pub const ADDRESSES_MAX: usize = 16;

/// The form of the bytes in a link.
const VERSION: u8 = 1;

/// One way in, as text: `skep://join/` and base64url. A text is either no link
/// or exactly what [`Link::text`] writes for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    addresses: Vec<Address>,
    ca: Spki,
    token: Token,
    expires_unix_s: u64,
}

/// Why something is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// Longer than [`LINK_BYTES_MAX`].
    #[error("a link has at most {LINK_BYTES_MAX} bytes, and this has {bytes}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It does not begin with [`LINK_SCHEME`].
    #[error("a link begins with {LINK_SCHEME}, and this does not")]
    Scheme,
    /// Characters that no link has: of control, white space, padding, others.
    #[error("this link has characters that no link has: copy it again, the whole of it")]
    Characters,
    /// Written by a program that is newer than this one.
    #[error(
        "this link has the form {found}, and this program knows form {VERSION}: update Skep here"
    )]
    Version {
        /// The form that it has.
        found: u8,
    },
    /// Cut short, or something else in between.
    #[error("this link is not whole: copy it again, from its first character to its last")]
    Content,
    /// No address, or more than [`ADDRESSES_MAX`].
    #[error("a link has 1 to {ADDRESSES_MAX} addresses, and this has {found}")]
    Addresses {
        /// How many it has.
        found: usize,
    },
    /// One of the addresses is none.
    #[error("an address in this link is none: ask for another link at the coordinator")]
    Address,
}

/// What follows the version's byte, by postcard.
#[derive(Serialize, Deserialize)]
struct Body {
    addresses: Vec<Address>,
    ca: Spki,
    token: [u8; 16],
    expires_unix_s: u64,
}

impl Link {
    /// A link to a coordinator at these addresses, whose pool's CA has this
    /// key. The expiry is for people: what counts is the coordinator's clock.
    pub fn new(
        addresses: Vec<Address>,
        ca: Spki,
        token: Token,
        expires_unix_s: u64,
    ) -> Result<Link, LinkError> {
        if addresses.is_empty() || addresses.len() > ADDRESSES_MAX {
            return Err(LinkError::Addresses {
                found: addresses.len(),
            });
        }
        if !addresses.iter().all(is_whole) {
            return Err(LinkError::Address);
        }
        let link = Link {
            addresses,
            ca,
            token,
            expires_unix_s,
        };
        let bytes = link.text().len();
        if bytes > LINK_BYTES_MAX {
            return Err(LinkError::TooLong { bytes });
        }
        Ok(link)
    }

    /// The link that this text is. Strict: nothing before it, nothing after
    /// it, not even white space.
    pub fn parse(text: &str) -> Result<Link, LinkError> {
        if text.len() > LINK_BYTES_MAX {
            return Err(LinkError::TooLong { bytes: text.len() });
        }
        let coded = text.strip_prefix(LINK_SCHEME).ok_or(LinkError::Scheme)?;
        let is_coded = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if !coded.bytes().all(is_coded) {
            return Err(LinkError::Characters);
        }
        let bytes = BASE64URL_NOPAD
            .decode(coded.as_bytes())
            .map_err(|_| LinkError::Content)?;
        let (version, body) = bytes.split_first().ok_or(LinkError::Content)?;
        if *version != VERSION {
            return Err(LinkError::Version { found: *version });
        }
        let (body, rest) =
            postcard::take_from_bytes::<Body>(body).map_err(|_| LinkError::Content)?;
        if !rest.is_empty() {
            return Err(LinkError::Content);
        }
        let Body {
            addresses,
            ca,
            token,
            expires_unix_s,
        } = body;
        let link = Link::new(addresses, ca, Token(Secret(token)), expires_unix_s)?;
        // A number can be written with more bytes than it needs; a link that
        // means another's must not look different.
        if link.text() != text {
            return Err(LinkError::Content);
        }
        Ok(link)
    }

    /// For the coordinator's screen, and for no log.
    pub fn text(&self) -> String {
        let body = Body {
            addresses: self.addresses.clone(),
            ca: self.ca,
            token: self.token.0.0,
            expires_unix_s: self.expires_unix_s,
        };
        let bytes = postcard::to_extend(&body, vec![VERSION]).expect("these types have a form");
        let mut text = LINK_SCHEME.to_owned();
        BASE64URL_NOPAD.encode_append(&bytes, &mut text);
        text
    }

    /// Where to try, best first.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The key of the pool's CA, to be found in the chain before anything is
    /// sent.
    pub fn ca(&self) -> Spki {
        self.ca
    }

    /// What lets in.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// When it ends, in seconds since 1970; told to people only.
    pub fn expires_unix_s(&self) -> u64 {
        self.expires_unix_s
    }
}

/// Whether an address is one that somebody could have typed: what arrives in
/// bytes was looked at by nobody.
pub(super) fn is_whole(address: &Address) -> bool {
    Address::parse(&address.to_string(), 1).as_ref() == Ok(address)
}
