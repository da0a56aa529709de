//! The one window: made when it is wanted, hidden when it is closed, and
//! destroyed with its page when nobody wanted it for a while. The node knows
//! nothing of it.

use crate::App;
use crate::page::ShellEvent;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::{AppHandle, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent};

/// The capability names it.
pub(crate) const LABEL: &str = "main";
/// A hidden page is kept this long, so that it is back at once; then its
/// memory is worth more.
const HIDDEN_KEPT: Duration = Duration::from_secs(600);
const SIZE: (f64, f64) = (1100.0, 720.0);
const SIZE_MIN: (f64, f64) = (820.0, 560.0);

/// Shows the window, in front.
pub(crate) fn open(handle: &AppHandle) {
    let app = handle.state::<App>();
    if app.quitting.load(Ordering::Relaxed) {
        return;
    }
    let on_main = handle.clone();
    // Windows are made by the main thread only.
    let asked = handle.run_on_main_thread(move || {
        let shown = match on_main.get_webview_window(LABEL) {
            Some(window) => show(&window),
            None => build(&on_main),
        };
        if let Err(error) = shown {
            tracing::error!(%error, "the window cannot be shown");
        }
    });
    if asked.is_err() {
        tracing::debug!("the app is ending");
    }
}

/// Shows the window at a route of the page.
pub(crate) fn open_at(handle: &AppHandle, route: &str) {
    handle.state::<App>().page.tell(ShellEvent::Navigate {
        route: route.to_owned(),
    });
    open(handle);
}

/// Takes the window away for good.
pub(crate) fn close(handle: &AppHandle) {
    if let Some(window) = handle.get_webview_window(LABEL)
        && let Err(error) = window.destroy()
    {
        tracing::warn!(%error, "the window cannot be closed");
    }
}

/// Whether a person has the window before them.
pub(crate) fn is_in_front(handle: &AppHandle) -> bool {
    handle
        .get_webview_window(LABEL)
        .is_some_and(|window| window.is_focused().unwrap_or(false))
}

fn build(handle: &AppHandle) -> tauri::Result<()> {
    let app = handle.state::<App>();
    let shown_at = handle.clone();
    WebviewWindowBuilder::new(handle, LABEL, WebviewUrl::App("index.html".into()))
        .title("Skep")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(SIZE_MIN.0, SIZE_MIN.1)
        .data_directory(app.folders.cache.join("window"))
        // An empty window is not worth seeing.
        .visible(false)
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_page_load(move |window, load| match load.event() {
            PageLoadEvent::Started => window.state::<App>().page.leave(),
            PageLoadEvent::Finished => {
                if let Err(error) = show(&window) {
                    tracing::error!(%error, "the window cannot be shown");
                }
            }
        })
        .build()?
        .on_window_event(move |event| happened(&shown_at, event));
    Ok(())
}

fn show(window: &WebviewWindow) -> tauri::Result<()> {
    window.state::<App>().page.show(true);
    window.show()?;
    window.unminimize()?;
    window.set_focus()
}

/// The page never leaves itself; nothing that it shows may take its place.
fn is_ours(url: &tauri::Url) -> bool {
    let page = url.scheme() == "tauri" && url.host_str() == Some("localhost");
    // The isolation frame has a scheme of its own at each start.
    let frame = url.scheme().starts_with("isolation-");
    page || frame || (cfg!(dev) && url.host_str() == Some("localhost"))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the rest is between the window and its page"
)]
fn happened(handle: &AppHandle, event: &WindowEvent) {
    match event {
        WindowEvent::CloseRequested { api, .. } => {
            api.prevent_close();
            tauri::async_runtime::spawn(closed(handle.clone()));
        }
        WindowEvent::Destroyed => {
            let app = handle.state::<App>();
            app.page.show(false);
            app.page.leave();
        }
        WindowEvent::DragDrop(event) => crate::drag::happened(handle, event),
        _ => {}
    }
}

/// The close button: away, down to the taskbar where there is no tray to come
/// back from, or the end, as the settings say.
async fn closed(handle: AppHandle) {
    let app = handle.state::<App>();
    if crate::settings::text(&app.reach, "app.close_button")
        .await
        .as_deref()
        == Some("quit")
    {
        return crate::quit::ask(&handle);
    }
    let Some(window) = handle.get_webview_window(LABEL) else {
        return;
    };
    let tray = crate::tray::is_shown().await;
    let gone = if tray {
        window.hide()
    } else {
        window.minimize()
    };
    if let Err(error) = gone {
        tracing::warn!(%error, "the window cannot be hidden");
        return;
    }
    app.page.show(false);
    if tray {
        explain(&handle).await;
        tauri::async_runtime::spawn(forget(handle.clone()));
    }
}

/// Says where it went, the first time.
async fn explain(handle: &AppHandle) {
    const EXPLAINED: &str = "app.tray_explained";
    let app = handle.state::<App>();
    if crate::settings::text(&app.reach, EXPLAINED)
        .await
        .as_deref()
        == Some("false")
    {
        crate::notify(handle, crate::notice::goes_on_in_the_tray());
        crate::settings::set(&app.reach, EXPLAINED, "true").await;
    }
}

/// Destroys the window unless it is wanted again soon.
async fn forget(handle: AppHandle) {
    let mut visible = handle.state::<App>().page.visible();
    let wanted = visible.wait_for(|visible| *visible);
    if tokio::time::timeout(hidden_kept(), wanted).await.is_err() {
        close(&handle);
        crate::renew::when_at_rest(&handle).await;
    }
}

/// Tests do not wait ten minutes.
fn hidden_kept() -> Duration {
    if cfg!(debug_assertions)
        && let Ok(text) = std::env::var("SKEP_HIDDEN_KEPT_MS")
        && let Ok(ms) = text.parse()
    {
        return Duration::from_millis(ms);
    }
    HIDDEN_KEPT
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn the_page_cannot_go_elsewhere() {
        let go = |to: &str| is_ours(&tauri::Url::parse(to).unwrap());
        assert!(go("tauri://localhost/index.html#/jobs"));
        assert!(go(
            "isolation-95c8fb99-7e10-4db4-b756-6bf63717449f://localhost/"
        ));
        for elsewhere in [
            "https://example.com/",
            "http://127.0.0.1/",
            "file:///etc/passwd",
            "data:text/html,<h1>hello</h1>",
            "asset://localhost/etc/passwd",
            "tauri://elsewhere/",
        ] {
            assert!(!go(elsewhere), "{elsewhere}");
        }
    }
}
