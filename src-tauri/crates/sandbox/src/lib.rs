//! The parent's side of running modules: the inspector, the compile cache and executor processes.

pub mod inspect;
