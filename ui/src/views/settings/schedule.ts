/**
 * The hours of the week in which a machine works: 7 days from Monday by 24
 * hours. As text `always`, or entries such as `mon-fri 18-24, sat 0-7 12-24`.
 */

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export const HOURS = 24;

/** Row by row, Monday first. */
export type Week = readonly boolean[];

export const ALWAYS = "always";

export const fullWeek = (): Week => Array.from({ length: DAYS.length * HOURS }, () => true);

/** `null` where the text is not one that this page can show. */
export function parseSchedule(text: string): Week | null {
  if (text.trim() === ALWAYS) return fullWeek();
  const week = Array.from({ length: DAYS.length * HOURS }, () => false);
  for (const entry of text.split(",")) {
    const [days = "", ...hours] = entry.trim().split(/\s+/);
    const rows = parseDays(days);
    if (rows === null || hours.length === 0) return null;
    for (const range of hours) {
      const match = /^(\d{1,2})-(\d{1,2})$/.exec(range);
      const from = Number(match?.[1]);
      const to = Number(match?.[2]);
      if (match === null || from >= to || to > HOURS) return null;
      for (const row of rows) week.fill(true, row * HOURS + from, row * HOURS + to);
    }
  }
  return week;
}

/** Days that are alike are written together. A week without an hour is `null`. */
export function writeSchedule(week: Week): string | null {
  if (week.every(Boolean)) return ALWAYS;
  const rows = DAYS.map((_, day) => writeHours(week.slice(day * HOURS, (day + 1) * HOURS)));
  const entries: string[] = [];
  for (let from = 0; from < DAYS.length; ) {
    let to = from;
    while (to + 1 < DAYS.length && rows[to + 1] === rows[from]) to += 1;
    const hours = rows[from] ?? "";
    if (hours !== "") entries.push(`${from === to ? DAYS[from] : `${DAYS[from]}-${DAYS[to]}`} ${hours}`);
    from = to + 1;
  }
  return entries.length === 0 ? null : entries.join(", ");
}

function parseDays(text: string): number[] | null {
  const [first = "", last = first] = text.toLowerCase().split("-");
  const from = DAYS.findIndex((day) => day === first);
  const to = DAYS.findIndex((day) => day === last);
  if (from < 0 || to < from) return null;
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

function writeHours(hours: readonly boolean[]): string {
  const ranges: string[] = [];
  for (let from = 0; from < HOURS; from += 1) {
    if (!hours[from]) continue;
    let to = from;
    while (to < HOURS && hours[to]) to += 1;
    ranges.push(`${from}-${to}`);
    from = to;
  }
  return ranges.join(" ");
}
