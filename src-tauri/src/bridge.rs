//! The two commands that the page may call. Everything it asks of the node
//! passes here, and nothing that names a path.

use crate::App;
use crate::shell::{self, ShellRequest};
use api::{Error, ErrorCode, Event, Reply, Request};
use node::Then;
use serde::Deserialize;
use serde_json::Value;
use tauri::ipc::{Channel, InvokeResponseBody, Response};
use tauri::{AppHandle, Manager, State};
use tokio::sync::mpsc;

/// Most bytes that the page takes at once: it keeps all of them in memory.
const PAGE_BYTES_MAX: u64 = 64 << 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Call {
    Api(Request),
    Shell(ShellRequest),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Watch {
    Api(Request),
    Shell(ShellWatch),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ShellWatch {
    Events,
}

/// Answers one request of the page: JSON, or bytes where the verb says so.
///
/// # Errors
/// As the node or the shell says, with code, message and hint.
#[tauri::command]
pub(crate) async fn call(handle: AppHandle, request: Value) -> Result<Response, Error> {
    match read(request)? {
        Call::Shell(request) => json(&shell::answer(&handle, request).await?),
        Call::Api(request) => {
            refuse_bytes(&request)?;
            let answer = handle.state::<App>().reach.call(request, None).await?;
            match (&answer.reply, answer.then) {
                (Reply::Bytes { bytes }, Then::Bytes(pieces)) => {
                    Ok(Response::new(whole(*bytes, pieces).await?))
                }
                (reply, _) => json(reply),
            }
        }
    }
}

/// Follows a job, the log or the shell; events come through the channel until
/// the page unwatches or goes.
///
/// # Errors
/// As the node says; and where the verb has nothing to follow.
#[tauri::command]
pub(crate) async fn watch(
    app: State<'_, App>,
    request: Value,
    channel: Channel<InvokeResponseBody>,
) -> Result<u32, Error> {
    let request = match read(request)? {
        Watch::Api(request) => request,
        Watch::Shell(ShellWatch::Events) => {
            let number = app.page.listen(shell_events(channel));
            app.page.tell(crate::standing(&app.reach.way().borrow()));
            return Ok(number);
        }
    };
    refuse_bytes(&request)?;
    let answer = app.reach.call(request, None).await?;
    let Then::Events(events, last) = answer.then else {
        return Err(Error::new(
            ErrorCode::Usage,
            "there is nothing to follow here",
        ));
    };
    // Lines that were there before come first, like those that follow.
    let before = if let Reply::Logs { lines } = answer.reply {
        lines.into_iter().map(Event::Log).collect()
    } else {
        Vec::new()
    };
    let visible = app.page.visible();
    let number = app.page.number();
    let forwarding = tauri::async_runtime::spawn(async move {
        forward(before, events, visible, channel).await;
        // What is left of a view that has ended stays for whoever heard of its end.
        let _ = last.await;
    });
    app.page.follows(number, forwarding.inner().abort_handle());
    Ok(number)
}

/// While the window is hidden nothing is taken, and the node holds back.
async fn forward(
    before: Vec<Event>,
    mut events: mpsc::Receiver<Event>,
    mut visible: tokio::sync::watch::Receiver<bool>,
    channel: Channel<InvokeResponseBody>,
) {
    let send = |event: &Event| {
        serde_json::to_string(event)
            .is_ok_and(|text| channel.send(InvokeResponseBody::Json(text)).is_ok())
    };
    if !before.iter().all(send) {
        return;
    }
    while let Some(event) = events.recv().await {
        if visible.wait_for(|visible| *visible).await.is_err() || !send(&event) {
            return;
        }
    }
}

fn shell_events(channel: Channel<InvokeResponseBody>) -> Channel<crate::page::ShellEvent> {
    Channel::new(move |body| channel.send(body))
}

/// Bytes come from files that have an id here; the page sends none.
fn refuse_bytes(request: &Request) -> Result<(), Error> {
    if matches!(request, Request::Upload { .. }) {
        return Err(Error::new(
            ErrorCode::Usage,
            "bytes are uploaded by the id of a file",
        ));
    }
    Ok(())
}

async fn whole(
    bytes: u64,
    mut pieces: mpsc::Receiver<Result<bytes::Bytes, Error>>,
) -> Result<Vec<u8>, Error> {
    if bytes > PAGE_BYTES_MAX {
        return Err(
            Error::new(ErrorCode::Usage, "this is too large to be shown").hint("save it to a file"),
        );
    }
    let mut all = Vec::new();
    while let Some(piece) = pieces.recv().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

fn read<T: for<'de> Deserialize<'de>>(request: Value) -> Result<T, Error> {
    serde_json::from_value(request).map_err(|error| {
        Error::new(
            ErrorCode::Usage,
            format!("the page asked for something that is not there: {error}"),
        )
    })
}

fn json(reply: &impl serde::Serialize) -> Result<Response, Error> {
    serde_json::to_string(reply)
        .map(Response::new)
        .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{Call, read, refuse_bytes};
    use serde_json::json;

    #[test]
    fn what_is_not_in_the_contract_is_refused() {
        for request in [
            json!({"api": {"verb": "frobnicate"}}),
            json!({"api": {"verb": "status"}, "shell": {"verb": "info"}}),
            json!({"shell": {"verb": "reveal", "what": "/etc/passwd"}}),
            json!({"shell": {"verb": "upload", "path": "/etc/passwd"}}),
            json!("status"),
            json!({}),
        ] {
            assert!(read::<Call>(request.clone()).is_err(), "{request}");
        }
        let Ok(Call::Api(request)) = read(json!({"api": {"verb": "upload", "bytes": 1}})) else {
            panic!("it is a verb of the door")
        };
        assert!(refuse_bytes(&request).is_err());
    }
}
