/** Numbers, sizes, times and spans as people read them; the only place that uses `Intl`. */

const language = (): string => navigator.language;

const integers = new Intl.NumberFormat(language(), { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(language(), { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const clockTime = new Intl.DateTimeFormat(language(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const weekday = new Intl.DateTimeFormat(language(), { weekday: "short" });
const dayMonth = new Intl.DateTimeFormat(language(), { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export function count(n: number): string {
  return integers.format(n);
}

/** 1.5, 0.6, 124: a rate or a load with as many digits as it deserves. */
export function decimal(n: number): string {
  return Math.abs(n) >= 100 ? integers.format(n) : tenths.format(n);
}

export function percent(share: number): string {
  return `${integers.format(share * 100)} %`;
}

/** For people, in powers of ten: 1.8 MB. */
export function bytes(n: number): string {
  return scaled(n, 1000, ["B", "kB", "MB", "GB", "TB"]);
}

/** For limits, in powers of two: 256 MiB. */
export function binaryBytes(n: number): string {
  return scaled(n, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

function scaled(n: number, base: number, units: readonly string[]): string {
  let value = n;
  let unit = 0;
  // What would be rounded to 1,000 of a unit is one of the next.
  while (value >= base - 0.5 && unit < units.length - 1) {
    value /= base;
    unit += 1;
  }
  const rounded = value >= 10 ? Math.round(value) : Math.round(value * 10) / 10;
  const text = Number.isInteger(rounded) ? integers.format(rounded) : tenths.format(rounded);
  return `${text} ${units[unit]}`;
}

/** A running clock: 3:12, 1:04:09. */
export function elapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND_MS));
  const two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** How long something took: 3 ms, 1.21 s, 51 s, 3:40. */
export function took(ms: number): string {
  if (ms < 1) return "under 1 ms";
  if (ms < SECOND_MS) return `${integers.format(ms)} ms`;
  if (ms < 10 * SECOND_MS) return `${(ms / SECOND_MS).toFixed(2)} s`;
  if (ms < 99.5 * SECOND_MS) return `${integers.format(ms / SECOND_MS)} s`;
  return elapsed(ms);
}

/** What is left, no more exact than it can be known: 25 s, 1:45, 12 min, 2 h 10 min. */
export function remaining(ms: number): string {
  if (ms < MINUTE_MS) {
    const seconds = Math.max(5, Math.ceil(ms / SECOND_MS / 5) * 5);
    if (seconds < 60) return `${seconds} s`;
  }
  if (ms < 10 * MINUTE_MS) return elapsed(Math.max(MINUTE_MS, Math.round(ms / SECOND_MS / 15) * 15 * SECOND_MS));
  const minutes = Math.round(ms / MINUTE_MS);
  if (minutes < 60) return `${minutes} min`;
  if (ms < DAY_MS) return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const days = Math.round(ms / DAY_MS);
  return days === 1 ? "1 day" : `${days} days`;
}

/** 14:02 */
export function timeOfDay(ms: number): string {
  return clockTime.format(ms);
}

/** 14:02 today, Yesterday, Mon this week, else 12 Nov. */
export function whenShort(ms: number, now: number): string {
  const days = daysBetween(ms, now);
  if (days <= 0) return timeOfDay(ms);
  if (days === 1) return "Yesterday";
  return days < 7 ? weekday.format(ms) : dayMonth.format(ms);
}

/** Date and time to the second, for tooltips. */
export function whenFull(ms: number): string {
  return full.format(ms);
}

/** 14:04:51.203 */
export function logTime(ms: number): string {
  const date = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, "0");
  const thousandths = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${thousandths}`;
}

/** just now, 2 min ago, 3 h ago, Yesterday … */
export function ago(ms: number, now: number): string {
  const past = now - ms;
  if (past < MINUTE_MS) return "just now";
  if (past < HOUR_MS) return `${Math.floor(past / MINUTE_MS)} min ago`;
  if (past < DAY_MS) return `${Math.floor(past / HOUR_MS)} h ago`;
  return whenShort(ms, now);
}

/** The first and last four digits of a hash. */
export function shortHash(hash: string): string {
  return hash.length <= 12 ? hash : `${hash.slice(0, 4)}…${hash.slice(-4)}`;
}

function daysBetween(ms: number, now: number): number {
  const midnight = (at: number): number => new Date(at).setHours(0, 0, 0, 0);
  return Math.round((midnight(now) - midnight(ms)) / DAY_MS);
}
