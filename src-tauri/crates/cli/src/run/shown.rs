//! What was shown of a job's output, so that a node that takes over does not
//! show it again.

use crate::output::Stream;

#[derive(Debug, Default)]
pub(super) struct Shown {
    stdout: Bytes,
    stderr: Bytes,
    stopped: bool,
}

/// One stream: what was shown in all, and how much of that came again.
#[derive(Debug, Default)]
struct Bytes {
    shown: u64,
    hash: blake3::Hasher,
    seen: u64,
    again: blake3::Hasher,
}

/// What came again is not what was shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Differs;

impl Shown {
    /// From here on, everything comes from its beginning.
    pub(super) fn begin(&mut self) {
        for stream in [&mut self.stdout, &mut self.stderr] {
            stream.seen = 0;
            stream.again = blake3::Hasher::new();
        }
    }

    /// Shows nothing more.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// The part of the next bytes that was not shown yet.
    pub(super) fn piece<'b>(
        &mut self,
        stream: Stream,
        bytes: &'b [u8],
    ) -> Result<&'b [u8], Differs> {
        if self.stopped {
            return Ok(&[]);
        }
        match stream {
            Stream::Stdout => self.stdout.piece(bytes, true),
            // A log may tell the time: it is never compared, only not repeated.
            Stream::Stderr => self.stderr.piece(bytes, false),
        }
    }
}

impl Bytes {
    fn piece<'b>(&mut self, bytes: &'b [u8], compare: bool) -> Result<&'b [u8], Differs> {
        let old = usize::try_from(self.shown - self.seen)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let (old, new) = bytes.split_at(old);
        if !old.is_empty() {
            self.again.update(old);
            self.seen += old.len() as u64;
            if compare && self.seen == self.shown && self.again.finalize() != self.hash.finalize() {
                return Err(Differs);
            }
        }
        self.hash.update(new);
        self.again.update(new);
        self.shown += new.len() as u64;
        self.seen += new.len() as u64;
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::{Differs, Shown};
    use crate::output::Stream::{Stderr, Stdout};

    #[test]
    fn what_comes_again_is_not_shown_again() {
        let mut shown = Shown::default();
        shown.begin();
        assert_eq!(shown.piece(Stdout, b"one "), Ok(&b"one "[..]));
        assert_eq!(shown.piece(Stdout, b"two "), Ok(&b"two "[..]));
        assert_eq!(shown.piece(Stderr, b"10:01 begun"), Ok(&b"10:01 begun"[..]));
        shown.begin();
        assert_eq!(shown.piece(Stdout, b"one two thr"), Ok(&b"thr"[..]));
        assert_eq!(shown.piece(Stdout, b"ee"), Ok(&b"ee"[..]));
        assert_eq!(
            shown.piece(Stderr, b"10:02 begun, done"),
            Ok(&b", done"[..])
        );
    }

    #[test]
    fn what_differs_is_said_and_no_more_is_shown() {
        let mut shown = Shown::default();
        shown.begin();
        shown.piece(Stdout, b"one two").unwrap();
        shown.begin();
        assert_eq!(shown.piece(Stdout, b"one"), Ok(&b""[..]));
        assert_eq!(shown.piece(Stdout, b" TWO three"), Err(Differs));
        shown.stop();
        assert_eq!(shown.piece(Stdout, b" four"), Ok(&b""[..]));
    }
}
