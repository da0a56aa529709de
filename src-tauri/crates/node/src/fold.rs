//! Folds that need no module: concat, json and sum. And the input of those
//! that do: every result as a frame.

use crate::keep::Keep;
use crate::limits::{FOLD_INPUT_BYTES_MAX, INLINE_BYTES, REPORTED_BLOB_TIME};
use crate::walk::Walk;
use pool::Digest;
use pool::report::Payload;
use pool::spec::Fold;
use serde_bytes::ByteBuf;
use serde_json::value::RawValue;
use store::BlobWriter;

/// Every failure is a sentence for people.
type Folded<T> = Result<T, String>;

/// Folds all results of a job, in index order.
pub(crate) async fn fold(fold: Fold, mut walk: Walk, keep: &Keep) -> Folded<Payload> {
    let mut out = Out::new(keep);
    match fold {
        Fold::Concat => {
            while let Some(end) = walk.next().await.map_err(|error| error.message)? {
                out.write(
                    &walk
                        .bytes(&end.output)
                        .await
                        .map_err(|error| error.message)?,
                )
                .await?;
            }
        }
        Fold::Json => {
            out.write(b"[").await?;
            let mut between: &[u8] = b"";
            while let Some(end) = walk.next().await.map_err(|error| error.message)? {
                let bytes = walk
                    .bytes(&end.output)
                    .await
                    .map_err(|error| error.message)?;
                let json = json(&bytes).map_err(|why| {
                    format!("the result of task {} is not JSON: {why}", end.index)
                })?;
                out.write(between).await?;
                out.write(json.as_bytes()).await?;
                between = b",";
            }
            out.write(b"]").await?;
        }
        Fold::Sum => {
            let mut sum = Sum::default();
            while let Some(end) = walk.next().await.map_err(|error| error.message)? {
                let bytes = walk
                    .bytes(&end.output)
                    .await
                    .map_err(|error| error.message)?;
                sum.add(&bytes)
                    .map_err(|why| format!("the result of task {} {why}", end.index))?;
            }
            out.write(sum.total()?.as_bytes()).await?;
        }
        Fold::None | Fold::Kernel => return Err("there is nothing to fold here".to_owned()),
    }
    out.finish().await
}

/// Writes what a kernel's fold reads: for each result u32 LE length of what
/// follows, u64 LE index, bytes.
pub(crate) async fn frames(mut walk: Walk, keep: &Keep) -> Folded<Digest> {
    loop {
        let mut writer = keep.blobs().writer();
        while let Some(end) = walk.next().await.map_err(|error| error.message)? {
            let bytes = walk
                .bytes(&end.output)
                .await
                .map_err(|error| error.message)?;
            let length = u32::try_from(bytes.len() + 8).map_err(|_| {
                format!("the result of task {} is too large to be folded", end.index)
            })?;
            if writer.length() + u64::from(length) + 4 > FOLD_INPUT_BYTES_MAX {
                return Err(format!(
                    "the results together are larger than the {FOLD_INPUT_BYTES_MAX} bytes that a fold may read"
                ));
            }
            let mut head = [0; 12];
            head[..4].copy_from_slice(&length.to_le_bytes());
            head[4..].copy_from_slice(&u64::from(end.index).to_le_bytes());
            writer
                .write(&head)
                .await
                .map_err(|error| error.to_string())?;
            writer
                .write(&bytes)
                .await
                .map_err(|error| error.to_string())?;
        }
        match keep
            .finish(writer, REPORTED_BLOB_TIME)
            .await
            .map_err(|error| error.to_string())?
        {
            Some((digest, _)) => return Ok(digest),
            None => walk.restart(),
        }
    }
}

/// Small results stay in memory, larger ones go to a blob.
struct Out<'k> {
    keep: &'k Keep,
    small: Vec<u8>,
    large: Option<BlobWriter>,
}

