/** How many tasks a range or a sweep makes, and which. Whole numbers may need all 64 bits. */
import { sheetWords } from "../../words/sheet";

export interface Range {
  start: string;
  end: string;
  step: string;
}

export type Counted = { tasks: number; item: (index: number) => string } | { wrong: string };

/** The node takes no more tasks in one job than this. */
const TASKS_MAX = 4_294_967_295n;

export function countRange(range: Range): Counted {
  const [start, end, step] = [whole(range.start), whole(range.end), whole(range.step)];
  if (start === null || end === null || step === null) return { wrong: "From, up to and step are whole numbers." };
  if (step === 0n) return { wrong: "With a step of 0 it never ends." };
  const distance = step > 0n ? end - start : start - end;
  const size = step > 0n ? step : -step;
  if (distance <= 0n) return { wrong: step > 0n ? "Up to must be above from: it is left out itself." : "With a step below 0, up to must be below from." };
  const tasks = (distance + size - 1n) / size;
  if (tasks > TASKS_MAX) return { wrong: "These are more tasks than a job may have." };
  return { tasks: Number(tasks), item: (index) => String(start + step * BigInt(index)) };
}

/** `per_task` lines make a task; the last takes what is left. */
export function countLines(lines: number, per_task: string): Counted {
  const each = whole(per_task);
  if (each === null || each < 1n || each > TASKS_MAX) return { wrong: sheetWords.wrong.linesPerTask };
  const size = Number(each);
  return {
    tasks: Math.ceil(lines / size),
    item: (index) => (size === 1 ? sheetWords.line(index + 1) : sheetWords.lines(index * size + 1, Math.min(lines, (index + 1) * size))),
  };
}

function whole(text: string): bigint | null {
  const trimmed = text.trim();
  return /^[+-]?\d+$/.test(trimmed) ? BigInt(trimmed) : null;
}

export interface Sweep {
  name: string;
  /** As it was typed: `a, b, c` or `0..10` or `0..1..0.25`. */
  values: string;
}

export type SweptValues = { values: string[] } | { wrong: string };

/** More values of one parameter are surely a mistake, and would make the window slow. */
const SWEEP_VALUES_MAX = 100_000;

/** `A..B[..STEP]`, the end left out, or values with commas between them. */
export function sweptValues(text: string): SweptValues {
  const trimmed = text.trim();
  if (trimmed === "") return { wrong: "It needs at least one value." };
  const parts = trimmed.split("..").map((part) => part.trim());
  if (parts.length === 1) return { values: trimmed.split(",").map((part) => part.trim()) };
  if (parts.length > 3 || parts.some((part) => !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(part))) {
    return { wrong: "A range is written FROM..TO or FROM..TO..STEP." };
  }
  const [first, second, third = "1"] = parts as [string, string, string | undefined];
  const [start, end, step] = [Number(first), Number(second), Number(third)];
  if (step === 0) return { wrong: "With a step of 0 it never ends." };
  // Binary fractions must not add a value at the end or lose one.
  const count = Math.ceil(Number(((end - start) / step).toFixed(9)));
  if (count <= 0) return { wrong: "This range is empty." };
  if (count > SWEEP_VALUES_MAX) return { wrong: `These are more than ${SWEEP_VALUES_MAX.toLocaleString()} values.` };
  const digits = Math.max(...[first, third].map((part) => part.split(".")[1]?.length ?? 0));
  return { values: Array.from({ length: count }, (_, n) => (start + n * step).toFixed(Math.min(20, digits))) };
}

/** A task for every combination; the last parameter varies fastest. */
export function countSweep(parameters: readonly { name: string; values: readonly string[] }[]): Counted {
  const tasks = parameters.reduce((product, one) => product * one.values.length, 1);
  if (BigInt(tasks) > TASKS_MAX) return { wrong: "These are more tasks than a job may have." };
  return {
    tasks,
    item: (index) => combination(parameters, index).map(([name, value]) => `${name}=${value}`).join(" "),
  };
}

export function combination(parameters: readonly { name: string; values: readonly string[] }[], index: number): [string, string][] {
  let rest = index;
  const found: [string, string][] = [];
  for (const { name, values } of parameters.toReversed()) {
    found.unshift([name, values[rest % values.length] ?? ""]);
    rest = Math.floor(rest / values.length);
  }
  return found;
}
