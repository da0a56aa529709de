//! Core modules: whether what they import is there, and what can be called.

mod code;
mod exports;
mod imports;
mod module;

use wasmparser::types::TypesRef;

use super::{
    Sections,
    card::{Findings, Kind, MemorySize, Refusal, RefuseCode, Verdict},
    show,
};
use crate::{
    Entry,
    limits::{
        LARGE_MODULE_BYTES, LARGE_TABLE_ELEMENTS_MAX, MEMORY_DEFAULT_BYTES, TABLE_ELEMENTS_MAX,
        TABLES_MAX,
    },
};
use code::Code;
use module::Module;

/// Names that one message lists.
pub(super) const NAMES_LISTED_MAX: usize = 5;
pub(super) const NETWORK_WARNING: &str =
    "Can ask for the network and will be refused: tasks have none.";

/// Judges a valid core module.
pub(super) fn judge(bytes: &[u8], types: TypesRef<'_>, sections: &Sections<'_>) -> Findings {
    let module = Module::new(types);
    let mut findings = match imports::judge(&module, sections) {
        Ok(()) => exports::judge(&module, sections).unwrap_or_else(Refused::into),
        Err(refused) => refused.into(),
    };
    findings.memory = (types.memory_count() > 0).then(|| MemorySize::of(&types.memory_at(0)));
    findings.uses = module.uses();
    if !matches!(findings.verdict, Verdict::Refuse(_)) {
        let code = Code::read(bytes, module.is_constant());
        findings.on_demand = module.holds_references() || code.holds_references;
        findings.reuse = module.is_constant() && !code.writes_tables;
        warn(&mut findings, &module, bytes.len() as u64);
    }
    findings
}

/// A refusal and the kind it is for.
struct Refused(Kind, Refusal);

impl From<Refused> for Findings {
    fn from(Refused(kind, refusal): Refused) -> Findings {
        Findings::refused(kind, refusal)
    }
}

fn refuse(kind: Kind, code: RefuseCode, message: impl Into<String>, hint: &str) -> Refused {
    Refused(kind, Refusal::new(code, message).hint(hint))
}

/// What will go wrong when it runs, or may.
fn warn(findings: &mut Findings, module: &Module<'_>, bytes: u64) {
    let warnings = &mut findings.warnings;
    if findings.kind == Kind::Program {
        let text = if matches!(findings.entry, Some(Entry::Function { .. })) {
            "Imports no WASI, so it prints nothing but what its `main` gives."
        } else {
            "Imports no WASI, so it prints nothing: it can only succeed or fail."
        };
        warnings.push(text.into());
    }
    if findings.uses.network {
        warnings.push(NETWORK_WARNING.into());
    }
    if let Some(memory) = findings
        .memory
        .filter(|memory| memory.min_bytes > MEMORY_DEFAULT_BYTES)
    {
        warnings.push(format!(
            "Starts with {} of memory, more than a task gets by default; give it more with --memory.",
            show::bytes(memory.min_bytes)
        ));
    }
    let types = module.types;
    if types.table_count() as usize > TABLES_MAX {
        warnings.push(format!(
            "Has {} tables and will fail at its start: {TABLES_MAX} are allowed.",
            types.table_count()
        ));
    }
    let elements_max = if bytes > LARGE_MODULE_BYTES {
        LARGE_TABLE_ELEMENTS_MAX
    } else {
        TABLE_ELEMENTS_MAX
    };
    let largest = (0..types.table_count())
        .map(|at| types.table_at(at).initial)
        .max();
    if let Some(elements) = largest.filter(|elements| *elements > elements_max as u64) {
        warnings.push(format!(
            "Has a table of {elements} elements and will fail at its start: {elements_max} are allowed."
        ));
    }
}
