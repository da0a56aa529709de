//! How the window looks, and that it looks so again.

use crate::driver::Driver;
use crate::session::{Session, wait};
use crate::stories::status;

fn theme(page: &Driver) -> String {
    page.run("return document.documentElement.dataset.theme ?? ''")
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn a_theme_that_was_chosen_is_there_after_a_restart() {
    let mut session = Session::start_at_home();
    let page = session.app(&[]);
    page.reads("Drop a .wasm anywhere");
    let (other, label) = match theme(&page).as_str() {
        "dark" => ("light", "Light"),
        _ => ("dark", "Dark"),
    };
    page.run("location.hash = '#/settings/general'");
    page.click(&format!(
        "//*[@role='radio' and normalize-space()='{label}']"
    ));
    wait("the page looks so", || {
        (theme(&page) == other).then_some(())
    });
    let file = session.home().join(".config/skep/config.toml");
    wait("the settings say so", || {
        let settings = std::fs::read_to_string(&file).ok()?;
        settings
            .contains(&format!("theme = \"{other}\""))
            .then_some(())
    });

    session.tray.click("Quit Skep");
    wait("the node is gone", || {
        status(&session).is_none().then_some(())
    });
    let page = session.app(&[]);
    page.reads("Drop a .wasm anywhere");
    wait("it looks as before", || {
        (theme(&page) == other).then_some(())
    });
}
