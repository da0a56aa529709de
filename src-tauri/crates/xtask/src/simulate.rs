//! `cargo xtask simulate`: the rules under a virtual clock, from a seed.

use crate::shell::{Done, cargo, run, say};

/// `SKEP_SEED` and `SKEP_SEEDS` reach the simulator by the environment.
pub(crate) fn simulate(rest: &[String]) -> Done {
    let mut command = cargo(&[
        "test",
        "--locked",
        "--package",
        "pool",
        "--test",
        "simulation",
        "--",
        "--nocapture",
    ]);
    for word in rest {
        match word.as_str() {
            "--trace" => command.env("SKEP_TRACE", "1"),
            other => {
                return Err(format!(
                    "`simulate` does not know `{other}`; it takes --trace"
                ));
            }
        };
    }
    say("The simulator");
    run(&mut command)
}
