import { describe, expect, it } from "vitest";
import type { Sample } from "../bridge/types";
import { monday, workedSince } from "./samples.svelte";

const HOUR_MS = 3_600_000;
const sample = (hour: number, cores_working: number, tasks: number): Sample => ({ time_ms: hour * HOUR_MS, cores_working, tasks, cpu: null, temperature_c: null, memory_used: 0 });

it("adds up the work since a moment", () => {
  const history = { every_ms: HOUR_MS, samples: [sample(0, 8, 100), sample(1, 4, 10), sample(2, 2, 5)] };
  expect(workedSince(history, HOUR_MS)).toEqual({ tasks: 15, core_hours: 6 });
});

describe("the last Monday", () => {
  it.each([
    [new Date(2026, 10, 21, 14), new Date(2026, 10, 16)],
    [new Date(2026, 10, 16, 0, 1), new Date(2026, 10, 16)],
    [new Date(2026, 10, 22, 23), new Date(2026, 10, 16)],
  ])("before %s is %s", (now, start) => expect(monday(now.getTime())).toBe(start.getTime()));
});
