//! What is still to be sent to an executor. Inputs are read as they are sent,
//! so a batch of large files costs no memory.

use std::{collections::VecDeque, fs::File, io, os::unix::fs::FileExt};

use bytes::Bytes;

use crate::{
    frames::{self, Calls, Kind, Programs, WireCaps},
    limits::PIECE_BYTES_MAX,
    task::{Caps, Program, Stdin, Task},
};

/// Input that goes with its task's own frame, in bytes.
const INLINE_BYTES_MAX: usize = 4 << 10;
/// Frames gathered for one write, in bytes.
const WRITE_BYTES: usize = 128 << 10;

/// Frames and inputs in the order they are sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    items: VecDeque<Item>,
    ready: Vec<u8>,
    sent: usize,
}

#[derive(Debug)]
enum Item {
    Frames(Vec<u8>),
    Bytes(Bytes),
    File {
        index: u64,
        file: File,
        offset: u64,
        left: u64,
    },
}

/// An input could not be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// The task whose input it is.
    pub(crate) index: u64,
    pub(crate) error: io::Error,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.sent == self.ready.len()
    }

    /// Drops what was not sent.
    pub(crate) fn clear(&mut self) {
        *self = Outbox::default();
    }

    /// A batch of programs.
    pub(crate) fn programs(&mut self, caps: &Caps, shared: &Program, tasks: Vec<Task>) {
        let batch = Programs {
            caps: wire_caps(caps),
            argv: shared.argv.iter().map(String::as_str).collect(),
            env: pairs(&shared.env),
            count: u32::try_from(tasks.len()).expect("a batch is small"),
        };
        frames::put(self.frames(), Kind::Programs, &batch);
        for task in tasks {
            self.task(task);
        }
    }

    /// A batch of calls.
    pub(crate) fn calls(&mut self, calls: &Calls) {
        frames::put(self.frames(), Kind::Calls, calls);
    }

    /// Bytes to send now; call [`Outbox::sent`] with how many of them went.
    pub(crate) fn next(&mut self) -> Result<&[u8], Unreadable> {
        if self.sent == self.ready.len() {
            self.ready.clear();
            self.sent = 0;
            while self.ready.len() < WRITE_BYTES && self.gather()? {}
        }
        Ok(&self.ready[self.sent..])
    }

    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
    }

    /// Moves a piece of the first item to what is ready.
    fn gather(&mut self) -> Result<bool, Unreadable> {
        let Some(item) = self.items.front_mut() else {
            return Ok(false);
        };
        let done = match item {
            Item::Frames(frames) => {
                self.ready.append(frames);
                true
            }
            Item::Bytes(bytes) => {
                let piece = bytes.split_to(bytes.len().min(PIECE_BYTES_MAX));
                frames::put_raw(&mut self.ready, Kind::Stdin, &piece);
                bytes.is_empty()
            }
            Item::File {
                index,
                file,
                offset,
                left,
            } => {
                let piece = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(PIECE_BYTES_MAX);
                let start = frames::begin(&mut self.ready, Kind::Stdin);
                let from = self.ready.len();
                self.ready.resize(from + piece, 0);
                file.read_exact_at(&mut self.ready[from..], *offset)
                    .map_err(|error| Unreadable {
                        index: *index,
                        error,
                    })?;
                frames::finish(&mut self.ready, start);
                *offset += piece as u64;
                *left -= piece as u64;
                *left == 0
            }
        };
        if done {
            self.items.pop_front();
        }
        Ok(true)
    }

    fn task(&mut self, task: Task) {
        let (inline, rest) = match task.stdin {
            Stdin::Bytes(mut bytes) => {
                let inline = bytes.split_to(bytes.len().min(INLINE_BYTES_MAX));
                (inline, Some(Item::Bytes(bytes)))
            }
            Stdin::File { file, offset, len } => (
                Bytes::new(),
                Some(Item::File {
                    index: task.index,
                    file,
                    offset,
                    left: len,
                }),
            ),
        };
        let left = match &rest {
            Some(Item::Bytes(bytes)) => bytes.len() as u64,
            Some(Item::File { left, .. }) => *left,
            Some(Item::Frames(_)) | None => 0,
        };
        let argv = task.argv.as_ref();
        let frame = frames::Task {
            index: task.index,
            argv: argv.map(|argv| argv.iter().map(String::as_str).collect()),
            env: pairs(&task.env),
            stdin_len: inline.len() as u64 + left,
            stdin: &inline,
        };
        frames::put(self.frames(), Kind::Task, &frame);
        if left > 0 {
            self.items.extend(rest);
        }
    }

    /// The frames at the end, to which more can be added.
    fn frames(&mut self) -> &mut Vec<u8> {
        if !matches!(self.items.back(), Some(Item::Frames(_))) {
            self.items.push_back(Item::Frames(Vec::new()));
        }
        match self.items.back_mut() {
            Some(Item::Frames(frames)) => frames,
            Some(_) | None => unreachable!("just put there"),
        }
    }
}

