//! What the window costs: figures for people, printed and never judged.
//! `cargo xtask bench window`

#![expect(
    dead_code,
    unused_imports,
    reason = "the stories use all of what is shared with them"
)]

#[path = "../tests/window/costs.rs"]
mod costs;
#[path = "../tests/window/driver.rs"]
mod driver;
#[path = "../tests/window/explore.rs"]
mod explore;
#[path = "../tests/window/notices.rs"]
mod notices;
#[path = "../tests/window/session.rs"]
mod session;
#[path = "../tests/window/stories.rs"]
mod stories;
#[path = "../tests/window/tray.rs"]
mod tray;

use costs::costs;
use explore::explores;
use session::{Session, wait};
use std::time::{Duration, Instant, SystemTime};
use stories::{close_window, status};

const IDLE: Duration = Duration::from_secs(20);
/// The kernel counts processor time in these.
const TICKS_PER_SECOND: f64 = 100.0;

/// One line of the table of `cargo xtask bench`.
fn report(name: &str, unit: &str, mut values: Vec<f64>, floor: Option<f64>, note: &str) {
    values.sort_by(f64::total_cmp);
    let line = serde_json::json!({
        "name": name,
        "unit": unit,
        "median": values[values.len() / 2],
        "min": values[0],
        "max": values[values.len() - 1],
        "runs": values.len(),
        "floor": floor,
        "note": note,
    });
    println!("{line}");
}

fn memory(when: &str, root: u32, floor: Option<f64>) {
    let costs = costs(root);
    let mib = |kib: u64| kib as f64 / 1024.0;
    let parts: Vec<String> = costs
        .iter()
        .map(|(name, cost)| {
            format!(
                "{name} {:.0} ({:.0} of its own)",
                mib(cost.resident_kib),
                mib(cost.share_kib)
            )
        })
        .collect();
    let resident = costs.values().map(|cost| mib(cost.resident_kib)).sum();
    report(
        &format!("memory, {when}"),
        "MiB",
        vec![resident],
        floor,
        &format!("resident, all processes: {}", parts.join(", ")),
    );
}

fn processor(when: &str, root: u32, floor: Option<f64>) {
    let before = costs(root);
    std::thread::sleep(IDLE);
    let mut parts = Vec::new();
    let mut sum = 0.0;
    for (name, cost) in costs(root) {
        let used = cost.ticks
            - before
                .get(&name)
                .map_or(0, |before| before.ticks)
                .min(cost.ticks);
        let percent = used as f64 / TICKS_PER_SECOND / IDLE.as_secs_f64() * 100.0;
        parts.push(format!("{name} {percent:.2}"));
        sum += percent;
    }
    report(
        &format!("processor, {when}"),
        "%",
        vec![sum],
        floor,
        &format!("of a core, all processes: {}", parts.join(", ")),
    );
}

/// From the window on the screen to the first thing painted in it.
fn first_paint() -> f64 {
    let mut session = Session::start_at_home();
    let page = session.app(&[]);
    let shown = wait("the window is there", || {
        session.windows("Skep").pop().map(|_| SystemTime::now())
    });
    page.reads("Drop a .wasm anywhere");
    let painted = page
        .run("return performance.timeOrigin + (performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN)")
        .as_f64()
        .expect("the web view says when it painted first");
    let shown = shown.duration_since(SystemTime::UNIX_EPOCH);
    painted - shown.unwrap_or_default().as_secs_f64() * 1000.0
}

/// Zooms in so many times; how long the first tile of each view took, in
/// milliseconds.
fn first_tiles(times: usize) -> Vec<f64> {
    let mut session = Session::start();
    let page = explores(&mut session);
    let closer = |_| {
        page.press("+");
        let felt = wait("its first tile comes", || {
            page.run("return window.firstTile").as_f64()
        });
        page.reads("Rendered");
        felt
    };
    (0..times).map(closer).collect()
}

fn main() {
    report(
        "first paint after the window was seen",
        "ms",
        (0..5).map(|_| first_paint()).collect(),
        Some(400.0),
        "below zero where it was painted before the window manager showed it",
    );
    report(
        "Explore: from a gesture to its first tile",
        "ms",
        first_tiles(10),
        Some(150.0),
        "zooming by key, as the page feels it",
    );
    let mut session = Session::start_at_home();
    let page = session.app(&[]);
    page.reads("Drop a .wasm anywhere");
    let app = wait("the node answers", || status(&session)).pid;
    std::thread::sleep(IDLE);
    memory("window open", app, None);
    processor("window open and idle", app, Some(1.0));
    close_window(&session);
    let closed = Instant::now();
    std::thread::sleep(Duration::from_secs(2));
    processor("window closed", app, None);
    for minutes in [1_u64, 3, 10] {
        // The page goes at ten minutes; a moment later it is gone.
        let at = Duration::from_secs(minutes * 60 + 5);
        std::thread::sleep(at.saturating_sub(closed.elapsed()));
        let floor = (minutes == 10).then_some(120.0);
        memory(
            &format!("{minutes} min after the window was closed"),
            app,
            floor,
        );
    }
}
