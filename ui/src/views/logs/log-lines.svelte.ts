/** The node's log in the page: the newest lines that are on disk, and what comes while it is shown. */
import { ApiError, bridge } from "../../bridge/bridge";
import type { LogFilter, LogLine } from "../../bridge/types";

/** More would be slow to search; what is older is found by a narrower filter, which the node applies. */
export const LINES_MAX = 50_000;
/** Lines read at first: what fits the largest reply. */
const FIRST_LINES = 4_000;
/** New lines are shown in batches, a few times a second. */
const BATCH_MS = 200;

export interface NumberedLine extends LogLine {
  /** Counts from the first line that the page ever saw. */
  n: number;
}

export class LogLines {
  #lines = $state.raw<readonly NumberedLine[]>([]);
  #state = $state.raw<{ state: "loading" } | { state: "there" } | { state: "failed"; error: ApiError }>({ state: "loading" });
  #next = 0;
  #waiting: LogLine[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  get lines(): readonly NumberedLine[] {
    return this.#lines;
  }
  get now() {
    return this.#state;
  }

  /** Reads and follows until the returned function is called. */
  open(filter: LogFilter): () => void {
    let open = true;
    let end: (() => void) | null = null;
    this.#state = { state: "loading" };
    const run = async (): Promise<void> => {
      let read = false;
      const early: LogLine[] = [];
      try {
        // Following begins first, so that no line falls between the two.
        end = await bridge().watch({ verb: "logs", filter, limit: 0, follow: true }, (event) => {
          if (event.event !== "log" || !open) return;
          if (read) this.#take(event);
          else early.push(event);
        });
        const { lines } = await bridge().call({ verb: "logs", filter, limit: FIRST_LINES, follow: false }, "logs");
        if (!open) {
          end();
          return;
        }
        read = true;
        this.#lines = this.#number([...lines, ...early.filter((line) => !includes(lines, line))]);
        this.#state = { state: "there" };
      } catch (thrown) {
        if (open) this.#state = { state: "failed", error: ApiError.from(thrown) };
      }
    };
    void run();
    return () => {
      open = false;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#waiting = [];
      end?.();
    };
  }

  #take(line: LogLine): void {
    this.#waiting.push(line);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const all = [...this.#lines, ...this.#number(this.#waiting)];
      this.#waiting = [];
      this.#lines = all.length > LINES_MAX ? all.slice(all.length - LINES_MAX) : all;
    }, BATCH_MS);
  }

  #number(lines: readonly LogLine[]): NumberedLine[] {
    return lines.map((line) => {
      const n = this.#next;
      this.#next += 1;
      return { time_ms: line.time_ms, level: line.level, target: line.target, message: line.message, job: line.job, n };
    });
  }
}

function includes(lines: readonly LogLine[], line: LogLine): boolean {
  for (let at = lines.length - 1; at >= 0; at -= 1) {
    const one = lines[at];
    if (one === undefined || one.time_ms < line.time_ms) return false;
    if (one.time_ms === line.time_ms && one.message === line.message && one.target === line.target) return true;
  }
  return false;
}
