//! What a follower of a one-task job is shown of its output: every byte once,
//! also when the attempt was lost and ran again.

use pool::message::{Output, Stream};

/// What was shown of both streams.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    stdout: Progress,
    stderr: u64,
}

#[derive(Debug, Default)]
struct Progress {
    shown: u64,
    /// Over the bytes shown.
    hash: blake3::Hasher,
    /// A later attempt, while it repeats what was shown.
    again: Option<Again>,
    attempt: u32,
    differs: bool,
}

#[derive(Debug)]
struct Again {
    seen: u64,
    hash: blake3::Hasher,
}

/// What to do with a piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Show<'p> {
    Nothing,
    Bytes(&'p [u8]),
    /// The later attempt wrote something else: show no more.
    Differs,
}

impl Shown {
    /// Whether a stored stream of this length needs no reading, because all of
    /// it was shown, or none of it can be.
    pub(crate) fn is_all(&self, stream: Stream, attempt: u32, bytes: u64) -> bool {
        match stream {
            Stream::Stdout => {
                let all = self.stdout.shown == bytes && self.stdout.attempt == attempt;
                self.stdout.differs
                    || (all && self.stdout.again.is_none())
                    || (bytes == 0 && self.stdout.shown == 0)
            }
            Stream::Stderr => self.stderr == bytes,
        }
    }

    /// Whether a later attempt ended before it had repeated what was shown.
    pub(crate) fn stops_short(&self) -> bool {
        self.stdout.again.is_some()
    }

    pub(crate) fn piece<'p>(&mut self, output: &'p Output) -> Show<'p> {
        match output.stream {
            Stream::Stdout => self.stdout.piece(output),
            // A log may tell the time: it is never compared, only not repeated.
            Stream::Stderr => match skip(self.stderr, output.offset, &output.bytes) {
                Some(bytes) if !bytes.is_empty() => {
                    self.stderr += bytes.len() as u64;
                    Show::Bytes(bytes)
                }
                Some(_) | None => Show::Nothing,
            },
        }
    }
}

impl Progress {
    fn piece<'p>(&mut self, output: &'p Output) -> Show<'p> {
        if self.differs || output.attempt < self.attempt {
            return Show::Nothing;
        }
        self.begin(output.attempt);
        if !self.check(output.offset, &output.bytes) {
            return Show::Differs;
        }
        match skip(self.shown, output.offset, &output.bytes) {
            Some(bytes) if !bytes.is_empty() && self.again.is_none() => {
                self.hash.update(bytes);
                self.shown += bytes.len() as u64;
                Show::Bytes(bytes)
            }
            Some(_) | None => Show::Nothing,
        }
    }

    fn begin(&mut self, attempt: u32) {
        if attempt > self.attempt {
            self.attempt = attempt;
            self.again = (self.shown > 0).then(|| Again {
                seen: 0,
                hash: blake3::Hasher::new(),
            });
        }
    }

    /// Compares the part of these bytes that was shown before; false where it
    /// is found to differ.
    fn check(&mut self, offset: u64, bytes: &[u8]) -> bool {
        let Some(again) = &mut self.again else {
            return !self.differs;
        };
        let Some(bytes) = skip(again.seen, offset, bytes) else {
            return true;
        };
        let rest = usize::try_from(self.shown - again.seen).unwrap_or(usize::MAX);
        let old = &bytes[..bytes.len().min(rest)];
        again.hash.update(old);
        again.seen += old.len() as u64;
        if again.seen == self.shown {
            self.differs = again.hash.finalize() != self.hash.finalize();
            self.again = None;
        }
        !self.differs
    }
}

/// The part of a piece at `offset` that comes after `done` bytes; `None` where
/// bytes between are missing.
fn skip(done: u64, offset: u64, bytes: &[u8]) -> Option<&[u8]> {
    let before = usize::try_from(done.checked_sub(offset)?).unwrap_or(usize::MAX);
    Some(bytes.get(before..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{Show, Shown};
    use pool::JobId;
    use pool::message::{Output, Stream};
    use serde_bytes::ByteBuf;

    fn piece(attempt: u32, offset: u64, bytes: &[u8]) -> Output {
        Output {
            job: JobId([0; 16]),
            index: 0,
            attempt,
            stream: Stream::Stdout,
            offset,
            bytes: ByteBuf::from(bytes),
        }
    }

    /// All that is shown of these pieces, `!` where it stops.
    fn show(pieces: &[Output]) -> String {
        let mut shown = Shown::default();
        pieces
            .iter()
            .map(|piece| match shown.piece(piece) {
                Show::Nothing => String::new(),
                Show::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                Show::Differs => "!".to_owned(),
            })
            .collect()
    }

    #[test]
    fn every_byte_is_shown_once() {
        assert_eq!(show(&[piece(1, 0, b"ab"), piece(1, 2, b"cd")]), "abcd");
        assert_eq!(
            show(&[piece(1, 0, b"ab"), piece(1, 0, b"ab"), piece(1, 1, b"bc")]),
            "abc",
            "sent twice"
        );
        assert_eq!(
            show(&[piece(1, 0, b"ab"), piece(1, 4, b"ef")]),
            "ab",
            "after a hole the store is read"
        );
    }

    #[test]
    fn an_attempt_that_repeats_itself_goes_on_where_it_was() {
        let again = [
            piece(1, 0, b"abc"),
            piece(2, 0, b"ab"),
            piece(2, 2, b"cde"),
            piece(2, 5, b"f"),
        ];
        assert_eq!(show(&again), "abcdef");
        assert_eq!(
            show(&[piece(1, 0, b"abc"), piece(2, 0, b"a"), piece(3, 0, b"abcd")]),
            "abcd"
        );
        assert_eq!(
            show(&[piece(2, 0, b"abc"), piece(1, 3, b"d")]),
            "abc",
            "an older attempt says nothing more"
        );
    }

    #[test]
    fn an_attempt_that_ends_sooner_than_what_was_shown_differs() {
        let mut shown = Shown::default();
        shown.piece(&piece(1, 0, b"abc"));
        assert!(shown.is_all(Stream::Stdout, 1, 3) && !shown.is_all(Stream::Stdout, 2, 3));
        shown.piece(&piece(2, 0, b"ab"));
        assert!(shown.stops_short());
        shown.piece(&piece(2, 2, b"c"));
        assert!(!shown.stops_short() && shown.is_all(Stream::Stdout, 2, 3));
    }

    #[test]
    fn an_attempt_that_writes_something_else_is_not_shown() {
        let other = [
            piece(1, 0, b"abc"),
            piece(2, 0, b"aXcde"),
            piece(2, 5, b"f"),
        ];
        assert_eq!(show(&other), "abc!");
    }
}
