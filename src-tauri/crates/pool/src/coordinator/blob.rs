//! References to blobs, counted: a blob goes with the last of them.

use super::{Chore, Coordinator};
use crate::id::{DeviceId, Digest};
use crate::limits::RESULT_FILE_BYTES_MAX;
use crate::report::{Payload, Report, Reports};

impl Coordinator {
    /// A name of the registry refers to the blob from the next commit on.
    pub fn hold_blob(&mut self, digest: Digest) {
        self.unsettled = true;
        self.refer(digest);
    }

    /// The name is gone.
    pub fn release_blob(&mut self, digest: Digest) {
        self.unsettled = true;
        self.unrefer(digest);
    }

    #[must_use]
    pub fn blob_is_referenced(&self, digest: &Digest) -> bool {
        self.blobs.contains_key(digest)
    }

    /// Every blob that something refers to.
    pub fn blobs(&self) -> impl Iterator<Item = Digest> {
        self.blobs.keys().copied()
    }

    /// How large a blob the device may hand over, as a result of what it holds a
    /// lease of; `None` where it holds none.
    #[must_use]
    pub fn may_offer(&self, device: DeviceId) -> Option<u64> {
        let works = self.caller(device).is_some_and(|caller| caller.roles.work);
        let machine = self.machines.get(&device.machine()).filter(|_| works)?;
        let jobs = machine
            .leases
            .iter()
            .filter_map(|(no, _)| self.jobs.get(no));
        jobs.map(|job| job.spec.limits.output_bytes.max(RESULT_FILE_BYTES_MAX))
            .max()
    }

    pub(super) fn refer(&mut self, digest: Digest) {
        *self.blobs.entry(digest).or_default() += 1;
        self.unsaved.blobs.insert(digest);
    }

    pub(super) fn unrefer(&mut self, digest: Digest) {
        let Some(count) = self.blobs.get_mut(&digest) else {
            return;
        };
        *count -= 1;
        self.unsaved.blobs.insert(digest);
        if *count == 0 {
            self.blobs.remove(&digest);
            self.chores.push_back(Chore::DeleteBlob(digest));
        }
    }
}

impl Reports {
    /// Blobs that these reports refer to, each as often as they do.
    pub fn blobs(&self) -> impl Iterator<Item = Digest> {
        let each = match self {
            Reports::Plain(_) => [].as_slice(),
            Reports::Each(each) => each.as_slice(),
        };
        each.iter().flat_map(Report::blobs)
    }
}

impl Report {
    /// Blobs that this report refers to.
    pub fn blobs(&self) -> impl Iterator<Item = Digest> {
        let payloads = [&self.output, &self.log]
            .into_iter()
            .filter_map(|payload| match payload {
                Payload::Inline(_) => None,
                Payload::Blob { digest, .. } => Some(*digest),
            });
        let files = self
            .files
            .iter()
            .flat_map(|files| files.blobs.iter().copied().chain([files.manifest]));
        payloads.chain(files)
    }
}
