//! The canonical form of an input that was cut: one blob with every piece.
//!
//! u64 LE count, then for each piece u64 LE where it ends, counted from the
//! first piece's first byte, then the pieces, nothing between them. A worker
//! reads the slice of its tasks and nothing else.

use bytes::Bytes;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

const COUNT_BYTES: u64 = 8;
const END_BYTES: u64 = 8;

/// Gathers pieces in memory.
#[derive(Debug, Default)]
pub(crate) struct PiecesWriter {
    ends: Vec<u64>,
    bytes: Vec<u8>,
}

impl PiecesWriter {
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        self.ends.push(self.bytes.len() as u64);
    }

    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn finish(self) -> Bytes {
        let ends = self.ends.len() * 8;
        let mut out = Vec::with_capacity(8 + ends + self.bytes.len());
        out.extend_from_slice(&(self.ends.len() as u64).to_le_bytes());
        for end in &self.ends {
            out.extend_from_slice(&end.to_le_bytes());
        }
        out.extend_from_slice(&self.bytes);
        out.into()
    }
}

/// The pieces of a blob that [`PiecesWriter::finish`] made.
pub(crate) fn read(blob: &[u8]) -> impl Iterator<Item = &[u8]> {
    let count = blob
        .first_chunk::<8>()
        .map_or(0, |count| usize_of(u64::from_le_bytes(*count)));
    let (ends, bytes) = blob.get(8..).unwrap_or_default().split_at(8 * count);
    let mut start = 0;
    ends.chunks_exact(8).map(move |end| {
        let end = end
            .try_into()
            .map_or(0, |end| usize_of(u64::from_le_bytes(end)));
        let piece = &bytes[start..end];
        start = end;
        piece
    })
}

/// A blob of pieces, open.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    file: Arc<File>,
    count: u64,
    bytes: u64,
}

/// Consecutive pieces: where they lie, and where each ends.
#[derive(Debug)]
pub(crate) struct Slice {
    file: Arc<File>,
    /// Of the first piece's first byte, in the file.
    start: u64,
    /// Of each piece, counted from `start`.
    ends: Vec<u64>,
}

impl Pieces {
    /// `bytes` is the file's length.
    pub(crate) fn open(file: File, bytes: u64) -> io::Result<Pieces> {
        let mut count = [0; 8];
        file.read_exact_at(&mut count, 0)?;
        let count = u64::from_le_bytes(count);
        if count
            .checked_mul(END_BYTES)
            .and_then(|ends| ends.checked_add(COUNT_BYTES))
            .is_none_or(|head| head > bytes)
        {
            return Err(malformed());
        }
        Ok(Pieces {
            file: Arc::new(file),
            count,
            bytes,
        })
    }

    /// Where the pieces `first..first + count` lie.
    pub(crate) fn slice(&self, first: u64, count: u64) -> io::Result<Slice> {
        if count == 0 || first.checked_add(count).is_none_or(|end| end > self.count) {
            return Err(malformed());
        }
        // The end of the piece before is where the first one starts.
        let from = first.saturating_sub(1);
        let mut raw = vec![0; usize_of((first + count - from) * END_BYTES)];
        self.file
            .read_exact_at(&mut raw, COUNT_BYTES + from * END_BYTES)?;
        let mut ends: Vec<u64> = raw
            .chunks_exact(8)
            .map(|end| end.try_into().map_or(0, u64::from_le_bytes))
            .collect();
        let start = if first == 0 { 0 } else { ends.remove(0) };
        let head = COUNT_BYTES + self.count * END_BYTES;
        let mut before = start;
        for end in &mut ends {
            if *end < before || *end > self.bytes - head {
                return Err(malformed());
            }
            before = *end;
            *end -= start;
        }
        Ok(Slice {
            file: self.file.clone(),
            start: head + start,
            ends,
        })
    }
}

impl Slice {
    pub(crate) fn bytes(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Offset in the file and length of the piece at `at`, counted from the slice's first.
    pub(crate) fn place(&self, at: usize) -> (u64, u64) {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        (self.start + start, self.ends[at] - start)
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn read_one(&self, at: usize) -> io::Result<Bytes> {
        let (offset, len) = self.place(at);
        let mut piece = vec![0; usize_of(len)];
        self.file.read_exact_at(&mut piece, offset)?;
        Ok(piece.into())
    }

    /// Every piece, read at once.
    pub(crate) fn read(&self) -> io::Result<Vec<Bytes>> {
        let mut all = vec![0; usize_of(self.bytes())];
        self.file.read_exact_at(&mut all, self.start)?;
        let all = Bytes::from(all);
        let mut start = 0;
        Ok(self
            .ends
            .iter()
            .map(|end| {
                let piece = all.slice(start..usize_of(*end));
                start = usize_of(*end);
                piece
            })
            .collect())
    }
}

fn malformed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the blob of pieces is malformed",
    )
}

fn usize_of(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Pieces, PiecesWriter};
    use std::io::Write;

    fn open(pieces: &[&[u8]]) -> Pieces {
        let mut writer = PiecesWriter::default();
        for piece in pieces {
            writer.push(piece);
        }
        let bytes = writer.finish();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        Pieces::open(file, bytes.len() as u64).unwrap()
    }

    #[test]
    fn any_slice_reads_as_it_was_written() {
        let all: [&[u8]; 5] = [b"one", b"", b"three", b"", b"five"];
        let pieces = open(&all);
        for first in 0..all.len() {
            for count in 1..=all.len() - first {
                let slice = pieces.slice(first as u64, count as u64).unwrap();
                assert_eq!(slice.read().unwrap(), all[first..first + count]);
                assert_eq!(
                    slice.place(count - 1).1,
                    all[first + count - 1].len() as u64
                );
            }
        }
        assert!(
            pieces.slice(0, 6).is_err()
                && pieces.slice(5, 1).is_err()
                && pieces.slice(u64::MAX, 2).is_err()
        );
    }

    #[test]
    fn a_blob_that_lies_about_its_pieces_is_refused() {
        for bytes in [&b""[..], &[255; 8], &[2, 0, 0, 0, 0, 0, 0, 0, 1]] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            assert!(Pieces::open(file, bytes.len() as u64).is_err());
        }
        let mut bytes = 2u64.to_le_bytes().to_vec();
        bytes.extend(9u64.to_le_bytes());
        bytes.extend(3u64.to_le_bytes());
        bytes.extend(b"abc");
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let pieces = Pieces::open(file, bytes.len() as u64).unwrap();
        assert!(pieces.slice(0, 1).is_err() && pieces.slice(0, 2).is_err());
    }
}
