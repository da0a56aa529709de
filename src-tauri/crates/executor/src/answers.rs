//! Reading a kernel's answers: frames of a u32 that counts what follows, a u64
//! index and the answer's bytes, one for each task in the order they were
//! given. Everything comes from the guest and is checked.

use std::collections::VecDeque;

/// Length of a frame's header: how much follows, and the index.
const HEADER_BYTES: usize = 12;
/// The part of the header that the length counts.
const INDEX_BYTES: u64 = 8;

/// The answers that are due and the one that is being read.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Indexes of tasks that were given and not answered.
    due: VecDeque<u64>,
    header: Vec<u8>,
    /// Bytes of the answer still to come; `None` between answers.
    body_left: Option<u64>,
}

/// A part of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Bytes of the due task's answer.
    Bytes(&'a [u8]),
    /// The due task's answer is whole; the next one is due.
    Whole,
}

impl Answers {
    /// A task was given to the kernel.
    pub(crate) fn give(&mut self, index: u64) {
        self.due.push_back(index);
    }

    /// Whether every task that was given is answered.
    pub(crate) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// Whether the last answer stopped in its middle.
    pub(crate) fn is_broken_off(&self) -> bool {
        self.body_left.is_some() || !self.header.is_empty()
    }

    /// The next part of what the guest wrote, where there is one; an error says
    /// what the guest got wrong.
    pub(crate) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<Part<'a>>, String> {
        if self.body_left.is_none() && !self.read_header(bytes)? {
            return Ok(None);
        }
        match self.body_left {
            Some(0) => {
                self.body_left = None;
                self.due.pop_front();
                Ok(Some(Part::Whole))
            }
            Some(left) if !bytes.is_empty() => {
                let take = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let (part, rest) = bytes.split_at(take);
                *bytes = rest;
                self.body_left = Some(left - take as u64);
                Ok(Some(Part::Bytes(part)))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Reads a header as far as it came; answers whether it is whole.
    fn read_header(&mut self, bytes: &mut &[u8]) -> Result<bool, String> {
        let missing = (HEADER_BYTES - self.header.len()).min(bytes.len());
        let (part, rest) = bytes.split_at(missing);
        self.header.extend_from_slice(part);
        *bytes = rest;
        let Some((length, index)) = self.header.split_first_chunk::<4>() else {
            return Ok(false);
        };
        let Ok(index) = index.try_into().map(u64::from_le_bytes) else {
            return Ok(false);
        };
        let length = u32::from_le_bytes(*length);
        self.header.clear();
        match (u64::from(length).checked_sub(INDEX_BYTES), self.due.front()) {
            (None, _) => Err(format!(
                "an answer of {length} bytes has no room for its index"
            )),
            (Some(_), None) => Err(format!("an answer for task {index}, which was not given")),
            (Some(_), Some(due)) if *due != index => Err(format!(
                "an answer for task {index} where task {due} is due"
            )),
            (Some(body), Some(_)) => {
                self.body_left = Some(body);
                Ok(true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(index: u64, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 8).expect("short");
        [&length.to_le_bytes(), &index.to_le_bytes()[..], body].concat()
    }

    /// Feeds the bytes in steps of this length; gives the bodies of whole answers.
    fn read(answers: &mut Answers, bytes: &[u8], step: usize) -> Result<Vec<Vec<u8>>, String> {
        let (mut whole, mut body) = (Vec::new(), Vec::new());
        for mut piece in bytes.chunks(step) {
            while let Some(part) = answers.next(&mut piece)? {
                match part {
                    Part::Bytes(bytes) => body.extend_from_slice(bytes),
                    Part::Whole => whole.push(std::mem::take(&mut body)),
                }
            }
            assert!(piece.is_empty(), "everything is taken");
        }
        Ok(whole)
    }

    #[test]
    fn answers_are_read_however_they_are_cut() {
        let bytes = [frame(7, b"one"), frame(9, b""), frame(1 << 40, &[5; 1000])].concat();
        for step in [1, 2, 3, 11, 12, 13, 4096] {
            let mut answers = Answers::default();
            for index in [7, 9, 1 << 40] {
                answers.give(index);
            }
            let whole = read(&mut answers, &bytes, step).expect("right frames");
            assert_eq!(
                whole,
                [b"one".to_vec(), Vec::new(), vec![5; 1000]],
                "step {step}"
            );
            assert!(answers.is_empty() && !answers.is_broken_off());
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |bytes: &[u8]| {
            let mut answers = Answers::default();
            answers.give(4);
            read(&mut answers, bytes, 5).expect_err("must be refused")
        };
        assert!(wrong(&[7, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]).contains("no room"));
        assert!(wrong(&frame(5, b"x")).contains("task 4 is due"));
        assert!(wrong(&[frame(4, b"x"), frame(4, b"x")].concat()).contains("not given"));
    }

    #[test]
    fn an_answer_that_stops_is_seen() {
        let mut answers = Answers::default();
        answers.give(4);
        let bytes = frame(4, b"four");
        assert_eq!(read(&mut answers, &bytes[..3], 3), Ok(Vec::new()));
        assert!(answers.is_broken_off(), "in its header");
        assert_eq!(read(&mut answers, &bytes[3..14], 3), Ok(Vec::new()));
        assert!(
            answers.is_broken_off() && !answers.is_empty(),
            "in its body"
        );
    }
}
