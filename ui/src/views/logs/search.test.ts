import { describe, expect, it } from "vitest";
import { matching, readSearch } from "./search";

const found = (typed: string, lines: string[]): number[] | string => {
  const search = readSearch(typed);
  return search.state === "good" ? matching(lines, search.pattern) : search.state;
};

describe("a search in the log", () => {
  const lines = ["Task 3 done", "a.b (c)", "task 12 failed"];
  it("finds plain text, whatever its case", () => expect(found("TASK", lines)).toEqual([0, 2]));
  it("takes signs of plain text as they are", () => expect(found(".b (", lines)).toEqual([1]));
  it("takes /regex/ with flags", () => {
    expect(found("/task \\d{2}/", lines)).toEqual([2]);
    expect(found("/task \\d/i", lines)).toEqual([0, 2]);
  });
  it("says that a regex is not valid", () => expect(found("/(/", lines)).toBe("bad"));
  it("is nothing when nothing is typed", () => expect(found("", lines)).toBe("none"));
});
