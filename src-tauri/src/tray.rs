//! The tray icon: draws the value that `menu` decides. Where a menu's lines
//! stay what they are only their texts change, so that an open menu stays open.

pub(crate) mod menu;

use crate::App;
use crate::page::ShellEvent;
use crate::{quit, window};
use api::{Reply, Request};
use menu::{Action, Icon, Line};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tauri::image::Image;
use tauri::menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Wry, include_image};

/// The icon in the tray, and what it shows.
pub(crate) struct Tray {
    icon: TrayIcon,
    menu: Menu<Wry>,
    drawn: Mutex<Drawn>,
}

#[derive(Default)]
struct Drawn {
    icon: Option<Icon>,
    lines: Vec<Line>,
    items: Vec<Item>,
    /// What a click on an item of this id means.
    actions: HashMap<String, Action>,
}

enum Item {
    Plain(MenuItem<Wry>),
    Check(CheckMenuItem<Wry>),
    Submenu(Submenu<Wry>),
    Separator(PredefinedMenuItem<Wry>),
}

impl std::fmt::Debug for Tray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tray").finish_non_exhaustive()
    }
}

impl Tray {
    pub(crate) fn new(handle: &AppHandle) -> tauri::Result<Tray> {
        let menu = Menu::new(handle)?;
        let icon = TrayIconBuilder::with_id("skep")
            .menu(&menu)
            .icon(image(Icon::Offline))
            .tooltip("Skep")
            .on_menu_event(|handle, event| clicked(handle, event.id().as_ref()))
            .build(handle)?;
        Ok(Tray {
            icon,
            menu,
            drawn: Mutex::default(),
        })
    }

    /// Shows what is seen now. On the main thread.
    pub(crate) fn draw(
        &self,
        handle: &AppHandle,
        icon: Icon,
        lines: Vec<Line>,
    ) -> tauri::Result<()> {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.icon != Some(icon) {
            self.icon.set_icon(Some(image(icon)))?;
            drawn.icon = Some(icon);
        }
        if drawn.lines == lines {
            return Ok(());
        }
        let same = drawn
            .lines
            .iter()
            .zip(&lines)
            .take_while(|(old, new)| is_same_kind(old, new))
            .count();
        for item in drawn.items.drain(same..) {
            self.menu.remove(item.as_item())?;
        }
        for (item, line) in drawn.items.iter().zip(&lines) {
            item.draw(handle, line)?;
        }
        for (number, line) in lines.iter().enumerate().skip(same) {
            let item = Item::new(handle, number, line)?;
            self.menu.append(item.as_item())?;
            drawn.items.push(item);
        }
        drawn.actions = actions(&lines);
        drawn.lines = lines;
        Ok(())
    }
}

impl Item {
    fn new(handle: &AppHandle, number: usize, line: &Line) -> tauri::Result<Item> {
        let id = id_of(number);
        let item = match line {
            Line::Said(text) => {
                Item::Plain(MenuItem::with_id(handle, id, text, false, None::<&str>)?)
            }
            Line::Item(text, _) => {
                Item::Plain(MenuItem::with_id(handle, id, text, true, None::<&str>)?)
            }
            Line::Switch(text, on, _) => Item::Check(CheckMenuItem::with_id(
                handle,
                id,
                text,
                true,
                *on,
                None::<&str>,
            )?),
            Line::Submenu(text, _) => Item::Submenu(Submenu::with_id(handle, id, text, true)?),
            Line::Separator => Item::Separator(PredefinedMenuItem::separator(handle)?),
        };
        item.draw(handle, line)?;
        Ok(item)
    }

    /// Shows `line`, which is of the same kind as what it showed before.
    fn draw(&self, handle: &AppHandle, line: &Line) -> tauri::Result<()> {
        match (self, line) {
            (Item::Plain(item), Line::Said(text) | Line::Item(text, _)) => item.set_text(text),
            (Item::Check(item), Line::Switch(text, on, _)) => {
                item.set_text(text)?;
                item.set_checked(*on)
            }
            (Item::Submenu(menu), Line::Submenu(text, items)) => {
                menu.set_text(text)?;
                let shown = menu.items()?;
                for (number, (text, _)) in items.iter().enumerate() {
                    if let Some(item) = shown.get(number).and_then(|item| item.as_menuitem()) {
                        item.set_text(text)?;
                    } else {
                        let id = id_within(menu.id().as_ref(), number);
                        menu.append(&MenuItem::with_id(handle, id, text, true, None::<&str>)?)?;
                    }
                }
                shown
                    .iter()
                    .skip(items.len())
                    .filter_map(|item| item.as_menuitem())
                    .try_for_each(|item| menu.remove(item))
            }
            _ => Ok(()),
        }
    }

    fn as_item(&self) -> &dyn IsMenuItem<Wry> {
        match self {
            Item::Plain(item) => item,
            Item::Check(item) => item,
            Item::Submenu(item) => item,
            Item::Separator(item) => item,
        }
    }
}

