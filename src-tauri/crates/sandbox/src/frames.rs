//! The frames that a node and its executors speak over their socket pair.
//!
//! A frame is a u32 (little endian) that counts what follows, a byte that says
//! its kind, and a body: raw bytes for pieces of a stream, postcard for
//! everything else. Both sides bound what they accept before they read it; the
//! parent takes every byte from an executor as hostile.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    event::End,
    limits::FRAME_BYTES_MAX,
    profile::Entry,
    task::{RangeArg, Value},
};

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// To the executor, once, with two descriptors: [`Load`].
    Load = 1,
    /// To the executor: [`Programs`], then that many tasks.
    Programs = 2,
    /// To the executor: [`Task`], then what is left of its input in pieces.
    Task = 3,
    /// To the executor: a piece of the last task's input.
    Stdin = 4,
    /// To the executor: [`Calls`].
    Calls = 5,
    /// From the executor, once: the module is loaded and the walls stand.
    Loaded = 64,
    /// From the executor: a piece of the running task's result.
    Stdout = 65,
    /// From the executor: a piece of the running task's log.
    Stderr = 66,
    /// From the executor: a u16, how far the running task is.
    Progress = 67,
    /// From the executor: [`Ended`], of the running task.
    Ended = 68,
    /// From the executor: results of the next calls, see [`put_results`].
    Results = 69,
    /// From the executor: all tasks of a batch are answered.
    Idle = 70,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        Some(match byte {
            1 => Kind::Load,
            2 => Kind::Programs,
            3 => Kind::Task,
            4 => Kind::Stdin,
            5 => Kind::Calls,
            64 => Kind::Loaded,
            65 => Kind::Stdout,
            66 => Kind::Stderr,
            67 => Kind::Progress,
            68 => Kind::Ended,
            69 => Kind::Results,
            70 => Kind::Idle,
            _ => return None,
        })
    }
}

/// Length of the page that parent and executor share, in bytes. Two words of
/// it are used: how many tasks have begun, and the moment of the monotonic
/// clock, in nanoseconds, at which the last of them did.
pub const PAGE_BYTES: usize = 4096;

/// The answer to [`Load`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Loaded {
    /// Why this executor will never run a task, where it will not.
    pub failure: Option<String>,
}

/// The module, whose code and whose page come as descriptors beside it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Load {
    /// What is called.
    pub entry: Entry,
    /// A component, or a core module.
    pub component: bool,
    /// One instance may serve many calls.
    pub reuse: bool,
    /// Elements of a table, at most.
    pub table_elements: u32,
}

/// The limits of a batch's tasks that the executor itself keeps.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WireCaps {
    /// Units of fuel of each task.
    pub fuel: Option<u64>,
    /// Bytes of each result.
    pub output_bytes: u64,
    /// Bytes of each log.
    pub log_bytes: u64,
}

/// A batch of programs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Programs<'a> {
    /// Each task's limits.
    pub caps: WireCaps,
    /// The arguments of tasks that have none of their own.
    #[serde(borrow)]
    pub argv: Vec<&'a str>,
    /// The environment of all.
    #[serde(borrow)]
    pub env: Vec<(&'a str, &'a str)>,
    /// How many tasks follow.
    pub count: u32,
}

/// One task of a batch of programs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Task<'a> {
    /// Its place in the job.
    pub index: u64,
    /// Its own arguments.
    #[serde(borrow)]
    pub argv: Option<Vec<&'a str>>,
    /// Added to the shared environment.
    #[serde(borrow)]
    pub env: Vec<(&'a str, &'a str)>,
    /// All of its input, in bytes.
    pub stdin_len: u64,
    /// The beginning of its input; the rest follows in pieces.
    #[serde(with = "serde_bytes", borrow)]
    pub stdin: &'a [u8],
}

/// A batch of calls.
#[derive(Debug, Serialize, Deserialize)]
pub struct Calls {
    /// Each call's limits.
    pub caps: WireCaps,
    /// The arguments that all have.
    pub args: Vec<Value>,
    /// The last argument.
    pub range: Option<RangeArg>,
    /// The first task's index.
    pub first_index: u64,
    /// How many.
    pub count: u32,
}

/// How the running task ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ended {
    /// Microseconds since it began.
    pub micros: u64,
    /// How.
    pub end: End,
}

