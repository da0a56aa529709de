//! How far a job is: a bar where somebody looks, a line now and then where
//! somebody may read it later.

use super::{Output, words};
use api::TaskCounts;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// A job that ends sooner draws nothing.
const QUIET_START: Duration = Duration::from_millis(200);
/// So that the time goes on while nothing else changes.
const TICK: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct Progress {
    output: Output,
    begun: Instant,
    /// Done when this began to look: their speed was not seen.
    done_before: Option<u32>,
    bar: Option<ProgressBar>,
    drawn: bool,
    next_line: Instant,
}

impl Progress {
    pub(crate) fn new(output: &Output) -> Progress {
        let drawn = std::io::stderr().is_terminal() && !output.json && !output.quiet;
        Progress {
            output: output.clone(),
            begun: Instant::now(),
            done_before: None,
            bar: None,
            drawn,
            next_line: Instant::now() + LINE_EVERY,
        }
    }

    pub(crate) fn update(&mut self, tasks: TaskCounts, reason: Option<&str>) {
        let ended = tasks.done + tasks.failed + tasks.cancelled;
        let before = *self.done_before.get_or_insert(ended);
        let words = self.words(tasks, ended.saturating_sub(before), reason);
        if self.drawn {
            if self.begun.elapsed() < QUIET_START && reason.is_none() {
                return;
            }
            let bar = self.bar.get_or_insert_with(bar);
            bar.set_length(tasks.total.into());
            bar.set_position(ended.into());
            bar.set_message(words);
        } else if Instant::now() >= self.next_line {
            self.next_line = Instant::now() + LINE_EVERY;
            self.output.note(format_args!(
                "{} tasks ended{words}",
                words::of(ended, tasks.total)
            ));
        }
    }

    /// Lets something else be written where the bar is.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(crate) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn words(&self, tasks: TaskCounts, ended_here: u32, reason: Option<&str>) -> String {
        let mut words = String::new();
        if tasks.running > 0 {
            words.push_str(&format!(
                ", {} running",
                words::thousands(tasks.running.into())
            ));
        }
        if tasks.failed > 0 {
            words.push_str(&format!(
                ", {} failed",
                words::thousands(tasks.failed.into())
            ));
        }
        match reason {
            Some(reason) => words.push_str(&format!(", {reason}")),
            None => {
                if let Some(left) = self.left(tasks, ended_here) {
                    words.push_str(&format!(", {} left", words::span(left)));
                }
            }
        }
        words
    }

    /// Time left at the speed so far; said only when there is enough to go by.
    fn left(&self, tasks: TaskCounts, ended_here: u32) -> Option<Duration> {
        const ENOUGH: Duration = Duration::from_secs(2);
        let spent = self.begun.elapsed();
        let waiting = tasks.queued + tasks.running;
        (ended_here > 0 && waiting > 0 && spent >= ENOUGH)
            .then(|| spent.mul_f64(f64::from(waiting) / f64::from(ended_here)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // Cells, as the mark has them.
    let style = ProgressStyle::with_template("{bar:32} {human_pos} of {human_len}{msg}  {elapsed}");
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("⬢⬡⬡"));
    }
    bar.enable_steady_tick(TICK);
    bar
}
