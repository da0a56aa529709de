/** The tasks of one job as the grid sees them: a state each, whether one ran more than once, and what is not painted yet. */
import type { CellRun, TaskState } from "../../bridge/types";

export const CELL_STATES: readonly TaskState[] = ["queued", "running", "done", "failed", "cancelled"];

const STATE_BITS = 7;
const RETRIED = 8;

/** Neighbouring cells, `end` excluded. */
export interface Stretch {
  first: number;
  end: number;
}

/** Above this many stretches a whole repaint is cheaper than many small ones. */
const DIRTY_MAX = 4_000;

export class Cells {
  readonly total: number;
  #bytes: Uint8Array;
  #counts: number[];
  #dirty: Stretch[] = [];
  #allDirty = true;

  constructor(total: number) {
    this.total = total;
    this.#bytes = new Uint8Array(total);
    this.#counts = CELL_STATES.map((state) => (state === "queued" ? total : 0));
  }

  /** Takes a batch; a `whole` one replaces everything before it. */
  apply(runs: readonly CellRun[], whole: boolean): void {
    if (whole) {
      this.#bytes.fill(0);
      this.#counts = CELL_STATES.map((state) => (state === "queued" ? this.total : 0));
      this.#allDirty = true;
    }
    for (const run of runs) this.#set(run);
  }

  stateOf(index: number): TaskState {
    return CELL_STATES[(this.#bytes[index] ?? 0) & STATE_BITS] ?? "queued";
  }

  retried(index: number): boolean {
    return ((this.#bytes[index] ?? 0) & RETRIED) !== 0;
  }

  count(state: TaskState): number {
    return this.#counts[CELL_STATES.indexOf(state)] ?? 0;
  }

  /** How many of a stretch are in each state, in the order of {@link CELL_STATES}. */
  countsOf({ first, end }: Stretch): number[] {
    const counts = CELL_STATES.map(() => 0);
    for (let index = first; index < Math.min(end, this.total); index += 1) {
      const state = (this.#bytes[index] ?? 0) & STATE_BITS;
      counts[state] = (counts[state] ?? 0) + 1;
    }
    return counts;
  }

  /** The first task in this state after `index`, going round; null where there is none. */
  next(state: TaskState, index: number): number | null {
    const wanted = CELL_STATES.indexOf(state);
    for (let step = 1; step <= this.total; step += 1) {
      const at = (index + step) % this.total;
      if (((this.#bytes[at] ?? 0) & STATE_BITS) === wanted) return at;
    }
    return null;
  }

  /** The first `limit` tasks in this state. */
  all(state: TaskState, limit: number): number[] {
    const wanted = CELL_STATES.indexOf(state);
    const found: number[] = [];
    for (let at = 0; at < this.total && found.length < limit; at += 1) {
      if (((this.#bytes[at] ?? 0) & STATE_BITS) === wanted) found.push(at);
    }
    return found;
  }

  /** What changed since it was asked last; `null` means everything. */
  takeDirty(): Stretch[] | null {
    const dirty = this.#allDirty ? null : this.#dirty;
    this.#dirty = [];
    this.#allDirty = false;
    return dirty;
  }

  #set(run: CellRun): void {
    const first = Math.max(0, run.first);
    const end = Math.min(this.total, run.first + run.count);
    const state = Math.max(0, CELL_STATES.indexOf(run.state));
    const byte = state | (run.retried ? RETRIED : 0);
    for (let index = first; index < end; index += 1) {
      const before = (this.#bytes[index] ?? 0) & STATE_BITS;
      this.#counts[before] = (this.#counts[before] ?? 0) - 1;
      this.#bytes[index] = byte;
    }
    this.#counts[state] = (this.#counts[state] ?? 0) + Math.max(0, end - first);
    if (this.#dirty.length >= DIRTY_MAX) this.#allDirty = true;
    else if (end > first) this.#dirty.push({ first, end });
  }
}