impl Out<'_> {
    fn new(keep: &Keep) -> Out<'_> {
        Out {
            keep,
            small: Vec::new(),
            large: None,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Folded<()> {
        if self.large.is_none() && self.small.len() + bytes.len() <= INLINE_BYTES {
            self.small.extend_from_slice(bytes);
            return Ok(());
        }
        if self.large.is_none() {
            let mut writer = self.keep.blobs().writer();
            writer
                .write(&self.small)
                .await
                .map_err(|error| error.to_string())?;
            self.large = Some(writer);
        }
        match &mut self.large {
            Some(writer) => writer.write(bytes).await.map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    async fn finish(self) -> Folded<Payload> {
        let Some(writer) = self.large else {
            return Ok(Payload::Inline(ByteBuf::from(self.small)));
        };
        let kept = self
            .keep
            .finish(writer, REPORTED_BLOB_TIME)
            .await
            .map_err(|error| error.to_string())?;
        let (digest, bytes) =
            kept.ok_or("an equal blob was deleted in the same moment; retry the job")?;
        Ok(Payload::Blob { digest, bytes })
    }
}

fn json(bytes: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let value: &RawValue = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(value.get())
}

/// Integers are added exactly; once there is another number, all are added as
/// floats in index order.
#[derive(Debug)]
struct Sum {
    whole: Option<i128>,
    float: f64,
    overflowed: bool,
}

impl Default for Sum {
    fn default() -> Sum {
        Sum {
            whole: Some(0),
            float: 0.0,
            overflowed: false,
        }
    }
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) -> Result<(), String> {
        let text = std::str::from_utf8(bytes)
            .map(str::trim)
            .map_err(|_| "is not a decimal number".to_owned())?;
        let whole: Option<i128> = text.parse().ok();
        // `inf` and `nan` are floats to Rust, and no decimal numbers.
        let float: Option<f64> = text
            .parse()
            .ok()
            .filter(|_| text.contains(|c: char| c.is_ascii_digit()));
        let float = float.ok_or_else(|| {
            format!(
                "is not a decimal number: {:?}",
                &text[..text.floor_char_boundary(40)]
            )
        })?;
        self.float += float;
        self.whole = match (self.whole, whole) {
            (Some(sum), Some(number)) => {
                let sum = sum.checked_add(number);
                self.overflowed |= sum.is_none();
                sum
            }
            (_, None) => {
                self.overflowed = false;
                None
            }
            (None, Some(_)) => None,
        };
        Ok(())
    }

    fn total(&self) -> Folded<String> {
        match self.whole {
            Some(sum) => Ok(sum.to_string()),
            None if self.overflowed => Err("the sum is larger than 128 bits".to_owned()),
            None => Ok(self.float.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Sum, json};

    fn sum(numbers: &[&str]) -> Result<String, String> {
        let mut sum = Sum::default();
        for number in numbers {
            sum.add(number.as_bytes())?;
        }
        sum.total()
    }

    #[test]
    fn sums() {
        for (numbers, expected) in [
            (&[][..], "0"),
            (&["1", " 2\n", "-5"], "-2"),
            (
                &["9223372036854775807", "9223372036854775807"],
                "18446744073709551614",
            ),
            (&["0.1", "0.2"], "0.30000000000000004"),
            (&["1", "2.5", "1e2"], "103.5"),
        ] {
            assert_eq!(sum(numbers).as_deref(), Ok(expected), "{numbers:?}");
        }
        for numbers in [&["1", "x"][..], &[""], &["nan"], &["inf"], &["1 2"]] {
            assert!(sum(numbers).is_err(), "{numbers:?}");
        }
        let most = i128::MAX.to_string();
        assert!(sum(&[&most, "1"]).is_err());
        assert!(sum(&[&most, "1", "0.5"]).is_ok(), "floats reach further");
    }

    #[test]
    fn a_result_is_one_value() {
        assert_eq!(json(b" {\"a\": 1.50}\n"), Ok("{\"a\": 1.50}"));
        for bad in [&b""[..], b"1 2", b"{", b"\xff"] {
            assert!(json(bad).is_err());
        }
    }
}
