//! Persons: made when a device of theirs is let in, and renamed.

use super::super::Coordinator;
use super::join::{ApproveError, PersonNamed};
use crate::id::PersonId;
use crate::limits::PERSONS_MAX;
use crate::moment::Now;
use crate::registry::{EntryKey, Person, short_name};

/// Why a person or the pool was not renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    #[error("there is no such person in this pool; choose one of those who are")]
    Unknown,
    #[error("a name needs something that can be seen")]
    EmptyName,
    #[error("another person of this pool is called so; choose another name")]
    NameTaken,
}

impl Coordinator {
    /// # Errors
    /// See [`PersonError`].
    pub fn rename_person(&mut self, now: Now, id: PersonId, name: &str) -> Result<(), PersonError> {
        self.advance(now);
        let name = short_name(name).ok_or(PersonError::EmptyName)?;
        if self.called(&name).is_some_and(|other| other != id) {
            return Err(PersonError::NameTaken);
        }
        let person = self.registry.persons.get_mut(&id);
        person.ok_or(PersonError::Unknown)?.name = name;
        self.changed(EntryKey::person(id));
        Ok(())
    }

    /// # Errors
    /// When nothing can be seen of the name.
    pub fn rename_pool(&mut self, now: Now, name: &str) -> Result<(), PersonError> {
        self.advance(now);
        self.registry.pool.name = short_name(name).ok_or(PersonError::EmptyName)?;
        self.changed(EntryKey::POOL);
        Ok(())
    }

    /// The person of that name, whatever its case.
    fn called(&self, name: &str) -> Option<PersonId> {
        let name = name.to_lowercase();
        let mut persons = self.registry.persons.values();
        let person = persons.find(|person| person.name.to_lowercase() == name);
        person.map(|person| person.id)
    }

    /// Finds the person, or makes one.
    pub(super) fn person_named(&mut self, person: PersonNamed) -> Result<PersonId, ApproveError> {
        let name = match person {
            PersonNamed::Id(id) if self.registry.person_exists(id) => return Ok(id),
            PersonNamed::Id(_) => return Err(ApproveError::UnknownPerson),
            PersonNamed::Name(name) => short_name(&name).ok_or(ApproveError::EmptyName)?,
        };
        if let Some(id) = self.called(&name) {
            return Ok(id);
        }
        if self.registry.persons.len() >= PERSONS_MAX {
            return Err(ApproveError::TooManyPersons);
        }
        let id = PersonId(self.chance.bytes());
        self.registry.persons.insert(id, Person { id, name });
        self.changed(EntryKey::person(id));
        Ok(id)
    }
}
