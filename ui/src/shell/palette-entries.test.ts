import { expect, it } from "vitest";
import { type Entry, findEntries } from "./palette-entries";

const entry = (group: Entry["group"], title: string, also = ""): Entry => ({ id: title, group, title, also, keys: null, note: "", glyph: null, run: () => {} });
const entries = [entry("commands", "Go to Machines"), entry("commands", "Run module"), entry("jobs", "tiles-mandel"), entry("jobs", "mandelbrot", "j_7")];
const titles = (typed: string): string[] => findEntries(entries, typed).map((one) => one.title);

it("finds every word, in any order and case", () => {
  expect(titles("MACH go")).toEqual(["Go to Machines"]);
  expect(titles("j_7")).toEqual(["mandelbrot"]);
  expect(titles("nothing")).toEqual([]);
});

it("puts what begins so first, within its group", () => {
  expect(titles("mandel")).toEqual(["mandelbrot", "tiles-mandel"]);
});

it("shows a few of each group while nothing is typed", () => {
  const many = Array.from({ length: 500 }, (_, n) => entry("jobs", `job ${n}`));
  expect(findEntries([...entries, ...many], "").filter((one) => one.group === "jobs")).toHaveLength(12);
});
