//! The kernels that ship with Skep, compiled, with name and hash.
//!
//! Data and nothing else: `build.rs` embeds what `cargo xtask kernels` left in
//! the target folder. Where nothing was left the bundle is empty, and builds.

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// A module as `sample:NAME` means it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    pub name: &'static str,
    /// The module, in the binary format.
    pub bytes: &'static [u8],
    /// BLAKE3 of the bytes: the same name a blob has.
    pub hash: [u8; 32],
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel")
            .field("name", &self.name)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// All of them, in the order of their names.
#[must_use]
pub fn kernels() -> &'static [Kernel] {
    KERNELS
}

#[must_use]
pub fn kernel(name: &str) -> Option<&'static Kernel> {
    kernels().iter().find(|kernel| kernel.name == name)
}
