/** A machine's measured past, kept up to date while a view shows it. */
import { ApiError, bridge } from "../bridge/bridge";
import type { Sample } from "../bridge/types";
import { whileSeen } from "./clock.svelte";

export interface History {
  every_ms: number;
  samples: readonly Sample[];
}

export type Loaded<T> = { state: "loading" } | { state: "there"; value: T } | { state: "failed"; error: ApiError };

/** New samples come once a minute. */
const REFRESH_MS = 60_000;

/**
 * The samples of a machine; for use while a component is shown: it asks again
 * every minute and stops with the component.
 */
export function history(machine: () => string | undefined, span: () => "day" | "month"): { readonly now: Loaded<History> } {
  let now = $state.raw<Loaded<History>>({ state: "loading" });
  $effect(() => {
    const id = machine();
    const wanted = span();
    if (id === undefined) return;
    let current = true;
    const load = async (): Promise<void> => {
      try {
        const { every_ms, samples } = await bridge().call({ verb: "samples", machine: id, span: wanted }, "samples");
        if (current) now = { state: "there", value: { every_ms, samples } };
      } catch (thrown) {
        // What was there stays: an old chart says more than none.
        if (current && now.state !== "there") now = { state: "failed", error: ApiError.from(thrown) };
      }
    };
    const rest = whileSeen(() => void load(), REFRESH_MS);
    return () => {
      current = false;
      rest();
    };
  });
  return {
    get now() {
      return now;
    },
  };
}

/** Tasks ended and core-hours worked since a moment. */
export function workedSince(history: History, since_ms: number): { tasks: number; core_hours: number } {
  const HOUR_MS = 3_600_000;
  let tasks = 0;
  let core_hours = 0;
  for (const sample of history.samples) {
    if (sample.time_ms < since_ms) continue;
    tasks += sample.tasks;
    core_hours += (sample.cores_working * history.every_ms) / HOUR_MS;
  }
  return { tasks, core_hours };
}

/** The last Monday, 0:00 here. */
export function monday(now_ms: number): number {
  const date = new Date(now_ms);
  date.setHours(0, 0, 0, 0);
  date.setDate(date.getDate() - ((date.getDay() + 6) % 7));
  return date.getTime();
}
