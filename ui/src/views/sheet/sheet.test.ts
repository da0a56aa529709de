import { describe, expect, it } from "vitest";
import type { ParameterView } from "../../bridge/types";
import { filled, knownPlaceholders, quoted, splitArguments, unknownPlaceholders } from "./arguments";
import { readCommand, writeCommand } from "./command";
import { combination, countLines, countRange, countSweep, sweptValues } from "./counts";
import { readSize, readSpan, sizeWord, spanText, spanWord } from "./limits";
import { parameterTitle, rangeText, wrongValue } from "./parameter";
import { fixOf } from "./verdict";

describe("arguments", () => {
  it.each([
    ["a b  c", ["a", "b", "c"]],
    ["'a b' \"c d\"", ["a b", "c d"]],
    ["a\\ b \"q\\\"q\" 'it'\\''s'", ["a b", 'q"q', "it's"]],
    ["x'' ''", ["x", ""]],
    ["", []],
    ['--size {item} "C:\\dir"', ["--size", "{item}", "C:\\dir"]],
  ])("splits %s", (line, words) => {
    expect(splitArguments(line)).toEqual({ words, openQuote: false });
  });

  it("says that a quote is open", () => {
    expect(splitArguments("a 'b c")).toEqual({ words: ["a", "b c"], openQuote: true });
  });

  it("writes words that are read back", () => {
    for (const word of ["plain", "", "a b", "it's", "$x", "{index}", "tiles/*.json"]) {
      expect(splitArguments(quoted(word)).words).toEqual([word]);
    }
  });

  it("marks placeholders that stand for nothing", () => {
    expect(unknownPlaceholders(["{item}", "{foo}", "x{foo}y", "{size}"], knownPlaceholders("sweep", ["size"]))).toEqual(["foo"]);
    expect(unknownPlaceholders(["{item}"], knownPlaceholders("once", []))).toEqual(["item"]);
    expect(filled("{index}-{item}-{x}", { index: "3", item: "7" })).toBe("3-7-{x}");
  });
});

describe("counts", () => {
  it("counts ranges without their end", () => {
    const range = countRange({ start: "0", end: "10", step: "3" });
    expect("tasks" in range && [range.tasks, range.item(3)]).toEqual([4, "9"]);
    const down = countRange({ start: "5", end: "0", step: "-2" });
    expect("tasks" in down && [down.tasks, down.item(2)]).toEqual([3, "1"]);
    const large = countRange({ start: "9007199254740993", end: "9007199254740995", step: "1" });
    expect("tasks" in large && large.item(1)).toBe("9007199254740994");
  });

  it.each([["0", "0", "1"], ["0", "5", "0"], ["5", "0", "1"], ["a", "1", "1"], ["", "1", "1"], ["0", "9999999999", "1"]])(
    "refuses %s to %s by %s",
    (start, end, step) => {
      expect(countRange({ start, end, step })).toHaveProperty("wrong");
    },
  );

  it("puts several lines into a task, and what is left into the last", () => {
    const two = countLines(5, "2");
    expect("tasks" in two && [two.tasks, two.item(0), two.item(2)]).toEqual([3, "lines 1–2", "line 5"]);
    const one = countLines(5, "1");
    expect("tasks" in one && [one.tasks, one.item(4)]).toEqual([5, "line 5"]);
    for (const wrong of ["0", "-1", "x", ""]) expect(countLines(5, wrong)).toHaveProperty("wrong");
  });

  it("reads swept values", () => {
    expect(sweptValues("a, b,c")).toEqual({ values: ["a", "b", "c"] });
    expect(sweptValues("0..3")).toEqual({ values: ["0", "1", "2"] });
    expect(sweptValues("1.0..1.3..0.1")).toEqual({ values: ["1.0", "1.1", "1.2"] });
    expect(sweptValues("3..0..-1")).toEqual({ values: ["3", "2", "1"] });
    for (const wrong of ["", "3..1", "0..1..0", "a..b", "1..2..3..4"]) expect(sweptValues(wrong)).toHaveProperty("wrong");
  });

  it("makes a task of every combination, the last fastest", () => {
    const parameters = [{ name: "t", values: ["1", "2"] }, { name: "s", values: ["a", "b", "c"] }];
    const counted = countSweep(parameters);
    expect("tasks" in counted && counted.tasks).toBe(6);
    expect([0, 1, 3].map((index) => combination(parameters, index).map(([, value]) => value).join(""))).toEqual(["1a", "1b", "2a"]);
  });
});

