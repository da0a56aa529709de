import { describe, expect, it } from "vitest";
import type { Span, Stop } from "../../bridge/types";
import { panned, ticks, zoomed } from "./axis";
import { firstVisible, flow, gaps, Spans, stopIn } from "./spans";

const span = (index: number, core: number, started_ms: number, ended_ms: number | null, more: Partial<Span> = {}): Span => ({
  index, count: 1, attempt: 1, machine: "m", core, started_ms, ended_ms, state: ended_ms === null ? "running" : "done", ...more,
});

describe("spans", () => {
  it("keeps one of each attempt, and how it went on", () => {
    const spans = new Spans();
    spans.add([span(0, 0, 100, null)]);
    spans.add([span(0, 0, 100, 300), span(1, 1, 50, 80)]);
    expect(spans.size).toBe(2);
    expect(spans.of(0)?.ended_ms).toBe(300);
    expect([spans.first_ms, spans.last_ms]).toEqual([50, 300]);
    expect([...spans.durations()].sort((a, b) => a - b)).toEqual([30, 200]);
  });

  it("does not open again what has ended", () => {
    const spans = new Spans();
    spans.add([span(0, 0, 100, 300)]);
    spans.add([span(0, 0, 100, null)]);
    expect(spans.of(0)?.state).toBe("done");
  });

  it("has lanes in order, each in the order of time", () => {
    const spans = new Spans();
    spans.add([span(2, 1, 500, 600), span(1, 1, 100, 200), span(0, 0, 0, 50)]);
    expect(spans.lanes().map((lane) => [lane.core, lane.spans.map((one) => one.index)])).toEqual([[0, [0]], [1, [1, 2]]]);
  });

  it("shares the time of short tasks that came as one", () => {
    const spans = new Spans();
    spans.add([span(4, 0, 0, 10, { count: 5 })]);
    expect(spans.of(8)?.index).toBe(4);
    expect([...spans.durations()]).toEqual([2, 2, 2, 2, 2]);
    expect(flow(spans.all(), 9, 0, 100, 1)).toEqual([{ from_ms: 0, waiting: 4, ended: 5 }]);
  });

  it("has what ended last at hand", () => {
    const spans = new Spans();
    spans.add([span(0, 0, 0, 30), span(1, 1, 0, 20), span(2, 2, 0, 40, { state: "failed" }), span(3, 0, 30, null)]);
    expect(spans.latestDone(5)).toEqual([0, 1]);
    spans.add([span(3, 0, 30, 50)]);
    expect(spans.latestDone(2)).toEqual([3, 0]);
  });

  it("knows the last attempt of a task", () => {
    const spans = new Spans();
    spans.add([span(5, 0, 100, 200, { attempt: 2 }), span(5, 0, 0, 50, { state: "failed" })]);
    expect(spans.of(5)?.attempt).toBe(2);
  });

  it("finds the first bar that is seen", () => {
    const lane = [span(0, 0, 0, 10), span(1, 0, 10, 20), span(2, 0, 30, null)];
    expect(firstVisible(lane, 0)).toBe(0);
    expect(firstVisible(lane, 15)).toBe(1);
    expect(firstVisible(lane, 25)).toBe(2);
    expect(firstVisible(lane, 1_000)).toBe(2);
  });
});

describe("gaps", () => {
  it("are where every core of the machine was idle", () => {
    const spans = new Spans();
    spans.add([span(0, 0, 0, 3_000), span(1, 1, 1_000, 9_000), span(2, 0, 12_000, 13_000)]);
    expect(gaps(spans.lanes(), "m", 0, 20_000)).toEqual([
      { machine: "m", from_ms: 9_000, to_ms: 12_000 },
      { machine: "m", from_ms: 13_000, to_ms: 20_000 },
    ]);
  });

  it("are none while something runs", () => {
    const spans = new Spans();
    spans.add([span(0, 0, 0, null)]);
    expect(gaps(spans.lanes(), "m", 0, 60_000)).toEqual([]);
  });
});

describe("flow", () => {
  it("counts what waits and what ends", () => {
    const all = [span(0, 0, 0, 400), span(1, 1, 0, 900), span(2, 0, 500, null)];
    const steps = flow(all, 4, 0, 1_000, 2);
    expect(steps.map((step) => [step.waiting, step.ended])).toEqual([[1, 1], [1, 1]]);
  });

  it("counts a task that ran twice once as started", () => {
    const all = [span(0, 0, 0, 100, { state: "failed" }), span(0, 0, 200, 300, { attempt: 2 })];
    expect(flow(all, 2, 0, 400, 1)).toEqual([{ from_ms: 0, waiting: 1, ended: 1 }]);
  });
});

describe("axis", () => {
  it("has round ticks", () => {
    const texts = ticks({ from_ms: 1_000, to_ms: 61_000 }, 0, 600).map((tick) => tick.text);
    expect(texts).toEqual(["0:10", "0:20", "0:30", "0:40", "0:50", "1:00"]);
    expect(ticks({ from_ms: 0, to_ms: 1_000 }, 0, 500).map((tick) => tick.text)).toEqual(["0.0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1.0 s"]);
    expect(ticks({ from_ms: 0, to_ms: 0 }, 0, 500)).toEqual([]);
  });

  const all = { from_ms: 0, to_ms: 1_000 };
  it("zooms about a time and never leaves what there is", () => {
    expect(zoomed(all, 2, 250, all)).toEqual({ from_ms: 125, to_ms: 625 });
    expect(zoomed({ from_ms: 900, to_ms: 1_000 }, 0.25, 1_000, all)).toEqual({ from_ms: 600, to_ms: 1_000 });
    expect(zoomed(all, 0.1, 500, all)).toEqual(all);
    expect(zoomed(all, 1e9, 500, all)).toEqual({ from_ms: 475, to_ms: 525 });
  });

  it("pans to the edges", () => {
    expect(panned({ from_ms: 0, to_ms: 100 }, 50, all)).toEqual({ from_ms: 50, to_ms: 150 });
    expect(panned({ from_ms: 0, to_ms: 100 }, -50, all)).toEqual({ from_ms: 0, to_ms: 100 });
    expect(panned({ from_ms: 800, to_ms: 900 }, 500, all)).toEqual({ from_ms: 900, to_ms: 1_000 });
  });
});

describe("what a gap says", () => {
  const gap = { machine: "m_1", from_ms: 1_000, to_ms: 9_000 };
  const stop = (machine: string, from_ms: number, to_ms: number | null, reason: string): Stop => ({ machine, from_ms, to_ms, reason });

  it("is what stopped that machine for longest", () => {
    const stops = [stop("m_1", 0, 2_000, "brief"), stop("m_1", 3_000, null, "hot"), stop("m_2", 0, null, "another machine's")];
    expect(stopIn(stops, gap)).toBe("hot");
  });

  it("is nothing where the machine could have worked", () => {
    expect(stopIn([stop("m_1", 0, 1_000, "before"), stop("m_1", 9_000, null, "after")], gap)).toBeNull();
  });
});
