//! Prepares what the app embeds: the page, the capability and our two commands.

use std::fs;
use std::path::Path;

/// Stands where the page would, so that the Rust side builds and is tested
/// before the page is; `npm run build` replaces it.
const NO_PAGE: &str = "<!doctype html><meta charset=\"utf-8\"><title>Skep</title>\
<p>This app was built without its page. Build it with <code>npm run build</code> in <code>ui/</code>, then build the app again.</p>\n";

fn main() {
    let page = Path::new("../ui/dist/index.html");
    if !page.exists() {
        let folder = page.parent().expect("the page lies in a folder");
        fs::create_dir_all(folder).expect("ui/dist can be made");
        fs::write(page, NO_PAGE).expect("ui/dist can be written");
    }
    // Only what is listed is open to the page, and only in the window that the
    // capability names; without the list every window could call everything.
    let commands = tauri_build::AppManifest::new().commands(&["call", "watch"]);
    let attributes = tauri_build::Attributes::new().app_manifest(commands);
    tauri_build::try_build(attributes).expect("tauri.conf.json and the capability are valid");
    println!("cargo:rerun-if-changed=../ui/dist");
    println!("cargo:rerun-if-changed=../ui/isolation");
}
