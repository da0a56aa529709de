//! Machines by the words that people have for them.

use super::ambiguous;
use api::{Error, ErrorCode};
use pool::spec::On;
use pool::{Coordinator, MachineId};

/// The machine that a person means: its name, its id or the beginning of that.
/// Of several a name says which before the beginning of an id does.
pub(crate) fn find(rules: &Coordinator, word: &str) -> Result<MachineId, Error> {
    called(rules, word)
        .or_else(|| beginning(rules, word))
        .unwrap_or_else(|| Err(unknown(word)))
}

/// The machines that a job asks for, word by word: as [`find`] has it, and by
/// label. A label goes before what happens to be the beginning of an id.
pub(crate) fn on(rules: &Coordinator, words: &[String]) -> Result<Vec<On>, Error> {
    let mut wanted = Vec::with_capacity(words.len());
    for word in words {
        let machine = || called(rules, word).filter(|_| !word.is_empty());
        let is_label = rules
            .machines()
            .any(|machine| machine.labels.contains(word.as_str()));
        let on = match machine() {
            Some(machine) => On::Machine(machine?),
            None if is_label => On::Label(word.clone()),
            None => On::Machine(beginning(rules, word).unwrap_or_else(|| {
                let message = format!("no machine has {word:?} as its name, id or label");
                Err(Error::new(ErrorCode::NoSuchMachine, message).hint(HINT))
            })?),
        };
        if !wanted.contains(&on) {
            wanted.push(on);
        }
    }
    Ok(wanted)
}

const HINT: &str = "skep machine ls lists them";

pub(crate) fn unknown(word: &str) -> Error {
    Error::new(
        ErrorCode::NoSuchMachine,
        format!("there is no machine {word:?}"),
    )
    .hint(HINT)
}

fn called(rules: &Coordinator, name: &str) -> Option<Result<MachineId, Error>> {
    one(rules, name, |machine| machine.name == name)
}

fn beginning(rules: &Coordinator, word: &str) -> Option<Result<MachineId, Error>> {
    let id = word.strip_prefix("m_").unwrap_or(word);
    one(rules, word, |machine| {
        !id.is_empty() && machine.id.to_string()["m_".len()..].starts_with(id)
    })
}

/// None of them is none; several are an error.
fn one(
    rules: &Coordinator,
    word: &str,
    fits: impl Fn(&pool::MachineView) -> bool,
) -> Option<Result<MachineId, Error>> {
    let fitting: Vec<MachineId> = rules
        .machines()
        .filter(fits)
        .map(|machine| machine.id)
        .collect();
    match fitting.as_slice() {
        [] => None,
        [one] => Some(Ok(*one)),
        many => Some(Err(ambiguous("machines", word, many.len()))),
    }
}
