//! The list of what a task left in `/out`: a blob of postcard, versioned by
//! the outermost enum.

use bytes::Bytes;
use pool::Digest;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its path below `/out`.
    pub(crate) name: String,
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
}

#[derive(Serialize, Deserialize)]
enum Manifest {
    V1(Vec<Entry>),
}

pub(crate) fn write(entries: Vec<Entry>) -> Bytes {
    // Strings and numbers in a list are always written.
    postcard::to_allocvec(&Manifest::V1(entries))
        .unwrap_or_default()
        .into()
}

pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Entry>, postcard::Error> {
    let Manifest::V1(entries) = postcard::from_bytes(bytes)?;
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::{Entry, read, write};
    use pool::Digest;

    #[test]
    fn it_reads_as_it_was_written() {
        let entries = vec![Entry {
            name: "a/b".to_owned(),
            digest: Digest([3; 32]),
            bytes: 7,
        }];
        assert_eq!(read(&write(entries.clone())).unwrap(), entries);
        assert!(read(&[9, 9]).is_err());
    }
}
