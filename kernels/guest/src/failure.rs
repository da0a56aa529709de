//! Why a kernel did not do what it was asked, and whether asking elsewhere helps.

use std::fmt::{self, Display};

/// A sentence for people. Any error becomes [`Failure::Wrong`] with `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The same bytes would fail again.
    Wrong(String),
    /// Another machine may do better: the task is tried again there.
    Elsewhere(String),
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Wrong(sentence) | Failure::Elsewhere(sentence) => f.write_str(sentence),
        }
    }
}

// `Failure` is not itself an `Error`, or this would overlap with `From<T> for T`.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Wrong(error.to_string())
    }
}
