//! What the page may ask of the desktop: a closed list. Dialogs, the disk and
//! the session are reached from here only, and no answer holds a path that
//! the page could use.

use crate::App;
use crate::files::FileView;
use crate::quit::{self, How};
use crate::save::{self, Saved, Wanted};
use api::{Card, Error, ErrorCode, Reply, Request};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use tauri::{AppHandle, Manager};
use tauri_plugin_dialog::{DialogExt, FileDialogBuilder, FilePath};
use tokio::sync::{mpsc, oneshot};

/// Typed as one input; more belongs into a file.
const TEXT_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub(crate) enum ShellRequest {
    /// A dialog. → Files, none where it was cancelled
    Pick { what: Pick },
    /// → [`api::Reply::Card`]
    Inspect { file: String },
    /// → [`api::Reply::Blob`]
    Upload { file: String },
    /// → [`api::Reply::Blob`]
    UploadText { text: String },
    /// → Lines
    CountLines { file: String },
    /// A dialog, then the disk. → Saved or Cancelled
    Save {
        job: String,
        indexes: Option<Vec<u32>>,
        folded: bool,
    },
    /// A dialog, then the report of [`api::Request::Report`] on the disk.
    /// → Saved or Cancelled
    SaveReport,
    /// Opens a folder of ours in the desktop's file manager. → Done
    Reveal { what: Reveal },
    /// Whether Skep starts with the session; with `on`, sets it. → Autostart
    Autostart { on: Option<bool> },
    /// → Done, and then the app ends
    Quit { how: How },
    /// → Done
    Unwatch { id: u32 },
    /// → Info
    Info,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pick {
    Module,
    Files,
    Text,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reveal {
    Logs,
    Data,
    /// What was saved last.
    Saved,
}

#[derive(Debug, Serialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub(crate) enum ShellReply {
    Done,
    Files {
        files: Vec<FileView>,
    },
    Lines {
        lines: u64,
    },
    /// `folder`: where, as a person would write it.
    Saved {
        files: u32,
        folder: String,
    },
    Cancelled,
    Autostart {
        on: bool,
    },
    Info {
        version: String,
        platform: String,
        engine: String,
        safe_graphics: bool,
        tray: bool,
    },
}

/// Some answers are the node's own.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Shell(ShellReply),
    Api(Reply),
}

pub(crate) async fn answer(handle: &AppHandle, request: ShellRequest) -> Result<Answer, Error> {
    let app = handle.state::<App>();
    let reply = match request {
        ShellRequest::Pick { what } => ShellReply::Files {
            files: app.files.add(&pick(handle, what).await),
        },
        ShellRequest::Inspect { file } => {
            return Ok(Answer::Api(card(app.files.inspect(&file).await?)));
        }
        ShellRequest::Upload { file } => {
            return Ok(Answer::Api(app.files.upload(&file, &app.reach).await?));
        }
        ShellRequest::UploadText { text } => {
            return Ok(Answer::Api(upload_text(&app, text).await?));
        }
        ShellRequest::CountLines { file } => ShellReply::Lines {
            lines: app.files.count_lines(&file).await?,
        },
        ShellRequest::Save {
            job,
            indexes,
            folded,
        } => save(handle, job, indexes, folded).await?,
        ShellRequest::SaveReport => save_report(handle).await?,
        ShellRequest::Reveal { what } => {
            reveal(&app, what)?;
            ShellReply::Done
        }
        ShellRequest::Autostart { on } => autostart(on)?,
        ShellRequest::Quit { how } => {
            quit::quit(handle, how);
            ShellReply::Done
        }
        ShellRequest::Unwatch { id } => {
            app.page.unwatch(id);
            ShellReply::Done
        }
        ShellRequest::Info => info(&app).await,
    };
    Ok(Answer::Shell(reply))
}

fn card(card: Card) -> Reply {
    Reply::Card(Box::new(card))
}

async fn pick(handle: &AppHandle, what: Pick) -> Vec<PathBuf> {
    let dialog = dialog(handle);
    let dialog = match what {
        Pick::Module => dialog
            .set_title("Run a module")
            .add_filter("WebAssembly", &["wasm", "wat"])
            .add_filter("All files", &["*"]),
        Pick::Files => dialog.set_title("Choose input files"),
        Pick::Text => dialog
            .set_title("Choose a text file")
            .add_filter("Text", &["txt", "csv", "tsv", "json", "ndjson", "jsonl"])
            .add_filter("All files", &["*"]),
    };
    let (say, said) = oneshot::channel();
    match what {
        Pick::Files => dialog.pick_files(move |files| drop(say.send(files))),
        Pick::Module | Pick::Text => {
            dialog.pick_file(move |file| drop(say.send(file.map(|file| vec![file]))));
        }
    }
    // A dialog that was closed without an answer was cancelled.
    let files = said.await.ok().flatten().unwrap_or_default();
    files.into_iter().filter_map(path_of).collect()
}

