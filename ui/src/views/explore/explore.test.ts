import { describe, expect, it } from "vitest";
import { centreFirst, coordinate, moved, partOf, pixelOf, placed, type Rect, tileOf, uncovered, zoomedAbout } from "./plane";

const size = { width: 800, height: 400 };
const view = { re: -0.65, im: 0.1, zoom: 1 };
const area = (parts: readonly Rect[]): number => parts.reduce((sum, part) => sum + part.width * part.height, 0);

describe("plane", () => {
  it("shows 2.6 units along the shorter side at zoom 1", () => {
    expect(pixelOf(view, size) * 400).toBeCloseTo(2.6, 12);
  });

  it("keeps the point under the pointer when it zooms", () => {
    const [x, y] = [640, 90];
    const at = (of: typeof view): [number, number] => {
      const pixel = pixelOf(of, size);
      return [of.re + (x - 400) * pixel, of.im - (y - 200) * pixel];
    };
    const next = zoomedAbout(view, size, 7.3, x, y, 1e12, 0.01);
    expect(at(next)[0]).toBeCloseTo(at(view)[0], 12);
    expect(at(next)[1]).toBeCloseTo(at(view)[1], 12);
    expect(zoomedAbout(view, size, 1e30, x, y, 1e12, 0.01).zoom).toBe(1e12);
  });

  it("moves the picture with the pointer", () => {
    const next = moved(view, size, 30, -20);
    const place = placed(view, next, size);
    expect([place.x, place.y, place.scale]).toEqual([expect.closeTo(30, 9), expect.closeTo(-20, 9), 1]);
  });

  it("has parts at the scale of the whole", () => {
    const part = { left: 600, top: 300, width: 200, height: 100 };
    const own = partOf(view, size, part);
    expect(pixelOf(own, part)).toBeCloseTo(pixelOf(view, size), 14);
    const whole = partOf(view, size, { left: 0, top: 0, ...size });
    expect([whole.re, whole.im, whole.zoom]).toEqual([expect.closeTo(view.re), expect.closeTo(view.im), expect.closeTo(1)]);
  });

  it("cuts a picture without overlap, its middle first", () => {
    const parts = centreFirst({ width: 801, height: 403 });
    expect(area(parts)).toBe(801 * 403);
    expect(parts[0]).toMatchObject({ left: 200, top: 100 });
  });

  it.each([[30, 0], [0, -25], [30, -25], [-13, 40]])("uncovers what a move by %i, %i brings in", (x, y) => {
    const parts = uncovered(size, x, y);
    expect(area(parts)).toBe(800 * 400 - (800 - Math.abs(x)) * (400 - Math.abs(y)));
    for (const part of parts) {
      expect(part.left).toBeGreaterThanOrEqual(0);
      expect(part.left + part.width).toBeLessThanOrEqual(800);
      expect(part.top + part.height).toBeLessThanOrEqual(400);
    }
  });

  it("places tiles as the kernel cuts them", () => {
    const grid = [3, 3] as const;
    const tiles = Array.from({ length: 9 }, (_, index) => tileOf({ width: 250, height: 150 }, grid, index));
    expect(area(tiles)).toBe(250 * 150);
    expect(tiles[1]).toEqual({ left: 83, top: 0, width: 83, height: 50 });
    expect(tiles[8]).toEqual({ left: 166, top: 100, width: 84, height: 50 });
  });

  it("writes as many digits as pixels tell apart", () => {
    expect(coordinate(-0.74364478601, 1e-8)).toBe("−0.74364479");
    expect(coordinate(0.5, 0.01)).toBe("+0.50");
  });
});
