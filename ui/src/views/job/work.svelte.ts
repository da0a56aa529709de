/** What is known of the tasks of one job: their states as they come, and their attempts in time. */
import { ApiError, bridge } from "../../bridge/bridge";
import type { Span, Stop, TaskState } from "../../bridge/types";
import { Cells } from "../../parts/grid/cells";
import { Spans } from "../../parts/timeline/spans";
import { pool } from "../../state/pool.svelte";

/** Attempts in one answer. */
const PAGE = 5_000;

export class Work {
  readonly job: string;
  readonly spans = new Spans();
  #cells = $state.raw(new Cells(0));
  /** Counts what was heard; read it to be told when the cells changed. */
  #version = $state(0);
  #spansVersion = $state(0);
  #heard = $state(false);
  #failed = $state.raw<ApiError | null>(null);
  #reading = false;

  constructor(job: string, tasks: number) {
    this.job = job;
    this.#cells = new Cells(tasks);
  }

  get cells(): Cells {
    return this.#cells;
  }
  get version(): number {
    return this.#version;
  }
  get spansVersion(): number {
    return this.#spansVersion;
  }
  /** Whether the states of the tasks came already. */
  get heard(): boolean {
    return this.#heard;
  }
  /** Why the attempts could not be read. */
  get failed(): ApiError | null {
    return this.#failed;
  }

  /** Follows the job until the returned function is called. */
  follow(): () => void {
    const end = pool.watchJob(this.job, {
      tasks: (batch) => {
        this.#cells.apply(batch.cells, batch.whole);
        this.#heard = true;
        this.#version += 1;
        // Some may have been missed while there was no watch.
        if (batch.whole) void this.readSpans();
        this.#take(batch.spans);
      },
    });
    return end;
  }

  /** Reads all attempts that the node still has. */
  async readSpans(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      let from: string | null = null;
      do {
        const page: { spans: Span[]; stops: Stop[]; next: string | null; dropped: number } = await bridge().call(
          { verb: "spans", job: this.job, from, limit: PAGE },
          "spans",
        );
        this.spans.dropped = page.dropped;
        this.spans.stops = page.stops;
        this.#take(page.spans);
        from = page.next;
      } while (from !== null);
      this.#failed = null;
    } catch (thrown) {
      this.#failed = ApiError.from(thrown);
    } finally {
      this.#reading = false;
      this.#spansVersion += 1;
    }
  }

  /** Asks again when machines did not work. */
  async readStops(): Promise<void> {
    try {
      this.spans.stops = (await bridge().call({ verb: "spans", job: this.job, from: null, limit: 1 }, "spans")).stops;
    } catch {
      // What was known stays; a node that is gone is said elsewhere.
    }
  }

  /** The tasks that ended well last, the newest first. */
  latestDone(limit: number): number[] {
    return this.spans.latestDone(limit);
  }

  stateOf(index: number): TaskState {
    return this.#cells.stateOf(index);
  }

  #take(spans: readonly Span[]): void {
    if (spans.length === 0) return;
    this.spans.add(spans);
    this.#spansVersion += 1;
  }
}
