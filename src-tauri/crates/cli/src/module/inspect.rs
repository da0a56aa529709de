//! `skep module inspect`.

use crate::completions;
use crate::context::Context;
use crate::failure::Failure;
use crate::job::short_hash;
use crate::output::table::{Column, pairs, table};
use crate::output::{json, words};
use crate::reach;
use crate::run::module::Module;
use api::{Card, FunctionView, KernelView, ParameterType, ParameterView, Verdict};
use clap_complete::ArgValueCompleter;

/// Say what a module is, without running it
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:
  skep module inspect program.wasm
  skep module inspect sample:mandelbrot")]
pub(crate) struct Inspect {
    /// A file, sample:NAME, a name, or the beginning of a hash
    #[arg(value_name = "MODULE", add = ArgValueCompleter::new(completions::module_or_file))]
    module: String,
}

pub(crate) async fn inspect(context: &Context, inspect: &Inspect) -> Result<(), Failure> {
    let card = match Module::find(&inspect.module)? {
        Module::File { bytes, .. } => node::inspect(bytes),
        Module::Named(name) => {
            reach::to_read(context)
                .await?
                .inspect(&Module::named(&name))
                .await?
        }
    };
    let output = &context.output;
    if output.json {
        output.document(&json::flat(&card))?;
    } else if output.quiet {
        output.line(&card.hash)?;
    } else {
        output.line(drawn(&card, output.stdout_colours()))?;
    }
    match card.verdict {
        Verdict::Run | Verdict::RunFunctions => Ok(()),
        Verdict::Refuse(refusal) => Err(refusal.into()),
    }
}

fn drawn(card: &Card, colours: bool) -> String {
    let mut text = pairs(rows(card));
    if let Some(kernel) = &card.kernel {
        text.push_str(&format!("\n\n{}", parameters(kernel, colours)));
    }
    if !card.functions.is_empty() {
        text.push_str("\n\nfunctions");
        for function in &card.functions {
            text.push_str(&format!("\n  {}", signature(function)));
        }
    }
    for warning in &card.warnings {
        text.push_str(&format!(
            "\n\nnote: {}",
            crate::output::guest::inert(warning)
        ));
    }
    text
}

fn rows(card: &Card) -> Vec<(&'static str, String)> {
    let mut rows = vec![("module", card.title.clone())];
    if let Some(kernel) = &card.kernel {
        rows.push(("kernel", format!("{}: {}", kernel.title, kernel.help)));
        rows.push((
            "result",
            kernel.result.clone().unwrap_or_else(|| "bytes".to_owned()),
        ));
        let split = if kernel.split == "plan" {
            "makes its own tasks"
        } else {
            "needs a split, such as --each-file"
        };
        rows.push(("tasks", split.to_owned()));
    }
    rows.push((
        "runs",
        match &card.verdict {
            Verdict::Run => "yes".to_owned(),
            Verdict::RunFunctions => "its functions, with --invoke".to_owned(),
            Verdict::Refuse(_) => "no".to_owned(),
        },
    ));
    rows.push(("size", words::bytes(card.bytes)));
    if let Some(min) = card.memory_min {
        let max = card
            .memory_max
            .map_or(String::new(), |max| format!(" to {}", words::memory(max)));
        rows.push(("memory", format!("{}{max}", words::memory(min))));
    }
    if !card.uses.is_empty() {
        rows.push(("can use", card.uses.join(", ")));
    }
    rows.push(("hash", short_hash(&card.hash)));
    if let Some(name) = &card.known_as {
        rows.push(("known as", name.clone()));
    }
    rows
}

fn parameters(kernel: &KernelView, colours: bool) -> String {
    let columns = [
        Column::Text("parameter"),
        Column::Text("takes"),
        Column::Text("default"),
        Column::Text("what it is"),
    ];
    let rows = kernel.parameters.iter().map(|parameter| {
        vec![
            format!("--{}", parameter.name.replace('_', "-")),
            takes(parameter),
            parameter.default.clone().unwrap_or_default(),
            parameter.help.clone(),
        ]
    });
    table(&columns, rows.collect(), colours)
}

fn takes(parameter: &ParameterView) -> String {
    let kind = match parameter.type_ {
        ParameterType::Integer => "a whole number",
        ParameterType::Number => "a number",
        ParameterType::String => "text",
        ParameterType::Bool => "true or false",
        ParameterType::Choice => return parameter.choices.join(", "),
    };
    match (&parameter.min, &parameter.max) {
        (Some(min), Some(max)) => format!("{kind} from {min} to {max}"),
        (Some(min), None) => format!("{kind} from {min}"),
        (None, Some(max)) => format!("{kind} up to {max}"),
        (None, None) => kind.to_owned(),
    }
}

fn signature(function: &FunctionView) -> String {
    let results = match function.results.as_slice() {
        [] => String::new(),
        results => format!(" -> {}", results.join(", ")),
    };
    format!(
        "{}({}){results}",
        crate::output::guest::inert(&function.name),
        function.params.join(", ")
    )
}
