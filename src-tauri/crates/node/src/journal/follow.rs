//! Following the log as it grows, also over midnight.

use super::read::{End, Sieve, files};
use api::LogLine;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two looks at the file: what a person still calls at once.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Read at once, so that a log that grew a lot does not fill the memory.
const READ_BYTES_MAX: u64 = 1 << 20;

/// Gives every new line that passes to `take`, until that says no.
pub(super) async fn follow<Took>(
    logs: &Path,
    from: End,
    sieve: &Sieve,
    take: impl Fn(LogLine) -> Took,
) where
    Took: Future<Output = bool>,
{
    let End {
        mut file,
        mut offset,
    } = from;
    let mut wanted = tokio::time::interval(LOOK_EVERY);
    loop {
        wanted.tick().await;
        let later = files(logs)
            .unwrap_or_default()
            .into_iter()
            .find(|path| file.as_ref().is_none_or(|now| path > now));
        while let Some(text) = file.as_deref().and_then(|file| grown(file, offset)) {
            offset += text.len() as u64;
            for line in String::from_utf8_lossy(&text)
                .lines()
                .filter_map(|line| sieve.pass(line))
            {
                if !take(line).await {
                    return;
                }
            }
        }
        if let Some(path) = later {
            file = Some::<PathBuf>(path);
            offset = 0;
        }
    }
}

/// Whole lines after `offset`, where there are some. A file that was removed
/// has nothing more to say.
fn grown(path: &Path, offset: u64) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(offset)).ok()?;
    let mut text = Vec::new();
    file.take(READ_BYTES_MAX).read_to_end(&mut text).ok()?;
    let whole = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    text.truncate(whole);
    Some(text).filter(|text| !text.is_empty())
}
