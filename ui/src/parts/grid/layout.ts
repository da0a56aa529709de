/** Where the cells of a task grid lie, for any number of tasks and any width. */
import type { Stretch } from "./cells";

/** Up to here each task has a cell with a gap around it. */
export const SINGLE_MAX = 2_000;
/** Up to here each task has a small cell without gaps; above, cells stand for several tasks. */
export const DENSE_MAX = 20_000;

const CELL_HEIGHT_MAX = 10;
const CELL_HEIGHT_MIN = 6;
const DENSE_CELL = 4;
const GAP = 2;
/** Cells are a little wider than high: 40 of them fill 552 px. */
const WIDTH_TO_HEIGHT = 1.15;
/** The grid shrinks its cells rather than grow higher than this. */
const COMFORTABLE_HEIGHT = 320;

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface GridLayout {
  tasks: number;
  cells: number;
  /** Tasks in a cell. */
  bucket: number;
  columns: number;
  rows: number;
  /** From one cell to the next. */
  pitchX: number;
  pitchY: number;
  gap: number;
  height: number;
}

export function gridLayout(tasks: number, width: number): GridLayout {
  if (tasks > SINGLE_MAX && tasks <= DENSE_MAX) {
    const columns = Math.max(1, Math.floor(width / DENSE_CELL));
    return finish(tasks, 1, columns, DENSE_CELL, DENSE_CELL, 0);
  }
  const bucket = tasks <= SINGLE_MAX ? 1 : roundUp(tasks / SINGLE_MAX);
  const cells = Math.ceil(tasks / bucket);
  let cellHeight = CELL_HEIGHT_MAX;
  while (cellHeight > CELL_HEIGHT_MIN && Math.ceil(cells / columnsFor(width, cellHeight)) * (cellHeight + GAP) > COMFORTABLE_HEIGHT) {
    cellHeight -= 1;
  }
  const columns = columnsFor(width, cellHeight);
  return finish(tasks, bucket, columns, (width + GAP) / columns, cellHeight + GAP, GAP);
}

/** The cell at a point; null in a gap or behind the last one. */
export function cellAt(layout: GridLayout, x: number, y: number): number | null {
  const column = Math.floor(x / layout.pitchX);
  const row = Math.floor(y / layout.pitchY);
  if (x < 0 || y < 0 || column >= layout.columns || row >= layout.rows) return null;
  const cell = row * layout.columns + column;
  return cell < layout.cells ? cell : null;
}

/** A cell's place; edges lie on whole pixels, so that gaps look alike. */
export function rectOf(layout: GridLayout, cell: number): Rect {
  const column = cell % layout.columns;
  const row = Math.floor(cell / layout.columns);
  const x = Math.round(column * layout.pitchX);
  return {
    x,
    y: row * layout.pitchY,
    width: Math.round((column + 1) * layout.pitchX) - layout.gap - x,
    height: layout.pitchY - layout.gap,
  };
}

export function tasksOf(layout: GridLayout, cell: number): Stretch {
  return { first: cell * layout.bucket, end: Math.min(layout.tasks, (cell + 1) * layout.bucket) };
}

export function cellOf(layout: GridLayout, index: number): number {
  return Math.floor(index / layout.bucket);
}

/** Where a key moves the focus to; null for keys that do not move it. */
export function moved(layout: GridLayout, cell: number, key: string): number | null {
  const last = layout.cells - 1;
  const page = layout.columns * 10;
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -layout.columns,
    ArrowDown: layout.columns,
    PageUp: -page,
    PageDown: page,
  };
  if (key === "Home") return 0;
  if (key === "End") return last;
  const step = steps[key];
  if (step === undefined) return null;
  const next = cell + step;
  // Up from the first row and down from the last stay; a page goes as far as it can.
  if (next >= 0 && next <= last) return next;
  return key.startsWith("Page") ? Math.min(last, Math.max(0, next)) : cell;
}

function columnsFor(width: number, cellHeight: number): number {
  return Math.max(1, Math.floor((width + GAP) / (WIDTH_TO_HEIGHT * (cellHeight + GAP))));
}

function finish(tasks: number, bucket: number, columns: number, pitchX: number, pitchY: number, gap: number): GridLayout {
  const cells = Math.ceil(tasks / bucket);
  const rows = Math.ceil(cells / columns);
  return { tasks, cells, bucket, columns, rows, pitchX, pitchY, gap, height: Math.max(0, rows * pitchY - gap) };
}

/** The next number of the form 1, 2 or 5 times a power of ten. */
function roundUp(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  for (const digit of [1, 2, 5]) if (digit * power >= least) return digit * power;
  return 10 * power;
}
