import { describe, expect, it } from "vitest";
import { logPieces, plainText, split } from "./log-text";

const esc = "\u001b";

describe("a log line in pieces", () => {
  it("keeps fields apart from the text", () => {
    expect(logPieces('task 3 done run_s=1.2 message="out of memory" x').map(({ text, kind }) => [kind, text])).toEqual([
      ["text", "task 3 done "],
      ["field", "run_s=1.2"],
      ["text", " "],
      ["field", 'message="out of memory"'],
      ["text", " x"],
    ]);
  });

  it("maps ANSI colours to the palette and ends them", () => {
    expect(logPieces(`${esc}[1;31mbad${esc}[0m fine`)).toEqual([
      { text: "bad", kind: "text", colour: "err", bold: true },
      { text: " fine", kind: "text", colour: null, bold: false },
    ]);
  });

  it("shows control characters and drops what moves cursors or sets titles", () => {
    expect(plainText(`a${esc}[2Jb\u0007${esc}]0;title\u0007c`)).toBe("ab^Gc");
    expect(logPieces("x\u202ey").map(({ text }) => text)).toEqual(["x", "‹202E›", "y"]);
  });

  it("is text, whatever it looks like", () => {
    expect(plainText("<img src=x onerror=alert(1)>")).toBe("<img src=x onerror=alert(1)>");
  });
});

it("splits by matches and ignores empty ones", () => {
  expect(split("banana", /an/g)).toEqual([["b", false], ["an", true], ["an", true], ["a", false]]);
  expect(split("abc", /x*/g)).toEqual([["abc", false]]);
});
