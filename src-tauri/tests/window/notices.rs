//! Notifications for the session: what a desktop shows, and what a person
//! clicks on, over the bus.

use crate::session::wait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use zbus::blocking::{Connection, connection};
use zbus::zvariant::OwnedValue;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

pub(crate) struct Notices {
    connection: Connection,
    shown: Arc<Mutex<Vec<Notice>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Notice {
    id: u32,
    pub(crate) title: String,
    pub(crate) body: String,
    /// Names and labels in turn.
    actions: Vec<String>,
}

struct Desktop {
    shown: Arc<Mutex<Vec<Notice>>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Desktop {
    fn get_capabilities(&self) -> Vec<String> {
        ["actions", "body"].map(str::to_owned).to_vec()
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        let said = |text: &str| text.to_owned();
        (said("stories"), said("Skep"), said("1"), said("1.2"))
    }

    #[expect(clippy::too_many_arguments, reason = "as the specification has it")]
    fn notify(
        &self,
        _program: &str,
        _replaces: u32,
        _icon: &str,
        title: &str,
        body: &str,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _shown_ms: i32,
    ) -> u32 {
        let mut shown = self.shown.lock().expect("no panic");
        let id = u32::try_from(shown.len()).expect("few notices") + 1;
        shown.push(Notice {
            id,
            title: title.to_owned(),
            body: body.to_owned(),
            actions,
        });
        id
    }

    fn close_notification(&self, _id: u32) {}
}

impl Notices {
    pub(crate) fn watch(address: &str) -> Notices {
        let shown = Arc::new(Mutex::new(Vec::new()));
        let desktop = Desktop {
            shown: shown.clone(),
        };
        let connection = connection::Builder::address(address)
            .and_then(|bus| bus.name(NAME))
            .and_then(|bus| bus.serve_at(PATH, desktop))
            .and_then(connection::Builder::build)
            .expect("notifications on the session's bus");
        Notices { connection, shown }
    }

    /// All that were shown, the first one first.
    pub(crate) fn all(&self) -> Vec<Notice> {
        self.shown.lock().expect("no panic").clone()
    }

    /// Waits for one with this title.
    pub(crate) fn titled(&self, title: &str) -> Notice {
        wait(&format!("the desktop shows \"{title}\""), || {
            self.all().into_iter().find(|notice| notice.title == title)
        })
    }

    /// Clicks what is labelled so.
    pub(crate) fn click(&self, notice: &Notice, label: &str) {
        let name = notice
            .actions
            .chunks_exact(2)
            .find(|action| action[1] == label)
            .map(|action| action[0].clone())
            .unwrap_or_else(|| panic!("{notice:?} has no \"{label}\""));
        self.connection
            .emit_signal(
                None::<&str>,
                PATH,
                NAME,
                "ActionInvoked",
                &(notice.id, name),
            )
            .expect("the bus takes clicks");
    }
}
