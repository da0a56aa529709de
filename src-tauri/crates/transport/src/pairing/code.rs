//! The code that a person reads from one screen and types at another.

use super::secret::Secret;
use thiserror::Error;

/// Crockford's base32: no I, L, O (they look like 1 and 0) and no U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many characters a code has; five bits each.
pub const CODE_CHARS: usize = 8;

/// 40 random bits that are worth ten minutes, five attempts and one machine.
/// Too few to be hashed or sent, enough for SPAKE2, where each guess costs an
/// attempt.
///
/// ```
/// use transport::pairing::Code;
///
/// let code = Code::new([0x9f, 0x2c, 0x51, 0x04, 0xe7]);
/// assert_eq!(code.text(), "KWP5-2177");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code(Secret<5>);

/// Why a text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CodeError {
    /// More or fewer characters than [`CODE_CHARS`], spaces and dashes apart.
    #[error("a code has {CODE_CHARS} characters, like K7QM-2XRT, and this has {found}")]
    Length {
        /// How many there are; counting ends at 1,000.
        found: usize,
    },
    /// A character that no code has.
    #[error("a code has letters and digits only, without U, and this has {}", found.escape_debug())]
    Character {
        /// The first of them.
        found: char,
    },
}

impl Code {
    /// The code of these random bytes.
    pub fn new(random: [u8; 5]) -> Code {
        Code(Secret(random))
    }

    /// The code that this text means: in capitals or not, with O for 0 and I
    /// or L for 1, and with spaces and dashes anywhere.
    pub fn parse(text: &str) -> Result<Code, CodeError> {
        let mut bits = 0_u64;
        let mut found = 0;
        for c in text.chars().filter(|c| !is_gap(*c)).take(1_000) {
            let five = value(c).ok_or(CodeError::Character { found: c })?;
            bits = (bits << 5) | five;
            found += 1;
        }
        if found != CODE_CHARS {
            return Err(CodeError::Length { found });
        }
        let mut bytes = [0; 5];
        bytes.copy_from_slice(&bits.to_be_bytes()[3..]);
        Ok(Code::new(bytes))
    }

    /// For the coordinator's screen, and for no log: `XXXX-XXXX`.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(CODE_CHARS + 1);
        for (nth, c) in self.symbols().into_iter().enumerate() {
            if nth == CODE_CHARS / 2 {
                text.push('-');
            }
            text.push(char::from(c));
        }
        text
    }

    /// The eight characters, which are SPAKE2's password.
    pub(super) fn symbols(&self) -> [u8; CODE_CHARS] {
        let mut padded = [0; 8];
        padded[3..].copy_from_slice(&self.0.0);
        let bits = u64::from_be_bytes(padded);
        core::array::from_fn(|nth| {
            let five = (bits >> (5 * (CODE_CHARS - 1 - nth))) & 31;
            ALPHABET[usize::try_from(five).unwrap_or_default()]
        })
    }
}

fn value(c: char) -> Option<u64> {
    let c = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    };
    let at = ALPHABET.iter().position(|symbol| char::from(*symbol) == c);
    at.and_then(|at| u64::try_from(at).ok())
}

/// What people and phones put between the halves: white space and dashes of
/// any length.
fn is_gap(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}
