/** What was typed into a search field, as a pattern: plain text, or `/regex/` with flags. */

export type Search = { state: "none" } | { state: "bad" } | { state: "good"; pattern: RegExp };

const REGEX = /^\/(.+)\/([imsu]*)$/;

export function readSearch(typed: string): Search {
  if (typed === "") return { state: "none" };
  const match = REGEX.exec(typed);
  if (match === null) return { state: "good", pattern: new RegExp(escape(typed), "gi") };
  try {
    return { state: "good", pattern: new RegExp(match[1] ?? "", `g${match[2] ?? ""}`) };
  } catch {
    return { state: "bad" };
  }
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** The positions of the lines that match. */
export function matching(lines: readonly string[], pattern: RegExp): number[] {
  const found: number[] = [];
  lines.forEach((line, at) => {
    pattern.lastIndex = 0;
    if (pattern.test(line)) found.push(at);
  });
  return found;
}
