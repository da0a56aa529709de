/** The part of time that a timeline shows, and the ticks of its axis. */

export interface Window {
  from_ms: number;
  to_ms: number;
}

/** Nothing shorter can be told apart by the node's clock. */
const SPAN_MIN_MS = 50;
/** Ticks stand at least this far apart. */
const TICK_PIXELS = 90;

const STEPS_MS: readonly number[] = [
  10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000,
  1_800_000, 3_600_000, 7_200_000, 14_400_000, 43_200_000, 86_400_000,
];

export interface Tick {
  at_ms: number;
  /** Since the job started: 0:30, 1:05:00, 2.4 s. */
  text: string;
}

/** Round times since `zero_ms` that lie in the window. */
export function ticks(window: Window, zero_ms: number, width: number): Tick[] {
  const span = window.to_ms - window.from_ms;
  if (span <= 0 || width <= 0) return [];
  const least = (span / width) * TICK_PIXELS;
  const largest = STEPS_MS.at(-1) ?? 1;
  const step = STEPS_MS.find((one) => one >= least) ?? Math.ceil(least / largest) * largest;
  const first = Math.ceil((window.from_ms - zero_ms) / step);
  const last = Math.floor((window.to_ms - zero_ms) / step);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => {
    const since = (first + n) * step;
    return { at_ms: zero_ms + since, text: tickText(since, step) };
  });
}

function tickText(since_ms: number, step: number): string {
  const sign = since_ms < 0 ? "−" : "";
  const ms = Math.abs(since_ms);
  if (step < 1_000) return `${sign}${(ms / 1_000).toFixed(step < 100 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1_000);
  const two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor((seconds % 3_600) / 60);
  const rest = `${two(seconds % 60)}`;
  return sign + (hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`);
}

/** Zooms by `factor` (above 1: closer) and keeps the time at `at_ms` where it is; stays within `all`. */
export function zoomed(window: Window, factor: number, at_ms: number, all: Window): Window {
  const span = window.to_ms - window.from_ms;
  const longest = Math.max(SPAN_MIN_MS, all.to_ms - all.from_ms);
  const next = Math.min(longest, Math.max(SPAN_MIN_MS, span / factor));
  const part = span === 0 ? 0.5 : (at_ms - window.from_ms) / span;
  return within({ from_ms: at_ms - part * next, to_ms: at_ms + (1 - part) * next }, all);
}

export function panned(window: Window, by_ms: number, all: Window): Window {
  return within({ from_ms: window.from_ms + by_ms, to_ms: window.to_ms + by_ms }, all);
}

function within(window: Window, all: Window): Window {
  const span = window.to_ms - window.from_ms;
  if (span >= all.to_ms - all.from_ms) return all;
  const from = Math.min(Math.max(window.from_ms, all.from_ms), all.to_ms - span);
  return { from_ms: from, to_ms: from + span };
}