describe("limits", () => {
  it("reads and writes sizes", () => {
    expect(["256 MiB", "1g", "1.5 GiB", "500MB", "12"].map(readSize)).toEqual([268435456, 1073741824, 1610612736, 500000000, 12]);
    expect(["", "0", "x", "1 TiBB", "-1"].map(readSize)).toEqual([null, null, null, null, null]);
    expect([sizeWord(268435456), sizeWord(500000000)]).toEqual(["256MiB", "500000000"]);
  });

  it("reads and writes spans", () => {
    expect(["10 min", "90s", "1h 30m", "250ms"].map(readSpan)).toEqual([600000, 90000, 5400000, 250]);
    expect(["", "10", "5 x"].map(readSpan)).toEqual([null, null, null]);
    expect([spanText(600000), spanText(5400000), spanText(90000), spanText(5)]).toEqual(["10 min", "1 h 30 min", "1 min 30 s", "5 ms"]);
    expect([600000, 90000, 3600000, 1500].map(spanWord)).toEqual(["10m", "90s", "1h", "1500ms"]);
  });
});

describe("parameters", () => {
  const parameter = (more: Partial<ParameterView>): ParameterView => ({ name: "width", type: "integer", default: "16", min: "16", max: "32768", choices: [], help: "", ...more });

  it("checks what is typed", () => {
    expect(wrongValue(parameter({}), "4096")).toBeNull();
    expect(wrongValue(parameter({}), "")).toBeNull();
    expect(wrongValue(parameter({ default: null }), "")).not.toBeNull();
    expect(wrongValue(parameter({}), "15")).toBe("At least 16.");
    expect(wrongValue(parameter({}), "40000")).toBe("At most 32,768.");
    expect(wrongValue(parameter({}), "1.5")).not.toBeNull();
    expect(wrongValue(parameter({ type: "number", min: null, max: null }), "1e-3")).toBeNull();
    expect(wrongValue(parameter({ type: "choice", choices: ["a", "b"] }), "c")).toBe("One of a, b.");
    expect(wrongValue(parameter({ type: "bool" }), "yes")).not.toBeNull();
  });

  it("names it and its range", () => {
    expect(rangeText(parameter({}))).toBe("16 to 32,768");
    expect(rangeText(parameter({ min: null }))).toBe("");
    expect(parameterTitle("max_iterations")).toBe("Max iterations");
  });
});

describe("commands", () => {
  it("writes ours before the module and reads it back", () => {
    const asked = { options: [["--range", "0..256"], ["--name", "a b"]] as [string, string][], module: "mandel.wasm", params: { max_iterations: "50" }, args: [] };
    const line = writeCommand(asked);
    expect(line).toBe("skep map --range 0..256 --name 'a b' mandel.wasm --max-iterations 50");
    expect(readCommand(line, "mandel.wasm", true)).toEqual(asked);
  });

  it("keeps a program's own options from ours", () => {
    const line = writeCommand({ options: [], module: "a.wasm", params: {}, args: ["--fast", "it's"] });
    expect(line).toBe("skep run a.wasm -- --fast 'it'\\''s'");
    expect(readCommand(line, "a.wasm", false).args).toEqual(["--fast", "it's"]);
  });
});

describe("verdicts", () => {
  it("takes the command out of the hint", () => {
    expect(fixOf("build it for WASI: cargo build --release --target wasm32-wasip1")).toEqual({ text: "Build it for WASI.", command: "cargo build --release --target wasm32-wasip1" });
    expect(fixOf("Rebuild with `GOOS=wasip1 GOARCH=wasm go build`.")).toEqual({ text: "Rebuild with.", command: "GOOS=wasip1 GOARCH=wasm go build" });
    expect(fixOf("Drop the original .wasm.")).toEqual({ text: "Drop the original .wasm.", command: null });
  });
});
