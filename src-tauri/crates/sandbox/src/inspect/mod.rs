//! Says what a file is before anything runs it: which kind of module, what it
//! needs, what can be called, and if it cannot run here, why and what to do.
//! Reads bytes and nothing else: it never executes, never touches the disk and
//! never panics, whatever the bytes are.

mod browser;
mod card;
mod component;
mod core;
mod features;
mod foreign;
mod function;
mod kernel;
mod parameter;
mod preview1;
mod preview2;
mod show;
mod text;
mod toolchain;

use wasmparser::Payload;

pub use browser::{Stub, stub};
pub use card::{Card, EntryError, Kind, MemorySize, Refusal, RefuseCode, Uses, Verdict};
pub use function::{
    ArgumentError, Function, NumType, parse_arguments, parse_arguments_before_range,
};
pub use kernel::{Fold, KernelDescription, Parameter, ParameterKind, Split};
pub use parameter::{ParameterError, check_parameters, parameters_from_json};
pub use show::bytes;
pub use text::{TextError, to_binary};
pub use toolchain::Toolchain;

use crate::limits::MODULE_BYTES_MAX;
use card::Findings;
use features::Needs;
use foreign::Format;

/// Says what these bytes are. Text format is read as the binary it stands for
/// and labelled; anything that is no module gets a card that refuses it.
pub fn inspect(bytes: &[u8]) -> Card {
    let size = bytes.len() as u64;
    if size > MODULE_BYTES_MAX {
        return Findings::refused(
            Kind::Invalid,
            Refusal::new(
                RefuseCode::ModuleTooLarge,
                format!(
                    "The module is larger than {}, the most that Skep takes.",
                    show::bytes(MODULE_BYTES_MAX)
                ),
            )
            .hint("Strip it (`wasm-tools strip`, or `strip = true` in Cargo.toml), and give data as input files."),
        )
        .card(size, false);
    }
    match foreign::recognise(bytes) {
        Format::Core => binary(bytes, Layer::Core).card(size, false),
        Format::Component => binary(bytes, Layer::Component).card(size, false),
        Format::Text => match text::encode(bytes) {
            Ok(binary) => {
                let layer = match foreign::recognise(&binary) {
                    Format::Component => Layer::Component,
                    Format::Core | Format::Text | Format::Foreign(..) => Layer::Core,
                };
                self::binary(&binary, layer).card(size, true)
            }
            Err(error) => Findings::refused(Kind::Invalid, error.into()).card(size, true),
        },
        Format::Foreign(kind, refusal) => Findings::refused(kind, refusal).card(size, false),
    }
}

#[derive(Clone, Copy)]
enum Layer {
    Core,
    Component,
}

fn binary(bytes: &[u8], layer: Layer) -> Findings {
    let sections = Sections::read(bytes);
    let mut findings = match (features::needs(bytes), layer) {
        (Needs::Nothing(types), Layer::Core) => core::judge(bytes, types.as_ref(), &sections),
        (Needs::Nothing(types), Layer::Component) => component::judge(types.as_ref(), &sections),
        (Needs::Features(types, needed), layer) => match layer {
            // What needs features by its kind is told by its kind.
            Layer::Component if component::is_wasi_03(types.as_ref(), &sections) => {
                component::wasi_03()
            }
            Layer::Component | Layer::Core => needed.into(),
        },
        (Needs::Never(error), _) => match truncation(bytes) {
            Some(refusal) => Findings::refused(Kind::Invalid, refusal),
            None => Findings::refused(
                Kind::Invalid,
                Refusal::new(
                    RefuseCode::ModuleInvalid,
                    format!(
                        "Not valid WebAssembly: {} (at byte {}).",
                        show::name(error.message()),
                        error.offset()
                    ),
                )
                .hint("Build it again, or copy it again: the file may be damaged."),
            ),
        },
    };
    findings.toolchain = sections.toolchain;
    findings
}

/// What the sections tell that validation does not keep.
#[derive(Default)]
struct Sections<'a> {
    toolchain: Option<Toolchain>,
    /// Contents of every section `skep.kernel` outside nested modules.
    kernels: Vec<&'a [u8]>,
    /// Names of a component's own imports and exports, in order.
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
    /// A section of wasm-bindgen's is there.
    wasm_bindgen: bool,
    /// The largest memory of the modules in a component.
    memory: Option<MemorySize>,
}

impl<'a> Sections<'a> {
    /// Reads up to the first thing that cannot be read; validation says what that was.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "wasmparser has forty payloads and adds more; these are the ones that tell us something"
    )]
    fn read(bytes: &'a [u8]) -> Sections<'a> {
        let mut sections = Sections::default();
        let (mut depth, mut modules) = (0_usize, 0_usize);
        for payload in wasmparser::Parser::new(0)
            .parse_all(bytes)
            .map_while(Result::ok)
        {
            match payload {
                Payload::ModuleSection { .. } => (depth, modules) = (depth + 1, modules + 1),
                Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::MemorySection(memories) => {
                    for memory in memories.into_iter().map_while(Result::ok) {
                        let memory = MemorySize::of(&memory);
                        if sections
                            .memory
                            .is_none_or(|largest| largest.min_bytes < memory.min_bytes)
                        {
                            sections.memory = Some(memory);
                        }
                    }
                }
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    sections.imports.extend(
                        imports
                            .into_iter()
                            .map_while(Result::ok)
                            .map(|import| import.name.name),
                    );
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    sections.exports.extend(
                        exports
                            .into_iter()
                            .map_while(Result::ok)
                            .map(|export| export.name.name),
                    );
                }
                Payload::CustomSection(custom) => {
                    if custom.name() == kernel::SECTION && depth == 0 {
                        sections.kernels.push(custom.data());
                    }
                    sections.wasm_bindgen |= custom.name() == "__wasm_bindgen_unstable";
                    // A component's first module is the program, the others adapt it.
                    if sections.toolchain.is_none() && (depth == 0 || modules <= 1) {
                        sections.toolchain = Toolchain::from_section(&custom);
                    }
                }
                _ => {}
            }
        }
        sections
    }
}

/// Whether a section promises more bytes than the file has.
fn truncation(bytes: &[u8]) -> Option<Refusal> {
    let mut at = foreign::HEADER_BYTES;
    while at < bytes.len() {
        let mut reader = wasmparser::BinaryReader::new(&bytes[at..], at);
        let promised = reader.read_u8().and_then(|_| reader.read_var_u32());
        let missing = match promised {
            Ok(length) => {
                let end = reader.original_position().saturating_add(length as usize);
                at = end;
                end.saturating_sub(bytes.len())
            }
            // A length of five bytes that does not end is malformed, not cut off.
            Err(_) if bytes.len() - at < SECTION_HEADER_BYTES_MAX => 1,
            Err(_) => return None,
        };
        if missing > 0 {
            return Some(truncated(bytes.len(), "in the middle of a section"));
        }
    }
    None
}

/// A section's number and the longest form of its length.
const SECTION_HEADER_BYTES_MAX: usize = 6;

fn truncated(bytes: usize, place: &str) -> Refusal {
    Refusal::new(
        RefuseCode::Truncated,
        format!(
            "The file is cut off: it ends after {}, {place}.",
            show::bytes(bytes as u64)
        ),
    )
    .hint("Download or copy it again.")
}
