import { describe, expect, it } from "vitest";
import { ago, binaryBytes, bytes, elapsed, remaining, shortHash, took, whenShort } from "./format";

function check<A>(name: string, format: (value: A) => string, cases: readonly (readonly [A, string])[]): void {
  describe(name, () => {
    it.each(cases)("%s is %s", (value, text) => expect(format(value)).toBe(text));
  });
}

check("bytes", bytes, [[0, "0 B"], [999, "999 B"], [999_700, "1 MB"], [1_800_000, "1.8 MB"], [64_000_000_000, "64 GB"]]);
check("binaryBytes", binaryBytes, [[65_536, "64 KiB"], [268_435_456, "256 MiB"], [1_610_612_736, "1.5 GiB"]]);
check("elapsed", elapsed, [[-5, "0:00"], [192_999, "3:12"], [3_849_000, "1:04:09"]]);
check("took", took, [[0.2, "under 1 ms"], [38, "38 ms"], [1_210, "1.21 s"], [51_400, "51 s"], [220_000, "3:40"]]);
check("remaining", remaining, [
  [200, "5 s"],
  [21_000, "25 s"],
  [58_000, "1:00"],
  [115_000, "2:00"],
  [105_000, "1:45"],
  [720_000, "12 min"],
  [7_800_000, "2 h 10 min"],
  [7_200_000, "2 h"],
  [90_000_000, "1 day"],
]);

describe("times", () => {
  const now = new Date(2026, 10, 21, 14, 30).getTime();
  it("says only as much of a date as it needs", () => {
    expect(whenShort(new Date(2026, 10, 21, 9, 5).getTime(), now)).toBe("09:05");
    expect(whenShort(new Date(2026, 10, 20, 23, 59).getTime(), now)).toBe("Yesterday");
    expect(whenShort(new Date(2026, 10, 17, 12).getTime(), now)).toBe("Tue");
    expect(whenShort(new Date(2026, 9, 3, 12).getTime(), now)).toMatch(/3/);
  });
  it("counts what is past", () => {
    expect(ago(now - 10_000, now)).toBe("just now");
    expect(ago(now - 130_000, now)).toBe("2 min ago");
    expect(ago(now - 3 * 3_600_000, now)).toBe("3 h ago");
  });
});

it("shortens a hash to both ends", () => {
  expect(shortHash(`9f3c${"0".repeat(56)}e21a`)).toBe("9f3c…e21a");
  expect(shortHash("abc")).toBe("abc");
});
