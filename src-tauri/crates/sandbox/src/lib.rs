//! The parent's side of running modules: the inspector, the compile cache and
//! executor processes. It never compiles or instantiates a module itself, and
//! knows nothing of jobs, pools or people. Linux only, today.

mod cache;
mod compile;
mod event;
mod executor;
mod flight;
pub mod frames;
mod inert;
pub mod inspect;
pub mod limits;
mod outbox;
mod priority;
mod process;
mod profile;
mod sandbox;
mod scratch;
mod sealed;
mod task;
mod walls;

pub use compile::{CompileCaps, CompileError};
pub use event::{End, Event, OutFile};
pub use executor::{Executor, SendError};
pub use inert::inert;
pub use priority::Priority;
pub use profile::{CompileSettings, Entry, Profile};
pub use sandbox::{OpenError, Options, Prepared, Sandbox, SpawnError};
pub use task::{Batch, Caps, Program, RangeArg, Stdin, Task, Value};
pub use walls::{Layer, Walls};
