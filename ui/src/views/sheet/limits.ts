/** Limits as people write them: 256 MiB, 10 min. */
import { binaryBytes } from "../../words/format";

const SIZES: Readonly<Record<string, number>> = {
  "": 1, b: 1, k: 1024, kib: 1024, kb: 1e3, m: 1024 ** 2, mib: 1024 ** 2, mb: 1e6, g: 1024 ** 3, gib: 1024 ** 3, gb: 1e9,
};
const TIMES: Readonly<Record<string, number>> = {
  ms: 1, s: 1e3, sec: 1e3, m: 6e4, min: 6e4, h: 36e5, d: 864e5,
};

/** Bytes; null for what is no size. */
export function readSize(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(text);
  const unit = SIZES[(match?.[2] ?? "?").toLowerCase()];
  const bytes = match === null || unit === undefined ? 0 : Math.round(Number(match[1]) * unit);
  return bytes > 0 ? bytes : null;
}

/** Milliseconds, of spans such as `90s` or `1h 30min`; null for what is none. */
export function readSpan(text: string): number | null {
  const trimmed = text.trim().toLowerCase();
  if (!/^(\d+(?:\.\d+)?\s*[a-z]+\s*)+$/.test(trimmed)) return null;
  let sum = 0;
  for (const [, number = "", unit = ""] of trimmed.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)) {
    const ms = TIMES[unit];
    if (ms === undefined) return null;
    sum += Number(number) * ms;
  }
  return sum > 0 ? Math.round(sum) : null;
}

/** 10 min, 90 s, 1 h 30 min. */
export function spanText(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  const parts: string[] = [];
  let rest = Math.round(ms / 1_000);
  for (const [unit, seconds] of [["h", 3_600], ["min", 60], ["s", 1]] as const) {
    const n = Math.floor(rest / seconds);
    rest -= n * seconds;
    if (n > 0) parts.push(`${n} ${unit}`);
  }
  return parts.join(" ");
}

/** As the command line takes it: 256MiB, else bytes. */
export function sizeWord(bytes: number): string {
  const text = binaryBytes(bytes).replace(/[\s,]/g, "");
  return readSize(text) === bytes ? text : String(bytes);
}

/** As the command line takes it: 10m, 90s. */
export function spanWord(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}
