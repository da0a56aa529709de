//! Questions to the person at a terminal; without one nothing is asked.

use crate::failure::{Failure, usage};
use crate::output::Output;
use std::io::{self, IsTerminal, Write};

/// Somebody reads what is written here, and can answer.
pub(crate) fn can_answer(output: &Output) -> bool {
    !output.json && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Goes on where `-y` was given or the person says yes. `what` names what
/// wants to be confirmed where there is nobody to ask.
pub(crate) fn confirm(yes: bool, what: &str, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(usage(format!("{what} and wants to be confirmed"))
            .hint("add -y")
            .into());
    }
    let answer = line(&format!("{question} [y/N] "))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Failure::Ended(1))
    }
}

/// What the person types after these words; nothing where the input ended.
pub(crate) fn line(words: &str) -> io::Result<String> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{words}")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer)
}
