//! Cutting an input into tasks, before anything is accepted.

use super::request::{check_guest_path, too_long};
use super::{gone, sweep};
use crate::limits::{IN_BYTES_MAX, ITEM_ENV_BYTES_MAX, SPLIT_BYTES_MAX, STDIN_BYTES_MAX};
use crate::modules;
use crate::pieces::{self, PiecesWriter};
use crate::run::{Blob, InFile, Input, Number};
use crate::template::{Placeholder, Template};
use api::{Error, ErrorCode, InputFile, Split, Submit};
use bytes::Bytes;
use pool::Digest;
use pool::limits::TASKS_PER_JOB_MAX;
use sandbox::Entry;
use serde_json::value::RawValue;
use std::num::NonZeroUsize;
use store::Blobs;

/// An input, cut.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) input: Input,
    pub(super) count: u32,
    /// The blob of pieces, to be kept.
    pub(super) pieces: Option<(Digest, Bytes)>,
    /// Other blobs that the tasks read.
    pub(super) inputs: Vec<Digest>,
}

/// Cuts the input that a submit names. A kernel that counts its own tasks has
/// none until its plan was run.
pub(super) async fn cut(
    submit: &Submit,
    entry: &Entry,
    argv: &[Template],
    blobs: &Blobs,
) -> Result<Cut, Error> {
    match &submit.split {
        Split::Once => {
            let stdin = match &submit.stdin {
                None => None,
                Some(blob) => {
                    let blob = measure(blob, blobs).await?;
                    check_stdin("the standard input", blob.bytes)?;
                    Some(blob)
                }
            };
            let inputs = stdin.iter().map(|blob| blob.digest).collect();
            Ok(Cut {
                input: Input::Once { stdin },
                count: 1,
                pieces: None,
                inputs,
            })
        }
        Split::Range { start, end, step } => {
            let Range { start, step, count } = range(start, end, step)?;
            Ok(Cut {
                input: Input::Range { start, step },
                count,
                pieces: None,
                inputs: Vec::new(),
            })
        }
        Split::Items { blob } => {
            of_pieces(blob, blobs, items, |pieces| Input::Items { pieces }).await
        }
        Split::Lines { blob, per_task } => {
            let per_task = NonZeroUsize::new(*per_task as usize)
                .ok_or_else(|| Error::new(ErrorCode::BadSplit, "a task needs at least one line"))?;
            let cut = move |text: &[u8]| lines(text, per_task);
            of_pieces(blob, blobs, cut, |pieces| Input::Lines { pieces }).await
        }
        Split::Files { files } => {
            let beside = argv
                .iter()
                .flat_map(Template::placeholders)
                .any(|p| *p == Placeholder::File);
            self::files(files, beside || *entry == Entry::Bytes, blobs).await
        }
        Split::Sweep { parameters } => sweep::cut(parameters, entry),
    }
}

impl Cut {
    /// Every value is a number that the function takes.
    pub(super) fn check_numbers(&self, number: Number, name: &str) -> Result<(), Error> {
        self.each(|index, piece| {
            let text = self.input.item(piece).text.unwrap_or_default();
            match number.parse(&text) {
                Some(_) => Ok(()),
                None => Err(Error::new(
                    ErrorCode::WrongArguments,
                    format!(
                        "{} is no {name}: {:?}",
                        place(&self.input, index),
                        &text[..text.floor_char_boundary(60)]
                    ),
                )),
            }
        })
    }

    /// Every value fits into what is left for a task's arguments and
    /// environment, `uses` times as an argument.
    pub(super) fn check_items(&self, uses: usize, left: usize) -> Result<(), Error> {
        let files = matches!(self.input, Input::Files { .. });
        self.each(|index, piece| {
            let item = self.input.item(piece);
            let length =
                item.text.as_ref().map_or(0, String::len) + if files { "/in/".len() } else { 0 };
            let in_env = if length <= ITEM_ENV_BYTES_MAX {
                length
            } else {
                0
            };
            if uses * length + in_env > left {
                return Err(too_long(
                    &format!("the arguments of {}", place(&self.input, index)),
                    uses * length + in_env,
                ));
            }
            let is_word = item.text.as_ref().is_some_and(|text| !text.contains('\0'));
            if uses > 0 && !is_word {
                return Err(Error::new(
                    ErrorCode::BadSplit,
                    format!(
                        "{} is no text, so it cannot be an argument",
                        place(&self.input, index)
                    ),
                )
                .hint(
                    "leave {item} and {line} out: the program reads it from its standard input",
                ));
            }
            Ok(())
        })
    }

