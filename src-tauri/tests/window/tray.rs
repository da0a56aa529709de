//! A tray for the session: what a desktop's panel is to the app's icon. Its
//! menu is read and clicked over the bus, as a panel does.

use crate::session::wait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use zbus::blocking::{Connection, Proxy, connection};
use zbus::zvariant::{OwnedValue, Value};

const MENU: &str = "com.canonical.dbusmenu";

pub(crate) struct Tray {
    connection: Connection,
    items: Arc<Mutex<Vec<(String, String)>>>,
}

/// A line of the menu.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    id: i32,
    pub(crate) label: String,
    pub(crate) enabled: bool,
    pub(crate) checked: bool,
}

type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

struct Watcher {
    items: Arc<Mutex<Vec<(String, String)>>>,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(
        &self,
        #[zbus(header)] header: zbus::message::Header<'_>,
        path: &str,
    ) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        self.items
            .lock()
            .expect("no panic")
            .push((sender, path.to_owned()));
    }

    fn register_status_notifier_host(&self, _name: &str) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

impl Tray {
    pub(crate) fn watch(address: &str) -> Tray {
        let items = Arc::new(Mutex::new(Vec::new()));
        let watcher = Watcher {
            items: items.clone(),
        };
        let connection = connection::Builder::address(address)
            .and_then(|bus| bus.name("org.kde.StatusNotifierWatcher"))
            .and_then(|bus| bus.serve_at("/StatusNotifierWatcher", watcher))
            .and_then(connection::Builder::build)
            .expect("a tray on the session's bus");
        Tray { connection, items }
    }

    /// The menu's lines from the top, those of submenus after their own.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let menu = self.menu();
        let none: Vec<&str> = Vec::new();
        let layout: Result<(u32, Layout), _> = menu.call("GetLayout", &(0, -1, none));
        let mut lines = Vec::new();
        if let Ok((_, root)) = layout {
            collect(&root, &mut lines);
        }
        lines
    }

    /// Waits for a line that reads so.
    pub(crate) fn line(&self, label: &str) -> Line {
        wait(&format!("the tray reads \"{label}\""), || {
            self.lines().into_iter().find(|line| line.label == label)
        })
    }

    pub(crate) fn click(&self, label: &str) {
        let line = self.line(label);
        assert!(line.enabled, "{label} takes no click");
        let _: () = self
            .menu()
            .call("Event", &(line.id, "clicked", Value::from(0), 0u32))
            .expect("the menu takes clicks");
    }

    fn menu(&self) -> Proxy<'static> {
        let (owner, path) = wait("the app has an icon in the tray", || {
            self.items.lock().expect("no panic").last().cloned()
        });
        Proxy::new(&self.connection, owner, format!("{path}/Menu"), MENU).expect("its menu")
    }
}

fn collect((id, about, children): &Layout, lines: &mut Vec<Line>) {
    let text = |name: &str| {
        about
            .get(name)
            .and_then(|value| <&str>::try_from(value).ok().map(str::to_owned))
    };
    if let Some(label) = text("label") {
        lines.push(Line {
            id: *id,
            // An underscore marks the key of a label.
            label: label
                .replace("__", "\0")
                .replace('_', "")
                .replace('\0', "_"),
            enabled: about
                .get("enabled")
                .is_none_or(|value| bool::try_from(value) != Ok(false)),
            checked: about
                .get("toggle-state")
                .is_some_and(|value| i32::try_from(value) == Ok(1)),
        });
    }
    for child in children {
        let child = child.try_clone().expect("a value without descriptors");
        if let Ok(child) = Layout::try_from(child) {
            collect(&child, lines);
        }
    }
}
