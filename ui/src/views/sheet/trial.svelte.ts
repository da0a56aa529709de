/** One task of a job tried first, on this machine, so that a mistake does not fail all the others too. */
import { ApiError, bridge } from "../../bridge/bridge";
import type { TaskView } from "../../bridge/types";
import { pool } from "../../state/pool.svelte";
import type { Draft } from "./draft.svelte";

/** With fewer tasks the estimate is not worth the wait. */
export const TRIAL_FROM_TASKS = 8;

export type TrialState =
  | { state: "none" }
  | { state: "sending" }
  | { state: "running" }
  | { state: "done"; ms: number }
  | { state: "failed"; task: TaskView }
  | { state: "refused"; error: ApiError };

export class Trial {
  #now = $state.raw<TrialState>({ state: "none" });
  #job = $state.raw<string | null>(null);
  #fingerprint = "";
  #turn = 0;

  get now(): TrialState {
    return this.#now;
  }
  get job(): string | null {
    return this.#job;
  }
  /** Whether it is of the draft as it is now. */
  fits(draft: Draft): boolean {
    return this.#job !== null && this.#fingerprint === draft.fingerprint;
  }

  /** Sends the job with only its first task let go; what was tried before is forgotten. */
  async start(draft: Draft): Promise<void> {
    const fingerprint = draft.fingerprint;
    await this.drop();
    const turn = this.#turn;
    this.#now = { state: "sending" };
    try {
      const submit = await draft.submit(true);
      if (turn !== this.#turn) return;
      const { job } = await bridge().call({ verb: "submit", ...submit }, "submitted");
      if (turn !== this.#turn) {
        await forget(job);
        return;
      }
      // It is no job among the others until it is run.
      pool.hide(job, true);
      [this.#job, this.#fingerprint, this.#now] = [job, fingerprint, { state: "running" }];
    } catch (thrown) {
      if (turn === this.#turn) this.#now = { state: "refused", error: ApiError.from(thrown) };
    }
  }

  /** Looks whether the first task has ended; the pool's watch says when to look. */
  async look(): Promise<void> {
    const [job, turn] = [this.#job, this.#turn];
    const view = job === null ? undefined : pool.jobs.get(job);
    if (job === null || view === undefined || this.#now.state !== "running") return;
    if (view.tasks.done + view.tasks.failed + view.tasks.cancelled === 0) return;
    try {
      const task = await bridge().call({ verb: "task", job, index: 0 }, "task");
      if (turn !== this.#turn) return;
      this.#now = task.state === "done" ? { state: "done", ms: task.run_ms ?? 0 } : { state: "failed", task };
    } catch (thrown) {
      if (turn === this.#turn) this.#now = { state: "refused", error: ApiError.from(thrown) };
    }
  }

  /** Lets the rest run; resolves to the job. */
  async release(): Promise<string | null> {
    const job = this.#job;
    if (job === null) return null;
    await bridge().call({ verb: "release", job }, "done");
    pool.hide(job, false);
    this.keep();
    return job;
  }

  /** The job goes on without the sheet. */
  keep(): void {
    this.#turn += 1;
    [this.#job, this.#now] = [null, { state: "none" }];
  }

  /** Ends the trial and forgets its job. */
  async drop(): Promise<void> {
    const job = this.#job;
    this.keep();
    if (job !== null) await forget(job);
  }
}

async function forget(job: string): Promise<void> {
  pool.hide(job, true);
  try {
    await bridge().call({ verb: "cancel", job }, "done");
  } catch {
    // It may have ended already, which is as good.
  }
  try {
    await bridge().call({ verb: "remove_job", job }, "done");
  } catch {
    // Then it stays in the list, where a person can delete it.
    pool.hide(job, false);
  }
}
