//! The guest SDK: write a kernel that plans, runs and folds its own tasks.
//!
//! A kernel is a program that describes itself and does one of three things,
//! as `SKEP_MODE` says: `plan` counts the tasks, `run` does some of them and
//! `fold` makes one result of theirs. An author implements [`Kernel`], lists
//! the parameters with [`parameters!`] and ends the program with [`main!`]:
//!
//! ```
//! use skep_kernel::{Description, Failure, Fold, Kernel, Plan, Split, Task};
//!
//! skep_kernel::parameters! {
//!     /// What to square.
//!     pub struct Squares {
//!         /// How many numbers, from 0.
//!         count: integer = 10 in 1..=1_000_000,
//!     }
//! }
//!
//! struct Square;
//!
//! impl Kernel for Square {
//!     type Parameters = Squares;
//!     const DESCRIPTION: Description = Description {
//!         title: "Squares",
//!         help: "Squares the numbers from 0.",
//!         result: "text/plain",
//!         split: Split::Plan,
//!         fold: Fold::Concat,
//!         batch: true,
//!     };
//!
//!     fn plan(squares: &Squares, _given: Option<u64>) -> Result<Plan, Failure> {
//!         Ok(Plan::tasks(squares.count.unsigned_abs()))
//!     }
//!
//!     fn run(_squares: &Squares, task: &Task) -> Result<Vec<u8>, Failure> {
//!         Ok(format!("{}\n", task.index * task.index).into_bytes())
//!     }
//! }
//!
//! skep_kernel::main!(Square);
//! ```
//!
//! The same source runs natively, so a kernel has ordinary tests. The crate
//! never opens a file or a socket: it reads its environment and standard input
//! and writes standard output.

mod description;
mod failure;
mod frames;
mod modes;
mod parameters;
mod plan;
mod progress;

use std::io::Write;
use std::process::ExitCode;

pub use description::{
    DESCRIPTION_BYTES_MAX, Description, Fold, Split, description_bytes, description_json,
};
pub use failure::Failure;
pub use frames::{FrameError, Results, write_frame};
pub use parameters::{Parameter, ParameterError, ParameterKind, ParameterValue, Parameters};
pub use plan::Plan;
pub use progress::progress;

/// A program that knows how to divide its own work.
pub trait Kernel {
    type Parameters: Parameters;

    /// What a person and the pool should know before anything runs.
    const DESCRIPTION: Description;

    /// Decides how many tasks there are, or refuses with a sentence for people.
    ///
    /// `given` is the number of tasks a split made, for [`Split::Input`] only,
    /// where there is nothing to count and accepting is all a plan can do.
    fn plan(parameters: &Self::Parameters, given: Option<u64>) -> Result<Plan, Failure>;

    /// Does one task and returns its result.
    ///
    /// Where [`Description::batch`] is set, one process does many tasks: what
    /// one leaves behind must not change the next.
    fn run(parameters: &Self::Parameters, task: &Task) -> Result<Vec<u8>, Failure>;

    /// Makes one result of all, which arrive in the order of their index.
    ///
    /// Called only where [`Description::fold`] is [`Fold::Kernel`].
    fn fold(
        _parameters: &Self::Parameters,
        _results: &mut Results<'_>,
        _output: &mut dyn Write,
    ) -> Result<(), Failure> {
        Err(Failure::Wrong(format!(
            "{} does not fold its own results",
            Self::DESCRIPTION.title
        )))
    }
}

/// One piece of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The task's place, from 0.
    pub index: u64,
    /// The bytes a split gave to it; empty where the kernel planned.
    pub input: Vec<u8>,
}

/// Does what `SKEP_MODE` asks for; [`main!`] calls it.
///
/// What went wrong is the last line on standard error. The exit code is 1, or
/// 75 where another machine may do better.
#[must_use]
pub fn run<K: Kernel>() -> ExitCode {
    let mut outside = modes::Outside {
        variable: &|name| std::env::var(name).ok(),
        input: &mut std::io::stdin().lock(),
        output: &mut std::io::stdout().lock(),
    };
    match modes::act::<K>(&mut outside) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Makes a program of a kernel: `main`, and the description that travels with
/// the module as its custom section `skep.kernel`.
#[macro_export]
macro_rules! main {
    ($kernel:ty) => {
        const _: () = {
            const BYTES: usize = $crate::description_bytes::<$kernel>();

            // Elsewhere than in a module nobody would look for the section.
            #[cfg_attr(target_family = "wasm", unsafe(link_section = "skep.kernel"))]
            pub static SECTION: [u8; BYTES] = $crate::description_json::<$kernel, BYTES>();
        };

        fn main() -> ::std::process::ExitCode {
            $crate::run::<$kernel>()
        }
    };
}
