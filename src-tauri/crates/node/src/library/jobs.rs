//! Jobs and their tasks, as lists and one by one.

use super::{Library, no_such_job, no_such_task};
use crate::limits::LOG_TAIL_LINES;
use crate::pieces::{Pieces, Slice};
use crate::run::{Input, Item, Run};
use crate::stored::unreadable;
use crate::views::{self, Names};
use api::{Error, ErrorCode, PAGE_ROWS_MAX, Reply};
use pool::JobId;
use pool::report::Outcome;
use pool::spec::Spec;

impl Library {
    pub(crate) async fn jobs(&self, cursor: Option<String>, limit: u32) -> Result<Reply, Error> {
        let (own, limit) = (self.own, limit.clamp(1, PAGE_ROWS_MAX) as usize);
        let eyes = self.eyes;
        let (jobs, more) = self
            .look(move |rules| {
                let names = Names::read(rules, own);
                // Newest first, so a page goes on after the last one's last job.
                let mut listed = rules
                    .jobs()
                    .filter(|job| {
                        let theirs = eyes.is_none_or(|caller| caller.person == job.person);
                        theirs && !job.spec.transient
                    })
                    .skip_while(|job| {
                        cursor
                            .as_ref()
                            .is_some_and(|last| job.id.to_string() != *last)
                    });
                if cursor.is_some() {
                    listed.next();
                }
                let jobs: Vec<_> = listed
                    .by_ref()
                    .take(limit)
                    .map(|job| views::job(&job, &names))
                    .collect();
                (jobs, listed.next().is_some())
            })
            .await?;
        let cursor = jobs.last().filter(|_| more).map(|job| job.id.clone());
        Ok(Reply::Jobs { jobs, cursor })
    }

    pub(crate) async fn job(&self, id: JobId) -> Result<api::JobView, Error> {
        let own = self.own;
        self.look(move |rules| {
            rules
                .job(&id)
                .map(|job| views::job(&job, &Names::read(rules, own)))
        })
        .await?
        .ok_or_else(|| no_such_job(&id.to_string()))
    }

    pub(crate) async fn tasks(&self, id: JobId, from: u32, limit: u32) -> Result<Reply, Error> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let found = self.found(id).await?;
        let views = self.look(move |rules| rules.tasks(id, from, limit)).await?;
        let next = views
            .last()
            .map(|task| task.index + 1)
            .filter(|next| *next < found.spec.count);
        let items = self
            .items(
                &found.spec,
                from,
                u32::try_from(views.len()).unwrap_or(limit),
            )
            .await?;
        let names = self.names().await?;
        let tasks = views
            .iter()
            .zip(items)
            .map(|(task, item)| views::task(task, item, &names))
            .collect();
        Ok(Reply::Tasks { tasks, next })
    }

    pub(crate) async fn task(&self, id: JobId, index: u32) -> Result<api::TaskView, Error> {
        let found = self.found(id).await?;
        let view = self
            .look(move |rules| rules.task(id, index))
            .await?
            .ok_or_else(|| no_such_task(&found.spec, index))?;
        let item = self.items(&found.spec, index, 1).await?.pop();
        let names = self.names().await?;
        let mut task = views::task(&view, item.unwrap_or_default(), &names);
        if let Some(end) = self.end_of(found.no, index).await? {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a task of 285 years may be a microsecond off"
            )]
            let run_ms = end.micros as f64 / 1000.0;
            task.run_ms = Some(run_ms);
            task.machine = Some(names.of(&end.machine));
            let tail = end.log.tail(&self.blobs).await?;
            task.log_tail = last_lines(&tail, end.log.bytes());
            if let Outcome::Failed(failure) = &end.outcome {
                task.failure = Some(views::failure(failure));
            }
        }
        Ok(task)
    }

    /// What tasks were made from.
    async fn items(&self, spec: &Spec, from: u32, count: u32) -> Result<Vec<Item>, Error> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let unread = |why: String| Error::new(ErrorCode::DataDamaged, why);
        let run = Run::read(&spec.run).map_err(|error| unread(error.to_string()))?;
        match &run.input {
            Input::Once { .. } | Input::Counted | Input::Range { .. } | Input::Sweep { .. } => {
                Ok((from..from + count)
                    .map(|index| run.input.item_at(index))
                    .collect())
            }
            Input::Items { pieces } | Input::Lines { pieces } | Input::Files { pieces } => {
                let (file, bytes) = self
                    .blobs
                    .open(&pieces.0)
                    .await
                    .map_err(|error| unreadable(&error))?;
                let input = run.input.clone();
                tokio::task::spawn_blocking(move || {
                    let slice =
                        Pieces::open(file, bytes)?.slice(u64::from(from), u64::from(count))?;
                    (0..count as usize)
                        .map(|at| Ok(shown(&input, &slice, at)))
                        .collect()
                })
                .await
                .map_err(std::io::Error::other)
                .and_then(|items: std::io::Result<Vec<_>>| items)
                .map_err(|error| unread(error.to_string()))
            }
        }
    }
}

/// A value as it fits a list; long ones are only named.
fn shown(input: &Input, slice: &Slice, at: usize) -> Item {
    /// Longest value that a list shows, in bytes.
    const SHOWN_BYTES: u64 = 1 << 10;
    let (_, len) = slice.place(at);
    if len > SHOWN_BYTES {
        return Item {
            text: Some(format!("({len} bytes)")),
            ..Item::default()
        };
    }
    slice
        .read_one(at)
        .map_or_else(|_| Item::default(), |piece| input.item(&piece))
}

fn last_lines(tail: &[u8], whole: u64) -> Vec<String> {
    let text = String::from_utf8_lossy(tail);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if whole > tail.len() as u64 && !lines.is_empty() {
        // The first one was cut somewhere.
        lines.remove(0);
    }
    lines.split_off(lines.len().saturating_sub(LOG_TAIL_LINES))
}
