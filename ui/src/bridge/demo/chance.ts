/** Numbers that look random and are the same every time, so that pictures of the window can be compared. */
export type Chance = () => number;

/** Mulberry32: 32 bits of state are plenty for a demo. Numbers from 0 to 1. */
export function chance(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function hexDigits(next: Chance, digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join("");
}
