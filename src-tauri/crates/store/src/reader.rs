//! Reading what was committed, over a few read-only connections.

use crate::Digest;
use crate::image::{
    self, Image, JobRow, all, fixed, get, keys, range, read_error, unsigned, verify,
};
use crate::layout::Layout;
use crate::sum::{Sums, Table};
use bytes::Bytes;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqlitePool};
use std::sync::Arc;

/// Answers from the database as it was last committed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reader {
    pool: SqlitePool,
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sums: Sums,
    pub(crate) layout: Layout,
}

/// Results of tasks `first..first + count`, as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRow {
    pub first: u32,
    pub count: u32,
    pub value: Bytes,
}

/// A name for a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRow {
    pub name: String,
    pub digest: Digest,
    pub bytes: u64,
    pub wall_ms: i64,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The row is not what was written; the database around it seems sound.
    #[error("a stored row is damaged (table {table}: {key})")]
    Corrupt { table: &'static str, key: String },
    #[error("the database is damaged: {0}")]
    Damaged(String),
    #[error("cannot read the database: {0}")]
    Database(String),
}

const RESULTS_FROM: &str = "SELECT id, length(value) FROM result
     WHERE id >= coalesce((SELECT max(id) FROM result WHERE id BETWEEN ?1 AND ?2), ?2) AND id <= ?3
     ORDER BY id LIMIT ?4";
const RESULTS: &str =
    "SELECT id, count, sum, value FROM result WHERE id BETWEEN ? AND ? ORDER BY id";
const NAMES: &str = "SELECT name, digest, bytes, wall_ms, sum FROM name ORDER BY name";
const NAME: &str = "SELECT name, digest, bytes, wall_ms, sum FROM name WHERE name = ?";

impl Reader {
    pub(crate) fn new(pool: SqlitePool, shared: Shared) -> Reader {
        Reader {
            pool,
            shared: Arc::new(shared),
        }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.shared.layout
    }

    pub(crate) async fn connection(&self) -> Result<PoolConnection<Sqlite>, ReadError> {
        self.pool.acquire().await.map_err(read_error)
    }

    /// Everything that a coordinator needs to go on.
    pub async fn restore(&self) -> Result<Image, ReadError> {
        image::load(&mut *self.connection().await?, &self.shared.sums).await
    }

    /// The job's results from task `from` on, in order; beginning with the row
    /// that covers `from`, where one does. At most `limit_rows`, and no more
    /// once `limit_bytes` of values are reached; at least one if there is one.
    pub async fn results(
        &self,
        no: u32,
        from: u32,
        limit_rows: u32,
        limit_bytes: u64,
    ) -> Result<Vec<ResultRow>, ReadError> {
        let mut connection = self.connection().await?;
        let ((first, last), from_key) = (keys(no), crate::batch::key(no, from));
        let found = sqlx::query(RESULTS_FROM)
            .bind(first)
            .bind(from_key)
            .bind(last)
            // One more: the row before `from` may end before it.
            .bind(i64::from(limit_rows) + 1)
            .fetch_all(&mut *connection)
            .await
            .map_err(read_error)?;
        let mut span: Option<(i64, i64)> = None;
        let mut bytes = 0;
        for row in &found {
            let id = get::<i64>(row, 0)?;
            span = Some((span.map_or(id, |(first, _)| first), id));
            // A row that begins before `from` may drop out, so it does not count.
            if id >= from_key {
                bytes += get::<i64>(row, 1)?.unsigned_abs();
                if bytes >= limit_bytes {
                    break;
                }
            }
        }
        let Some((first, last)) = span else {
            return Ok(Vec::new());
        };
        let rows = sqlx::query(RESULTS)
            .bind(first)
            .bind(last)
            .fetch_all(&mut *connection)
            .await
            .map_err(read_error)?;
        let mut results = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = range(row, &self.shared.sums, Table::Result)?;
            let covers = u64::from(row.first) + u64::from(row.count) > u64::from(from);
            if covers && results.len() < limit_rows as usize {
                results.push(ResultRow {
                    first: row.first,
                    count: row.count,
                    value: row.value,
                });
            }
        }
        Ok(results)
    }

    /// The row that holds the result of one task.
    pub async fn result_of(&self, no: u32, index: u32) -> Result<Option<ResultRow>, ReadError> {
        let row = self.results(no, index, 1, 0).await?.into_iter().next();
        Ok(row.filter(|row| row.first <= index))
    }

    /// All jobs, by number.
    pub async fn jobs(&self) -> Result<Vec<JobRow>, ReadError> {
        let rows = all(&mut *self.connection().await?, image::JOBS).await?;
        rows.iter()
            .map(|row| image::job(row, &self.shared.sums))
            .collect()
    }

    pub async fn job(&self, no: u32) -> Result<Option<JobRow>, ReadError> {
        let row = sqlx::query(image::JOB)
            .bind(no)
            .fetch_optional(&mut *self.connection().await?)
            .await;
        row.map_err(read_error)?
            .map(|row| image::job(&row, &self.shared.sums))
            .transpose()
    }

    /// All names, sorted.
    pub async fn names(&self) -> Result<Vec<NameRow>, ReadError> {
        let rows = all(&mut *self.connection().await?, NAMES).await?;
        rows.iter().map(|row| self.name_row(row)).collect()
    }

    pub async fn name(&self, name: &str) -> Result<Option<NameRow>, ReadError> {
        let row = sqlx::query(NAME)
            .bind(name)
            .fetch_optional(&mut *self.connection().await?)
            .await;
        row.map_err(read_error)?
            .map(|row| self.name_row(&row))
            .transpose()
    }

    pub async fn machines(&self) -> Result<Vec<([u8; 16], Bytes)>, ReadError> {
        image::machines(&mut *self.connection().await?, &self.shared.sums).await
    }

    /// Closes the connections of this reader and of all its clones.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    fn name_row(&self, row: &sqlx::sqlite::SqliteRow) -> Result<NameRow, ReadError> {
        let (name, wall_ms) = (get::<String>(row, 0)?, get(row, 3)?);
        let digest = fixed(get(row, 1)?, Table::Name)?;
        let bytes = unsigned(get(row, 2)?, Table::Name)?;
        verify(
            self.shared.sums.name(&name, &digest, bytes, wall_ms),
            get(row, 4)?,
            Table::Name,
            || name.clone(),
        )?;
        Ok(NameRow {
            name,
            digest,
            bytes,
            wall_ms,
        })
    }
}
