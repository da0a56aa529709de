//! The text format: turned into binary where the person is, so that nothing
//! but binary ever travels.

use bytes::Bytes;

use super::{
    card::{Refusal, RefuseCode},
    foreign::{Format, recognise},
    show,
};
use crate::limits::MODULE_BYTES_MAX;

/// Why text could not be turned into a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// It is not written as the text format is.
    #[error("the text format has an error in line {line}, column {column}: {problem}")]
    Malformed {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong, inert.
        problem: String,
    },
    /// The module that it stands for is too large.
    #[error(
        "the module has {bytes} bytes as binary, more than the {MODULE_BYTES_MAX} that Skep takes"
    )]
    TooLarge {
        /// Size of the binary.
        bytes: u64,
    },
}

impl From<TextError> for Refusal {
    fn from(error: TextError) -> Refusal {
        match &error {
            TextError::Malformed {
                line,
                column,
                problem,
            } => Refusal::new(
                RefuseCode::ModuleInvalid,
                format!("The text format has an error in line {line}, column {column}: {problem}."),
            ),
            TextError::TooLarge { bytes } => Refusal::new(
                RefuseCode::ModuleTooLarge,
                format!(
                    "The module has {} as binary; Skep takes up to {}.",
                    show::bytes(*bytes),
                    show::bytes(MODULE_BYTES_MAX)
                ),
            ),
        }
    }
}

/// The text format as binary; anything else unchanged.
pub fn to_binary(bytes: Bytes) -> Result<Bytes, TextError> {
    match recognise(&bytes) {
        Format::Text => encode(&bytes).map(Bytes::from),
        Format::Core | Format::Component | Format::Foreign(..) => Ok(bytes),
    }
}

pub(super) fn encode(bytes: &[u8]) -> Result<Vec<u8>, TextError> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let (line, column) = place(&bytes[..error.valid_up_to()]);
        TextError::Malformed {
            line,
            column,
            problem: "a character that is not UTF-8".into(),
        }
    })?;
    let binary = wat::parse_str(text).map_err(|error| malformed(&error.to_string()))?;
    match binary.len() as u64 {
        size if size > MODULE_BYTES_MAX => Err(TextError::TooLarge { bytes: size }),
        _ => Ok(binary),
    }
}

fn place(before: &[u8]) -> (usize, usize) {
    let text = String::from_utf8_lossy(before);
    let line = text.rsplit('\n').next().unwrap_or_default();
    (text.matches('\n').count() + 1, line.chars().count() + 1)
}

/// The parser tells line and column only in its rendered message:
/// `problem`, then `     --> <anon>:LINE:COLUMN`, then the line itself.
fn malformed(rendered: &str) -> TextError {
    let problem = rendered.lines().next().unwrap_or_default();
    let place = rendered
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("--> "))
        .and_then(|place| {
            let mut parts = place.rsplit(':');
            let column = parts.next()?.parse().ok()?;
            let line = parts.next()?.parse().ok()?;
            Some((line, column))
        });
    let (line, column) = place.unwrap_or((1, 1));
    TextError::Malformed {
        line,
        column,
        problem: show::name(problem),
    }
}
