/** What the colour of a cell may say beside its state: how long the task ran, or how often. */
import type { Colours } from "./canvas";

/** How many shades a scale of durations has. */
const SHADES = 5;
/** The rest of the scale lies between these shares of all durations, so that one outlier does not flatten it. */
const LOW_SHARE = 0.05;
const HIGH_SHARE = 0.95;

/** Upper edges of the shades but the last, in milliseconds, rising; empty where there is nothing to tell apart. */
export function durationEdges(durations: Iterable<number>): number[] {
  const known = [...durations].filter((ms) => ms > 0).sort((a, b) => a - b);
  const low = known[Math.floor(known.length * LOW_SHARE)];
  const high = known[Math.min(known.length - 1, Math.floor(known.length * HIGH_SHARE))];
  if (low === undefined || high === undefined || high <= low) return [];
  const ratio = (high / low) ** (1 / SHADES);
  return Array.from({ length: SHADES - 1 }, (_, n) => low * ratio ** (n + 1));
}

/** Which shade a duration has: 0 is the shortest. */
export function shadeOf(ms: number, edges: readonly number[]): number {
  const at = edges.findIndex((edge) => ms <= edge);
  return at < 0 ? edges.length : at;
}

/** The colours of a scale of `steps` shades, from quiet to bright; each given as `#RRGGBB`. */
export function scale(steps: number, from: string, through: string, to: string): string[] {
  return Array.from({ length: steps }, (_, n) => {
    const part = steps === 1 ? 0.5 : n / (steps - 1);
    return part <= 0.5 ? mix(from, through, part * 2) : mix(through, to, (part - 0.5) * 2);
  });
}

/** Canvases of older web views do not know `color-mix`. */
function mix(from: string, to: string, part: number): string {
  const channel = (at: number): number => {
    const a = Number.parseInt(from.slice(at, at + 2), 16);
    const b = Number.parseInt(to.slice(at, at + 2), 16);
    return Math.round(a + (b - a) * part);
  };
  return `rgb(${channel(1)} ${channel(3)} ${channel(5)})`;
}

export function durationColours(colours: Colours): string[] {
  return scale(SHADES, colours.s3, colours.done, colours.run);
}

/** First, second, third or later attempt. */
export function attemptColours(colours: Colours): readonly string[] {
  return [colours.done, colours.warn, colours.err];
}
