/** What a person may do with a job from any list of jobs. Each acts at once and can be undone. */
import { ApiError, bridge } from "../bridge/bridge";
import type { JobView, LimitChanges, Request } from "../bridge/types";
import { words } from "../words/en";
import { pool } from "./pool.svelte";
import { toasts } from "./toasts.svelte";

const SAME_LIMITS: LimitChanges = { memory_bytes: null, task_timeout_ms: null, retries: null };

/** Stops a job; Undo opens it again where it was. */
export async function cancelJob(job: JobView): Promise<void> {
  const cancelled = await ask({ verb: "cancel", job: job.id }, words.jobs.cancelFailed(job.name));
  if (!cancelled) return;
  toasts.done(words.jobs.cancelled(job.name), {
    label: words.toast.undo,
    run: () => void retryJob(job),
  });
}

/** Runs the failed and cancelled tasks of an ended job once more. */
export async function retryJob(job: JobView, changes: LimitChanges = SAME_LIMITS): Promise<boolean> {
  return ask({ verb: "retry", job: job.id, changes }, words.jobs.retryFailed(job.name));
}

/** Forgets an ended job with its results, unless it is undone in time. */
export function removeJob(job: JobView): void {
  pool.hide(job.id, true);
  toasts.later(
    words.jobs.removed(job.name),
    { label: words.toast.undo, run: () => pool.hide(job.id, false) },
    () =>
      void ask({ verb: "remove_job", job: job.id }, words.jobs.removeFailed(job.name)).then((removed) => {
        if (!removed) pool.hide(job.id, false);
      }),
  );
}

async function ask(request: Request, failed: string): Promise<boolean> {
  try {
    await bridge().call(request, "done");
    return true;
  } catch (thrown) {
    const error = ApiError.from(thrown);
    toasts.error(`${failed}: ${error.message}`, error.hint);
    return false;
  }
}
