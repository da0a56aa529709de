/** A simulated job: its tasks run one after another on the cores it has, and every attempt leaves a span. */
import type { CellRun, FailureView, JobView, LimitChanges, Span, TaskCounts, TaskState, TaskView } from "../types";
import type { Chance } from "./chance";

export const STATES: readonly TaskState[] = ["queued", "running", "done", "failed", "cancelled"];
const QUEUED = 0;
const RUNNING = 1;
const DONE = 2;
const FAILED = 3;
const CANCELLED = 4;

export interface DemoJobPlan {
  view: Omit<JobView, "tasks" | "state" | "started_ms" | "ended_ms" | "eta_ms" | "per_second" | "machines">;
  machine: string;
  /** It lives by its client and is in no list. */
  transient?: boolean;
  tasks: number;
  /** Typical length of a task. */
  task_ms: number;
  /** The cores that it may use. */
  cores: readonly number[];
  /** Tasks that will fail, and why. */
  failing?: ReadonlyMap<number, FailureView>;
  /** Tasks that ran twice. */
  retried?: ReadonlySet<number>;
  item?: (index: number) => string | null;
  chance: Chance;
}

const WAITS_FOR_TRIAL = { code: "waiting_for_trial", text: "waiting for the trial: the other tasks run when it is released" };

export class DemoJob {
  readonly plan: DemoJobPlan;
  readonly spans: Span[] = [];
  #state: Uint8Array;
  #attempt: Uint8Array;
  #machine: string;
  #open = new Map<number, Span & { until_ms: number }>();
  #next = 0;
  #counts: TaskCounts;
  #started: number | null = null;
  #ended: number | null = null;
  #cancelled_by: string | null = null;
  #changed = new Set<number>();
  #newSpans: Span[] = [];
  /** Waiting tasks do not start while it is set. */
  held: { code: string; text: string } | null = null;
  /** The tasks after a trial's first one wait until it is set. */
  released = false;

  constructor(plan: DemoJobPlan) {
    this.plan = plan;
    this.#machine = plan.machine;
    this.#state = new Uint8Array(plan.tasks);
    this.#attempt = new Uint8Array(plan.tasks).fill(1);
    this.#counts = { total: plan.tasks, queued: plan.tasks, running: 0, done: 0, failed: 0, cancelled: 0, cached: 0 };
  }

  get id(): string {
    return this.plan.view.id;
  }
  get ended(): boolean {
    return this.#ended !== null;
  }
  get waitsForTrial(): boolean {
    return this.plan.view.trial && !this.released;
  }
  get running(): number {
    return this.#counts.running;
  }

