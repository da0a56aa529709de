//! Walking in a picture: a job for every view that one stays at.

use crate::driver::Driver;
use crate::session::{Session, wait};
use crate::stories::{button, contributes, ended, status};
use api::{JobState, Request};

/// Notes in the page when a key or the wheel was felt, and when the next tile
/// was a picture.
const WATCH_TILES: &str = "
  window.felt = null;
  window.firstTile = null;
  for (const kind of ['keydown', 'wheel']) {
    addEventListener(kind, () => { window.felt = performance.now(); window.firstTile = null; }, true);
  }
  const decode = window.createImageBitmap.bind(window);
  window.createImageBitmap = async (...of) => {
    const bitmap = await decode(...of);
    if (window.felt !== null) window.firstTile ??= performance.now() - window.felt;
    return bitmap;
  };";

fn zoom(page: &Driver) -> String {
    page.run("return [...document.querySelectorAll('.coordinates b')].at(-1)?.textContent ?? ''")
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Tasks of the node that wait or run, those of views too.
fn open_tasks(session: &Session) -> Option<u32> {
    status(session).map(|status| status.tasks_queued + status.tasks_running)
}

/// The sample's picture, rendered and open to walk in.
pub(crate) fn explores(session: &mut Session) -> Driver {
    let page = session.app(&[]);
    page.click(&button("Set up this machine"));
    page.click(&button("Contribute"));
    page.click(&button("Run the sample"));
    let sample = ended(session, "mandelbrot");
    assert_eq!(sample.state, JobState::Done);
    page.click(&button("Explore the picture"));
    page.click("//*[@role='radio' and normalize-space()='Explore']");
    page.reads("Rendered");
    page.run(WATCH_TILES);
    page.click("//*[@role='application']");
    page
}

#[test]
fn a_picture_is_walked_in_and_left_views_cost_nothing() {
    let mut session = Session::start();
    let page = explores(&mut session);

    // By key and by wheel, about the pointer.
    let first = zoom(&page);
    page.press("+");
    wait("the view is closer", || {
        (zoom(&page) != first).then_some(())
    });
    wait("its first tile comes", || {
        page.run("return window.firstTile").as_f64()
    });
    page.reads("Rendered");
    let second = zoom(&page);
    page.wheel("//*[@role='application']", -240);
    wait("the wheel zooms too", || {
        (zoom(&page) != second).then_some(())
    });
    page.reads("Rendered");

    // A view that nobody works on is all left when the next one is wanted.
    assert!(session.ask(Request::Contribute { on: false }).is_some());
    contributes(&session, false);
    page.press("+");
    page.reads("Queued");
    page.press("0");
    page.reads("of the last view cancelled");
    assert!(session.ask(Request::Contribute { on: true }).is_some());
    contributes(&session, true);
    page.reads("Rendered");

    // Whoever goes elsewhere leaves nothing to be done.
    assert!(session.ask(Request::Contribute { on: false }).is_some());
    contributes(&session, false);
    page.press("+");
    page.reads("Queued");
    page.run("location.hash = '#/overview'");
    wait("no tile waits any more", || {
        (open_tasks(&session)? == 0).then_some(())
    });
}
