import { describe, expect, it } from "vitest";
import { Cells } from "./cells";
import { cellAt, cellOf, gridLayout, moved, rectOf, tasksOf } from "./layout";
import { durationEdges, shadeOf } from "./shade";

describe("cells", () => {
  it("takes runs and counts what they change", () => {
    const cells = new Cells(10);
    cells.apply([{ first: 0, count: 4, state: "done", retried: false }, { first: 4, count: 2, state: "running", retried: false }], true);
    expect([cells.count("done"), cells.count("running"), cells.count("queued")]).toEqual([4, 2, 4]);
    cells.apply([{ first: 3, count: 2, state: "failed", retried: true }], false);
    expect([cells.count("done"), cells.count("running"), cells.count("failed")]).toEqual([3, 1, 2]);
    expect(cells.stateOf(4)).toBe("failed");
    expect(cells.retried(4)).toBe(true);
    expect(cells.retried(0)).toBe(false);
  });

  it("forgets everything at a whole batch", () => {
    const cells = new Cells(3);
    cells.apply([{ first: 0, count: 3, state: "done", retried: true }], true);
    cells.apply([{ first: 1, count: 1, state: "running", retried: false }], true);
    expect([0, 1, 2].map((n) => cells.stateOf(n))).toEqual(["queued", "running", "queued"]);
    expect(cells.count("queued")).toBe(2);
  });

  it("ignores what lies beyond the last task", () => {
    const cells = new Cells(2);
    cells.apply([{ first: 1, count: 5, state: "done", retried: false }], false);
    expect(cells.count("done")).toBe(1);
    expect(cells.count("queued")).toBe(1);
  });

  it("says once what is to be painted", () => {
    const cells = new Cells(9);
    expect(cells.takeDirty()).toBeNull();
    expect(cells.takeDirty()).toEqual([]);
    cells.apply([{ first: 2, count: 3, state: "done", retried: false }], false);
    expect(cells.takeDirty()).toEqual([{ first: 2, end: 5 }]);
    expect(cells.takeDirty()).toEqual([]);
  });

  it("goes from failure to failure, round the end", () => {
    const cells = new Cells(6);
    cells.apply([{ first: 1, count: 1, state: "failed", retried: false }, { first: 4, count: 1, state: "failed", retried: false }], true);
    expect(cells.next("failed", 1)).toBe(4);
    expect(cells.next("failed", 4)).toBe(1);
    expect(cells.next("running", 0)).toBeNull();
  });
});

describe("layout", () => {
  it("makes forty columns of the page's usual width", () => {
    const layout = gridLayout(480, 552);
    expect([layout.columns, layout.rows, layout.bucket]).toEqual([40, 12, 1]);
    expect(layout.height).toBe(142);
  });

  it("shrinks cells before it grows, down to six pixels", () => {
    const heights = [100, 1_000, 2_000].map((tasks) => gridLayout(tasks, 552)).map((layout) => layout.pitchY - layout.gap);
    expect(heights[0]).toBe(10);
    expect(heights[1]).toBeLessThan(11);
    expect(heights[2]).toBeGreaterThanOrEqual(6);
    expect(heights).toEqual([...heights].sort((a, b) => b - a));
  });

  it("has small cells without gaps for thousands and buckets for more", () => {
    expect(gridLayout(10_000, 552)).toMatchObject({ pitchX: 4, gap: 0, bucket: 1, columns: 138 });
    expect(gridLayout(100_000, 552)).toMatchObject({ bucket: 50, cells: 2_000, gap: 2 });
    expect(gridLayout(20_001, 552).bucket).toBe(20);
  });

  it.each([480, 1_999, 10_000, 70_001])("finds every cell where it is drawn, of %i tasks", (tasks) => {
    const layout = gridLayout(tasks, 613);
    for (let cell = 0; cell < layout.cells; cell += 37) {
      const { x, y, width, height } = rectOf(layout, cell);
      expect(cellAt(layout, x + width / 2, y + height / 2)).toBe(cell);
    }
    expect(tasksOf(layout, layout.cells - 1).end).toBe(tasks);
    expect(cellOf(layout, tasks - 1)).toBe(layout.cells - 1);
    expect(cellAt(layout, -1, 0)).toBeNull();
    expect(cellAt(layout, 1, layout.rows * layout.pitchY + 1)).toBeNull();
  });

  it("moves the focus and stops at the edges", () => {
    const layout = gridLayout(100, 552);
    expect(moved(layout, 0, "ArrowRight")).toBe(1);
    expect(moved(layout, 0, "ArrowLeft")).toBe(0);
    expect(moved(layout, 5, "ArrowDown")).toBe(45);
    expect(moved(layout, 5, "ArrowUp")).toBe(5);
    expect(moved(layout, 5, "PageDown")).toBe(99);
    expect(moved(layout, 5, "End")).toBe(99);
    expect(moved(layout, 5, "a")).toBeNull();
  });

  it("is empty for no tasks and one column on no width", () => {
    expect(gridLayout(0, 500)).toMatchObject({ cells: 0, rows: 0, height: 0 });
    expect(gridLayout(3, 0).columns).toBe(1);
  });
});

describe("shades", () => {
  it("rises with the duration and leaves outliers at the ends", () => {
    const edges = durationEdges([...Array.from({ length: 200 }, (_, n) => 100 + n), 100_000]);
    expect(edges).toHaveLength(4);
    expect(shadeOf(1, edges)).toBe(0);
    expect(shadeOf(200, edges)).toBeGreaterThan(0);
    expect(shadeOf(100_000, edges)).toBe(4);
  });

  it("tells nothing apart where all ran alike", () => {
    expect(durationEdges([5, 5, 5])).toEqual([]);
    expect(durationEdges([])).toEqual([]);
  });
});