  /** Lets time go to `now`: attempts end, free cores take the next task. */
  advance(now: number, allowed: ReadonlySet<number>): void {
    if (this.#ended !== null || this.held !== null) return;
    this.#started ??= Math.max(this.plan.view.accepted_ms, 0);
    for (const core of this.plan.cores) {
      let free = this.#open.get(core)?.until_ms ?? Math.max(this.#lastEnd(core), this.#started);
      for (;;) {
        const span = this.#open.get(core);
        if (span !== undefined) {
          if (span.until_ms > now) break;
          this.#end(core, span);
          free = span.until_ms;
        }
        if (!allowed.has(core) || !this.#begin(core, free)) break;
      }
    }
    if (this.#counts.queued === 0 && this.#counts.running === 0) this.#finish();
  }

  /** Running tasks go back to the queue and none starts, until it is let go with `null`. */
  hold(reason: { code: string; text: string } | null, now: number): void {
    if (this.#ended !== null) return;
    this.held = reason;
    if (reason === null) {
      for (const core of this.plan.cores) this.#idleSince.set(core, now);
      return;
    }
    for (const [core, span] of this.#open) {
      span.ended_ms = now;
      span.state = "cancelled";
      this.#newSpans.push(span);
      this.#open.delete(core);
      this.#set(span.index, QUEUED);
      this.#next = Math.min(this.#next, span.index);
    }
  }

  cancel(now: number, by: string): void {
    if (this.#ended !== null) return;
    for (const [core, span] of this.#open) {
      span.ended_ms = now;
      span.state = "cancelled";
      this.#newSpans.push(span);
      this.#open.delete(core);
      this.#set(span.index, CANCELLED);
    }
    for (let index = this.#next; index < this.plan.tasks; index += 1) {
      if (this.#state[index] === QUEUED) this.#set(index, CANCELLED);
    }
    this.#cancelled_by = by;
    this.#ended = now;
  }

  /** Its failed and cancelled tasks wait again, and this time they succeed. */
  retry(now: number, _changes: LimitChanges): void {
    if (this.#ended === null) return;
    this.#ended = null;
    this.#cancelled_by = null;
    for (let index = 0; index < this.plan.tasks; index += 1) {
      const state = this.#state[index];
      if (state === FAILED || state === CANCELLED) {
        this.#attempt[index] = (this.#attempt[index] ?? 1) + 1;
        this.#set(index, QUEUED);
        this.#next = Math.min(this.#next, index);
      }
    }
    for (const core of this.plan.cores) this.#idleSince.set(core, now);
  }

  view(now: number): JobView {
    const { failing } = this.plan;
    const counts = this.#counts;
    const left = counts.queued + counts.running;
    const per_second = this.running > 0 ? (this.running / this.plan.task_ms) * 1000 : null;
    const failed = failing === undefined ? undefined : [...failing].find(([index]) => this.#state[index] === FAILED);
    const state = ((): JobView["state"] => {
      if (this.#ended === null) return counts.running + counts.done + counts.failed > 0 ? "running" : "queued";
      if (this.#cancelled_by !== null) return "cancelled";
      return counts.failed > 0 ? "failed" : "done";
    })();
    return {
      ...this.plan.view,
      state,
      tasks: { ...counts },
      reason: this.#ended === null && counts.running === 0 ? (this.waitsForTrial ? WAITS_FOR_TRIAL : this.held) : null,
      machines: counts.total === counts.queued ? [] : [this.#machine],
      started_ms: this.#started,
      ended_ms: this.#ended,
      cancelled_by: this.#cancelled_by,
      first_failure: failed ?? null,
      eta_ms: this.#ended === null && per_second !== null && now > 0 ? (left / per_second) * 1000 : null,
      per_second: this.#ended === null ? per_second : null,
      task_ms: this.plan.task_ms,
      fold:
        this.plan.view.fold === null
          ? null
          : { ...this.plan.view.fold, state: state === "done" ? "done" : this.#ended === null ? "queued" : "failed" },
    };
  }

  task(index: number, now: number): TaskView {
    const state = STATES[this.#state[index] ?? QUEUED] ?? "queued";
    const span = this.spans.findLast((one) => one.index === index);
    const failure = state === "failed" ? (this.plan.failing?.get(index) ?? null) : null;
    const attempt = this.#attempt[index] ?? 1;
    return {
      index,
      state,
      item: this.plan.item?.(index) ?? null,
      parameters: [],
      attempt,
      machine: span === undefined ? null : this.#machine,
      run_ms: span === undefined ? null : (span.ended_ms ?? now) - span.started_ms,
      failures: failure === null ? attempt - 1 : attempt,
      losses: 0,
      elsewhere: 0,
      failure,
      reason: state === "queued" ? (this.held ?? { code: "no_core", text: "Waiting for a core" }) : null,
      progress_per_mille: null,
      attempts: failure === null ? [] : [{ attempt: 1, machine: this.#machine, what: failure.message }],
      log_tail: this.#log(index, state, failure, span),
    };
  }

  stateOf(index: number): TaskState {
    return STATES[this.#state[index] ?? QUEUED] ?? "queued";
  }

  cells(): CellRun[] {
    return this.#runs(Array.from({ length: this.plan.tasks }, (_, index) => index));
  }

  /** What changed since it was asked last. */
  takeChanges(): { cells: CellRun[]; spans: Span[] } {
    const cells = this.#runs([...this.#changed].sort((a, b) => a - b));
    const spans = this.#newSpans;
    this.#changed = new Set();
    this.#newSpans = [];
    return { cells, spans: spans.map((span) => ({ ...span })) };
  }

  #idleSince = new Map<number, number>();

  #lastEnd(core: number): number {
    return this.#idleSince.get(core) ?? 0;
  }

  #begin(core: number, at: number): boolean {
    while (this.#next < this.plan.tasks && this.#state[this.#next] !== QUEUED) this.#next += 1;
    if (this.#next >= this.plan.tasks || (this.waitsForTrial && this.#next > 0)) return false;
    const index = this.#next;
    // Task times spread as measured ones do: never below half, a few far above.
    const spread = 0.5 - Math.log(1 - this.plan.chance() * 0.98) * 0.5;
    const length = Math.max(1, this.plan.task_ms * spread);
    const span = {
      index,
      count: 1,
      attempt: this.#attempt[index] ?? 1,
      machine: this.#machine,
      core,
      started_ms: Math.round(at),
      ended_ms: null,
      state: "running" as TaskState,
      until_ms: Math.round(at + length),
    };
    this.#open.set(core, span);
    this.spans.push(span);
    this.#newSpans.push(span);
    this.#set(index, RUNNING);
    return true;
  }

  #end(core: number, span: Span & { until_ms: number }): void {
    const fails = (this.plan.failing?.has(span.index) ?? false) && span.attempt === 1;
    span.ended_ms = span.until_ms;
    span.state = fails ? "failed" : "done";
    this.#newSpans.push(span);
    this.#open.delete(core);
    this.#idleSince.set(core, span.until_ms);
    this.#set(span.index, fails ? FAILED : DONE);
  }

  #finish(): void {
    this.#ended = this.spans.reduce((latest, span) => Math.max(latest, span.ended_ms ?? 0), 0);
  }

  #set(index: number, state: number): void {
    const before = STATES[this.#state[index] ?? QUEUED] ?? "queued";
    const after = STATES[state] ?? "queued";
    this.#state[index] = state;
    this.#counts[before] -= 1;
    this.#counts[after] += 1;
    this.#changed.add(index);
  }

  #runs(indexes: readonly number[]): CellRun[] {
    const runs: CellRun[] = [];
    for (const index of indexes) {
      const state = STATES[this.#state[index] ?? QUEUED] ?? "queued";
      const retried = (this.#attempt[index] ?? 1) > 1 || (this.plan.retried?.has(index) ?? false);
      const last = runs.at(-1);
      if (last !== undefined && last.state === state && last.retried === retried && last.first + last.count === index) {
        last.count += 1;
      } else {
        runs.push({ first: index, count: 1, state, retried });
      }
    }
    return runs;
  }

  #log(index: number, state: TaskState, failure: FailureView | null, span: Span | undefined): string[] {
    if (span === undefined) return [];
    const lines = [`task ${index} on core ${span.core}`];
    if (failure !== null) {
      lines.push("allocating 4096×4096", "memory.grow refused at 64 MiB", `wasm trap: ${failure.message}`, ...failure.backtrace);
    } else if (state === "done") {
      lines.push("rendered 512×512", "wrote 214 kB");
    }
    return lines;
  }
}
