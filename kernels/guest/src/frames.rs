//! Tasks and results as frames: u32 LE length of what follows, u64 LE index, bytes.

use std::io::{self, Read, Write};

/// Bytes of the index in a frame.
const INDEX_BYTES: u32 = 8;

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("cannot read a frame: {0}")]
    Read(#[from] io::Error),
    #[error("the input ends inside a frame")]
    Truncated,
    #[error("a frame of {0} bytes has no room for its index")]
    Short(u32),
    #[error("a result of {0} bytes does not fit a frame")]
    Long(usize),
}

/// The results of a job, one `(index, bytes)` at a time, in order of index.
///
/// Only the frame at hand is in memory.
pub struct Results<'a> {
    frames: &'a mut dyn Read,
}

impl<'a> Results<'a> {
    pub fn new(frames: &'a mut dyn Read) -> Self {
        Self { frames }
    }
}

impl std::fmt::Debug for Results<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Results").finish_non_exhaustive()
    }
}

impl Iterator for Results<'_> {
    type Item = Result<(u64, Vec<u8>), FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        read_frame(self.frames).transpose()
    }
}

/// The next frame, or `None` where the input ends before one begins.
fn read_frame(from: &mut dyn Read) -> Result<Option<(u64, Vec<u8>)>, FrameError> {
    let mut length = [0; 4];
    match fill(from, &mut length)? {
        0 => return Ok(None),
        4 => {}
        _ => return Err(FrameError::Truncated),
    }
    let length = u32::from_le_bytes(length);
    let rest = length
        .checked_sub(INDEX_BYTES)
        .ok_or(FrameError::Short(length))?;

    let mut index = [0; INDEX_BYTES as usize];
    if fill(from, &mut index)? < index.len() {
        return Err(FrameError::Truncated);
    }
    // Grown as bytes arrive: a length that lies costs no memory.
    let mut bytes = Vec::new();
    from.take(u64::from(rest)).read_to_end(&mut bytes)?;
    if bytes.len() < rest as usize {
        return Err(FrameError::Truncated);
    }
    Ok(Some((u64::from_le_bytes(index), bytes)))
}

/// Reads until `place` is full or the input ends; returns the bytes read.
fn fill(from: &mut dyn Read, place: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < place.len() {
        match from.read(&mut place[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Writes one frame and flushes it, so that an answer is out before the next
/// task can fail.
pub fn write_frame(to: &mut dyn Write, index: u64, bytes: &[u8]) -> Result<(), FrameError> {
    let length = u32::try_from(bytes.len())
        .ok()
        .and_then(|length| length.checked_add(INDEX_BYTES))
        .ok_or(FrameError::Long(bytes.len()))?;
    // One write for each frame: every write of a module is a call to its host.
    let mut frame = Vec::with_capacity(4 + length as usize);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&index.to_le_bytes());
    frame.extend_from_slice(bytes);
    to.write_all(&frame)?;
    to.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(of: &[(u64, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, body) in of {
            write_frame(&mut bytes, *index, body).expect("memory takes every byte");
        }
        bytes
    }

    #[test]
    fn a_frame_is_length_index_and_bytes() {
        assert_eq!(frames(&[(7, b"ab")]), b"\x0a\0\0\0\x07\0\0\0\0\0\0\0ab");
    }

    #[test]
    fn frames_are_read_back_in_order() {
        let bytes = frames(&[(0, b""), (1, b"one"), (u64::MAX, b"last")]);
        let mut input = bytes.as_slice();
        let read: Vec<_> = Results::new(&mut input)
            .collect::<Result<_, _>>()
            .expect("whole frames");
        assert_eq!(
            read,
            [
                (0, vec![]),
                (1, b"one".to_vec()),
                (u64::MAX, b"last".to_vec())
            ]
        );
    }

    #[test]
    fn every_cut_is_noticed() {
        let bytes = frames(&[(3, b"abc")]);
        for end in 1..bytes.len() {
            let mut input = &bytes[..end];
            let error = Results::new(&mut input)
                .next()
                .expect("a frame has begun")
                .expect_err("it is cut");
            assert!(
                matches!(error, FrameError::Truncated),
                "cut at {end}: {error}"
            );
        }
    }

    #[test]
    fn a_length_without_room_for_the_index_is_refused() {
        let mut input = &b"\x07\0\0\0\0\0\0\0\0\0\0"[..];
        let error = Results::new(&mut input)
            .next()
            .expect("a frame has begun")
            .expect_err("too short");
        assert!(matches!(error, FrameError::Short(7)), "{error}");
    }

    #[test]
    fn a_length_that_lies_costs_no_memory() {
        let mut input = &b"\xff\xff\xff\xff\0\0\0\0\0\0\0\0abc"[..];
        let error = Results::new(&mut input)
            .next()
            .expect("a frame has begun")
            .expect_err("it is cut");
        assert!(matches!(error, FrameError::Truncated), "{error}");
    }
}
