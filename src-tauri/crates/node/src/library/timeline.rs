//! When tasks of a job ran.

use super::Library;
use crate::spans;
use api::{Error, ErrorCode, PAGE_ROWS_MAX, Reply};

impl Library {
    /// A page of the job's spans, oldest first.
    pub(crate) async fn spans(
        &self,
        job: &str,
        from: Option<String>,
        limit: u32,
    ) -> Result<Reply, Error> {
        let from = match from {
            None => 0,
            Some(cursor) => cursor.parse().map_err(|_| {
                Error::new(
                    ErrorCode::Usage,
                    format!("{cursor:?} is no cursor of spans"),
                )
            })?,
        };
        let id = self.find(job).await?;
        let limit = limit.clamp(1, PAGE_ROWS_MAX) as usize;
        let (total, done, accepted) = self
            .look(move |rules| {
                let job = rules.job(&id)?;
                Some((job.total, job.done, job.accepted_wall_ms))
            })
            .await?
            .unwrap_or_default();
        let page = self.spans.page(&id, from, limit, total);
        let machine = self.own_id();
        let stops = self.stops.since(accepted).into_iter();
        Ok(Reply::Spans {
            spans: page
                .spans
                .iter()
                .map(|span| spans::view(span, &machine))
                .collect(),
            stops: stops
                .map(|(machine, stop)| api::Stop {
                    machine: machine.to_string(),
                    from_ms: stop.from_ms,
                    to_ms: stop.to_ms,
                    reason: stop.reason,
                })
                .collect(),
            next: page.next.map(|next| next.to_string()),
            dropped: u64::from(done).saturating_sub(page.done),
        })
    }
}