    fn each(&self, mut check: impl FnMut(usize, &[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let Some((_, bytes)) = &self.pieces else {
            return Ok(());
        };
        for (index, piece) in pieces::read(bytes).enumerate() {
            check(index, piece)?;
        }
        Ok(())
    }
}

pub(super) fn check_in_bytes(bytes: u64) -> Result<(), Error> {
    if bytes <= IN_BYTES_MAX {
        return Ok(());
    }
    let message =
        format!("the files under /in have {bytes} bytes together; a task may have {IN_BYTES_MAX}");
    Err(Error::new(ErrorCode::InputTooLarge, message)
        .hint("give each task the part it needs: --each-file"))
}

async fn of_pieces(
    blob: &str,
    blobs: &Blobs,
    cut: impl FnOnce(&[u8]) -> Result<PiecesWriter, Error> + Send + 'static,
    input: impl FnOnce(Digest) -> Input,
) -> Result<Cut, Error> {
    let blob = measure(blob, blobs).await?;
    if blob.bytes > SPLIT_BYTES_MAX {
        let message = format!(
            "the input has {} bytes; one that is split may have {SPLIT_BYTES_MAX}",
            blob.bytes
        );
        return Err(Error::new(ErrorCode::InputTooLarge, message)
            .hint("split it into files and use --each-file"));
    }
    let bytes = blobs
        .get(&blob.digest.0)
        .await
        .map_err(|error| gone(&error))?;
    let cut = tokio::task::spawn_blocking(move || {
        let pieces = cut(&bytes)?;
        let count = tasks(pieces.count() as u128)?;
        let bytes = pieces.finish();
        Ok::<_, Error>((count, Digest(*blake3::hash(&bytes).as_bytes()), bytes))
    });
    let (count, digest, bytes) = cut
        .await
        .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))??;
    Ok(Cut {
        input: input(digest),
        count,
        pieces: Some((digest, bytes)),
        inputs: Vec::new(),
    })
}

async fn files(files: &[InputFile], beside: bool, blobs: &Blobs) -> Result<Cut, Error> {
    let mut pieces = PiecesWriter::default();
    let mut inputs = Vec::with_capacity(files.len());
    for file in files {
        check_guest_path(&file.name)?;
        let blob = measure(&file.blob, blobs).await?;
        // A program that names the file may read it there, and leave its input alone.
        if beside {
            check_in_bytes(blob.bytes)?;
        } else {
            check_stdin(&file.name, blob.bytes)?;
        }
        inputs.push(blob.digest);
        let file = InFile {
            name: file.name.clone(),
            blob,
        };
        pieces.push(
            &postcard::to_allocvec(&file)
                .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?,
        );
    }
    let count = tasks(pieces.count() as u128)?;
    let bytes = pieces.finish();
    let digest = Digest(*blake3::hash(&bytes).as_bytes());
    Ok(Cut {
        input: Input::Files { pieces: digest },
        count,
        pieces: Some((digest, bytes)),
        inputs,
    })
}

async fn measure(blob: &str, blobs: &Blobs) -> Result<Blob, Error> {
    let digest = modules::digest(blob)?;
    let bytes = blobs.length(&digest.0).map_err(|error| gone(&error))?;
    Ok(Blob { digest, bytes })
}

fn check_stdin(what: &str, bytes: u64) -> Result<(), Error> {
    if bytes > STDIN_BYTES_MAX {
        Err(stdin_too_large(what, bytes))
    } else {
        Ok(())
    }
}

/// A range of numbers: how many, where from and how far apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: i128,
    pub(crate) step: i128,
    pub(crate) count: u32,
}

