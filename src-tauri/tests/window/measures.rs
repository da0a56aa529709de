//! What the window costs: figures for people, printed and never judged.
//! `cargo test --release -p app --test window -- --ignored --nocapture measures`

use crate::session::{Session, wait};
use crate::stories::{close_window, status};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

const IDLE: Duration = Duration::from_secs(20);
/// The kernel counts processor time in these.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process and those that it started hold and have used.
#[derive(Debug, Default)]
struct Cost {
    ticks: u64,
    resident_kib: u64,
    /// Pages that several share are counted once in all.
    share_kib: u64,
}

/// Costs by the name of the program.
fn costs(root: u32) -> BTreeMap<String, Cost> {
    let mut costs: BTreeMap<String, Cost> = BTreeMap::new();
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        let of = Path::new("/proc").join(pid.to_string());
        let read = |name: &str| std::fs::read_to_string(of.join(name)).unwrap_or_default();
        let stat = read("stat");
        // The name stands in brackets and may hold spaces.
        let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
        let ticks = after
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum::<u64>();
        let maps = read("smaps_rollup");
        let kib = |field: &str| -> u64 {
            maps.lines()
                .find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB"))
                .and_then(|kib| kib.parse().ok())
                .unwrap_or(0)
        };
        let cost = costs.entry(read("comm").trim().to_owned()).or_default();
        cost.ticks += ticks;
        cost.resident_kib += kib("Rss:");
        cost.share_kib += kib("Pss:");
        for task in std::fs::read_dir(of.join("task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let children = std::fs::read_to_string(task.path().join("children"));
            let children = children.unwrap_or_default();
            open.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
    }
    costs
}

fn say_memory(when: &str, root: u32) {
    let costs = costs(root);
    let sum = |of: fn(&Cost) -> u64| costs.values().map(of).sum::<u64>() / 1024;
    println!(
        "{when}: {} MiB resident, {} MiB of its own",
        sum(|cost| cost.resident_kib),
        sum(|cost| cost.share_kib)
    );
    for (name, cost) in &costs {
        println!(
            "  {name}: {} MiB resident, {} MiB of its own",
            cost.resident_kib / 1024,
            cost.share_kib / 1024
        );
    }
}

fn say_processor(when: &str, root: u32) {
    let before = costs(root);
    std::thread::sleep(IDLE);
    for (name, cost) in costs(root) {
        let used = cost.ticks
            - before
                .get(&name)
                .map_or(0, |before| before.ticks)
                .min(cost.ticks);
        let percent = used as f64 / TICKS_PER_SECOND / IDLE.as_secs_f64() * 100.0;
        println!("{when}: {name} {percent:.2} % of a core");
    }
}

#[test]
#[ignore = "measures for eleven minutes, and judges nothing"]
fn measures() {
    let mut session = Session::start_at_home();
    let page = session.app(&[]);
    let shown = wait("the window is there", || {
        session.windows("Skep").pop().map(|_| SystemTime::now())
    });
    page.reads("Drop a .wasm anywhere");
    let painted = page
        .run("return performance.timeOrigin + (performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN)")
        .as_f64();
    let shown = shown
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
        * 1000.0;
    match painted {
        Some(painted) => println!(
            "first paint {:.0} ms after the window was seen",
            painted - shown
        ),
        None => println!("the web view does not say when it painted first"),
    }

    let app = wait("the node answers", || status(&session)).pid;
    std::thread::sleep(IDLE);
    say_memory("visible and idle", app);
    say_processor("visible and idle", app);
    close_window(&session);
    let closed = Instant::now();
    std::thread::sleep(Duration::from_secs(2));
    say_processor("hidden", app);
    for minutes in [1_u64, 3, 10] {
        // The window goes at ten minutes; a moment later it is gone.
        let at = Duration::from_secs(minutes * 60 + 5);
        std::thread::sleep(at.saturating_sub(closed.elapsed()));
        say_memory(&format!("{minutes} min after closing"), app);
    }
}
