/** Which jobs a filter lets through. */
import type { JobView } from "../../bridge/types";
import { isLive } from "../../state/pool.svelte";

export type Kept = "all" | "running" | "failed" | "done";

export function filterJobs(jobs: readonly JobView[], kept: Kept, text: string): JobView[] {
  const wanted = text.trim().toLowerCase();
  return jobs.filter((job) => {
    if (kept === "running" && !isLive(job)) return false;
    if (kept === "failed" && !(job.state === "failed" || job.tasks.failed > 0)) return false;
    if (kept === "done" && job.state !== "done") return false;
    return wanted === "" || job.name.toLowerCase().includes(wanted) || job.module_name.toLowerCase().includes(wanted) || job.id.startsWith(wanted);
  });
}
