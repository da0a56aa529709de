import { describe, expect, it } from "vitest";
import { job } from "../../tests/fixtures";
import { Milestones } from "./milestones";

const at = (done: number, failed = 0, ended = false) =>
  job({ id: "j_1", name: "tiles", state: ended ? "done" : "running", ended_ms: ended ? 1 : null, tasks: { total: 100, queued: 0, running: 0, done, failed, cancelled: 0, cached: 0 } });

describe("milestones", () => {
  it("says quarters once, failures and the end, and never a task", () => {
    const milestones = new Milestones();
    expect(milestones.news([at(10)])).toEqual([]);
    expect(milestones.news([at(20)])).toEqual([]);
    expect(milestones.news([at(26)])).toEqual(["tiles: 25 % done"]);
    expect(milestones.news([at(27)])).toEqual([]);
    expect(milestones.news([at(80, 1)])).toEqual(["tiles: 1 task failed", "tiles: 75 % done"]);
    expect(milestones.news([at(100, 1, true)])).toEqual(["tiles is done"]);
    expect(milestones.news([at(100, 1, true)])).toEqual([]);
  });

  it("does not read out what ended before the window opened", () => {
    expect(new Milestones().news([at(100, 0, true)])).toEqual([]);
  });
});
