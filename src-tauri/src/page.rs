//! The page's side of the app's state: what it follows, and what the shell
//! has to tell it. While no page is there, or it is hidden, nothing is sent.

use crate::files::FileView;
use api::Card;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tauri::ipc::Channel;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Told to a page that is not there yet, at most; a person does not do more
/// while a window opens.
const EVENTS_WAITING: usize = 16;

/// What the shell tells the page.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum ShellEvent {
    /// Files are over the window. A second `enter` brings the verdict.
    Drag {
        phase: Phase,
        files: Vec<FileView>,
        /// In the page's own pixels.
        x: f64,
        y: f64,
        card: Option<Box<Card>>,
        /// The Alt key is held.
        alt: bool,
    },
    Navigate {
        route: String,
    },
    /// Show the picker for a module.
    RunModule,
    Node {
        state: NodeState,
        /// Why it is gone, or what to know of its start; else empty.
        text: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    Enter,
    Over,
    Leave,
    Drop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NodeState {
    There,
    Gone,
    Starting,
}

#[derive(Debug)]
pub(crate) struct Page {
    followed: Mutex<Followed>,
    told: Mutex<Told>,
    visible: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Followed {
    last: u32,
    watches: HashMap<u32, AbortHandle>,
}

#[derive(Default)]
struct Told {
    /// Of the page that is there: its parts listen each for themselves.
    channels: Vec<Channel<ShellEvent>>,
    /// Of before the page listened; each part is told.
    waiting: Vec<ShellEvent>,
}

impl Told {
    fn send(&self, event: &ShellEvent) {
        for channel in &self.channels {
            let _ = channel.send(event.clone());
        }
    }

    fn forget(&mut self) {
        // What nobody heard yet is for the next page.
        if !self.channels.is_empty() {
            self.channels.clear();
            self.waiting.clear();
        }
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told")
            .field("listeners", &self.channels.len())
            .field("waiting", &self.waiting.len())
            .finish()
    }
}

impl Page {
    pub(crate) fn new() -> Page {
        Page {
            followed: Mutex::default(),
            told: Mutex::default(),
            visible: watch::Sender::new(false),
        }
    }

    /// A part of the page listens from now on; what waited for it goes first.
    pub(crate) fn listen(&self, channel: Channel<ShellEvent>) -> u32 {
        let mut told = self.told();
        for event in &told.waiting {
            // A page that is gone again hears nothing.
            let _ = channel.send(event.clone());
        }
        told.channels.push(channel);
        drop(told);
        self.number()
    }

    /// Tells the page, or the next one where none listens.
    pub(crate) fn tell(&self, event: ShellEvent) {
        let mut told = self.told();
        if told.channels.is_empty() && told.waiting.len() < EVENTS_WAITING {
            told.waiting.push(event);
        } else {
            told.send(&event);
        }
    }

    /// Tells the page that is there; another would have no use for it.
    pub(crate) fn tell_now(&self, event: ShellEvent) {
        self.told().send(&event);
    }

    /// Notes a watch, by the number that the page ends it with.
    pub(crate) fn follows(&self, number: u32, watch: AbortHandle) {
        let mut followed = self.followed();
        followed.watches.retain(|_, watch| !watch.is_finished());
        followed.watches.insert(number, watch);
    }

    pub(crate) fn number(&self) -> u32 {
        let mut followed = self.followed();
        followed.last = followed.last.wrapping_add(1);
        followed.last
    }

    pub(crate) fn unwatch(&self, number: u32) {
        if let Some(watch) = self.followed().watches.remove(&number) {
            watch.abort();
        }
    }

    /// The page is gone, or another begins in its place.
    pub(crate) fn leave(&self) {
        self.told().forget();
        for (_, watch) in self.followed().watches.drain() {
            watch.abort();
        }
    }

    pub(crate) fn show(&self, visible: bool) {
        self.visible.send_replace(visible);
    }

    /// Whether anybody can see the page, now and from now on.
    pub(crate) fn visible(&self) -> watch::Receiver<bool> {
        self.visible.subscribe()
    }

    fn followed(&self) -> std::sync::MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
