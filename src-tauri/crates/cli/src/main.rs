//! `skep`, the command line: a client of the door like any other. It decides
//! nothing about jobs, and what was typed is checked here before anything is
//! sent.

mod address;
mod ask;
mod completions;
mod config;
mod context;
mod contribute;
mod coordinator;
mod doctor;
mod failure;
mod foreground;
mod help;
mod job;
mod logs;
mod machine;
mod man;
mod module;
mod output;
mod pool;
mod ps;
mod reach;
mod report;
mod run;
mod select;
mod status;
mod task;
mod typed;
mod verbs;
mod version;
mod watch;
mod worker;

use context::Context;
use failure::Failure;
use output::Output;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use typed::{Command, Refusal, Typed};

fn main() -> ExitCode {
    completions::answer_shell();
    let words: Vec<OsString> = std::env::args_os().collect();
    let code = match Typed::parse_words(&words) {
        Ok(typed) => {
            let output = typed.global.output();
            output.end(carry_out(typed, &output, &words))
        }
        Err(refusal) => refused(&refusal, &words),
    };
    ExitCode::from(code)
}

fn refused(refusal: &Refusal, words: &[OsString]) -> u8 {
    match refusal {
        Refusal::Help(help, code) => {
            let words = help.render();
            let words = if Output::plain(false).stdout_colours() {
                words.ansi().to_string()
            } else {
                words.to_string()
            };
            // A closed stream reads no help.
            let _ = match *code {
                failure::DONE => write!(std::io::stdout(), "{words}"),
                _ => write!(std::io::stderr(), "{words}"),
            };
            *code
        }
        Refusal::Wrong(error) => {
            Output::plain(typed::wants_json(words)).end(Err(error.clone().into()))
        }
    }
}

fn carry_out(typed: Typed, output: &Output, words: &[OsString]) -> Result<(), Failure> {
    // One thread is enough: what takes long runs in executors or on the disk.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(answer(typed, output, words));
    // A read of stdin that never ends must not keep the process.
    runtime.shutdown_background();
    ended
}

async fn answer(typed: Typed, output: &Output, words: &[OsString]) -> Result<(), Failure> {
    let context = Context::new(&typed.global, output.clone())?;
    match typed.command {
        Command::Run(run) => run::run(&context, run.options, words).await,
        Command::Map(map) => run::run(&context, map.options, words).await,
        Command::Job(job) => job::job(&context, job).await,
        Command::Task(task) => task::task(&context, task).await,
        Command::Machine(machine) => machine::machine(&context, machine).await,
        Command::Pool(pool) => pool::pool(&context, pool).await,
        Command::Module(module) => module::module(&context, module).await,
        Command::Contribute(contribute) => contribute::contribute(&context, &contribute).await,
        Command::Coordinator(coordinator) => coordinator::coordinator(&context, coordinator).await,
        Command::Worker(worker) => worker::worker(&context, worker).await,
        Command::Status(status) => status::status(&context, &status).await,
        Command::Ps(ps) => ps::ps(&context, &ps).await,
        Command::Logs(logs) => logs::logs(&context, logs).await,
        Command::Doctor(doctor) => doctor::doctor(&context, &doctor).await,
        Command::Report(report) => report::report(&context, &report).await,
        Command::Config(config) => config::config(&context, config).await,
        Command::Completions(completions) => completions::completions(&context, &completions),
        Command::Man(man) => man::man(&context, &man),
        Command::Version(_) => version::version(&context),
        Command::Help(help) => help::help(&context, &help),
    }
}
