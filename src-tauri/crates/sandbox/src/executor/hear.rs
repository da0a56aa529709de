//! What an executor says, checked frame by frame; an answer out of turn, a
//! stream beyond its cap or an end that is not an executor's to tell ends it.

use bytes::Bytes;

use super::{Executor, crashed, folder::Scratch};
use crate::{
    event::{End, Event},
    flight::OutOfTurn,
    frames::{self, Ended, FrameError, Kind},
    inert::inert,
};

/// What an executor adds to a log that was cut, in bytes.
const LOG_NOTE_BYTES_MAX: u64 = 256;

impl Executor {
    /// Takes every whole frame that has come.
    pub(super) fn take_frames(&mut self) -> Result<(), FrameError> {
        while let Some((kind, body)) = self.inbox.take()? {
            let turn = |OutOfTurn| FrameError::Turn(kind);
            match kind {
                Kind::Stdout => {
                    let (index, caps) = self.flight.due().ok_or(FrameError::Turn(kind))?;
                    self.due.stdout_bytes += body.len() as u64;
                    if self.due.stdout_bytes > caps.output_bytes {
                        return Err(FrameError::Turn(kind));
                    }
                    if !body.is_empty() {
                        let bytes = Bytes::copy_from_slice(body);
                        self.events.push_back(Event::Stdout { index, bytes });
                    }
                }
                Kind::Stderr => {
                    let (index, caps) = self.flight.due().ok_or(FrameError::Turn(kind))?;
                    self.due.stderr_bytes += body.len() as u64;
                    if self.due.stderr_bytes > caps.log_bytes.saturating_add(LOG_NOTE_BYTES_MAX) {
                        return Err(FrameError::Turn(kind));
                    }
                    if !body.is_empty() {
                        let bytes = Bytes::copy_from_slice(body);
                        self.events.push_back(Event::Stderr { index, bytes });
                    }
                }
                Kind::Progress => {
                    let (index, _) = self.flight.due().ok_or(FrameError::Turn(kind))?;
                    let per_mille: [u8; 2] = body.try_into().map_err(|_| FrameError::Body(kind))?;
                    let per_mille = u16::from_le_bytes(per_mille).min(1000);
                    self.events.push_back(Event::Progress { index, per_mille });
                }
                Kind::Ended => {
                    let Ended { micros, end } = frames::owned(kind, body)?;
                    let index = self.flight.answer().map_err(turn)?;
                    self.ended(index, end, micros);
                }
                Kind::Results => {
                    let (micros, ends, texts) = frames::results(body)?;
                    let bytes = Bytes::copy_from_slice(texts);
                    let first_index = self.flight.answer_calls(ends.len()).map_err(turn)?;
                    self.events.push_back(Event::Calls {
                        first_index,
                        ends,
                        bytes,
                        micros,
                    });
                    self.next_is_due();
                }
                Kind::Idle => {
                    if self.flight.finish().map_err(turn)? {
                        self.idle();
                    }
                    self.next_is_due();
                }
                Kind::Load
                | Kind::Programs
                | Kind::Task
                | Kind::Stdin
                | Kind::Calls
                | Kind::Loaded => return Err(FrameError::Turn(kind)),
            }
        }
        Ok(())
    }

    fn ended(&mut self, index: u64, end: End, micros: u64) {
        self.programs += 1;
        // Ends that only a parent decides are not believed.
        let end = match end {
            End::DeadlineExceeded { .. } | End::Crashed { .. } => {
                self.anomaly = true;
                crashed("it claimed an end that is not its to tell")
            }
            End::HostRefused { message } => {
                self.anomaly = true;
                End::HostRefused {
                    message: inert(&message),
                }
            }
            End::Exit { .. }
            | End::Trap { .. }
            | End::MemoryLimit { .. }
            | End::TableLimit { .. }
            | End::OutOfFuel
            | End::OutputLimit { .. }
            | End::AbiViolation { .. }
            | End::LinkError { .. } => end,
        };
        match &mut self.scratch {
            Some(scratch) if end.is_done() => scratch.collect(index, end, micros),
            Some(_) | None => {
                let out = Vec::new();
                self.events.push_back(Event::Ended {
                    index,
                    end,
                    micros,
                    out,
                });
            }
        }
        self.next_is_due();
    }

    /// A batch is done; where its last files are still listed, that comes first.
    fn idle(&mut self) {
        let after_files = self.scratch.as_mut().is_some_and(Scratch::idle);
        if !after_files {
            self.events.push_back(Event::Idle);
        }
    }
}
