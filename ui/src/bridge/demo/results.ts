/** What the demo's tasks wrote: JSON, tables, text, or bytes without a meaning. */
import { ApiError } from "../bridge";
import type { BytesOf, ResultEntry } from "../types";
import { chance } from "./chance";
import type { DemoJob } from "./job";

export function resultEntry(job: DemoJob, index: number): ResultEntry {
  const folded = index === job.plan.tasks;
  const state = folded ? "done" : job.stateOf(index);
  const picture = job.plan.view.result_type === "image/png";
  const text = state === "done" && !picture ? textOf(job, index) : null;
  return {
    index,
    state,
    attempt: 1,
    machine: state === "done" ? job.plan.machine : null,
    bytes: picture ? 21_400 : (text?.length ?? 0),
    log_bytes: resultBytes(job, index, { of: "log" }).length,
    hash: state === "done" ? "ab".repeat(32) : null,
    exit_code: state === "done" ? 0 : null,
    text,
    base64: null,
    files: [],
    failure: state === "failed" ? (job.plan.failing?.get(index) ?? null) : null,
  };
}

export function resultBytes(job: DemoJob, index: number, what: BytesOf): Uint8Array {
  if (what.of === "log") return encode(job.task(index, 0).log_tail.join("\n"));
  if (what.of === "file") throw new ApiError("no_result", `task ${index} left no file ${what.name}`);
  if (index < job.plan.tasks && job.stateOf(index) !== "done") throw new ApiError("no_result", `task ${index} has no result yet`);
  return encode(textOf(job, index));
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function textOf(job: DemoJob, index: number): string {
  const next = chance(index + 1);
  switch (job.plan.view.result_type) {
    case "application/json":
      if (index === job.plan.tasks) return JSON.stringify({ pi: 3.14159, samples: 400_000_000 });
      return JSON.stringify({ task: index, inside: Math.floor(785_000 + next() * 800), of: 1_000_000, seconds: Number((next() * 4).toFixed(3)) });
    case "text/csv": {
      const rows = Array.from({ length: 24 }, (_, n) => `${n},${(1 + n * 0.1).toFixed(2)},${(next() * 2 - 1).toFixed(5)},${(next() * 4).toFixed(5)}`);
      return `step,T,magnetisation,energy\n${rows.join("\n")}\n`;
    }
    default:
      return `task ${index}: ${Math.floor(next() * 1_000_000)}\n`;
  }
}
