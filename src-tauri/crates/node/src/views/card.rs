//! What the inspector says of a module, in the door's words.

use crate::modules::Module;
use api::{
    Error, ErrorCode, FunctionView, KernelView, ModuleKind, ParameterType, ParameterView, Verdict,
};
use sandbox::inspect::{
    Card, Fold, Function, KernelDescription, Kind, Parameter, ParameterKind, Refusal, Split,
};

/// The parameters of a kernel that draws a part of a plane.
pub(super) const EXPLORED: [&str; 3] = ["centre_re", "centre_im", "zoom"];

/// `known_as` is the name of a module of these bytes.
pub(crate) fn card(module: &Module, known_as: Option<String>) -> api::Card {
    let card = &module.card;
    let uses = [
        ("files", card.uses.files),
        ("clock", card.uses.clock),
        ("random", card.uses.random),
        ("network", card.uses.network),
    ];
    api::Card {
        hash: module.digest.to_string(),
        bytes: card.bytes,
        kind: module_kind(card),
        title: card.title.clone(),
        verdict: match &card.verdict {
            sandbox::inspect::Verdict::Run => Verdict::Run,
            sandbox::inspect::Verdict::RunFunctions => Verdict::RunFunctions,
            sandbox::inspect::Verdict::Refuse(refused) => Verdict::Refuse(refusal(refused)),
        },
        toolchain: card
            .toolchain
            .as_ref()
            .map(|toolchain| match &toolchain.version {
                Some(version) => format!("{} {version}", toolchain.name),
                None => toolchain.name.clone(),
            }),
        memory_min: card.memory.map(|memory| memory.min_bytes),
        memory_max: card.memory.and_then(|memory| memory.max_bytes),
        uses: uses
            .into_iter()
            .filter(|(_, used)| *used)
            .map(|(name, _)| name.to_owned())
            .collect(),
        functions: card.functions.iter().map(function).collect(),
        kernel: card.kernel.as_ref().map(kernel),
        warnings: card.warnings.clone(),
        known_as,
    }
}

/// What a module is, in a list.
pub(crate) fn module_title(card: &Card) -> String {
    card.kernel
        .as_ref()
        .map_or_else(|| card.title.clone(), |kernel| kernel.title.clone())
}

/// What a module is, in a word; what describes itself is a kernel, whatever it
/// would be without.
pub(crate) fn module_kind(card: &Card) -> ModuleKind {
    if card.kernel.is_some() {
        return ModuleKind::Kernel;
    }
    match card.kind {
        Kind::Bytes => ModuleKind::BytesFunction,
        Kind::Wasi01Command => ModuleKind::Wasi01Command,
        Kind::Wasi02Command => ModuleKind::Wasi02Command,
        Kind::Wasi03Command => ModuleKind::Wasi03Command,
        Kind::Functions => ModuleKind::Functions,
        Kind::Wasi01Library => ModuleKind::Wasi01Library,
        Kind::Program => ModuleKind::Program,
        Kind::WasmBindgen => ModuleKind::WasmBindgen,
        Kind::WebPage => ModuleKind::WebPage,
        Kind::GoForBrowsers => ModuleKind::GoForBrowsers,
        Kind::AssemblyScript => ModuleKind::AssemblyScript,
        Kind::Wasi00 => ModuleKind::Wasi00,
        Kind::Threads => ModuleKind::Threads,
        Kind::Feature => ModuleKind::Feature,
        Kind::Component => ModuleKind::Component,
        Kind::Module => ModuleKind::Module,
        Kind::Precompiled => ModuleKind::Precompiled,
        Kind::NotWasm => ModuleKind::NotWasm,
        Kind::Invalid => ModuleKind::Invalid,
    }
}

pub(crate) fn refusal(refused: &Refusal) -> Error {
    let word = refused.code.as_str();
    let code = ErrorCode::ALL
        .iter()
        .copied()
        .find(|code| code.as_str() == word)
        .unwrap_or(ErrorCode::ModuleInvalid);
    Error {
        code,
        message: refused.message.clone(),
        hint: refused.hint.clone(),
    }
}

fn function(function: &Function) -> FunctionView {
    FunctionView {
        name: function.name.clone(),
        params: function
            .params
            .iter()
            .map(|num| num.as_str().to_owned())
            .collect(),
        results: function
            .results
            .iter()
            .map(|num| num.as_str().to_owned())
            .collect(),
    }
}

fn kernel(kernel: &KernelDescription) -> KernelView {
    KernelView {
        title: kernel.title.clone(),
        help: kernel.help.clone(),
        parameters: kernel.parameters.iter().map(parameter).collect(),
        result: kernel.result.clone(),
        split: match kernel.split {
            Split::Plan => "plan",
            Split::Input => "input",
        }
        .to_owned(),
        fold: match kernel.fold {
            Fold::None => api::Fold::None,
            Fold::Concat => api::Fold::Concat,
            Fold::Kernel => api::Fold::Kernel,
        },
        batch: kernel.batch,
        explores: matches!(kernel.split, Split::Plan)
            && EXPLORED.iter().all(|name| {
                kernel
                    .parameters
                    .iter()
                    .any(|parameter| parameter.name == *name)
            }),
    }
}

fn parameter(parameter: &Parameter) -> ParameterView {
    let (type_, min, max, choices) = match &parameter.kind {
        ParameterKind::Integer { min, max } => {
            // The whole of 64 bits is no range that anybody chose.
            let min = (*min != i64::MIN).then(|| min.to_string());
            (
                ParameterType::Integer,
                min,
                (*max != i64::MAX).then(|| max.to_string()),
                Vec::new(),
            )
        }
        ParameterKind::Number { min, max } => {
            let min = (*min > f64::MIN).then(|| min.to_string());
            (
                ParameterType::Number,
                min,
                (*max < f64::MAX).then(|| max.to_string()),
                Vec::new(),
            )
        }
        ParameterKind::String => (ParameterType::String, None, None, Vec::new()),
        ParameterKind::Bool => (ParameterType::Bool, None, None, Vec::new()),
        ParameterKind::Choice(choices) => (ParameterType::Choice, None, None, choices.clone()),
    };
    ParameterView {
        name: parameter.name.clone(),
        type_,
        default: parameter.default.clone(),
        min,
        max,
        choices,
        help: parameter.help.clone(),
    }
}
