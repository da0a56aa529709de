import { describe, expect, it } from "vitest";
import { detect } from "./detect";
import { hexLine } from "./hex";
import { plain, rows } from "./plain";
import { readCsv, readNdjson } from "./table";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0]);

describe("detect", () => {
  it.each([
    ["a picture by its bytes", PNG, null, "image"],
    ["a picture by its type", PNG, "image/png", "image"],
    ["an object", bytes('{"a": 1}'), null, "json"],
    ["a list", bytes(" [1, 2]\n"), "application/json", "json"],
    ["a number, which is text to people", bytes("42\n"), null, "text"],
    ["lines of JSON", bytes('{"a":1}\n{"a":2}\n'), null, "table"],
    ["a table", bytes("a,b\n1,2\n3,4\n"), null, "table"],
    ["a table by its type", bytes("a\n1\n"), "text/csv", "table"],
    ["prose with commas", bytes("Well, then.\nWe go on.\n"), null, "text"],
    ["bytes", new Uint8Array([0, 1, 255]), null, "hex"],
    ["SVG, only as its source", bytes("<svg onload='x'/>"), "image/svg+xml", "text"],
    ["a page, only as its source", bytes("<html></html>"), "text/html", "text"],
    ["nothing", new Uint8Array(), null, "text"],
  ])("shows %s", (_what, of, type, look) => {
    expect(detect(of, type)).toEqual({ look, why: null });
  });

  it("says why what should be something else is shown as bytes", () => {
    expect(detect(bytes("oops"), "image/png")).toEqual({ look: "hex", why: "not a picture although the module says image/png" });
    expect(detect(new Uint8Array([255]), "text/plain; charset=utf-8").why).toContain("text/plain");
    expect(detect(bytes("{"), "application/json")).toEqual({ look: "text", why: "not JSON although the module says so" });
  });
});

describe("tables", () => {
  it("reads quotes, commas and line ends in fields", () => {
    expect(readCsv('a,b\r\n"x, y","say ""so""\nthen"\r\n3,\n')).toEqual({
      head: ["a", "b"],
      rows: [["x, y", 'say "so"\nthen'], ["3", ""]],
    });
  });

  it("makes a column of every key", () => {
    expect(readNdjson('{"a":1}\n{"b":[2],"a":"x"}\n')).toEqual({ head: ["a", "b"], rows: [["1", ""], ["x", "[2]"]] });
  });
});

it("dumps bytes with their place and text", () => {
  expect(hexLine(bytes("0123456789abcdefXY\n"), 1)).toEqual({ at: "00000010", hex: "58 59 0a", text: "XY·" });
  expect(hexLine(bytes("0123456789abcdef"), 0).hex).toBe("30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66");
});

it("shows what a program wrote without its escapes", () => {
  expect(plain("\u001b[31mred\u001b[0m\r\nbell\u0007 \u001b]0;title\u0007end")).toBe("red\nbell^G end");
});

it("turns no line around", () => {
  expect(plain("invoice\u202Efdp.exe")).toBe("invoice‹202E›fdp.exe");
});

// RELIABILITY case 66: a row that is laid out is never long, however long a line is.
it("cuts a line of 50 MiB into rows and loses nothing", () => {
  const line = "a<img onerror=alert(1)>\u{1F41D}".repeat((50 * 1024 * 1024) / 24);
  const shown = rows(`${line}\nthe end\n`);
  expect(shown.at(-1)).toBe("the end");
  expect(Math.max(...shown.map((row) => row.length))).toBeLessThanOrEqual(2_000);
  expect(shown.slice(0, -1).join("") === line).toBe(true);
  expect(rows("")).toEqual([]);
  expect(rows("one\n\ntwo")).toEqual(["one", "", "two"]);
});
