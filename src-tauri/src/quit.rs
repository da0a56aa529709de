//! The end of the app: at once, or when the tasks that run are done.

use crate::App;
use serde::Deserialize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tauri::{AppHandle, Manager};
use tauri_plugin_dialog::{DialogExt, MessageDialogButtons, MessageDialogResult};

/// A task may take this long to finish before the app ends all the same.
const FINISH: Duration = Duration::from_secs(24 * 3600);
/// Results that are nearly there are worth a moment.
const NOW: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    /// What runs ends first; nothing new begins.
    Finish,
    /// What runs goes back and is done again later.
    Now,
}

/// Quits, after asking how where tasks run in this process.
pub(crate) fn ask(handle: &AppHandle) {
    let app = handle.state::<App>();
    let tasks = app.seen.borrow().tasks_running_here();
    if tasks == 0 || app.quitting.load(Ordering::Relaxed) {
        return quit(handle, How::Now);
    }
    let (tasks, them) = match tasks {
        1 => ("1 task".to_owned(), "it"),
        more => (format!("{more} tasks"), "them"),
    };
    // An underscore marks the key that presses the button.
    let finish = format!("_Finish {tasks}, then quit");
    let cancel = "_Cancel";
    let handle = handle.clone();
    handle
        .clone()
        .dialog()
        .message(format!(
            "Still running on this machine: {tasks}. What is stopped now begins again the next time Skep runs."
        ))
        .title("Quit Skep")
        .buttons(MessageDialogButtons::YesNoCancelCustom(
            finish.clone(),
            format!("_Quit now, do {them} again later"),
            cancel.to_owned(),
        ))
        .show_with_result(move |result| match result {
            MessageDialogResult::Yes => quit(&handle, How::Finish),
            MessageDialogResult::Custom(text) if text == finish => quit(&handle, How::Finish),
            MessageDialogResult::Custom(text) if text != cancel => quit(&handle, How::Now),
            MessageDialogResult::No => quit(&handle, How::Now),
            MessageDialogResult::Ok
            | MessageDialogResult::Cancel
            | MessageDialogResult::Custom(_) => {}
        });
}

/// The window goes at once; the process when the node has ended.
pub(crate) fn quit(handle: &AppHandle, how: How) {
    let app = handle.state::<App>();
    app.quitting.store(true, Ordering::Relaxed);
    // The tray says so at once.
    app.seen.send_modify(|_| {});
    crate::window::close(handle);
    let reach = app.reach.clone();
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        let drain = match how {
            How::Finish => FINISH,
            How::Now => NOW,
        };
        reach.end(drain).await;
        handle.exit(0);
    });
}
