//! A kernel's side of the wire: its tasks go in as frames on its standard
//! input and come out as frames on its standard output.

use std::mem;

use sandbox::{
    End,
    frames::{FrameError, Kind},
};

use crate::{
    answers::{Answers, Part},
    wire::{Line, OutputError},
};

/// The tasks that one instance does.
#[derive(Debug)]
pub(crate) struct KernelBatch {
    /// Tasks that the guest has not been given.
    to_give: u32,
    pub(crate) answers: Answers,
    /// What the guest got wrong; it ends at that call.
    violation: Option<String>,
}

/// What became of a batch when its instance ended.
pub(crate) struct KernelEnd {
    /// Whether every task of the batch is answered.
    pub(crate) answered_all: bool,
    /// What the guest got wrong, where it did.
    pub(crate) violation: Option<String>,
}

impl Line {
    /// A kernel's instance begins: so many tasks are to be given and answered.
    pub(crate) fn begin_kernel(&mut self, count: u32) {
        self.kernel = Some(KernelBatch {
            to_give: count,
            answers: Answers::default(),
            violation: None,
        });
    }

    /// The kernel's instance ended.
    pub(crate) fn end_kernel(&mut self) -> KernelEnd {
        let Some(batch) = self.kernel.take() else {
            return KernelEnd {
                answered_all: true,
                violation: None,
            };
        };
        let answered_all = batch.to_give == 0 && batch.answers.is_empty();
        let stopped = if batch.answers.is_broken_off() {
            Some("the program ended in the middle of an answer".to_owned())
        } else if answered_all {
            None
        } else {
            Some("the program ended before it had answered every task".to_owned())
        };
        KernelEnd {
            answered_all,
            violation: batch.violation.or(stopped),
        }
    }

    /// Where the guest has read a task's input whole, the next task's header and input follow.
    pub(crate) fn give_kernel_input(&mut self) -> Result<(), FrameError> {
        let nothing_left = self.running.piece.is_empty() && self.running.stdin_left == 0;
        let Some(batch) = self
            .kernel
            .as_mut()
            .filter(|batch| nothing_left && batch.to_give > 0)
        else {
            return Ok(());
        };
        batch.to_give -= 1;
        let given = self.take_task()?;
        let length = u32::try_from(given.stdin_len.saturating_add(8))
            .map_err(|_| FrameError::Body(Kind::Task))?;
        let mut framed = Vec::with_capacity(12 + self.running.piece.len());
        framed.extend_from_slice(&length.to_le_bytes());
        framed.extend_from_slice(&given.index.to_le_bytes());
        framed.extend_from_slice(&self.running.piece);
        self.running.piece = framed.into();
        Ok(())
    }

    /// The guest wrote a piece of its answers.
    pub(crate) fn write_kernel_output(&mut self, mut bytes: &[u8]) -> Result<(), OutputError> {
        while let Some(batch) = &mut self.kernel {
            match batch.answers.next(&mut bytes) {
                Ok(Some(Part::Bytes(piece))) => self.put_stdout(piece)?,
                Ok(Some(Part::Whole)) => self.answer_is_whole(),
                Ok(None) => break,
                Err(wrong) => {
                    batch.violation = Some(wrong.clone());
                    return Err(OutputError::Violation(wrong));
                }
            }
        }
        Ok(())
    }

    fn answer_is_whole(&mut self) {
        let caps = self.running.caps;
        // The guest may have read ahead into the next tasks' input.
        let (piece, left) = (mem::take(&mut self.running.piece), self.running.stdin_left);
        self.end(End::Exit { code: 0 });
        let more = |batch: &KernelBatch| batch.to_give > 0 || !batch.answers.is_empty();
        if self.kernel.as_ref().is_some_and(more) {
            self.begin(caps);
        }
        self.running.piece = piece;
        self.running.stdin_left = left;
    }
}
