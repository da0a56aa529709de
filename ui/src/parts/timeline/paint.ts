/** Draws the timeline: axis, a row per machine with a lane per core, idle gaps, and the strip of what waited and ended. */
import type { Span } from "../../bridge/types";
import type { Colours } from "../grid/canvas";
import { colourOf } from "../lanes/lanes";
import { ticks, type Window } from "./axis";
import { firstVisible, type Flow, type Gap, type Lane } from "./spans";

export const AXIS_HEIGHT = 22;
export const STRIP_HEIGHT = 18;
const ROW_PADDING = 6;
const LANE_MIN = 2;
const LANE_MAX = 6;
const LANE_GAP = 1;
const HATCH = 6;
/** Bars closer than this have no gap between them. */
const GAP_FROM_PIXELS = 3;

export interface Row {
  machine: string;
  name: string;
  lanes: readonly Lane[];
  gaps: readonly Gap[];
  /** Where its lanes begin, and how high a lane is with its gap. */
  top: number;
  height: number;
  pitch: number;
}

/** Rows from above to below; lanes share what height there is, between 2 and 6 px each. */
export function layRows(machines: readonly { id: string; name: string }[], lanes: readonly Lane[], gapsOf: (machine: string) => Gap[], height: number): Row[] {
  const all = Math.max(1, lanes.length);
  const free = height - AXIS_HEIGHT - STRIP_HEIGHT - 12 - machines.length * 2 * ROW_PADDING;
  const lane = Math.min(LANE_MAX * 2, Math.max(LANE_MIN, Math.floor(free / all) - LANE_GAP));
  let top = AXIS_HEIGHT;
  return machines.map(({ id, name }) => {
    const own = lanes.filter((one) => one.machine === id);
    const rowHeight = 2 * ROW_PADDING + Math.max(1, own.length) * (lane + LANE_GAP);
    const row: Row = { machine: id, name, lanes: own, gaps: gapsOf(id), top, height: rowHeight, pitch: lane + LANE_GAP };
    top += rowHeight;
    return row;
  });
}

export function contentHeight(rows: readonly Row[]): number {
  return rows.reduce((bottom, row) => Math.max(bottom, row.top + row.height), AXIS_HEIGHT);
}

export interface Picture {
  rows: readonly Row[];
  flow: readonly Flow[];
  window: Window;
  zero_ms: number;
  now_ms: number;
  width: number;
  selected: number | null;
}

export function paintTimeline(context: CanvasRenderingContext2D, picture: Picture, colours: Colours): void {
  const { rows, window, width } = picture;
  const bottom = contentHeight(rows);
  context.clearRect(0, 0, width, bottom + STRIP_HEIGHT + 12);
  const scale = width / (window.to_ms - window.from_ms);
  const x = (ms: number): number => (ms - window.from_ms) * scale;
  paintAxis(context, picture, bottom, x, colours);
  for (const row of rows) {
    context.fillStyle = colours.line;
    context.fillRect(0, row.top, width, 1);
    for (const gap of row.gaps) hatch(context, Math.max(0, x(gap.from_ms)), row.top + ROW_PADDING, Math.min(width, x(gap.to_ms)), row.top + row.height - ROW_PADDING, colours);
    row.lanes.forEach((lane, at) => paintLane(context, lane.spans, row.top + ROW_PADDING + at * row.pitch, row.pitch - LANE_GAP, picture, x, colours));
    joinRetries(context, row, x, width, colours);
  }
  paintStrip(context, picture, bottom + 12, x, colours);
}

function paintAxis(context: CanvasRenderingContext2D, { window, zero_ms, width }: Picture, bottom: number, x: (ms: number) => number, colours: Colours): void {
  context.font = `11px ${colours.sans}`;
  context.textBaseline = "middle";
  for (const tick of ticks(window, zero_ms, width)) {
    const at = Math.round(x(tick.at_ms));
    context.fillStyle = colours.line;
    context.globalAlpha = 0.6;
    context.fillRect(at, AXIS_HEIGHT, 1, bottom - AXIS_HEIGHT);
    context.globalAlpha = 1;
    context.fillStyle = colours.t3;
    context.textAlign = at < 20 ? "left" : at > width - 20 ? "right" : "center";
    context.fillText(tick.text, at, AXIS_HEIGHT / 2);
  }
}

