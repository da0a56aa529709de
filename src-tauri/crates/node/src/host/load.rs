//! How busy other programs keep the processor: all of it, less what this
//! process and the executors it started take.

use std::path::Path;

/// Ticks of the processor until some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    total: u64,
    busy: u64,
    ours: u64,
}

/// Two looks make a load.
#[derive(Debug, Default)]
pub(super) struct OtherLoad(Option<Ticks>);

impl OtherLoad {
    /// Per cent of all cores since the last look; `None` at the first one and
    /// where the system does not tell. `proc` is `/proc`.
    pub(super) fn read(&mut self, proc: &Path) -> Option<u8> {
        let now = ticks(proc, std::process::id());
        let before = std::mem::replace(&mut self.0, now);
        share(before?, now?)
    }

    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

fn share(before: Ticks, now: Ticks) -> Option<u8> {
    const ALL: u64 = 100;
    let total = now
        .total
        .checked_sub(before.total)
        .filter(|total| *total > 0)?;
    let busy = now.busy.saturating_sub(before.busy);
    let ours = now.ours.saturating_sub(before.ours);
    u8::try_from((busy.saturating_sub(ours) * ALL / total).min(ALL)).ok()
}

fn ticks(proc: &Path, own: u32) -> Option<Ticks> {
    let stat = std::fs::read_to_string(proc.join("stat")).ok()?;
    let mut numbers = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace();
    // user, nice, system, idle, iowait, irq, softirq, steal; what guests take is in user.
    let fields: Vec<u64> = numbers
        .by_ref()
        .take(8)
        .filter_map(|n| n.parse().ok())
        .collect();
    let total: u64 = fields.iter().sum();
    let waits: u64 = fields.get(3..5)?.iter().sum();
    let own = own.to_string();
    let mut ours = 0;
    for process in std::fs::read_dir(proc).ok()?.flatten() {
        let name = process.file_name();
        if !name.as_encoded_bytes().first()?.is_ascii_digit() {
            continue;
        }
        // One that ended meanwhile is counted among its parent's children.
        let Ok(stat) = std::fs::read_to_string(process.path().join("stat")) else {
            continue;
        };
        let itself = name.to_str() == Some(own.as_str());
        ours += of_process(&stat, itself, &own).unwrap_or(0);
    }
    Some(Ticks {
        total,
        busy: total - waits,
        ours,
    })
}

/// What a process took, if it is ours; of our own one, with what its children
/// took that are gone.
fn of_process(stat: &str, itself: bool, own: &str) -> Option<u64> {
    // The name in brackets may hold anything; the rest counts from its end.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let parent = *fields.get(1)?;
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let took = number(11)? + number(12)?;
    match (itself, parent == own) {
        (true, _) => Some(took + number(13)? + number(14)?),
        (false, true) => Some(took),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `/proc` with a processor, this process (7), an executor and a stranger.
    fn proc(cpu: &str, own: &str, executor: u64) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: String| {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("stat", format!("cpu  {cpu}\ncpu0 1 2 3\n"));
        write(
            "7/stat",
            format!("7 (skep) S 1 7 7 0 -1 0 0 0 0 0 {own} 20 0"),
        );
        write(
            "8/stat",
            format!("8 (a) b) R 7 7 7 0 -1 0 0 0 0 0 {executor} 0 0 0 39 19"),
        );
        write(
            "9/stat",
            "9 (game) R 1 9 9 0 -1 0 0 0 0 0 5000 0 0 0 20 0".to_owned(),
        );
        write("meminfo", String::new());
        dir
    }

    #[test]
    fn what_we_take_is_not_others_load() {
        let before = proc("1000 0 0 9000 0 0 0 0", "10 0 0 0", 100);
        // 1,000 ticks went by: 800 busy, of which 500 by the executor, 50 by
        // one that is gone, and 50 by ourselves.
        let after = proc("1300 500 0 9200 0 0 0 0", "40 20 40 10", 600);
        let before = ticks(before.path(), 7).unwrap();
        let after = ticks(after.path(), 7).unwrap();
        assert_eq!(before.ours, 110);
        assert_eq!(share(before, after), Some(20));
        assert_eq!(share(before, before), None);
        assert_eq!(share(after, before), None);
        assert_eq!(ticks(Path::new("/nowhere"), 7), None);
    }
}
