//! Makes batches of tasks: what each of them gets to read and to know.

use super::supply::{Loaded, Source, Supply};
use crate::limits::{CALLS_PER_BATCH, PIECES_READ_BYTES};
use crate::pieces::Slice;
use crate::run::{InFile, Input, Item};
use bytes::Bytes;
use pool::message::Chunk;
use pool::report::Outcome;
use sandbox::limits::BATCH_PROGRAMS_MAX;
use sandbox::{Batch, Entry, Program, RangeArg, Stdin, Task};
use std::io;
use std::sync::Arc;

/// Files up to here are read into memory rather than opened one by one by the
/// sandbox, in bytes.
const SMALL_FILE_BYTES: u64 = 64 << 10;

/// How many tasks a batch that begins at `first` has.
pub(super) fn size(loaded: &Loaded, chunk: &Chunk, first: u32) -> u32 {
    let left = chunk.first + chunk.count - first;
    match (&loaded.profile().entry, &loaded.run.input) {
        (Entry::Function { .. }, Input::Range { .. }) => left.min(CALLS_PER_BATCH),
        // Their values differ in no regular way: one call at a time.
        (Entry::Function { .. }, _) => left.min(1),
        (Entry::Command | Entry::Bytes | Entry::Kernel, _) => {
            left.min(u32::try_from(BATCH_PROGRAMS_MAX).unwrap_or(u32::MAX))
        }
    }
}

/// What all tasks of a chunk share.
pub(super) fn shared(loaded: &Loaded, chunk: &Chunk) -> Arc<Program> {
    Arc::new(if loaded.is_fold() {
        loaded.run.bare("fold")
    } else {
        loaded
            .run
            .shared(chunk.job, loaded.spec.count, chunk.attempt)
    })
}

/// Tasks `first..first + count`.
///
/// # Errors
/// How the first of them ends without having run.
pub(super) async fn batch(
    supply: &Supply,
    loaded: &Loaded,
    shared: &Arc<Program>,
    first: u32,
    count: u32,
) -> Result<Batch, Outcome> {
    let caps = loaded.caps.clone();
    if let Entry::Function { .. } = loaded.profile().entry {
        let mut args = loaded.run.arguments.clone();
        let range = match &loaded.run.input {
            Input::Range { start, step } => Some(RangeArg {
                start: narrow(*start)?,
                step: narrow(*step)?,
            }),
            Input::Items { .. } | Input::Lines { .. } | Input::Files { .. } => {
                let piece = pieces(loaded, first, 1).await?;
                let text = piece
                    .first()
                    .and_then(|(piece, _)| loaded.run.input.item(piece).text)
                    .unwrap_or_default();
                // Each was tried before the job was accepted.
                args.extend(
                    loaded
                        .run
                        .last_argument
                        .and_then(|number| number.parse(&text)),
                );
                None
            }
            Input::Once { .. } | Input::Counted | Input::Sweep { .. } => None,
        };
        return Ok(Batch::Calls {
            caps,
            args,
            range,
            first_index: u64::from(first),
            count,
        });
    }
    Ok(Batch::Programs {
        caps,
        shared: shared.clone(),
        tasks: tasks(supply, loaded, first, count).await?,
    })
}

async fn tasks(
    supply: &Supply,
    loaded: &Loaded,
    first: u32,
    count: u32,
) -> Result<Vec<Task>, Outcome> {
    let run = &loaded.run;
    match &loaded.source {
        Source::Whole { file, bytes, fold } => {
            let file = file.try_clone().map_err(|error| refused(&error))?;
            let stdin = Stdin::File {
                file,
                offset: 0,
                len: *bytes,
            };
            let mut task = task(loaded, first, &Item::default(), stdin);
            if *fold {
                task.env.clear();
            }
            Ok(vec![task])
        }
        Source::Nothing => Ok((first..first + count)
            .map(|index| {
                let item = run.input.item_at(index);
                task(loaded, index, &item, Stdin::Bytes(Bytes::new()))
            })
            .collect()),
        Source::Pieces(_) => {
            let mut tasks = Vec::with_capacity(count as usize);
            for (index, (piece, stdin)) in (first..).zip(pieces(loaded, first, count).await?) {
                let item = run.input.item(&piece);
                if !matches!(run.input, Input::Files { .. }) {
                    tasks.push(task(loaded, index, &item, stdin));
                    continue;
                }
                let file: InFile = postcard::from_bytes(&piece).map_err(|error| refused(&error))?;
                let mut task = task(loaded, index, &item, content(supply, &file).await?);
                if run.names_file() {
                    let path = supply.path(file.blob.digest).await?;
                    task.files.get_or_insert_default().push((file.name, path));
                }
                tasks.push(task);
            }
            Ok(tasks)
        }
    }
}

fn task(loaded: &Loaded, index: u32, item: &Item, stdin: Stdin) -> Task {
    let run = &loaded.run;
    Task {
        index: u64::from(index),
        argv: run
            .varies()
            .then(|| run.argv(index, loaded.spec.count, item)),
        env: run.env(index, item),
        stdin,
        files: loaded.profile().scratch.then(|| loaded.files.clone()),
    }
}

/// Pieces in memory, and as standard input. A piece too large for memory has
/// no bytes here: as text it would not fit an argument.
async fn pieces(loaded: &Loaded, first: u32, count: u32) -> Result<Vec<(Bytes, Stdin)>, Outcome> {
    let Source::Pieces(pieces) = &loaded.source else {
        return Ok(Vec::new());
    };
    let slice = pieces
        .slice(u64::from(first), u64::from(count))
        .map_err(|error| refused(&error))?;
    if slice.bytes() > PIECES_READ_BYTES {
        return (0..count as usize)
            .map(|at| single(&slice, at).map_err(|error| refused(&error)))
            .collect();
    }
    let read = move || slice.read();
    let read = tokio::task::spawn_blocking(read)
        .await
        .map_err(io::Error::other)
        .and_then(|read| read);
    Ok(read
        .map_err(|error| refused(&error))?
        .into_iter()
        .map(|piece| (piece.clone(), Stdin::Bytes(piece)))
        .collect())
}

/// One of several large pieces.
fn single(slice: &Slice, at: usize) -> io::Result<(Bytes, Stdin)> {
    let (offset, len) = slice.place(at);
    if len <= SMALL_FILE_BYTES {
        let piece = slice.read_one(at)?;
        return Ok((piece.clone(), Stdin::Bytes(piece)));
    }
    Ok((
        Bytes::new(),
        Stdin::File {
            file: slice.file().try_clone()?,
            offset,
            len,
        },
    ))
}

/// The content of a file split's file.
async fn content(supply: &Supply, file: &InFile) -> Result<Stdin, Outcome> {
    if file.blob.bytes == 0 {
        return Ok(Stdin::Bytes(Bytes::new()));
    }
    let (file, len) = supply.open(file.blob.digest).await?;
    Ok(Stdin::File {
        file,
        offset: 0,
        len,
    })
}

fn narrow(number: i128) -> Result<i64, Outcome> {
    i64::try_from(number).map_err(|error| refused(&error))
}

fn refused(error: &dyn std::fmt::Display) -> Outcome {
    Outcome::Refused {
        why: format!("the task's input could not be read: {error}"),
    }
}