pub(crate) fn wire_caps(caps: &Caps) -> WireCaps {
    WireCaps {
        fuel: caps.fuel,
        output_bytes: caps.output_bytes,
        log_bytes: caps.log_bytes,
    }
}

fn pairs(env: &[(String, String)]) -> Vec<(&str, &str)> {
    env.iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(stdin: Stdin) -> Task {
        Task {
            index: 5,
            argv: None,
            env: Vec::new(),
            stdin,
            files: None,
        }
    }

    fn drained(outbox: &mut Outbox, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !outbox.is_empty() {
            let bytes = outbox.next().expect("a readable file");
            let bytes = &bytes[..bytes.len().min(step)];
            all.extend_from_slice(bytes);
            let sent = bytes.len();
            outbox.sent(sent);
        }
        all
    }

    #[test]
    fn an_input_arrives_whole_from_bytes_and_from_a_file() {
        let input: Vec<u8> = (0..200_000u32).map(|i| i.to_le_bytes()[0]).collect();
        let file = tempfile::tempfile().expect("a file");
        file.write_all_at(&input, 10).expect("a file");
        let stdins = [
            Stdin::Bytes(Bytes::from(input.clone())),
            Stdin::File {
                file,
                offset: 10,
                len: input.len() as u64,
            },
        ];
        let caps = Caps {
            task_time: None,
            fuel: None,
            output_bytes: 1,
            log_bytes: 1,
        };
        for stdin in stdins {
            let mut outbox = Outbox::default();
            outbox.programs(&caps, &Program::default(), vec![task(stdin)]);
            let bytes = drained(&mut outbox, 7777);
            let mut inbox = frames::Inbox::default();
            let (mut at, mut got, mut announced) = (0, Vec::new(), 0);
            while at < bytes.len() || inbox.has_frame() {
                let spare = inbox.spare();
                let n = spare.len().min(bytes.len() - at);
                spare[..n].copy_from_slice(&bytes[at..at + n]);
                inbox.filled(n);
                at += n;
                while let Some((kind, body)) = inbox.take().expect("our frames") {
                    if kind == Kind::Task {
                        let task: frames::Task<'_> = frames::body(kind, body).expect("ours");
                        announced = task.stdin_len;
                        got.extend_from_slice(task.stdin);
                    } else if kind == Kind::Stdin {
                        assert!(body.len() <= PIECE_BYTES_MAX);
                        got.extend_from_slice(body);
                    }
                }
            }
            assert_eq!(announced, input.len() as u64);
            assert_eq!(got, input);
        }
    }

    #[test]
    fn a_file_that_is_shorter_than_it_was_is_an_error() {
        let file = tempfile::tempfile().expect("a file");
        let caps = Caps {
            task_time: None,
            fuel: None,
            output_bytes: 1,
            log_bytes: 1,
        };
        let mut outbox = Outbox::default();
        let stdin = Stdin::File {
            file,
            offset: 0,
            len: 9,
        };
        outbox.programs(&caps, &Program::default(), vec![task(stdin)]);
        assert!(outbox.next().is_err());
    }
}
