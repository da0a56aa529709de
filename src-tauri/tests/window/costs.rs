//! What a process and those that it started hold and have used.

use std::collections::BTreeMap;
use std::path::Path;

/// What a process and those that it started hold and have used.
#[derive(Debug, Default)]
pub(crate) struct Cost {
    pub(crate) ticks: u64,
    pub(crate) resident_kib: u64,
    /// Pages that several share are counted once in all.
    pub(crate) share_kib: u64,
}

/// Costs by the name of the program.
pub(crate) fn costs(root: u32) -> BTreeMap<String, Cost> {
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
