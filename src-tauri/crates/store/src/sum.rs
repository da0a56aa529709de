//! The checksum in every row: SQLite's own checks see structure, not values.
//!
//! It is keyed by the store's id and covers the table and the row's key, so
//! that a sound row of another store, or one that moved, is not taken for ours.
//! It finds damage; it is no defence against who can read the store's id.

/// Names one store: random, written into its mark and its database.
pub(crate) type StoreId = [u8; 16];

#[derive(Clone, Copy, Debug)]
pub(crate) enum Table {
    Store = 1,
    Meta,
    Job,
    Spec,
    Lease,
    History,
    Result,
    Blob,
    Name,
    Machine,
    Registry,
}

impl Table {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Table::Store => "store",
            Table::Meta => "meta",
            Table::Job => "job",
            Table::Spec => "spec",
            Table::Lease => "lease",
            Table::History => "history",
            Table::Result => "result",
            Table::Blob => "blob",
            Table::Name => "name",
            Table::Machine => "machine",
            Table::Registry => "registry",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Sums {
    key: [u8; 32],
}

impl Sums {
    pub(crate) fn new(id: &StoreId) -> Sums {
        Sums {
            key: blake3::derive_key("skep store row checksum", id),
        }
    }

    pub(crate) fn store(&self, id: &StoreId, commits: u64) -> i64 {
        self.row(Table::Store, &[id, &commits.to_le_bytes()])
    }

    pub(crate) fn meta(&self, key: &str, value: i64) -> i64 {
        self.row(Table::Meta, &[key.as_bytes(), &value.to_le_bytes()])
    }

    pub(crate) fn job(&self, no: u32, id: &[u8], ended: bool, wall_ms: i64, state: &[u8]) -> i64 {
        self.row(
            Table::Job,
            &[
                &no.to_le_bytes(),
                id,
                &[u8::from(ended)],
                &wall_ms.to_le_bytes(),
                state,
            ],
        )
    }

    pub(crate) fn spec(&self, no: u32, value: &[u8]) -> i64 {
        self.row(Table::Spec, &[&no.to_le_bytes(), value])
    }

    pub(crate) fn blob(&self, digest: &[u8], refs: u64) -> i64 {
        self.row(Table::Blob, &[digest, &refs.to_le_bytes()])
    }

    pub(crate) fn name(&self, name: &str, digest: &[u8], bytes: u64, wall_ms: i64) -> i64 {
        self.row(
            Table::Name,
            &[
                name.as_bytes(),
                digest,
                &bytes.to_le_bytes(),
                &wall_ms.to_le_bytes(),
            ],
        )
    }

    pub(crate) fn machine(&self, id: &[u8], value: &[u8]) -> i64 {
        self.row(Table::Machine, &[id, value])
    }

    pub(crate) fn registry(&self, key: &[u8], value: &[u8]) -> i64 {
        self.row(Table::Registry, &[key, value])
    }

    /// Of a row that stands for a range of tasks. The upper half covers the
    /// range alone ([`Sums::head`]), the lower one the value too: a start reads
    /// which tasks are done without reading their values.
    pub(crate) fn range(&self, table: Table, id: i64, count: u32, value: &[u8]) -> i64 {
        let body = self.row(
            table,
            &[b"value", &id.to_le_bytes(), &count.to_le_bytes(), value],
        );
        i64::from(self.head(table, id, count)) << 32 | (body & 0xFFFF_FFFF)
    }

    pub(crate) fn head(&self, table: Table, id: i64, count: u32) -> u32 {
        self.row(table, &[b"range", &id.to_le_bytes(), &count.to_le_bytes()]) as u32
    }

    /// The parts are told apart by their lengths.
    fn row(&self, table: Table, parts: &[&[u8]]) -> i64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&[table as u8]);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        i64::from_le_bytes(first)
    }
}
