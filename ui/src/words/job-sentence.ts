/** How a job ended, in one sentence. */
import type { JobView } from "../bridge/types";
import { words } from "./en";
import { remaining, took } from "./format";

export function endSentence(job: JobView): string {
  const { tasks } = job;
  const say = words.jobs.ended;
  switch (job.state) {
    case "failed":
      return say.failed(tasks.done, tasks.failed, job.first_failure?.[1].message ?? job.fold?.message ?? words.jobStates.failed);
    case "cancelled":
      return (job.cancelled_by === "timeout" ? say.timeout : say.cancelled)(tasks.done, tasks.total);
    default: {
      const ran_ms = (job.ended_ms ?? 0) - (job.started_ms ?? job.accepted_ms);
      const done = say.done(tasks.done, took(ran_ms), Math.max(1, job.machines.length));
      return job.alone_ms === null ? done : `${done} ${say.alone(remaining(job.alone_ms))}`;
    }
  }
}
