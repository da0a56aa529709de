//! Files over the window. The verdict on a module is there while it is still
//! being dragged: its path is known as soon as it enters.

use crate::App;
use crate::files::FileView;
use crate::page::{Phase, ShellEvent};
use api::Card;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tauri::{AppHandle, DragDropEvent, Manager, PhysicalPosition};

/// The page follows the pointer; more often than this it could not be seen to.
const OVER_EVERY: Duration = Duration::from_millis(50);

/// The drag that is over the window.
#[derive(Debug, Default)]
pub(crate) struct Drag {
    over: Mutex<Option<Over>>,
}

#[derive(Debug)]
struct Over {
    paths: Vec<PathBuf>,
    files: Vec<FileView>,
    card: Option<Box<Card>>,
    said: Instant,
}

pub(crate) fn happened(handle: &AppHandle, event: &DragDropEvent) {
    let drag = &handle.state::<App>().drag;
    let mut over = drag.over.lock().unwrap_or_else(PoisonError::into_inner);
    match event {
        DragDropEvent::Enter { paths, position } => {
            let entered = enter(handle, paths);
            say(handle, Phase::Enter, &entered, Some(*position));
            *over = Some(entered);
        }
        DragDropEvent::Over { position } => {
            if let Some(over) = over.as_mut()
                && over.said.elapsed() >= OVER_EVERY
            {
                over.said = Instant::now();
                say(handle, Phase::Over, over, Some(*position));
            }
        }
        DragDropEvent::Drop { paths, position } => {
            let dropped = match over.take() {
                Some(over) if over.paths == *paths => over,
                Some(_) | None => enter(handle, paths),
            };
            say(handle, Phase::Drop, &dropped, Some(*position));
        }
        DragDropEvent::Leave => {
            if let Some(over) = over.take() {
                say(handle, Phase::Leave, &over, None);
            }
        }
        _ => {}
    }
}

/// Gives the files ids and has the first module looked at.
fn enter(handle: &AppHandle, paths: &[PathBuf]) -> Over {
    let files = handle.state::<App>().files.add(paths);
    if let Some(module) = files.iter().find(|file| file.is_module) {
        tauri::async_runtime::spawn(inspect(handle.clone(), module.id.clone()));
    }
    Over {
        paths: paths.to_vec(),
        files,
        card: None,
        said: Instant::now(),
    }
}

async fn inspect(handle: AppHandle, id: String) {
    let app = handle.state::<App>();
    let Ok(card) = app.files.inspect(&id).await else {
        // The page says so when it asks for the file itself.
        return;
    };
    let mut over = app.drag.over.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(over) = over.as_mut()
        && over.files.iter().any(|file| file.id == id)
    {
        over.card = Some(Box::new(card));
        say(&handle, Phase::Enter, over, None);
    }
}

fn say(handle: &AppHandle, phase: Phase, over: &Over, at: Option<PhysicalPosition<f64>>) {
    let scale = handle
        .get_webview_window(crate::window::LABEL)
        .and_then(|window| window.scale_factor().ok())
        .unwrap_or(1.0);
    let (x, y) = at.map_or((0.0, 0.0), |at| (at.x / scale, at.y / scale));
    handle.state::<App>().page.tell_now(ShellEvent::Drag {
        phase,
        files: over.files.clone(),
        x,
        y,
        card: over.card.clone(),
        alt: phase == Phase::Drop && is_alt_held(),
    });
}

#[cfg(target_os = "linux")]
fn is_alt_held() -> bool {
    use gtk::gdk;
    gdk::Display::default()
        .and_then(|display| gdk::Keymap::for_display(&display))
        .is_some_and(|keys| keys.modifier_state() & gdk::ModifierType::MOD1_MASK.bits() != 0)
}
