//! What a person is asked when a machine wants in: whose it is, and what
//! somebody else's may do. Pure: words in, words out.

use crate::output::guest::inert;
use api::{JoinView, OthersRole, Ownership};

/// The questions about one machine, one after the other.
#[derive(Debug)]
pub(super) struct Dialogue {
    machine: String,
    persons: Vec<String>,
    at: Question,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Question {
    Whose,
    Person,
    Role { person: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Approve(Ownership),
    Refuse,
}

impl Dialogue {
    /// About a machine that asks; `persons` are those that the pool knows.
    pub(super) fn about(join: &JoinView, persons: Vec<String>) -> Dialogue {
        Dialogue {
            machine: inert(&join.name),
            persons,
            at: Question::Whose,
        }
    }

    /// What to ask now.
    pub(super) fn question(&self) -> String {
        match &self.at {
            Question::Whose => format!(
                "Let {} in? Is it your computer? [mine / someone else's / no] ",
                self.machine
            ),
            Question::Person if self.persons.is_empty() => {
                "Whose is it? A person's name: ".to_owned()
            }
            Question::Person => {
                let known = inert(&self.persons.join(", "));
                format!("Whose is it? {known}, or a new name: ")
            }
            Question::Role { person } => format!(
                "May it work for the pool, or send {}'s jobs to it? [work / submit] ",
                inert(person)
            ),
        }
    }

    /// What the answer decides; nothing where more has to be asked.
    pub(super) fn answer(&mut self, text: &str) -> Option<Decision> {
        let text = text.trim();
        let word = text.to_lowercase();
        match (&self.at, word.as_str()) {
            (Question::Whose, "mine" | "m" | "yes" | "y") => {
                return Some(Decision::Approve(Ownership::Mine));
            }
            (Question::Whose, "no" | "n") => return Some(Decision::Refuse),
            (Question::Whose, "someone else's" | "someone elses" | "someone" | "s") => {
                self.at = Question::Person;
            }
            (Question::Person, _) if !text.is_empty() => {
                let person = text.to_owned();
                self.at = Question::Role { person };
            }
            (Question::Role { person }, "work" | "w") => {
                return Some(someone(person, OthersRole::Work));
            }
            (Question::Role { person }, "submit" | "s") => {
                return Some(someone(person, OthersRole::Submit));
            }
            // It is asked again.
            (Question::Whose | Question::Person | Question::Role { .. }, _) => {}
        }
        None
    }
}

fn someone(person: &str, role: OthersRole) -> Decision {
    Decision::Approve(Ownership::Someone {
        person: person.to_owned(),
        role,
    })
}

#[cfg(test)]
mod tests {
    use super::{Decision, Dialogue, someone};
    use api::{JoinView, OthersRole, Ownership};

    fn dialogue(persons: &[&str]) -> Dialogue {
        let join = JoinView {
            id: "n_1".to_owned(),
            name: "studio\x1b-pc".to_owned(),
            os: "Linux".to_owned(),
            asked_ms: 0,
            expires_ms: 1,
        };
        Dialogue::about(&join, persons.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn one_word_lets_an_own_computer_in_or_turns_it_away() {
        let mine = Some(Decision::Approve(Ownership::Mine));
        for (answer, decision) in [
            ("mine\n", mine.clone()),
            (" Y\n", mine),
            ("no\n", Some(Decision::Refuse)),
            ("\n", None),
            ("perhaps\n", None),
        ] {
            let mut dialogue = dialogue(&[]);
            let asked = dialogue.question();
            assert_eq!(dialogue.answer(answer), decision, "{answer:?}");
            assert_eq!(dialogue.question(), asked, "{answer:?}");
        }
    }

    #[test]
    fn somebody_elses_is_asked_for_its_person_and_what_it_may_do() {
        let mut dialogue = dialogue(&["ada", "ben"]);
        let mut asked = Vec::new();
        let mut decided = None;
        for answer in ["someone else's", "", "  Cleo ", "everything", "submit"] {
            assert_eq!(decided, None);
            asked.push(dialogue.question());
            decided = dialogue.answer(answer);
        }
        assert_eq!(decided, Some(someone("Cleo", OthersRole::Submit)));
        insta::assert_snapshot!(asked.join("\n"));
    }
}