/** Bars narrower than a pixel are added up to a density, so that a million look like what they are. */
function paintLane(context: CanvasRenderingContext2D, spans: readonly Span[], y: number, height: number, { window, now_ms, width, selected }: Picture, x: (ms: number) => number, colours: Colours): void {
  const density = new Float32Array(Math.ceil(width) + 1);
  const failed = new Uint8Array(density.length);
  let dense = false;
  for (let at = firstVisible(spans, window.from_ms); at < spans.length; at += 1) {
    const span = spans[at];
    if (span === undefined || span.started_ms > window.to_ms) break;
    const left = Math.max(-2, x(span.started_ms));
    const right = Math.min(width + 2, x(span.ended_ms ?? now_ms));
    if (right - left < 1) {
      const column = Math.min(density.length - 1, Math.max(0, Math.floor(left)));
      density[column] = (density[column] ?? 0) + Math.max(0.12, right - left);
      if (span.state === "failed") failed[column] = 1;
      dense = true;
      continue;
    }
    const gap = right - left > GAP_FROM_PIXELS ? 1 : 0;
    context.fillStyle = colourOf(span, colours);
    context.fillRect(left, y, right - left - gap, height);
    if (span.index === selected) {
      context.strokeStyle = colours.t1;
      context.lineWidth = 1;
      context.strokeRect(left - 0.5, y - 0.5, right - left - gap + 1, height + 1);
    }
  }
  if (!dense) return;
  for (let column = 0; column < density.length; column += 1) {
    const share = density[column] ?? 0;
    if (share === 0) continue;
    context.globalAlpha = Math.min(1, 0.25 + 0.75 * share);
    context.fillStyle = failed[column] === 1 ? colours.err : colours.done;
    context.fillRect(column, y, 1, height);
  }
  context.globalAlpha = 1;
}

/** A stepped line from an attempt that did not end well to the one after it. */
function joinRetries(context: CanvasRenderingContext2D, row: Row, x: (ms: number) => number, width: number, colours: Colours): void {
  const again = new Map<number, { span: Span; lane: number }[]>();
  row.lanes.forEach(({ spans }, lane) => {
    for (const span of spans) {
      if (span.attempt === 1 && span.state !== "failed" && span.state !== "cancelled") continue;
      const known = again.get(span.index);
      if (known === undefined) again.set(span.index, [{ span, lane }]);
      else known.push({ span, lane });
    }
  });
  context.strokeStyle = colours.t3;
  context.lineWidth = 1;
  for (const attempts of again.values()) {
    attempts.sort((a, b) => a.span.attempt - b.span.attempt);
    for (let at = 1; at < attempts.length; at += 1) {
      const [before, after] = [attempts[at - 1], attempts[at]];
      if (before === undefined || after === undefined) continue;
      const from = Math.round(x(before.span.ended_ms ?? before.span.started_ms)) + 0.5;
      const to = Math.round(x(after.span.started_ms)) + 0.5;
      if (to < 0 || from > width) continue;
      const y = (lane: number): number => row.top + ROW_PADDING + (lane + 0.5) * row.pitch;
      context.beginPath();
      context.moveTo(from, y(before.lane));
      context.lineTo(to, y(before.lane));
      context.lineTo(to, y(after.lane));
      context.stroke();
    }
  }
}

function hatch(context: CanvasRenderingContext2D, left: number, top: number, right: number, bottom: number, colours: Colours): void {
  if (right - left < 2) return;
  context.save();
  context.beginPath();
  context.rect(left, top, right - left, bottom - top);
  context.clip();
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.beginPath();
  const height = bottom - top;
  for (let at = left - height - (left % HATCH); at < right; at += HATCH) {
    context.moveTo(at, bottom);
    context.lineTo(at + height, top);
  }
  context.stroke();
  context.restore();
}

/** Waiting tasks as an area, tasks done per step as a line over it. */
function paintStrip(context: CanvasRenderingContext2D, { flow, window, width }: Picture, top: number, x: (ms: number) => number, colours: Colours): void {
  const most = Math.max(1, ...flow.map((step) => step.waiting));
  const fastest = Math.max(1, ...flow.map((step) => step.ended));
  const step = width / Math.max(1, flow.length);
  const y = (share: number): number => top + STRIP_HEIGHT * (1 - share);
  context.fillStyle = colours.s3;
  for (const one of flow) {
    const height = (one.waiting / most) * STRIP_HEIGHT;
    context.fillRect(x(one.from_ms), top + STRIP_HEIGHT - height, Math.ceil(step), height);
  }
  context.strokeStyle = colours.accent;
  context.lineWidth = 1.25;
  context.beginPath();
  flow.forEach((one, at) => {
    const middle = x(one.from_ms) + step / 2;
    if (one.from_ms > window.to_ms) return;
    if (at === 0) context.moveTo(middle, y(one.ended / fastest));
    else context.lineTo(middle, y(one.ended / fastest));
  });
  context.stroke();
  context.fillStyle = colours.line;
  context.fillRect(0, top + STRIP_HEIGHT, width, 1);
}

/** What lies under a point: an attempt, or an idle gap. */
export function hit(picture: Picture, px: number, py: number): { span: Span } | { gap: Gap } | null {
  const { rows, window, width, now_ms } = picture;
  const ms = window.from_ms + (px / width) * (window.to_ms - window.from_ms);
  const pixel = (window.to_ms - window.from_ms) / width;
  const row = rows.find((one) => py >= one.top && py < one.top + one.height);
  if (row === undefined) return null;
  const lane = row.lanes[Math.floor((py - row.top - ROW_PADDING) / row.pitch)];
  if (lane !== undefined) {
    const span = lane.spans[firstVisible(lane.spans, ms - pixel)];
    if (span !== undefined && span.started_ms <= ms + pixel && (span.ended_ms ?? now_ms) >= ms - pixel) return { span };
  }
  const gap = row.gaps.find((one) => one.from_ms <= ms && ms < one.to_ms);
  return gap === undefined ? null : { gap };
}
