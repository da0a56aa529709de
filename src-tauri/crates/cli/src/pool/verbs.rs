//! The door's verbs of the pool with the replies they have.

use crate::output::Each;
use crate::reach::Door;
use crate::verbs::out_of_turn;
use api::{
    CodeView, DeviceView, Error, InviteView, JoinView, PersonView, PoolView, Reply, Request,
};

/// Who belongs to a pool, and who asks to.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(crate) struct Roll {
    pub(crate) devices: Vec<DeviceView>,
    pub(crate) joins: Vec<JoinView>,
    pub(crate) persons: Vec<PersonView>,
}

impl Door {
    pub(crate) async fn pool(&self) -> Result<PoolView, Error> {
        pool(self.ask(Request::Pool).await?)
    }

    pub(crate) async fn create_pool(&self, name: String) -> Result<PoolView, Error> {
        pool(self.ask(Request::CreatePool { name }).await?)
    }

    pub(crate) async fn open_code(&self) -> Result<CodeView, Error> {
        let Reply::Code(code) = self.ask(Request::OpenCode).await? else {
            return Err(out_of_turn());
        };
        Ok(*code)
    }

    /// The invite, and its link, which nobody can ask for again.
    pub(crate) async fn invite(
        &self,
        name: String,
        uses: u32,
        life_ms: u64,
    ) -> Result<(InviteView, String), Error> {
        let asked = Request::Invite {
            name,
            uses,
            life_ms,
        };
        let Reply::Invited { invite, link } = self.ask(asked).await? else {
            return Err(out_of_turn());
        };
        Ok((invite, link))
    }

    pub(crate) async fn invites(&self) -> Result<Vec<InviteView>, Error> {
        let Reply::Invites { invites } = self.ask(Request::Invites).await? else {
            return Err(out_of_turn());
        };
        Ok(invites)
    }

    pub(crate) async fn roll(&self) -> Result<Roll, Error> {
        let reply = self.ask(Request::Devices).await?;
        let Reply::Devices {
            devices,
            joins,
            persons,
        } = reply
        else {
            return Err(out_of_turn());
        };
        Ok(Roll {
            devices,
            joins,
            persons,
        })
    }

    /// For verbs that answer only that it is done: asks all of `requests`,
    /// which are about `things` in the same order.
    pub(crate) async fn each(
        &self,
        things: &[String],
        requests: impl IntoIterator<Item = Request>,
    ) -> Each {
        let mut each = Each::default();
        for (thing, request) in things.iter().zip(requests) {
            match self.ask(request).await {
                Ok(_) => each.done.push(thing.clone()),
                Err(error) => each.failed = each.failed.or(Some(error)),
            }
        }
        each
    }
}

/// The pool of a reply.
pub(crate) fn pool(reply: Reply) -> Result<PoolView, Error> {
    let Reply::Pool(pool) = reply else {
        return Err(out_of_turn());
    };
    Ok(*pool)
}
