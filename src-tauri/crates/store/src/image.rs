//! Everything that a coordinator needs to go on, as it was committed.

use crate::Digest;
use crate::reader::ReadError;
use crate::sqlite::{Meaning, meaning};
use crate::sum::{Sums, Table};
use bytes::Bytes;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

/// The rows of all jobs, each verified, but for the values of results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    pub meta: Vec<(String, i64)>,
    /// By number.
    pub jobs: Vec<JobRow>,
    /// By job and first task.
    pub leases: Vec<RangeRow>,
    /// By job and first task.
    pub histories: Vec<RangeRow>,
    /// Of jobs that have not ended: which tasks have a result, as sorted
    /// `(first, count)`.
    pub done: Vec<(u32, Vec<(u32, u32)>)>,
    /// How often each blob is referenced.
    pub blobs: Vec<(Digest, u64)>,
    pub machines: Vec<([u8; 16], Bytes)>,
    /// By key.
    pub registry: Vec<([u8; 17], Bytes)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    pub no: u32,
    pub id: [u8; 16],
    pub ended: bool,
    pub spec: Bytes,
    pub state: Bytes,
    pub wall_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeRow {
    pub no: u32,
    pub first: u32,
    pub count: u32,
    pub value: Bytes,
}

pub(crate) const JOBS: &str =
    "SELECT j.no, j.id, j.ended, j.wall_ms, j.sum, j.state, s.sum, s.value
     FROM job j LEFT JOIN spec s ON s.no = j.no ORDER BY j.no";
pub(crate) const JOB: &str = "SELECT j.no, j.id, j.ended, j.wall_ms, j.sum, j.state, s.sum, s.value
     FROM job j LEFT JOIN spec s ON s.no = j.no WHERE j.no = ?";
/// The upper half of `sum` stands for the range alone.
const DONE: &str = "SELECT group_concat((id & 4294967295) || ' ' || count || ' ' || ((sum >> 32) & 4294967295), ' ')
     FROM result WHERE id BETWEEN ? AND ?";

pub(crate) async fn load(
    connection: &mut SqliteConnection,
    sums: &Sums,
) -> Result<Image, ReadError> {
    let mut image = Image::default();
    for row in all(connection, "SELECT key, value, sum FROM meta").await? {
        let (key, value) = (get::<String>(&row, 0)?, get::<i64>(&row, 1)?);
        verify(sums.meta(&key, value), get(&row, 2)?, Table::Meta, || {
            key.clone()
        })?;
        image.meta.push((key, value));
    }
    for row in all(connection, JOBS).await? {
        image.jobs.push(job(&row, sums)?);
    }
    for row in all(
        connection,
        "SELECT id, count, sum, value FROM lease ORDER BY id",
    )
    .await?
    {
        image.leases.push(range(&row, sums, Table::Lease)?);
    }
    for row in all(
        connection,
        "SELECT id, count, sum, value FROM history ORDER BY id",
    )
    .await?
    {
        image.histories.push(range(&row, sums, Table::History)?);
    }
    for job in image.jobs.iter().filter(|job| !job.ended) {
        image
            .done
            .push((job.no, done(connection, sums, job.no).await?));
    }
    for row in all(connection, "SELECT digest, refs, sum FROM blob").await? {
        let digest = fixed(get(&row, 0)?, Table::Blob)?;
        let refs = unsigned(get(&row, 1)?, Table::Blob)?;
        verify(sums.blob(&digest, refs), get(&row, 2)?, Table::Blob, || {
            "a digest".to_owned()
        })?;
        image.blobs.push((digest, refs));
    }
    image.machines = machines(connection, sums).await?;
    for row in all(
        connection,
        "SELECT key, sum, value FROM registry ORDER BY key",
    )
    .await?
    {
        let key = fixed(get(&row, 0)?, Table::Registry)?;
        let value = get::<Vec<u8>>(&row, 2)?;
        let sum = sums.registry(&key, &value);
        verify(sum, get(&row, 1)?, Table::Registry, || "a key".to_owned())?;
        image.registry.push((key, value.into()));
    }
    Ok(image)
}

pub(crate) async fn machines(
    connection: &mut SqliteConnection,
    sums: &Sums,
) -> Result<Vec<([u8; 16], Bytes)>, ReadError> {
    let mut machines = Vec::new();
    for row in all(connection, "SELECT id, sum, value FROM machine").await? {
        let id = fixed(get(&row, 0)?, Table::Machine)?;
        let value = get::<Vec<u8>>(&row, 2)?;
        verify(
            sums.machine(&id, &value),
            get(&row, 1)?,
            Table::Machine,
            || "an id".to_owned(),
        )?;
        machines.push((id, value.into()));
    }
    Ok(machines)
}

