//! Components: commands of WASI 0.2 run, everything else is told what it is.

use wasmparser::{component_types::ComponentEntityType, types::TypesRef};

use super::{
    Sections,
    card::{Findings, Kind, Refusal, RefuseCode, Verdict},
    core::{NAMES_LISTED_MAX, NETWORK_WARNING},
    preview2, show,
};
use crate::Entry;

/// Judges a valid component.
pub(super) fn judge(types: TypesRef<'_>, sections: &Sections<'_>) -> Findings {
    let is_command = sections
        .exports
        .iter()
        .any(|name| preview2::is_run(name) && is_instance(types, name));
    if !is_command {
        return match is_wasi_03(types, sections) {
            true => wasi_03(),
            false => Findings::refused(
                Kind::Component,
                Refusal::new(
                    RefuseCode::WrongKind,
                    "A component without a command (`wasi:cli/run`); Skep runs commands.",
                )
                .hint("Build it as a program: `cargo build --release --target wasm32-wasip2`."),
            ),
        };
    }
    let missing: Vec<&str> = sections
        .imports
        .iter()
        .copied()
        .filter(|name| !preview2::provides(name))
        .collect();
    let mut findings = match missing.is_empty() {
        true => command(),
        false => Findings::refused(
            Kind::Wasi02Command,
            Refusal::new(
                RefuseCode::MissingImport,
                format!(
                    "Skep provides WASI 0.2 without HTTP; these are missing: {}.",
                    show::names(missing, NAMES_LISTED_MAX)
                ),
            )
            .hint("Build it without them, or join it with the component that exports them: `wac plug`."),
        ),
    };
    for import in &sections.imports {
        preview2::note(&mut findings.uses, import);
    }
    if findings.uses.network {
        findings.warnings.push(NETWORK_WARNING.into());
    }
    findings.memory = sections.memory;
    findings
}

/// Whether this component, valid or valid with features that are off, is a
/// command of WASI 0.3.
pub(super) fn is_wasi_03(types: TypesRef<'_>, sections: &Sections<'_>) -> bool {
    sections
        .exports
        .iter()
        .any(|name| preview2::is_run_of_03(name) && is_instance(types, name))
}

/// The card of a command of WASI 0.3.
pub(super) fn wasi_03() -> Findings {
    Findings::refused(
        Kind::Wasi03Command,
        Refusal::new(
            RefuseCode::WrongKind,
            "Built for WASI 0.3, which Skep does not run yet.",
        )
        .hint("Build for wasm32-wasip2 or wasip1."),
    )
}

fn command() -> Findings {
    Findings {
        on_demand: true,
        entry: Some(Entry::Command),
        ..Findings::new(Kind::Wasi02Command, Verdict::Run)
    }
}

fn is_instance(types: TypesRef<'_>, export: &str) -> bool {
    let item = types.component_item_for_export(export);
    item.is_some_and(|item| matches!(item.ty, ComponentEntityType::Instance(_)))
}
