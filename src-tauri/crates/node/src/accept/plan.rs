//! A kernel's mode `plan`: run once, here and sandboxed, before anything is
//! accepted. What it writes is read as hostile.

use crate::limits::{PLAN_BYTES_MAX, PLAN_TIME};
use crate::run::Run;
use api::{Error, ErrorCode};
use bytes::Bytes;
use pool::Digest;
use sandbox::limits::{LOG_BYTES_MAX, MEMORY_BYTES_MAX};
use sandbox::{Batch, Caps, CompileError, End, Entry, Event, Profile, Sandbox, Stdin, Task};
use serde::Deserialize;
use std::sync::Arc;

/// Memory for a plan, in bytes; it only counts.
const PLAN_MEMORY_BYTES: u64 = 256 << 20;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Plan {
    pub(super) count: Option<u64>,
    pub(super) grid: Option<(u32, u32)>,
    /// Media type.
    pub(super) result: Option<String>,
}

/// `tasks` is their number where the input was split already.
pub(super) async fn plan(
    sandbox: &Sandbox,
    digest: Digest,
    module: Bytes,
    run: &Run,
    tasks: Option<u32>,
) -> Result<Plan, Error> {
    let profile = Profile {
        memory_bytes: PLAN_MEMORY_BYTES.min(MEMORY_BYTES_MAX),
        fuel: false,
        scratch: false,
        on_demand: run.on_demand,
        entry: Entry::Command,
    };
    let prepared = sandbox
        .prepare(digest.0, module, &profile)
        .await
        .map_err(|error| {
            let code = match &error {
                CompileError::Machine { .. } => ErrorCode::ExecutorMissing,
                CompileError::Invalid { .. }
                | CompileError::TooLarge { .. }
                | CompileError::TimedOut { .. }
                | CompileError::OutOfMemory { .. }
                | CompileError::Died { .. } => ErrorCode::CompileFailed,
            };
            Error::new(code, error.to_string())
        })?;
    let spawned = sandbox.spawn(&prepared).await;
    let mut executor =
        spawned.map_err(|error| Error::new(ErrorCode::ExecutorMissing, error.to_string()))?;
    let mut program = run.bare("plan");
    program
        .env
        .extend(tasks.map(|tasks| ("SKEP_TASK_COUNT".to_owned(), tasks.to_string())));
    let batch = Batch::Programs {
        caps: Caps {
            task_time: Some(PLAN_TIME),
            fuel: None,
            output_bytes: PLAN_BYTES_MAX,
            log_bytes: LOG_BYTES_MAX,
        },
        shared: Arc::new(program),
        tasks: vec![Task {
            index: 0,
            argv: None,
            env: Vec::new(),
            stdin: Stdin::Bytes(Bytes::new()),
            files: None,
        }],
    };
    executor
        .send(batch)
        .await
        .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
    let (mut said, mut log) = (Vec::new(), Vec::new());
    let end = loop {
        match executor.next().await {
            Event::Stdout { bytes, .. } => said.extend_from_slice(&bytes),
            Event::Stderr { bytes, .. } if log.len() as u64 <= PLAN_BYTES_MAX => {
                log.extend_from_slice(&bytes)
            }
            Event::Ended { end, .. } => break end,
            Event::Gone { why, .. } => break End::Crashed { message: why },
            Event::Stderr { .. }
            | Event::Started { .. }
            | Event::Progress { .. }
            | Event::Calls { .. }
            | Event::Idle => {}
        }
    };
    if end.is_done() {
        read(&said, tasks.is_some())
    } else {
        Err(refused(end, &log))
    }
}

fn read(said: &[u8], split: bool) -> Result<Plan, Error> {
    let bad = |why: String| {
        Error::new(
            ErrorCode::PlanRefused,
            format!("the kernel's plan is not one: {why}"),
        )
    };
    let plan: Plan = serde_json::from_slice(said).map_err(|error| bad(error.to_string()))?;
    match (plan.count, split) {
        (None, false) => return Err(bad("it does not say how many tasks there are".to_owned())),
        (Some(_), true) => return Err(bad("it counts tasks that were counted already".to_owned())),
        (None, true) | (Some(_), false) => {}
    }
    let cells = plan
        .grid
        .map(|(columns, rows)| u64::from(columns) * u64::from(rows));
    if let (Some(cells), Some(count)) = (cells, plan.count)
        && cells != count
    {
        return Err(bad(format!("its grid has {cells} cells for {count} tasks")));
    }
    let media = |result: &String| {
        result.len() <= 100 && result.chars().all(|c| c.is_ascii_graphic() || c == ' ')
    };
    if !plan.result.as_ref().is_none_or(media) {
        return Err(bad("its result is no media type".to_owned()));
    }
    Ok(plan)
}

/// The kernel's own words where it has some.
fn refused(end: End, log: &[u8]) -> Error {
    let words = crate::work::last_line(log);
    let message = match end {
        End::Exit { code } => {
            words.unwrap_or_else(|| format!("the kernel refused the request with exit code {code}"))
        }
        End::DeadlineExceeded { .. } => format!(
            "the kernel's plan took longer than {} s",
            PLAN_TIME.as_secs()
        ),
        End::OutputLimit { .. } => {
            format!("the kernel's plan is longer than {PLAN_BYTES_MAX} bytes")
        }
        End::Trap { message, .. }
        | End::MemoryLimit { message }
        | End::TableLimit { message }
        | End::AbiViolation { message }
        | End::LinkError { message }
        | End::Crashed { message }
        | End::HostRefused { message } => format!("the kernel's plan failed: {message}"),
        End::OutOfFuel => "the kernel's plan ran out of fuel".to_owned(),
    };
    Error::new(ErrorCode::PlanRefused, sandbox::inert(&message))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_plan_is_believed_only_where_it_makes_sense() {
        assert_eq!(
            read(
                br#"{"count":256,"grid":[16,16],"result":"image/png","note":"x"}"#,
                false
            )
            .unwrap()
            .count,
            Some(256)
        );
        assert!(read(b"{}", true).is_ok());
        for (said, split) in [
            (&b"{}"[..], false),
            (br#"{"count":1}"#, true),
            (br#"{"count":5,"grid":[2,2]}"#, false),
            (br#"{"count":-1}"#, false),
            (br#"{"count":1,"result":"\u001b[31m"}"#, false),
            (b"", false),
        ] {
            assert!(
                read(said, split).is_err(),
                "{}",
                String::from_utf8_lossy(said)
            );
        }
    }
}
