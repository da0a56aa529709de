/** What can be done with one job beside what lists of jobs offer. */
import { ApiError, bridge } from "../../bridge/bridge";
import type { JobView } from "../../bridge/types";
import { toasts } from "../../state/toasts.svelte";
import { jobWords } from "../../words/job";

/** Asks where to, and writes results there: all, or those of some tasks. */
export async function saveResults(job: JobView, indexes: readonly number[] | null): Promise<void> {
  const folded = indexes === null && job.fold?.state === "done";
  try {
    const reply = await bridge().shell({ verb: "save", job: job.id, indexes: indexes === null ? null : [...indexes], folded });
    if (reply.reply !== "saved") return;
    toasts.done(jobWords.actions.saved(reply.files, reply.folder), {
      label: jobWords.actions.openFolder,
      run: () => void bridge().shell({ verb: "reveal", what: "saved" }).catch(tell),
    });
  } catch (thrown) {
    tell(thrown);
  }

  function tell(thrown: unknown): void {
    const error = ApiError.from(thrown);
    toasts.error(jobWords.actions.saveFailed(error.message), error.hint);
  }
}

/** Lets the tasks after a trial's first one run. */
export async function releaseJob(job: JobView): Promise<void> {
  try {
    await bridge().call({ verb: "release", job: job.id }, "done");
  } catch (thrown) {
    const error = ApiError.from(thrown);
    toasts.error(jobWords.actions.releaseFailed(error.message), error.hint);
  }
}
