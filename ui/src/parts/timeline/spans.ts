/** The attempts of one job in time: which machine and core ran what, and when. */
import type { Span, Stop } from "../../bridge/types";

/** The attempts of one core of one machine, in the order they started. */
export interface Lane {
  machine: string;
  core: number;
  spans: Span[];
}

/** How many of those that ended well last are kept at hand. */
const LATEST_KEPT = 64;

export class Spans {
  /** Those that ended well last, the oldest first. */
  #latestDone: Span[] = [];
  #byKey = new Map<string, Span>();
  #lanes = new Map<string, Lane>();
  #ran = new Map<number, Span>();
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;
  /** How many older ones the node no longer has. */
  dropped = 0;
  /** When machines did not work. */
  stops: readonly Stop[] = [];

  get size(): number {
    return this.#byKey.size;
  }
  /** When the first attempt began; not finite without any. */
  get first_ms(): number {
    return this.#first;
  }
  /** When something last began or ended. */
  get last_ms(): number {
    return this.#last;
  }

  clear(): void {
    this.#byKey.clear();
    this.#lanes.clear();
    this.#ran.clear();
    this.#latestDone = [];
    this.#first = Number.POSITIVE_INFINITY;
    this.#last = Number.NEGATIVE_INFINITY;
    this.dropped = 0;
    this.stops = [];
  }

