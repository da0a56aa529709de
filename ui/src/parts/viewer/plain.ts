/** Text that a program wrote, as it may be shown: nothing in it moves a cursor, turns the line around or is invisible. */
import { plainText } from "../log-text";

/** A row longer than this takes seconds to lay out; what is longer goes on in the next. */
const ROW_CHARS = 2_000;

export function plain(text: string): string {
  return plainText(text.replaceAll("\r\n", "\n"));
}

/** The text row by row; the end of the last line begins no other. */
export function rows(text: string): string[] {
  const shown = plain(text).replace(/\n$/, "");
  if (shown === "") return [];
  return shown.split("\n").flatMap((line) => (line.length <= ROW_CHARS ? [line] : pieces(line)));
}

function pieces(line: string): string[] {
  const all: string[] = [];
  for (let from = 0; from < line.length; ) {
    let to = Math.min(from + ROW_CHARS, line.length);
    // A character of two halves stays whole.
    if (to < line.length && /[\uD800-\uDBFF]/.test(line[to - 1] ?? "")) to -= 1;
    all.push(line.slice(from, to));
    from = to;
  }
  return all;
}