/// A frame that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The length is zero or beyond the cap.
    #[error("a frame of {0} bytes")]
    Length(usize),
    /// No frame has this kind, or none in this direction.
    #[error("a frame of kind {0}")]
    Kind(u8),
    /// The body is not what its kind says.
    #[error("a {0:?} frame whose body does not decode")]
    Body(Kind),
    /// A frame that does not fit what was said before.
    #[error("a {0:?} frame out of turn")]
    Turn(Kind),
}

/// Appends a frame whose body is `body` in postcard.
pub fn put<T: Serialize>(out: &mut Vec<u8>, kind: Kind, body: &T) {
    let start = begin(out, kind);
    let unsent = std::mem::take(out);
    *out = postcard::to_extend(body, unsent)
        .expect("a vector takes every byte, and our types have no unsized sequences");
    finish(out, start);
}

/// Appends a frame with a raw body.
pub fn put_raw(out: &mut Vec<u8>, kind: Kind, body: &[u8]) {
    let start = begin(out, kind);
    out.extend_from_slice(body);
    finish(out, start);
}

/// Begins a frame with a raw body and gives the place where it begins.
pub fn begin(out: &mut Vec<u8>, kind: Kind) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.push(kind as u8);
    start
}

/// Writes the length of the frame that began at `start` and reaches to the end.
pub fn finish(out: &mut [u8], start: usize) {
    let length = u32::try_from(out.len() - start - 4).expect("frames are far below 4 GiB");
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Reads the body of a frame of this kind.
pub fn body<'a, T: Deserialize<'a>>(kind: Kind, body: &'a [u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok((_, [_, ..])) | Err(_) => Err(FrameError::Body(kind)),
    }
}

/// Reads the body of a frame of this kind into a type that borrows nothing.
pub fn owned<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, FrameError> {
    body(kind, bytes)
}

/// Appends the results of consecutive calls: u64 microseconds, u32 count, the
/// end of each text as u32, the texts.
pub fn put_results(out: &mut Vec<u8>, micros: u64, ends: &[u32], texts: &[u8]) {
    let start = begin(out, Kind::Results);
    out.extend_from_slice(&micros.to_le_bytes());
    let count = u32::try_from(ends.len()).expect("a frame holds far fewer results");
    out.extend_from_slice(&count.to_le_bytes());
    for end in ends {
        out.extend_from_slice(&end.to_le_bytes());
    }
    out.extend_from_slice(texts);
    finish(out, start);
}

/// Microseconds, ends and texts of consecutive calls; the ends ascend and the
/// last is the length of the texts.
pub fn results(frame: &[u8]) -> Result<(u64, Vec<u32>, &[u8]), FrameError> {
    let wrong = FrameError::Body(Kind::Results);
    let Some((micros, rest)) = frame.split_first_chunk::<8>() else {
        return Err(wrong);
    };
    let Some((count, rest)) = rest.split_first_chunk::<4>() else {
        return Err(wrong);
    };
    let count = u32::from_le_bytes(*count) as usize;
    let Some((ends, texts)) = count
        .checked_mul(4)
        .and_then(|bytes| rest.split_at_checked(bytes))
    else {
        return Err(wrong);
    };
    let ends: Vec<u32> = ends
        .chunks_exact(4)
        .map(|end| u32::from_le_bytes(end.try_into().expect("chunks of four")))
        .collect();
    if !ends.is_sorted() || ends.last().is_none_or(|end| *end as usize != texts.len()) {
        return Err(wrong);
    }
    Ok((u64::from_le_bytes(*micros), ends, texts))
}

/// Bytes that came and are not yet taken as frames.
#[derive(Debug)]
pub struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

/// The smallest piece worth a read.
const READ_BYTES: usize = 64 << 10;

impl Default for Inbox {
    fn default() -> Inbox {
        Inbox {
            bytes: vec![0; READ_BYTES],
            start: 0,
            end: 0,
        }
    }
}

