import { describe, expect, it } from "vitest";
import { DAYS, HOURS, fullWeek, parseSchedule, writeSchedule } from "./schedule";

describe("the week's schedule", () => {
  it.each(["always", "mon-fri 18-24", "mon-fri 18-24, sat-sun 0-24", "wed 0-7 12-14", "mon 0-1, wed 0-1, sun 23-24"])("%s reads as it was written", (text) => {
    const week = parseSchedule(text);
    expect(week).not.toBeNull();
    expect(writeSchedule(week ?? [])).toBe(text);
  });

  it("writes days that are alike together", () => {
    const week = fullWeek().map((_, at) => at % HOURS >= 20);
    expect(writeSchedule(week)).toBe("mon-sun 20-24");
  });

  it("does not write a week without an hour", () => {
    expect(writeSchedule(fullWeek().map(() => false))).toBeNull();
  });

  it.each(["", "never", "mon", "fri-mon 1-2", "mon 5-5", "mon 20-25", "mon 1:30-2"])("does not read %j", (text) => {
    expect(parseSchedule(text)).toBeNull();
  });

  it("has a cell for every hour", () => {
    expect(fullWeek()).toHaveLength(DAYS.length * 24);
  });
});
