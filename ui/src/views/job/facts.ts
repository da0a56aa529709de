/** The line of facts under a job's bar, the most important first: what does not fit is dropped from the right. */
import type { JobView } from "../../bridge/types";
import { took } from "../../words/format";
import { type Fact, jobWords } from "../../words/job";

export function factsOf(job: JobView, now: number): Fact[] {
  const { tasks } = job;
  const say = jobWords.facts;
  const began = job.started_ms ?? job.accepted_ms;
  const facts: Fact[] = [];
  if (job.ended_ms !== null && tasks.done === tasks.total) {
    return [say.allDone(tasks.total, took(job.ended_ms - began))];
  }
  facts.push(say.done(tasks.done, tasks.total));
  if (tasks.running > 0) facts.push(say.running(tasks.running));
  if (tasks.failed > 0) facts.push(say.failed(tasks.failed));
  if (tasks.cancelled > 0) facts.push(say.cancelled(tasks.cancelled));
  if (job.started_ms !== null) facts.push(say.elapsed((job.ended_ms ?? now) - began));
  if (job.ended_ms === null) {
    if (job.eta_ms !== null) facts.push(say.left(job.eta_ms));
    if (job.per_second !== null && job.per_second > 0) facts.push(say.rate(job.per_second));
  }
  return facts.slice(0, 6);
}