async fn upload_text(app: &App, text: String) -> Result<Reply, Error> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(
            Error::new(ErrorCode::InputTooLarge, "the text is longer than 1 MiB")
                .hint("put it into a file and choose that"),
        );
    }
    let request = Request::Upload {
        bytes: Some(text.len() as u64),
    };
    let (pieces, upload) = mpsc::channel(1);
    // The channel holds it until the node takes it.
    let _ = pieces.send(text.into()).await;
    drop(pieces);
    Ok(app.reach.call(request, Some(upload)).await?.reply)
}

async fn save(
    handle: &AppHandle,
    job: String,
    indexes: Option<Vec<u32>>,
    folded: bool,
) -> Result<ShellReply, Error> {
    let app = handle.state::<App>();
    let Reply::Job(job) = app.reach.call(Request::Job { job }, None).await?.reply else {
        return Err(Error::new(
            ErrorCode::Internal,
            "the node answered something else",
        ));
    };
    let wanted = Wanted {
        job: *job,
        indexes: indexes.map(|indexes| indexes.into_iter().collect()),
        folded,
    };
    let (say, said) = oneshot::channel();
    let dialog = dialog(handle);
    let single = wanted.single().is_some();
    if single {
        dialog
            .set_title("Save the result")
            .set_file_name(wanted.file_name())
            .save_file(move |file| drop(say.send(file)));
    } else {
        dialog
            .set_title("Save the results in a new folder in")
            .pick_folder(move |folder| drop(say.send(folder)));
    }
    let Some(place) = said.await.ok().flatten().and_then(path_of) else {
        return Ok(ShellReply::Cancelled);
    };
    let saved = if single {
        wanted.to_file(&place, &app.reach).await?
    } else {
        wanted.to_folder(&place, &app.reach).await?
    };
    Ok(remember(&app, saved))
}

async fn save_report(handle: &AppHandle) -> Result<ShellReply, Error> {
    let app = handle.state::<App>();
    let (say, said) = oneshot::channel();
    dialog(handle)
        .set_title("Save the report")
        .set_file_name("skep-report.zip")
        .save_file(move |file| drop(say.send(file)));
    let Some(place) = said.await.ok().flatten().and_then(path_of) else {
        return Ok(ShellReply::Cancelled);
    };
    save::write(Request::Report, &place, &app.reach).await?;
    let saved = Saved { files: 1, place };
    Ok(remember(&app, saved))
}

/// Notes where it is, for who wants to see it.
fn remember(app: &App, saved: Saved) -> ShellReply {
    let folder = node::folders::tilde(&saved.place);
    *app.saved.lock().unwrap_or_else(PoisonError::into_inner) = Some(saved.place);
    ShellReply::Saved {
        files: saved.files,
        folder,
    }
}

fn reveal(app: &App, what: Reveal) -> Result<(), Error> {
    let open = |folder: &Path| tauri_plugin_opener::open_path(folder, None::<&str>);
    let shown = match what {
        Reveal::Logs => open(&app.folders.logs),
        Reveal::Data => open(&app.folders.data),
        Reveal::Saved => {
            let saved = app.saved.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(place) = saved.clone() else {
                return Err(Error::new(ErrorCode::NoResult, "nothing was saved yet"));
            };
            tauri_plugin_opener::reveal_item_in_dir(place)
        }
    };
    shown.map_err(|error| {
        Error::new(
            ErrorCode::FolderUnusable,
            format!("the desktop did not open the folder: {error}"),
        )
    })
}

fn autostart(on: Option<bool>) -> Result<ShellReply, Error> {
    let set = || {
        let entry = crate::autostart::entry()?;
        match on {
            Some(true) => entry.enable()?,
            Some(false) => entry.disable()?,
            None => {}
        }
        Ok(entry.is_enabled()?)
    };
    set()
        .map(|on| ShellReply::Autostart { on })
        .map_err(|error: Box<dyn std::error::Error>| {
            Error::new(
                ErrorCode::FolderUnusable,
                format!("the session's list of programs cannot be changed: {error}"),
            )
        })
}

async fn info(app: &App) -> ShellReply {
    ShellReply::Info {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        engine: tauri::webview_version()
            .map(|version| format!("WebKitGTK {version}"))
            .unwrap_or_default(),
        safe_graphics: app.safe_graphics,
        tray: crate::tray::is_shown().await,
    }
}

/// Over the window, where there is one.
fn dialog(handle: &AppHandle) -> FileDialogBuilder<tauri::Wry> {
    let dialog = handle.dialog().file();
    match handle.get_webview_window(crate::window::LABEL) {
        Some(window) => dialog.set_parent(&window),
        None => dialog,
    }
}

fn path_of(file: FilePath) -> Option<PathBuf> {
    file.into_path().ok()
}