/// Which tasks of a job have a result: one row, however many there are.
async fn done(
    connection: &mut SqliteConnection,
    sums: &Sums,
    no: u32,
) -> Result<Vec<(u32, u32)>, ReadError> {
    let (from, to) = keys(no);
    let row = sqlx::query(DONE)
        .bind(from)
        .bind(to)
        .fetch_one(connection)
        .await
        .map_err(read_error)?;
    let list = get::<Option<String>>(&row, 0)?.unwrap_or_default();
    let mut numbers = list
        .split_ascii_whitespace()
        .map(|number| number.parse::<u32>());
    let mut done = Vec::new();
    while let Some(first) = numbers.next() {
        let (Ok(first), Some(Ok(count)), Some(Ok(head))) = (first, numbers.next(), numbers.next())
        else {
            return Err(corrupt(Table::Result, format!("of job {no}")));
        };
        if sums.head(Table::Result, from | i64::from(first), count) != head {
            return Err(corrupt(Table::Result, format!("of job {no}, task {first}")));
        }
        done.push((first, count));
    }
    done.sort_unstable();
    Ok(done)
}

pub(crate) fn job(row: &SqliteRow, sums: &Sums) -> Result<JobRow, ReadError> {
    let no = unsigned(get(row, 0)?, Table::Job)?;
    let id = fixed(get(row, 1)?, Table::Job)?;
    let (ended, wall_ms) = (get::<i64>(row, 2)? != 0, get(row, 3)?);
    let state = get::<Vec<u8>>(row, 5)?;
    verify(
        sums.job(no, &id, ended, wall_ms, &state),
        get(row, 4)?,
        Table::Job,
        || no.to_string(),
    )?;
    let spec = get::<Option<Vec<u8>>>(row, 7)?
        .ok_or_else(|| corrupt(Table::Spec, format!("{no} is missing")))?;
    verify(sums.spec(no, &spec), get(row, 6)?, Table::Spec, || {
        no.to_string()
    })?;
    Ok(JobRow {
        no,
        id,
        ended,
        spec: spec.into(),
        state: state.into(),
        wall_ms,
    })
}

pub(crate) fn range(row: &SqliteRow, sums: &Sums, table: Table) -> Result<RangeRow, ReadError> {
    let (id, count) = (get::<i64>(row, 0)?, unsigned(get(row, 1)?, table)?);
    let value = get::<Vec<u8>>(row, 3)?;
    let (no, first) = ((id >> 32) as u32, id as u32);
    verify(
        sums.range(table, id, count, &value),
        get(row, 2)?,
        table,
        || format!("of job {no}, task {first}"),
    )?;
    Ok(RangeRow {
        no,
        first,
        count,
        value: value.into(),
    })
}

/// The first and the last key of a job's rows.
pub(crate) fn keys(no: u32) -> (i64, i64) {
    (crate::batch::key(no, 0), crate::batch::key(no, u32::MAX))
}

pub(crate) async fn all(
    connection: &mut SqliteConnection,
    sql: &'static str,
) -> Result<Vec<SqliteRow>, ReadError> {
    sqlx::query(sql)
        .fetch_all(connection)
        .await
        .map_err(read_error)
}

pub(crate) fn get<'r, T>(row: &'r SqliteRow, place: usize) -> Result<T, ReadError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(place).map_err(read_error)
}

pub(crate) fn verify(
    ours: i64,
    theirs: i64,
    table: Table,
    key: impl FnOnce() -> String,
) -> Result<(), ReadError> {
    if ours == theirs {
        Ok(())
    } else {
        Err(corrupt(table, key()))
    }
}

pub(crate) fn fixed<const N: usize>(bytes: Vec<u8>, table: Table) -> Result<[u8; N], ReadError> {
    bytes
        .try_into()
        .map_err(|_| corrupt(table, "of a wrong length".to_owned()))
}

pub(crate) fn unsigned<T: TryFrom<i64>>(number: i64, table: Table) -> Result<T, ReadError> {
    T::try_from(number).map_err(|_| corrupt(table, format!("{number} is out of range")))
}

pub(crate) fn read_error(error: sqlx::Error) -> ReadError {
    match meaning(&error) {
        Meaning::Damaged => ReadError::Damaged(error.to_string()),
        Meaning::Full | Meaning::ReadOnly | Meaning::Other => {
            ReadError::Database(error.to_string())
        }
    }
}

fn corrupt(table: Table, key: String) -> ReadError {
    ReadError::Corrupt {
        table: table.name(),
        key,
    }
}
