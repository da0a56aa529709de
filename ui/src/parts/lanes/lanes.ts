/** Bars of attempts in rows: which row each takes, and how they are drawn. */
import type { Span } from "../../bridge/types";
import type { Colours } from "../grid/canvas";
import { firstVisible, type Lane } from "../timeline/spans";
import type { Window } from "../timeline/axis";

export const ROW_MIN = 28;
/** Above and below the bars of a row. */
const PADDING = 3;
const LANE_MAX = 11;
const LANE_MIN = 2;
const LANE_GAP = 1.5;
const ROW_MAX = 76;
/** Two bars that touch are told apart by this much ground. */
const BAR_GAP = 1;

/** The visible attempts of one machine, a list per core that worked. */
export function packed(lanes: readonly Lane[], machine: string, from_ms: number, to_ms: number): Span[][] {
  return lanes
    .filter((lane) => lane.machine === machine)
    .map((lane) => lane.spans.slice(firstVisible(lane.spans, from_ms)).filter((span) => span.started_ms <= to_ms))
    .filter((spans) => spans.length > 0);
}

/** How high a row must be for so many cores. */
export function laneHeight(lanes: number): number {
  return Math.min(ROW_MAX, 2 * PADDING + lanes * (4 + LANE_GAP));
}

export function paintLane(
  context: CanvasRenderingContext2D,
  lanes: readonly (readonly Span[])[],
  window: Window,
  width: number,
  height: number,
  colours: Colours,
): void {
  if (lanes.length === 0) return;
  const pitch = (height - 2 * PADDING + LANE_GAP) / lanes.length;
  const bar = Math.max(LANE_MIN, Math.min(LANE_MAX, pitch - LANE_GAP));
  const top = (height - (lanes.length - 1) * Math.min(pitch, LANE_MAX + LANE_GAP) - bar) / 2;
  const scale = width / (window.to_ms - window.from_ms);
  lanes.forEach((spans, lane) => {
    const y = top + lane * Math.min(pitch, LANE_MAX + LANE_GAP);
    for (const span of spans) {
      const left = Math.max(-4, (span.started_ms - window.from_ms) * scale);
      const right = Math.min(width + 4, ((span.ended_ms ?? window.to_ms) - window.from_ms) * scale);
      context.fillStyle = colourOf(span, colours);
      context.beginPath();
      context.roundRect(left, y, Math.max(1, right - left - BAR_GAP), bar, Math.min(2, bar / 2));
      context.fill();
    }
  });
}

export function colourOf(span: Span, colours: Colours): string {
  switch (span.state) {
    case "failed":
      return colours.err;
    case "cancelled":
      return colours.lineStrong;
    case "done":
      return colours.done;
    default:
      return colours.run;
  }
}
