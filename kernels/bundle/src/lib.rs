//! The kernels that ship with Skep, compiled, with name and hash.
