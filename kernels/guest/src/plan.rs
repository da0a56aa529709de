//! How a kernel divides a job, as it tells the pool.

use serde::Serialize;

/// The answer to `plan`: JSON on standard output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// How many tasks; absent where a split made them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Columns and rows, where task `i` belongs at column `i % columns`, row
    /// `i / columns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid: Option<[u64; 2]>,
    /// Media type of a result, where the parameters decide it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// One sentence for the person who waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Plan {
    /// Accepts the tasks that a split made.
    #[must_use]
    pub fn as_given() -> Self {
        Self::default()
    }

    /// `count` tasks, with nothing more to say about their places.
    #[must_use]
    pub fn tasks(count: u64) -> Self {
        Self {
            count: Some(count),
            ..Self::default()
        }
    }

    /// `columns` × `rows` tasks, row by row.
    #[must_use]
    pub fn grid(columns: u64, rows: u64) -> Self {
        Self {
            count: Some(columns.saturating_mul(rows)),
            grid: Some([columns, rows]),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn note(self, note: impl Into<String>) -> Self {
        Self {
            note: Some(note.into()),
            ..self
        }
    }

    #[must_use]
    pub fn result(self, media_type: impl Into<String>) -> Self {
        Self {
            result: Some(media_type.into()),
            ..self
        }
    }
}