/// # Errors
/// [`ErrorCode::BadRange`] where it is not one that ends, or leaves 64 bits;
/// [`ErrorCode::TooManyTasks`].
pub(crate) fn range(start: &str, end: &str, step: &str) -> Result<Range, Error> {
    let [from, to, by] = [number(start)?, number(end)?, number(step)?];
    let written = if by == 1 {
        format!("{from}..{to}")
    } else {
        format!("{from}..{to}..{by}")
    };
    if by == 0 {
        return Err(Error::new(
            ErrorCode::BadRange,
            format!("the range {written} never ends: its step is 0"),
        ));
    }
    let span = to - from;
    if span != 0 && (span > 0) != (by > 0) {
        let way = if by > 0 { "up" } else { "down" };
        return Err(Error::new(
            ErrorCode::BadRange,
            format!("the range {written} counts {way} and never ends"),
        )
        .hint(format!("write {from}..{to}..{}", -by)));
    }
    let count = span.unsigned_abs().div_ceil(by.unsigned_abs());
    Ok(Range {
        start: from,
        step: by,
        count: tasks(count)?,
    })
}

/// A task for each `per_task` lines: without the LF or CRLF at its end, empty
/// ones too; a final newline makes no extra one.
pub(crate) fn lines(text: &[u8], per_task: NonZeroUsize) -> Result<PiecesWriter, Error> {
    let mut pieces = PiecesWriter::default();
    let text = text
        .strip_suffix(b"\n")
        .map_or((text, text.is_empty()), |rest| (rest, false));
    if text.1 {
        return Ok(pieces);
    }
    let per_task = per_task.get();
    let mut seen = 0;
    let ends_a_task = |byte: &u8| {
        seen += usize::from(*byte == b'\n');
        *byte == b'\n' && seen % per_task == 0
    };
    for lines in text.0.split(ends_a_task) {
        push(&mut pieces, lines.strip_suffix(b"\r").unwrap_or(lines))?;
    }
    Ok(pieces)
}

/// A task an element of a JSON array, each as it was written.
pub(crate) fn items(json: &[u8]) -> Result<PiecesWriter, Error> {
    let bad = |why: String| {
        Error::new(
            ErrorCode::BadSplit,
            format!("the items are not a JSON array: {why}"),
        )
        .hint("give a file like [1, 2, 3] or [{\"name\": \"a\"}, {\"name\": \"b\"}]")
    };
    let text = std::str::from_utf8(json).map_err(|error| bad(error.to_string()))?;
    let items: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
    let mut pieces = PiecesWriter::default();
    for item in items {
        push(&mut pieces, item.get().as_bytes())?;
    }
    Ok(pieces)
}

/// A count of tasks that one job may have.
pub(crate) fn tasks(count: u128) -> Result<u32, Error> {
    u32::try_from(count)
        .ok()
        .filter(|count| *count <= TASKS_PER_JOB_MAX)
        .ok_or_else(|| {
            Error::new(
                ErrorCode::TooManyTasks,
                format!(
                    "{count} tasks are more than one job may have, which is {TASKS_PER_JOB_MAX}"
                ),
            )
            .hint("let each task do more, or make several jobs")
        })
}

/// Names of the tasks' values for an error: `line 3`, `item 3`; counted as
/// people count.
pub(crate) fn place(input: &Input, index: usize) -> String {
    let word = match input {
        Input::Lines { .. } => "line",
        Input::Items { .. } => "item",
        Input::Files { .. } => "file",
        Input::Once { .. } | Input::Counted | Input::Range { .. } | Input::Sweep { .. } => "task",
    };
    format!("{word} {}", index + 1)
}

fn push(pieces: &mut PiecesWriter, piece: &[u8]) -> Result<(), Error> {
    if piece.len() as u64 > STDIN_BYTES_MAX {
        return Err(stdin_too_large(
            &format!("piece {}", pieces.count() + 1),
            piece.len() as u64,
        ));
    }
    tasks(pieces.count() as u128 + 1)?;
    pieces.push(piece);
    Ok(())
}