impl Inbox {
    /// A place to read into, never empty; call [`Inbox::filled`] after.
    pub fn spare(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        let wanted = self
            .pending_length()
            .unwrap_or(0)
            .saturating_sub(self.end - self.start);
        if self.bytes.len() - self.end < wanted.max(1) {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let needed = self.end + wanted.max(1);
            if self.bytes.len() < needed {
                self.bytes.resize(needed.next_multiple_of(READ_BYTES), 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// So many bytes were read into the place that [`Inbox::spare`] gave.
    pub fn filled(&mut self, bytes: usize) {
        self.end += bytes;
        debug_assert!(
            self.end <= self.bytes.len(),
            "more was read than there was room for"
        );
    }

    /// Takes the next frame, where a whole one has come.
    pub fn take(&mut self) -> Result<Option<(Kind, &[u8])>, FrameError> {
        let Some(whole) = self.checked_length()? else {
            return Ok(None);
        };
        if self.end - self.start < whole {
            return Ok(None);
        }
        let body = self.start + 5..self.start + whole;
        let byte = self.bytes[self.start + 4];
        let kind = Kind::from_byte(byte).ok_or(FrameError::Kind(byte))?;
        self.start += whole;
        Ok(Some((kind, &self.bytes[body])))
    }

    /// Whether a whole frame has come.
    pub fn has_frame(&self) -> bool {
        self.pending_length()
            .is_some_and(|whole| self.end - self.start >= whole)
    }

    /// The next frame's length with its header, where its header has come and is not absurd.
    fn pending_length(&self) -> Option<usize> {
        self.checked_length().ok().flatten()
    }

    fn checked_length(&self) -> Result<Option<usize>, FrameError> {
        let Some(header) = self.bytes[self.start..self.end].first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*header) as usize;
        if length == 0 || length > FRAME_BYTES_MAX {
            return Err(FrameError::Length(length));
        }
        Ok(Some(length + 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(inbox: &mut Inbox, mut bytes: &[u8], step: usize) -> Vec<(Kind, Vec<u8>)> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let spare = inbox.spare();
            let n = step.min(bytes.len()).min(spare.len());
            spare[..n].copy_from_slice(&bytes[..n]);
            inbox.filled(n);
            bytes = &bytes[n..];
            while let Some((kind, body)) = inbox.take().expect("frames we made ourselves") {
                frames.push((kind, body.to_vec()));
            }
        }
        frames
    }

    #[test]
    fn frames_arrive_whole_however_they_are_cut() {
        let mut out = Vec::new();
        put_raw(&mut out, Kind::Stdout, &vec![7; 200 << 10]);
        put(
            &mut out,
            Kind::Ended,
            &Ended {
                micros: 3,
                end: End::OutOfFuel,
            },
        );
        put_raw(&mut out, Kind::Idle, &[]);
        for step in [1, 5, 4096, 65_536, 1 << 20] {
            let frames = feed(&mut Inbox::default(), &out, step);
            let kinds: Vec<Kind> = frames.iter().map(|(kind, _)| *kind).collect();
            assert_eq!(
                kinds,
                [Kind::Stdout, Kind::Ended, Kind::Idle],
                "step {step}"
            );
            assert_eq!(frames[0].1.len(), 200 << 10);
        }
    }

    #[test]
    fn absurd_frames_are_refused_before_they_are_read() {
        let refused = |bytes: &[u8]| {
            let mut inbox = Inbox::default();
            inbox.spare()[..bytes.len()].copy_from_slice(bytes);
            inbox.filled(bytes.len());
            inbox.take().expect_err("must be refused").to_string()
        };
        assert_eq!(
            refused(&u32::MAX.to_le_bytes()),
            "a frame of 4294967295 bytes"
        );
        assert_eq!(refused(&[0, 0, 0, 0]), "a frame of 0 bytes");
        assert_eq!(refused(&[1, 0, 0, 0, 99]), "a frame of kind 99");
    }

    #[test]
    fn results_are_checked() {
        let mut out = Vec::new();
        put_results(&mut out, 9, &[2, 2, 3], b"42x");
        let (micros, ends, texts) = results(&out[5..]).expect("what we wrote");
        assert_eq!(
            (micros, ends.as_slice(), texts),
            (9, &[2, 2, 3][..], &b"42x"[..])
        );
        for wrong in [&[3, 2, 3][..], &[1, 2, 4], &[1, 2]] {
            let mut out = Vec::new();
            put_results(&mut out, 9, wrong, b"42x");
            assert!(results(&out[5..]).is_err(), "{wrong:?}");
        }
        assert!(results(&[0; 11]).is_err());
        assert!(results(&[255; 16]).is_err());
    }

    #[test]
    fn a_body_with_something_after_it_is_refused() {
        let mut out = Vec::new();
        put(
            &mut out,
            Kind::Ended,
            &Ended {
                micros: 3,
                end: End::OutOfFuel,
            },
        );
        out.push(0);
        assert!(owned::<Ended>(Kind::Ended, &out[5..]).is_err());
    }
}
