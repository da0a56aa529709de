/** Draws the cells of a task grid: glyphs and colours of the states, shades, and what a cell of many tasks shows. */
import type { TaskState } from "../../bridge/types";
import type { Colours } from "./canvas";
import { type Cells, CELL_STATES, type Stretch } from "./cells";
import { cellOf, type GridLayout, type Rect, rectOf, tasksOf } from "./layout";

/** Below this a cell has no room for an outline or a diagonal. */
const GLYPH_MIN = 6;
const QUEUED_ALPHA = 0.75;

/** Gives the fill of a task that has one beside its state; null leaves the state's. */
export type Shade = (index: number) => string | null;

export function paintGrid(
  context: CanvasRenderingContext2D,
  layout: GridLayout,
  cells: Cells,
  colours: Colours,
  dirty: readonly Stretch[] | null,
  shade: Shade | null,
): void {
  if (dirty === null) {
    context.clearRect(0, 0, layout.columns * layout.pitchX + 1, layout.rows * layout.pitchY + 1);
    for (let cell = 0; cell < layout.cells; cell += 1) paintCell(context, layout, cell, cells, colours, shade);
    return;
  }
  let painted = -1;
  for (const { first, end } of dirty) {
    for (let cell = cellOf(layout, first); cell <= cellOf(layout, end - 1); cell += 1) {
      if (cell === painted) continue;
      painted = cell;
      const { x, y, width, height } = rectOf(layout, cell);
      context.clearRect(x, y, width, height);
      paintCell(context, layout, cell, cells, colours, shade);
    }
  }
}

function paintCell(
  context: CanvasRenderingContext2D,
  layout: GridLayout,
  cell: number,
  cells: Cells,
  colours: Colours,
  shade: Shade | null,
): void {
  const rect = rectOf(layout, cell);
  if (layout.bucket > 1) {
    paintBucket(context, rect, cells.countsOf(tasksOf(layout, cell)), colours);
    return;
  }
  const state = cells.stateOf(cell);
  const fill = shade?.(cell) ?? null;
  if (fill !== null) {
    context.fillStyle = fill;
    block(context, rect);
    context.fill();
    if (state === "failed") cut(context, rect, colours.bg);
    return;
  }
  paintState(context, rect, state, colours);
  if (cells.retried(cell) && state !== "queued" && rect.height >= GLYPH_MIN) notch(context, rect, colours.bg);
}

/** One cell in a state; also what the legend shows. */
export function paintState(context: CanvasRenderingContext2D, rect: Rect, state: TaskState, colours: Colours): void {
  if (rect.height < GLYPH_MIN) {
    paintSmall(context, rect, state, colours);
    return;
  }
  switch (state) {
    case "queued":
      outline(context, rect, colours.lineStrong);
      break;
    case "cancelled":
      outline(context, rect, colours.lineStrong);
      diagonal(context, rect, colours.lineStrong, 1);
      break;
    case "failed":
      context.fillStyle = colours.err;
      block(context, rect);
      context.fill();
      cut(context, rect, colours.bg);
      break;
    default:
      context.fillStyle = state === "running" ? colours.run : colours.done;
      block(context, rect);
      context.fill();
  }
}

function paintSmall(context: CanvasRenderingContext2D, { x, y, width, height }: Rect, state: TaskState, colours: Colours): void {
  switch (state) {
    case "queued":
      context.fillStyle = colours.s3;
      context.fillRect(x + 1, y + 1, width - 2, height - 2);
      break;
    case "cancelled":
      context.fillStyle = colours.lineStrong;
      context.fillRect(x + width - 2, y, 1, 2);
      context.fillRect(x + 1, y + height - 2, 1, 2);
      break;
    case "failed":
      context.fillStyle = colours.err;
      context.fillRect(x, y, width, height);
      context.fillStyle = colours.bg;
      context.fillRect(x + width - 1, y, 1, 1);
      context.fillRect(x, y + height - 1, 1, 1);
      break;
    default:
      context.fillStyle = state === "running" ? colours.run : colours.done;
      context.fillRect(x, y, width, height);
  }
}

/** The done ones fill the cell from below, the running ones stand on them, a corner says that some failed. */
function paintBucket(context: CanvasRenderingContext2D, rect: Rect, counts: readonly number[], colours: Colours): void {
  const of = (state: TaskState): number => counts[CELL_STATES.indexOf(state)] ?? 0;
  const all = counts.reduce((sum, n) => sum + n, 0);
  context.save();
  block(context, rect);
  context.clip();
  context.fillStyle = colours.s3;
  context.fillRect(rect.x, rect.y, rect.width, rect.height);
  const share = (n: number): number => (n === 0 ? 0 : Math.max(1, Math.round((n / all) * rect.height)));
  const done = share(of("done"));
  const running = Math.min(rect.height - done, share(of("running")));
  context.fillStyle = colours.done;
  context.fillRect(rect.x, rect.y + rect.height - done, rect.width, done);
  context.fillStyle = colours.run;
  context.fillRect(rect.x, rect.y + rect.height - done - running, rect.width, running);
  if (of("failed") > 0) {
    const side = Math.ceil(rect.height * 0.6);
    context.fillStyle = colours.err;
    context.beginPath();
    context.moveTo(rect.x + rect.width - side, rect.y);
    context.lineTo(rect.x + rect.width, rect.y);
    context.lineTo(rect.x + rect.width, rect.y + side);
    context.fill();
  }
  context.restore();
}

function block(context: CanvasRenderingContext2D, { x, y, width, height }: Rect): void {
  context.beginPath();
  if (height < GLYPH_MIN) context.rect(x, y, width, height);
  else context.roundRect(x, y, width, height, height >= 9 ? 2 : 1);
}

function outline(context: CanvasRenderingContext2D, { x, y, width, height }: Rect, colour: string): void {
  context.globalAlpha = QUEUED_ALPHA;
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(x + 0.5, y + 0.5, width - 1, height - 1, height >= 9 ? 1.5 : 1);
  context.stroke();
  context.globalAlpha = 1;
}

function diagonal(context: CanvasRenderingContext2D, { x, y, width, height }: Rect, colour: string, thickness: number): void {
  context.strokeStyle = colour;
  context.lineWidth = thickness;
  context.beginPath();
  context.moveTo(x + 1, y + height - 1);
  context.lineTo(x + width - 1, y + 1);
  context.stroke();
}

/** The diagonal that tells a failed cell without its colour. */
function cut(context: CanvasRenderingContext2D, rect: Rect, ground: string): void {
  context.save();
  block(context, rect);
  context.clip();
  context.strokeStyle = ground;
  context.lineWidth = Math.max(1.2, rect.height * 0.17);
  context.beginPath();
  context.moveTo(rect.x - 1, rect.y + rect.height + 1);
  context.lineTo(rect.x + rect.width + 1, rect.y - 1);
  context.stroke();
  context.restore();
}

/** The lower right corner of a task that ran more than once is taken off. */
function notch(context: CanvasRenderingContext2D, { x, y, width, height }: Rect, ground: string): void {
  const side = Math.round(height * 0.45);
  context.fillStyle = ground;
  context.beginPath();
  context.moveTo(x + width, y + height - side);
  context.lineTo(x + width, y + height);
  context.lineTo(x + width - side, y + height);
  context.fill();
}
