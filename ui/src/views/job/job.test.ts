import { describe, expect, it } from "vitest";
import type { FailureView, JobView, TaskView } from "../../bridge/types";
import { factsOf } from "./facts";
import { changesOf, failureText, group, ranWith, remedy } from "./failures";

const MIB = 1024 ** 2;
const failure = (kind: string, message: string, exit_code: number | null = null): FailureView => ({ kind, message, exit_code, backtrace: [] });
const task = (index: number, of: FailureView | null): TaskView => ({
  index, state: of === null ? "done" : "failed", item: null, attempt: 1, machine: null, run_ms: null, failures: 0, losses: 0,
  elsewhere: 0, failure: of, reason: null, progress_per_mille: null, attempts: [], log_tail: [], parameters: [],
});
const job = (more: Partial<JobView>): JobView => ({
  id: "j", name: "n", state: "running", tasks: { total: 480, queued: 145, running: 42, done: 291, failed: 2, cancelled: 0, cached: 0 },
  reason: null, machines: [], module: "", module_name: "", priority: 0, accepted_ms: 0, started_ms: 1_000, ended_ms: null, fold: null,
  result_type: null, grid: null, trial: false, cancelled_by: null, first_failure: null, command: "", eta_ms: 115_000, per_second: 1.5,
  alone_ms: null, task_ms: null, explores: false, params: {}, ...more,
});
const said = (of: JobView, now: number): string[] =>
  factsOf(of, now).map(({ before, value, after }) => [before, value, after].filter(Boolean).join(" "));

describe("facts", () => {
  it("has the most important first", () => {
    expect(said(job({}), 193_000)).toEqual(["291 of 480 done", "42 running", "2 failed", "3:12 elapsed", "about 2:00 left", "1.5 /s"]);
  });

  it("is one sentence for a job that is done", () => {
    const tasks = { total: 8, queued: 0, running: 0, done: 8, failed: 0, cancelled: 0, cached: 0 };
    expect(said(job({ state: "done", tasks, ended_ms: 52_000 }), 0)).toEqual(["8 done in 51 s"]);
  });
});

describe("failures", () => {
  const memory = failure("memory_limit", "out of memory at 64 MiB");

  it("are grouped by what happened, the most frequent first", () => {
    const groups = group([task(1, failure("trap", "unreachable")), task(2, memory), task(3, null), task(5, memory)]);
    expect(groups.map((one) => [one.message, one.tasks])).toEqual([["out of memory at 64 MiB", [2, 5]], ["unreachable", [1]]]);
  });

  it("have the fitting remedy", () => {
    const limits = { memory_bytes: 64 * MIB, task_timeout_ms: 1_000 };
    expect(remedy("memory_limit", limits, 1_024 * MIB)).toEqual({ what: "memory", bytes: 256 * MIB });
    expect(remedy("memory_limit", limits, 128 * MIB)).toEqual({ what: "again" });
    expect(changesOf(remedy("deadline_exceeded", limits, 0))).toEqual({ memory_bytes: null, task_timeout_ms: 4_000, retries: null });
    expect(remedy("trap", limits, 1_024 * MIB)).toEqual({ what: "again" });
  });

  it("know the limits from the command, else from the settings", () => {
    const settings = { memory: "256MiB", task_timeout: "10m" };
    expect(ranWith("skep run --memory 67108864 --task-timeout 1500ms a.wasm", settings)).toEqual({ memory_bytes: 64 * MIB, task_timeout_ms: 1_500 });
    expect(ranWith("skep run a.wasm", settings)).toEqual({ memory_bytes: 256 * MIB, task_timeout_ms: 600_000 });
  });

  it("name the exit code once", () => {
    expect(failureText(failure("exit_code", "no JPEG", 65))).toBe("no JPEG (exit code 65)");
    expect(failureText(failure("exit_code", "exit code 3", 3))).toBe("exit code 3");
  });
});
