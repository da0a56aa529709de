//! What an executor is built for, and how that is said on its command line.

use std::fmt;

/// Person and module aside, all that an executor is bound to for its life.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// Limit of the guest's memory in bytes, up to 4 GiB.
    pub memory_bytes: u64,
    /// Compiled with fuel accounting.
    pub fuel: bool,
    /// Has a scratch folder: `/in`, `/out` and `/tmp`.
    pub scratch: bool,
    /// Runs on the on-demand allocator: components, and modules that hold
    /// external references. The inspector's card says so.
    pub on_demand: bool,
    /// What is called.
    pub entry: Entry,
}

/// What is called in a module.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Entry {
    /// `_start`, or `wasi:cli/run` of a component.
    Command,
    /// `skep_alloc` and `skep_run`: bytes in, bytes out.
    Bytes,
    /// An exported function of numbers.
    Function {
        /// The export's name.
        name: String,
    },
    /// A command that does many tasks in one instance, as frames.
    Kernel,
}

/// The part of a profile that changes the machine code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CompileSettings {
    /// Compiled with fuel accounting.
    pub fuel: bool,
    /// For the on-demand allocator.
    pub on_demand: bool,
}

impl CompileSettings {
    /// Every combination there is.
    pub const ALL: [CompileSettings; 4] = [
        CompileSettings {
            fuel: false,
            on_demand: false,
        },
        CompileSettings {
            fuel: false,
            on_demand: true,
        },
        CompileSettings {
            fuel: true,
            on_demand: false,
        },
        CompileSettings {
            fuel: true,
            on_demand: true,
        },
    ];

    /// Reads what [`CompileSettings`]'s `Display` wrote.
    pub fn parse(text: &str) -> Option<CompileSettings> {
        Self::ALL
            .into_iter()
            .find(|settings| settings.to_string() == text)
    }
}

impl fmt::Display for CompileSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.on_demand {
            "on-demand"
        } else {
            "pooled"
        })?;
        f.write_str(if self.fuel { "+fuel" } else { "" })
    }
}

impl Profile {
    /// The part of this profile that changes the machine code.
    pub fn compile_settings(&self) -> CompileSettings {
        CompileSettings {
            fuel: self.fuel,
            on_demand: self.on_demand,
        }
    }
}
