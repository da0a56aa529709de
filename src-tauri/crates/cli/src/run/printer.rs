//! Results printed to stdout in index order, as they come.

use super::fetch::{bytes_of, inline};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Stream;
use crate::output::progress::Progress;
use crate::reach::Door;
use api::{ResultEntry, TaskState};

/// Prints results in index order, each byte once: while the job runs, at its
/// end, and with another node after the first went away.
#[derive(Debug, Default)]
pub(crate) struct Printer {
    next: u32,
    /// Bytes of the next result that are printed.
    printed: u64,
    /// Durable results from `next` on: first index and end, as they came.
    ready: Vec<(u32, u32)>,
    /// A job of one task was shown as it wrote.
    pub(super) streamed: bool,
}

impl Printer {
    /// Of a job whose output was shown as it came.
    pub(crate) fn streamed() -> Printer {
        Printer {
            streamed: true,
            ..Printer::default()
        }
    }

    /// Notes results that are there; true when the next one to print is.
    pub(crate) fn came(&mut self, first: u32, count: u32) -> bool {
        self.ready.push((first, first.saturating_add(count)));
        self.is_ready()
    }

    fn is_ready(&self) -> bool {
        self.ready
            .iter()
            .any(|(first, end)| (*first..*end).contains(&self.next))
    }

    /// Prints what is there, in order and without a gap. A task that has ended
    /// without a result prints nothing.
    pub(crate) async fn print(
        &mut self,
        context: &Context,
        door: &Door,
        job: &str,
        progress: Option<&Progress>,
    ) -> Result<(), Failure> {
        while self.is_ready() {
            let page = door.results(job, self.next).await?;
            if page.results.is_empty() {
                return Ok(());
            }
            // Small results go out together: a write for each would be slow.
            let mut together = Vec::new();
            let (mut behind, mut gap) = (self.next, false);
            let write = |bytes: &[u8]| {
                if bytes.is_empty() {
                    return Ok(());
                }
                let print = || context.output.guest(Stream::Stdout, bytes);
                progress.map_or_else(print, |progress| progress.aside(print))
            };
            for entry in &page.results {
                match entry.state {
                    TaskState::Queued | TaskState::Running => {
                        gap = true;
                        break;
                    }
                    TaskState::Failed | TaskState::Cancelled => {}
                    TaskState::Done if self.printed == 0 && inline(entry, &mut together) => {}
                    TaskState::Done => {
                        write(&together)?;
                        together.clear();
                        self.next = behind;
                        self.print_one(context, door, job, entry, progress).await?;
                        (self.next, self.printed) = (entry.index + 1, 0);
                    }
                }
                behind = entry.index + 1;
            }
            write(&together)?;
            self.next = behind;
            self.ready.retain(|(_, end)| *end > behind);
            if gap {
                return Ok(());
            }
        }
        Ok(())
    }

    pub(super) async fn print_one(
        &mut self,
        context: &Context,
        door: &Door,
        job: &str,
        entry: &ResultEntry,
        progress: Option<&Progress>,
    ) -> Result<(), Failure> {
        let mut seen = 0;
        bytes_of(door, job, entry, |bytes| {
            let old = usize::try_from(self.printed - seen)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let new = &bytes[old..];
            let print = || context.output.guest(Stream::Stdout, new);
            progress.map_or_else(print, |progress| progress.aside(print))?;
            self.printed += new.len() as u64;
            seen += bytes.len() as u64;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::Printer;

    #[test]
    fn results_are_printed_when_the_next_one_is_there() {
        let mut printer = Printer::default();
        assert!(!printer.came(3, 2));
        assert!(printer.came(0, 2));
        printer.next = 2;
        assert!(!printer.came(5, 1));
        assert!(printer.came(2, 1));
        printer.next = 3;
        assert!(printer.came(9, 1), "what came early is remembered");
    }
}
