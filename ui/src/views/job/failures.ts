/** Why tasks failed, in groups, and what may help each group. */
import type { FailureView, LimitChanges, TaskView } from "../../bridge/types";
import { readSize, readSpan } from "../sheet/limits";
import { splitArguments } from "../sheet/arguments";

/** Failed tasks that are looked at: enough to see what is common. */
export const LOOKED_AT = 60;
/** The design's own step: 64 MiB becomes 256 MiB. Doubling often fails once more. */
const MEMORY_FACTOR = 4;
const TIME_FACTOR = 4;

export interface FailureGroup {
  kind: string;
  message: string;
  tasks: number[];
}

/** The largest group first; tasks in their order. */
export function group(tasks: readonly TaskView[]): FailureGroup[] {
  const groups = new Map<string, FailureGroup>();
  for (const { index, failure } of tasks) {
    if (failure === null) continue;
    const key = `${failure.kind}\n${failure.message}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { kind: failure.kind, message: failure.message, tasks: [index] });
    else known.tasks.push(index);
  }
  return [...groups.values()].sort((a, b) => b.tasks.length - a.tasks.length || (a.tasks[0] ?? 0) - (b.tasks[0] ?? 0));
}

export type Remedy = { what: "memory"; bytes: number } | { what: "time"; ms: number } | { what: "again" };

/**
 * What fits a kind of failure. `limits` are those the job ran with.
 * A memory beyond what the machine offers would only fail elsewhere.
 */
export function remedy(kind: string, limits: RanWith, offered_bytes: number): Remedy {
  const memory = limits.memory_bytes * MEMORY_FACTOR;
  if (kind === "memory_limit" && memory <= offered_bytes) return { what: "memory", bytes: memory };
  if (kind === "deadline_exceeded") return { what: "time", ms: limits.task_timeout_ms * TIME_FACTOR };
  return { what: "again" };
}

export function changesOf(remedy: Remedy): LimitChanges {
  return {
    memory_bytes: remedy.what === "memory" ? remedy.bytes : null,
    task_timeout_ms: remedy.what === "time" ? remedy.ms : null,
    retries: null,
  };
}

export interface RanWith {
  memory_bytes: number;
  task_timeout_ms: number;
}

/** The limits of a job: from its command, where it was given some, else from the settings. */
export function ranWith(command: string, settings: { memory: string; task_timeout: string }): RanWith {
  const { words } = splitArguments(command);
  const option = (name: string): string | undefined => {
    const at = words.indexOf(name);
    return at < 0 ? undefined : words[at + 1];
  };
  return {
    memory_bytes: readSize(option("--memory") ?? settings.memory) ?? 256 * 1024 ** 2,
    task_timeout_ms: readSpan(option("--task-timeout") ?? settings.task_timeout) ?? 600_000,
  };
}

/** What failed, and how the program itself said so. */
export function failureText(failure: FailureView): string {
  if (failure.exit_code === null || failure.kind !== "exit_code") return failure.message;
  const code = `exit code ${failure.exit_code}`;
  return failure.message.includes(code) ? failure.message : `${failure.message} (${code})`;
}
