/** What the palette can find, and which of it matches what was typed. */
import type { JobState, MachineState } from "../bridge/types";

export interface Entry {
  id: string;
  group: "commands" | "jobs" | "machines" | "settings";
  title: string;
  /** Found by these words too. */
  also: string;
  keys: string | null;
  /** At the end of the row. */
  note: string;
  glyph: { of: "job"; state: JobState } | { of: "machine"; state: MachineState } | null;
  run: () => void;
}

/** Rows of one group while nothing is typed: a list of thousands helps nobody. */
const GROUP_MAX = 12;
/** Rows of one group while something is typed. */
const FOUND_MAX = 50;

/** Every typed word is in the entry; titles that begin with what was typed come first. */
export function findEntries(entries: readonly Entry[], typed: string): Entry[] {
  const wanted = typed.trim().toLowerCase();
  const parts = wanted.split(/\s+/).filter(Boolean);
  const counts = new Map<Entry["group"], number>();
  const most = wanted === "" ? GROUP_MAX : FOUND_MAX;
  const rank = (entry: Entry): number => {
    const title = entry.title.toLowerCase();
    return title.startsWith(wanted) ? 0 : title.includes(wanted) ? 1 : 2;
  };
  const found = entries.filter((entry) => {
    const text = `${entry.title} ${entry.also}`.toLowerCase();
    return parts.every((part) => text.includes(part));
  });
  const groups = [...new Set(found.map((entry) => entry.group))];
  return groups.flatMap((group) =>
    found
      .filter((entry) => entry.group === group)
      .sort((a, b) => (wanted === "" ? 0 : rank(a) - rank(b)))
      .filter(() => {
        counts.set(group, (counts.get(group) ?? 0) + 1);
        return (counts.get(group) ?? 0) <= most;
      }),
  );
}