/// Whether a desktop shows tray icons at all: without one, a hidden window
/// could not be brought back.
pub(crate) async fn is_shown() -> bool {
    let asked = tokio::task::spawn_blocking(|| {
        use gtk::gio::{self, BusType, DBusCallFlags, prelude::ToVariant};
        let bus = gio::bus_get_sync(BusType::Session, gio::Cancellable::NONE).ok()?;
        let answer = bus.call_sync(
            Some("org.freedesktop.DBus"),
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "NameHasOwner",
            Some(&("org.kde.StatusNotifierWatcher",).to_variant()),
            None,
            DBusCallFlags::NONE,
            BUS_ANSWER_MS,
            gio::Cancellable::NONE,
        );
        answer.ok()?.get::<(bool,)>().map(|(owned,)| owned)
    });
    asked.await.ok().flatten().unwrap_or(false)
}

/// The session's bus answers at once or hangs.
const BUS_ANSWER_MS: i32 = 1000;

fn clicked(handle: &AppHandle, id: &str) {
    let Some(tray) = handle.try_state::<Tray>() else {
        return;
    };
    let drawn = tray.drawn.lock().unwrap_or_else(PoisonError::into_inner);
    let action = drawn.actions.get(id).cloned();
    drop(drawn);
    match action {
        Some(Action::Contribute(on)) => ask(handle, Request::Contribute { on }),
        Some(Action::Pause(until)) => ask(handle, Request::Pause { until }),
        Some(Action::Resume) => ask(handle, Request::Resume),
        Some(Action::RunModule) => {
            handle.state::<App>().page.tell(ShellEvent::RunModule);
            window::open(handle);
        }
        Some(Action::Open) => window::open(handle),
        Some(Action::Job(job)) => window::open_at(handle, &format!("#/jobs/{job}")),
        Some(Action::Settings) => window::open_at(handle, "#/settings"),
        Some(Action::Quit) => quit::ask(handle),
        // It went with the click.
        None => {}
    }
}

fn ask(handle: &AppHandle, request: Request) {
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        let app = handle.state::<App>();
        match app.reach.call(request, None).await {
            // The next click means the opposite, and may come at once.
            Ok(answer) => {
                if let Reply::Contribution(of) = answer.reply {
                    app.seen.send_modify(|seen| seen.contribution = Some(of));
                }
            }
            Err(error) => {
                tracing::error!(%error, "what was asked for in the tray was not done");
            }
        }
    });
}

fn is_same_kind(old: &Line, new: &Line) -> bool {
    std::mem::discriminant(old) == std::mem::discriminant(new)
}

fn actions(lines: &[Line]) -> HashMap<String, Action> {
    let mut actions = HashMap::new();
    for (number, line) in lines.iter().enumerate() {
        let id = id_of(number);
        match line {
            Line::Item(_, action) | Line::Switch(_, _, action) => {
                actions.insert(id, action.clone());
            }
            Line::Submenu(_, items) => {
                for (within, (_, action)) in items.iter().enumerate() {
                    actions.insert(id_within(&id, within), action.clone());
                }
            }
            Line::Said(_) | Line::Separator => {}
        }
    }
    actions
}

fn id_of(number: usize) -> String {
    format!("line-{number}")
}

fn id_within(menu: &str, number: usize) -> String {
    format!("{menu}-{number}")
}

fn image(icon: Icon) -> Image<'static> {
    match icon {
        Icon::Working => include_image!("../icons/tray/working-32.png"),
        Icon::Ready => include_image!("../icons/tray/ready-32.png"),
        Icon::Paused => include_image!("../icons/tray/paused-32.png"),
        Icon::Attention => include_image!("../icons/tray/attention-32.png"),
        Icon::Offline => include_image!("../icons/tray/offline-32.png"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Icon, image};
    use tauri::image::Image;
    use tauri::include_image;

    /// How much of each pixel is covered, at half the size: as a small panel
    /// without colours shows it.
    fn shape(image: &Image<'_>) -> Vec<f32> {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let alpha = |x: usize, y: usize| f32::from(image.rgba()[(y * width + x) * 4 + 3]);
        let mut shape = Vec::new();
        for y in (0..height).step_by(2) {
            for x in (0..width).step_by(2) {
                let sum = alpha(x, y) + alpha(x + 1, y) + alpha(x, y + 1) + alpha(x + 1, y + 1);
                shape.push(sum / (4.0 * 255.0));
            }
        }
        shape
    }

    #[test]
    fn six_states_differ_by_shape_alone_at_16_pixels() {
        /// Of the 88 that the whole hive covers: enough for a glance.
        const PIXELS_MIN: usize = 16;
        const DIFFERENCE_MIN: f32 = 0.3;
        let states = [
            Icon::Working,
            Icon::Ready,
            Icon::Paused,
            Icon::Attention,
            Icon::Offline,
        ];
        let mut shapes: Vec<_> = states.iter().map(|icon| shape(&image(*icon))).collect();
        shapes.push(shape(&include_image!("../icons/tray/update-32.png")));
        assert!(shapes.iter().all(|shape| shape.len() == 16 * 16));
        for (a, one) in shapes.iter().enumerate() {
            for (b, other) in shapes.iter().enumerate().skip(a + 1) {
                let differ = one
                    .iter()
                    .zip(other)
                    .filter(|(one, other)| (*one - *other).abs() >= DIFFERENCE_MIN)
                    .count();
                assert!(
                    differ >= PIXELS_MIN,
                    "icons {a} and {b} differ in {differ} pixels"
                );
            }
        }
    }
}
