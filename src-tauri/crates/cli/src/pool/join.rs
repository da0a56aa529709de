//! `skep pool join`, and what `skep worker start` does of it.

use super::status;
use crate::address;
use crate::ask;
use crate::context::Context;
use crate::failure::Failure;
use crate::job::is_open;
use crate::output::guest::inert;
use crate::output::words;
use crate::reach::Door;
use api::{Error, PoolView};
use node::Offline;
use node::joining::{self, Step, Unfinished};

/// Join another machine's pool
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep pool join K7QM-2XRT
  skep pool join --pool studio-pc:7538 K7QM-2XRT")]
pub(crate) struct Join {
    /// The code that the other machine shows, or a link that begins with skep://join/
    #[arg(value_name = "CODE|LINK", value_parser = by)]
    by: String,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    unfinished: WhatOfJobs,
}

/// Where machines are let in.
#[derive(Debug, clap::Args)]
pub(crate) struct At {
    /// Where the pool lets machines in; without it, it is looked for on this network
    #[arg(
        long,
        value_name = "HOST[:PORT]",
        env = "SKEP_POOL",
        hide_env = true,
        value_parser = address::host
    )]
    pub(crate) pool: Option<String>,
}

/// What becomes of jobs here that have not ended.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[group(multiple = false)]
pub(crate) struct WhatOfJobs {
    /// Jobs here that have not ended: run them first, here
    #[arg(long)]
    finish: bool,
    /// Jobs here that have not ended: cancel them
    #[arg(long)]
    cancel: bool,
}

pub(crate) async fn join(context: &Context, join: &Join) -> Result<(), Failure> {
    let pool = into(context, &join.by, &join.at, join.unfinished).await?;
    status::said(context, &pool)?;
    context.output.note(if pool.roles.work {
        "skep worker start works for it"
    } else {
        "skep run sends jobs to it"
    });
    Ok(())
}

/// Joins, and says meanwhile what it waits for.
pub(crate) async fn into(
    context: &Context,
    by: &str,
    at: &At,
    unfinished: WhatOfJobs,
) -> Result<PoolView, Failure> {
    let settings = context.settings()?;
    let unfinished = what_of_jobs(context, unfinished).await?;
    context.folders.make().map_err(Error::from)?;
    context.start_journal(&settings, false)?;
    let output = context.output.clone();
    let says = move |step: Step| output.note(said(&step));
    let joined = joining::join(
        &context.folders,
        &settings,
        by,
        at.pool.as_deref(),
        unfinished,
        says,
    );
    Ok(joined.await?)
}

fn said(step: &Step) -> String {
    match step {
        Step::Finishing { jobs } => format!(
            "waiting until {} of this computer ended",
            words::count(*jobs as u64, "job")
        ),
        Step::Looking => "looking for a pool with an open code on this network".to_owned(),
        Step::Reaching { address } => format!("asking at {address}"),
        Step::Waiting { pool } => {
            let pool = inert(pool);
            format!("waiting until somebody in {pool} lets this machine in")
        }
    }
}

