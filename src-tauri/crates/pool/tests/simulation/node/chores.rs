//! What the node does for its coordinator. Every fold is a hash of the durable
//! results: it shows that the right ones were read.

use super::*;

impl Node {
    /// A chore takes its time and may be done twice; a new life gets it again.
    pub(super) fn begin(&mut self, stage: &mut Stage, model: &mut Model, chore: Chore) {
        tell!(stage, "   begins {chore:?}");
        let life = self.life;
        let at = stage.agenda.now() + stage.chance.magnitude(100, SECOND);
        let done = match chore {
            Chore::Fold { job, no, count, .. } => {
                let result = self.fold(no, count);
                ChoreDone::Folded { job, result }
            }
            Chore::AssembleFoldInput { job, no, count } => {
                let digest = digest(self.sum(no, count));
                stage.blobs.insert(digest);
                ChoreDone::FoldInput {
                    job,
                    result: Ok(digest),
                }
            }
            Chore::DeleteBlob(digest) => {
                // It may have been named again since the last reference went.
                let referenced = self
                    .coordinator()
                    .is_some_and(|coordinator| coordinator.blob_is_referenced(&digest));
                let pinned = stage.pinned.iter().any(|(_, _, blob)| *blob == digest);
                if referenced || pinned {
                    return;
                }
                if model.is_referenced(&digest) {
                    stage.accuse(format!("I15: blob {digest} is deleted and is referenced"));
                }
                stage.blobs.remove(&digest);
                return;
            }
            Chore::ListBlobs { job, no } => {
                let results = self
                    .disk
                    .results_of(no)
                    .filter_map(|(_, _, value)| pool::codec::decode_results(value).ok());
                let blobs = results
                    .flat_map(|stored| stored.reports.blobs().collect::<Vec<_>>())
                    .collect();
                ChoreDone::BlobsListed { job, blobs }
            }
        };
        stage.agenda.plan(
            at,
            Input::Node {
                life,
                input: NodeInput::ChoreDone(done),
            },
        );
    }

    /// What a fold by the node makes of the durable results.
    fn fold(&self, no: pool::JobNo, count: u32) -> Result<Payload, String> {
        let sum = self.sum(no, count);
        if sum.is_multiple_of(7) {
            return Err("a result is not a number".to_owned());
        }
        Ok(Payload::Inline(serde_bytes::ByteBuf::from(
            sum.to_le_bytes().to_vec(),
        )))
    }

    fn sum(&self, no: pool::JobNo, count: u32) -> u64 {
        let results = self
            .disk
            .results_of(no)
            .filter(|(first, _, _)| *first < count);
        results.fold(self.seed, |sum, (first, _, value)| {
            crate::chance::mix(sum, hash_of(&(first, value)))
        })
    }
}
