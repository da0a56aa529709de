//! The gate of the pool: who comes to it with which code, who is let in, and
//! who is shown out.

use crate::stage::Stage;
use pool::JoinId;
use pool::id::{CodeId, DeviceId};

/// Codes and requests that are remembered after they are worth nothing.
const REMEMBERED: usize = 3;

/// Something that happens at the gate.
#[derive(Clone, Debug)]
pub(crate) enum Knock {
    OpenCode,
    CloseCode,
    /// Somebody types a code, right or wrong.
    Try(CodeId),
    /// Who typed it right goes on to ask.
    Ask(DeviceId, CodeId),
    Approve(JoinId, Whose),
    Refuse(JoinId),
    Withdraw(JoinId),
    Revoke(DeviceId),
    Forget(DeviceId),
    /// A machine of the founder's comes by an invite.
    LetIn(DeviceId),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose {
    Founders,
    /// A person who works, or submits, for others.
    Other {
        submits: bool,
    },
}

/// What came of it, once it is durable.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Opened(CodeId),
    /// The code may be right.
    Tried(CodeId),
    Waits(JoinId),
    /// Done, or not; nobody goes on from there.
    Said,
}

/// Those who come, and those who decide on them.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    codes: Vec<CodeId>,
    tried: Vec<CodeId>,
    joins: Vec<JoinId>,
    visitors: u64,
    /// Came in, perhaps.
    came: Vec<DeviceId>,
}

impl Gate {
    /// What happens next. Old codes and requests are tried as well as new ones.
    pub(crate) fn knock(&mut self, stage: &mut Stage) -> Knock {
        let chance = &mut stage.chance;
        let Some(code) = chance.pick(&self.codes).copied() else {
            return Knock::OpenCode;
        };
        let tried = chance.pick(&self.tried).copied();
        let join = chance.pick(&self.joins).copied();
        let came = chance.pick(&self.came).copied();
        match (chance.below(16), tried, join, came) {
            (0, ..) => Knock::OpenCode,
            (1, ..) if chance.per_mille(300) => Knock::CloseCode,
            (2..=5, Some(code), ..) => {
                let device = if chance.per_mille(250) { came } else { None };
                Knock::Ask(device.unwrap_or_else(|| self.visitor()), code)
            }
            (6..=8, _, Some(join), _) => {
                let whose = match chance.below(3) {
                    0 => Whose::Founders,
                    1 => Whose::Other { submits: false },
                    _ => Whose::Other { submits: true },
                };
                Knock::Approve(join, whose)
            }
            (9, _, Some(join), _) => Knock::Refuse(join),
            (10, _, Some(join), _) => Knock::Withdraw(join),
            (11, _, _, Some(device)) => Knock::Revoke(device),
            (12, _, _, Some(device)) => Knock::Forget(device),
            _ => Knock::Try(code),
        }
    }

    fn visitor(&mut self) -> DeviceId {
        self.visitors += 1;
        let mut id = [0xff; 16];
        id[8..].copy_from_slice(&self.visitors.to_le_bytes());
        let device = DeviceId(id);
        remember(&mut self.came, device);
        device
    }

    pub(crate) fn heard(&mut self, answer: Answer) {
        match answer {
            Answer::Opened(code) => remember(&mut self.codes, code),
            Answer::Tried(code) => remember(&mut self.tried, code),
            Answer::Waits(join) => remember(&mut self.joins, join),
            Answer::Said => {}
        }
    }
}

fn remember<T>(known: &mut Vec<T>, new: T) {
    if known.len() == REMEMBERED {
        known.remove(0);
    }
    known.push(new);
}