/// As it was typed, or as the person answers; nothing is chosen for them.
async fn what_of_jobs(context: &Context, typed: WhatOfJobs) -> Result<Unfinished, Failure> {
    if typed.finish {
        return Ok(Unfinished::Finish);
    }
    if typed.cancel {
        return Ok(Unfinished::Cancel);
    }
    if !ask::can_answer(&context.output) {
        return Ok(Unfinished::Refuse);
    }
    let open = open_jobs(context).await;
    if open == 0 {
        return Ok(Unfinished::Refuse);
    }
    let (count, have) = (
        words::count(open, "job"),
        if open == 1 { "has" } else { "have" },
    );
    loop {
        let question = format!(
            "{count} here {have} not ended: let them end here first, or cancel them? [finish / cancel / stop] "
        );
        match choice(&ask::line(&question)?) {
            Some(Choice::Finish) => return Ok(Unfinished::Finish),
            Some(Choice::Cancel) => return Ok(Unfinished::Cancel),
            Some(Choice::Stop) => return Err(Failure::Ended(1)),
            None => {}
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Finish,
    Cancel,
    Stop,
}

/// What an answer means; nothing where it has to be asked again.
fn choice(answer: &str) -> Option<Choice> {
    // An input that has ended gives no more answers.
    if answer.is_empty() {
        return Some(Choice::Stop);
    }
    match answer.trim().to_lowercase().as_str() {
        "f" | "finish" => Some(Choice::Finish),
        "c" | "cancel" => Some(Choice::Cancel),
        "s" | "stop" | "n" | "no" => Some(Choice::Stop),
        _ => None,
    }
}

/// How many the last node left. Where they cannot be read, whoever takes the
/// folder says why.
async fn open_jobs(context: &Context) -> u64 {
    let Ok(left) = Offline::open(&context.folders).await else {
        return 0;
    };
    let jobs = Door::Left(left).jobs().await.unwrap_or_default();
    jobs.iter().filter(|job| is_open(job.state)).count() as u64
}

/// A code or a link, as far as it can be told by looking. Which code or link
/// it is, only the pool knows.
pub(crate) fn by(text: &str) -> Result<String, String> {
    const LINK: &str = "skep://join/";
    /// As many characters as a code has.
    const CODE: usize = 8;
    let text = text.trim();
    if text
        .strip_prefix(LINK)
        .is_some_and(|token| !token.is_empty())
    {
        return Ok(text.to_owned());
    }
    if text.contains("://") {
        return Err(format!(
            "a link to a pool begins with {LINK}, and goes on after it"
        ));
    }
    let gap = |c: char| c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}');
    let mut characters = text.chars().filter(|c| !gap(*c));
    if characters.clone().count() == CODE && characters.all(|c| c.is_ascii_alphanumeric()) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "it is neither a code of {CODE} letters and digits, such as K7QM-2XRT, nor a link that begins with {LINK}"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Choice, by, choice, said};
    use node::joining::Step;

    #[test]
    fn a_code_is_taken_however_it_is_written() {
        for text in ["K7QM-2XRT", "k7qm2xrt", "K7QM 2XRT", "K7QM\u{2013}2XRT"] {
            assert_eq!(by(text).as_deref(), Ok(text));
        }
        assert_eq!(by(" skep://join/AQID\n").as_deref(), Ok("skep://join/AQID"));
        for text in [
            "",
            "K7QM",
            "K7QM-2XRT-9",
            "K7QM_2XRT",
            "skep://join/",
            "skep://job/AQID",
            "https://example.org",
            "grün-abcd",
        ] {
            assert!(by(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_becomes_of_jobs_is_asked_until_it_is_answered() {
        assert_eq!(choice("finish\n"), Some(Choice::Finish));
        assert_eq!(choice(" F \n"), Some(Choice::Finish));
        assert_eq!(choice("cancel\n"), Some(Choice::Cancel));
        assert_eq!(choice("stop\n"), Some(Choice::Stop));
        assert_eq!(choice(""), Some(Choice::Stop));
        for unclear in ["\n", "yes\n", "both\n"] {
            assert_eq!(choice(unclear), None, "{unclear:?}");
        }
    }

    #[test]
    fn every_step_on_the_way_is_said() {
        let finishing = said(&Step::Finishing { jobs: 2 });
        assert_eq!(finishing, "waiting until 2 jobs of this computer ended");
        assert!(said(&Step::Looking).starts_with("looking for a pool"));
        let address = "192.168.1.20:7538".to_owned();
        let reaching = Step::Reaching { address };
        assert_eq!(said(&reaching), "asking at 192.168.1.20:7538");
        let pool = "home\nlab".to_owned();
        assert_eq!(
            said(&Step::Waiting { pool }),
            "waiting until somebody in home\u{fffd}lab lets this machine in"
        );
    }
}
