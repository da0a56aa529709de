//! The pairing code: one at a time, ten minutes, five tries, one device.

use super::super::Coordinator;
use crate::id::CodeId;
use crate::limits::{CODE_ATTEMPTS_MAX, CODE_LIFE};
use crate::moment::Now;
use crate::registry::{Code, EntryKey};

/// Why a code is worth nothing. What exactly was wrong is nobody's business:
/// whoever guesses would learn from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    #[error(
        "the code is not valid: it was used, tried too often or has expired; show a new one on the coordinator"
    )]
    Invalid,
}

impl Coordinator {
    /// A new code may be shown and used; one that was open before is worth
    /// nothing any more. The secret is the driver's.
    pub fn open_code(&mut self, now: Now) -> Code {
        self.advance(now);
        self.remove_code();
        let code = Code {
            id: CodeId(self.chance.bytes()),
            expires: self.now.moment.after(CODE_LIFE),
            attempts_left: CODE_ATTEMPTS_MAX,
        };
        self.registry.code = Some(code.clone());
        self.changed(EntryKey::code(code.id));
        self.await_expiry();
        code
    }

    /// The code is worth nothing any more. Harmless where none is open.
    pub fn close_code(&mut self, now: Now) {
        self.advance(now);
        self.remove_code();
        self.await_expiry();
    }

    /// Somebody tries the code: to be committed before anything is said that
    /// depends on its secret. Returns how many may try after this one.
    ///
    /// # Errors
    /// When it is not the code that is open, has expired, or was tried too
    /// often: then it is burned.
    pub fn charge_code(&mut self, now: Now, id: CodeId) -> Result<u8, CodeError> {
        self.advance(now);
        let expired = |code: &Code| code.expires <= now.moment;
        let Some(code) = self.registry.code.as_mut().filter(|code| code.id == id) else {
            return Err(CodeError::Invalid);
        };
        if code.attempts_left == 0 || expired(code) {
            self.remove_code();
            self.await_expiry();
            return Err(CodeError::Invalid);
        }
        code.attempts_left -= 1;
        #[cfg(feature = "mutants")]
        if self.mutant == Some(crate::Mutant::CodeNotCharged) {
            code.attempts_left = CODE_ATTEMPTS_MAX - 1;
        }
        let left = code.attempts_left;
        self.changed(EntryKey::code(id));
        Ok(left)
    }

    /// The code is used up by whoever knew it: never after the device that it
    /// lets in is decided upon. A code that nobody was charged for is worth
    /// nothing.
    pub(super) fn spend_code(&mut self, id: CodeId) -> Result<(), CodeError> {
        let now = self.now.moment;
        let code = self.registry.code.as_ref();
        let usable = |code: &&Code| {
            code.id == id && code.expires > now && code.attempts_left < CODE_ATTEMPTS_MAX
        };
        if code.filter(usable).is_none() {
            return Err(CodeError::Invalid);
        }
        #[cfg(feature = "mutants")]
        if self.mutant == Some(crate::Mutant::CodeNotSpent) {
            return Ok(());
        }
        self.remove_code();
        Ok(())
    }

    pub(super) fn remove_code(&mut self) {
        if let Some(code) = self.registry.code.take() {
            self.changed(EntryKey::code(code.id));
        }
    }
}
