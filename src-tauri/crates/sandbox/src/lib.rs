//! The parent's side of running modules: the inspector, the compile cache and executor processes.

pub mod frames;
mod event;
mod inert;
pub mod inspect;
pub mod limits;
mod profile;
mod task;

pub use event::{End, Event, OutFile};
pub use inert::inert;
pub use profile::{CompileSettings, Entry, Profile};
pub use task::{Batch, Caps, Program, RangeArg, Stdin, Task, Value};
