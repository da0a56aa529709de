//! For the window's tests: a small window at the screen's corner from which
//! the files named on the command line can be dragged, as from a file manager.

use gtk::prelude::{ContainerExt, GtkWindowExt, WidgetExt, WidgetExtManual};
use gtk::{gdk, glib};

fn main() -> Result<(), glib::Error> {
    let addresses = std::env::args()
        .skip(1)
        .map(|path| glib::filename_to_uri(path, None))
        .collect::<Result<Vec<_>, _>>()?;
    gtk::init().expect("there is a display");
    let window = gtk::Window::new(gtk::WindowType::Toplevel);
    window.set_title("Files");
    window.set_default_size(120, 60);
    window.set_decorated(false);
    window.move_(0, 0);
    let files = gtk::EventBox::new();
    files.add(&gtk::Label::new(Some("Drag me")));
    files.drag_source_set(gdk::ModifierType::BUTTON1_MASK, &[], gdk::DragAction::COPY);
    files.drag_source_add_uri_targets();
    files.connect_drag_data_get(move |_, _, data, _, _| {
        let addresses: Vec<&str> = addresses.iter().map(glib::GString::as_str).collect();
        data.set_uris(&addresses);
    });
    window.add(&files);
    window.show_all();
    println!("ready");
    gtk::main();
    Ok(())
}