  /** Adds attempts, or tells how known ones went on. */
  add(batch: readonly Span[]): void {
    for (const span of batch) {
      this.#first = Math.min(this.#first, span.started_ms);
      this.#last = Math.max(this.#last, span.ended_ms ?? span.started_ms);
      const key = `${span.index} ${span.attempt} ${span.machine} ${span.core} ${span.started_ms}`;
      const known = this.#byKey.get(key);
      if (known === undefined) {
        const own = { ...span };
        this.#byKey.set(key, own);
        insert(this.#lane(span.machine, span.core).spans, own);
        this.#latest(own);
        this.#ended(own);
      } else if (known.ended_ms === null || span.ended_ms !== null) {
        Object.assign(known, span);
        this.#latest(known);
        this.#ended(known);
      }
    }
  }

  /** Lanes by machine, then core. */
  lanes(): Lane[] {
    return [...this.#lanes.values()].sort((a, b) => a.machine.localeCompare(b.machine) || a.core - b.core);
  }

  all(): Span[] {
    return [...this.#byKey.values()].sort((a, b) => a.started_ms - b.started_ms || a.index - b.index);
  }

  /** The last attempt of a task. */
  of(index: number): Span | undefined {
    return this.#ran.get(index);
  }

  /** The tasks that ended well last, the newest first. */
  latestDone(limit: number): number[] {
    const tasks = new Set<number>();
    for (const { index, count } of this.#latestDone.toReversed()) {
      for (let task = index + count - 1; task >= index && tasks.size < limit; task -= 1) tasks.add(task);
    }
    return [...tasks];
  }

  /** How long each ended task's last attempt ran, in milliseconds. */
  *durations(): Generator<number> {
    for (const span of this.#ran.values()) {
      const ms = ranOf(span);
      if (ms !== null) yield ms;
    }
  }

  #latest(span: Span): void {
    for (let index = span.index; index < span.index + span.count; index += 1) {
      const before = this.#ran.get(index);
      if (before === undefined || before.attempt <= span.attempt) this.#ran.set(index, span);
    }
  }

  #ended(span: Span): void {
    if (span.state !== "done" || span.ended_ms === null) return;
    const latest = this.#latestDone.filter((one) => one !== span);
    let at = latest.length;
    while (at > 0 && (latest[at - 1]?.ended_ms ?? 0) > span.ended_ms) at -= 1;
    latest.splice(at, 0, span);
    this.#latestDone = latest.slice(-LATEST_KEPT);
  }

  #lane(machine: string, core: number): Lane {
    const key = `${machine} ${core}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { machine, core, spans: [] };
      this.#lanes.set(key, lane);
    }
    return lane;
  }
}

/** How long a task of it ran; several short ones of one span share its time. Null while it runs. */
export function ranOf(span: Span): number | null {
  return span.ended_ms === null ? null : (span.ended_ms - span.started_ms) / span.count;
}

/** Most come in order: the place is looked for from the end. */
function insert(spans: Span[], span: Span): void {
  let at = spans.length;
  while (at > 0 && (spans[at - 1]?.started_ms ?? 0) > span.started_ms) at -= 1;
  spans.splice(at, 0, span);
}

/** The first span of a lane that may still be seen at `from_ms`. Spans of a lane do not overlap. */
export function firstVisible(spans: readonly Span[], from_ms: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const ended = spans[middle]?.ended_ms ?? Number.POSITIVE_INFINITY;
    if (ended < from_ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A time in which a machine ran nothing of the job. */
export interface Gap {
  machine: string;
  from_ms: number;
  to_ms: number;
}

/** Shorter ones are only the way from one task to the next. */
export const GAP_MIN_MS = 2_000;

/** The idle gaps of a machine between `from_ms` and `to_ms`. */
export function gaps(lanes: readonly Lane[], machine: string, from_ms: number, to_ms: number): Gap[] {
  const spans = lanes.filter((lane) => lane.machine === machine).flatMap((lane) => lane.spans);
  spans.sort((a, b) => a.started_ms - b.started_ms);
  const found: Gap[] = [];
  let busyUntil = from_ms;
  for (const span of spans) {
    if (span.started_ms - busyUntil >= GAP_MIN_MS) found.push({ machine, from_ms: busyUntil, to_ms: span.started_ms });
    busyUntil = Math.max(busyUntil, span.ended_ms ?? to_ms);
  }
  if (to_ms - busyUntil >= GAP_MIN_MS) found.push({ machine, from_ms: busyUntil, to_ms });
  return found;
}

/** One step of the strip under the bars. */
export interface Flow {
  from_ms: number;
  /** Tasks that had not started yet at its end. */
  waiting: number;
  /** Tasks that ended well in it. */
  ended: number;
}

/** Queue length and throughput in `steps` equal steps. */
export function flow(spans: readonly Span[], tasks: number, from_ms: number, to_ms: number, steps: number): Flow[] {
  const step = (to_ms - from_ms) / steps;
  if (step <= 0 || steps <= 0) return [];
  const started = new Map<number, number>();
  const ended = new Array<number>(steps).fill(0);
  for (const span of spans) {
    for (let index = span.index; index < span.index + span.count; index += 1) {
      const before = started.get(index);
      if (before === undefined || span.started_ms < before) started.set(index, span.started_ms);
    }
    if (span.ended_ms !== null && span.state === "done") {
      const at = Math.floor((span.ended_ms - from_ms) / step);
      if (at >= 0 && at < steps) ended[at] = (ended[at] ?? 0) + span.count;
    }
  }
  const starts = [...started.values()].sort((a, b) => a - b);
  let begun = 0;
  return Array.from({ length: steps }, (_, n) => {
    const end = from_ms + (n + 1) * step;
    while (begun < starts.length && (starts[begun] ?? 0) <= end) begun += 1;
    return { from_ms: from_ms + n * step, waiting: Math.max(0, tasks - begun), ended: ended[n] ?? 0 };
  });
}

/** What the machine said in the gap, of what stopped it for longest; null where nothing did. */
export function stopIn(stops: readonly Stop[], gap: Gap): string | null {
  const longest = { ms: 0, reason: null as string | null };
  for (const { machine, from_ms, to_ms, reason } of stops) {
    const ms = Math.min(to_ms ?? gap.to_ms, gap.to_ms) - Math.max(from_ms, gap.from_ms);
    if (machine === gap.machine && ms > longest.ms) Object.assign(longest, { ms, reason });
  }
  return longest.reason;
}