pub(crate) fn stdin_too_large(what: &str, bytes: u64) -> Error {
    Error::new(
        ErrorCode::InputTooLarge,
        format!("{what} has {bytes} bytes; a standard input may have {STDIN_BYTES_MAX}"),
    )
    .hint(format!(
        "give it as a file with --in: files below /in may have {IN_BYTES_MAX} bytes together"
    ))
}

fn number(text: &str) -> Result<i128, Error> {
    let bad = |why: &str| {
        Error::new(ErrorCode::BadRange, format!("{text:?} in the range {why}"))
            .hint("write A..B or A..B..STEP with whole numbers; B itself is not in it")
    };
    let number: i128 = text
        .trim()
        .parse()
        .map_err(|_| bad("is not a whole number"))?;
    if number < i128::from(i64::MIN) || number > i128::from(u64::MAX) {
        return Err(bad("does not fit in 64 bits"));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::{Range, items, lines, range};
    use crate::pieces::PiecesWriter;
    use api::ErrorCode;
    use std::num::NonZeroUsize;

    fn pieces(writer: PiecesWriter) -> Vec<Vec<u8>> {
        crate::pieces::read(&writer.finish())
            .map(<[u8]>::to_vec)
            .collect()
    }

    #[test]
    fn ranges() {
        for (start, end, step, expected) in [
            ("0", "10", "1", Ok((0, 1, 10))),
            ("0", "10", "3", Ok((0, 3, 4))),
            ("5", "5", "1", Ok((5, 1, 0))),
            ("5", "-5", "-5", Ok((5, -5, 2))),
            (
                "18446744073709551614",
                "18446744073709551615",
                "1",
                Ok((18_446_744_073_709_551_614, 1, 1)),
            ),
            ("0", "1", "0", Err(ErrorCode::BadRange)),
            ("5", "1", "1", Err(ErrorCode::BadRange)),
            ("1", "5", "-1", Err(ErrorCode::BadRange)),
            ("a", "5", "1", Err(ErrorCode::BadRange)),
            ("0", "99999999999999999999", "1", Err(ErrorCode::BadRange)),
            (
                "-9223372036854775808",
                "18446744073709551615",
                "1",
                Err(ErrorCode::TooManyTasks),
            ),
        ] {
            let got = range(start, end, step).map_err(|error| error.code);
            let expected = expected.map(|(start, step, count)| Range { start, step, count });
            assert_eq!(got, expected, "{start}..{end}..{step}");
        }
    }

    #[test]
    fn lines_end_as_editors_end_them() {
        for (text, expected) in [
            (&b""[..], &[][..]),
            (b"\n", &[&b""[..]]),
            (b"a", &[b"a"]),
            (b"a\n", &[b"a"]),
            (b"a\r\nb\r\n", &[b"a", b"b"]),
            (b"a\n\nb", &[b"a", b"", b"b"]),
            (b"a\n\n", &[b"a", b""]),
        ] {
            let one = NonZeroUsize::MIN;
            assert_eq!(pieces(lines(text, one).unwrap()), expected, "{text:?}");
        }
    }

    #[test]
    fn several_lines_make_a_task_and_the_last_takes_what_is_left() {
        let two = NonZeroUsize::new(2).unwrap();
        for (text, expected) in [
            (&b"a\nb\nc\n"[..], &[&b"a\nb"[..], b"c"][..]),
            (b"a\r\nb\r\nc\r\nd", &[b"a\r\nb", b"c\r\nd"]),
            (b"a\n\n\n", &[b"a\n", b""]),
            (b"a", &[b"a"]),
        ] {
            assert_eq!(pieces(lines(text, two).unwrap()), expected, "{text:?}");
        }
    }

    #[test]
    fn items_are_kept_as_they_were_written() {
        let cut = items(br#" [1, "a", {"x" : [2]}, 1.50, null] "#).unwrap();
        assert_eq!(
            pieces(cut),
            [&b"1"[..], b"\"a\"", br#"{"x" : [2]}"#, b"1.50", b"null"]
        );
        assert!(pieces(items(b"[]").unwrap()).is_empty());
        for bad in [&b"{}"[..], b"[1,", b"", b"\xff", b"[1] 2"] {
            assert_eq!(items(bad).unwrap_err().code, ErrorCode::BadSplit);
        }
    }
}
