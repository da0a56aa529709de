import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { changes, contribution, job, machine, ScriptedBridge } from "../../tests/fixtures";
import { ApiError } from "../bridge/bridge";
import { Pool } from "./pool.svelte";

const settle = (): Promise<void> => vi.advanceTimersByTimeAsync(0).then(() => undefined);

describe("the pool as the page knows it", () => {
  let bridge: ScriptedBridge;
  let pool: Pool;

  beforeEach(async () => {
    vi.useFakeTimers();
    bridge = new ScriptedBridge();
    pool = new Pool();
    pool.start(bridge);
    await settle();
  });
  afterEach(() => {
    pool.stop();
    vi.useRealTimers();
  });

  const tell = (nth: number, changed: Parameters<typeof changes>[0]): void => bridge.watches[nth]?.on(changes(changed));

  it("is connecting until the first snapshot, then live", () => {
    expect(pool.link.state).toBe("connecting");
    tell(0, { whole: true, jobs: [job()], machines: [machine()], contribution: contribution() });
    expect(pool.link.state).toBe("live");
    expect(pool.jobList.map((one) => one.id)).toEqual(["j_1"]);
    expect(pool.contribution?.cores).toBe(6);
  });

  it("changes only what a delta names", () => {
    tell(0, { whole: true, jobs: [job(), job({ id: "j_2", accepted_ms: 2_000 })] });
    tell(0, { jobs: [job({ name: "renamed" })], gone: ["j_2"] });
    expect(pool.jobList.map((one) => one.name)).toEqual(["renamed"]);
  });

  it("lists the newest first and keeps running and ended apart", () => {
    tell(0, {
      whole: true,
      jobs: [
        job({ id: "old", state: "done", ended_ms: 9 }),
        job({ id: "late", state: "failed", ended_ms: 30, accepted_ms: 3_000 }),
        job({ id: "runs", accepted_ms: 2_000 }),
      ],
    });
    expect(pool.jobList.map((one) => one.id)).toEqual(["late", "runs", "old"]);
    expect(pool.running.map((one) => one.id)).toEqual(["runs"]);
    expect(pool.ended.map((one) => one.id)).toEqual(["late", "old"]);
  });

  it("keeps what it knows while the node is away, and comes back by itself", async () => {
    tell(0, { whole: true, jobs: [job()] });
    bridge.answer = () => new ApiError("unreachable", "the node does not answer");
    pool.retry();
    await settle();
    expect(pool.link).toMatchObject({ state: "lost", why: "the node does not answer" });
    expect(pool.jobList).toHaveLength(1);
    bridge.answer = () => ({ reply: "done" });
    await vi.advanceTimersByTimeAsync(5_000);
    tell(1, { whole: true, jobs: [job({ id: "j_9" })] });
    expect(pool.link.state).toBe("live");
    expect(pool.jobList.map((one) => one.id)).toEqual(["j_9"]);
  });

  it("watches the tasks of one job by another watch, and ends the former", async () => {
    tell(0, { whole: true, jobs: [job()] });
    const tasks = vi.fn();
    const stop = pool.watchJob("j_1", { tasks });
    await settle();
    expect(bridge.watches.map((watch) => [watch.request, watch.ended])).toEqual([
      [{ verb: "watch", job: null }, true],
      [{ verb: "watch", job: "j_1" }, false],
    ]);
    tell(1, { whole: true, jobs: [job()], cells: [{ first: 0, count: 10, state: "queued", retried: false }] });
    expect(tasks).toHaveBeenCalledWith({ whole: true, cells: [{ first: 0, count: 10, state: "queued", retried: false }], spans: [] });
    stop();
    await settle();
    expect(bridge.watches[2]?.request).toEqual({ verb: "watch", job: null });
    expect(bridge.watches[1]?.ended).toBe(true);
  });

  it("does not believe a watch that was replaced", async () => {
    tell(0, { whole: true, jobs: [] });
    pool.watchJob("j_1", { tasks: () => {} });
    await settle();
    tell(0, { jobs: [job({ id: "ghost" })] });
    expect(pool.jobs.has("ghost")).toBe(false);
  });

  it("leaves older jobs that were read by hand when it starts again", async () => {
    tell(0, { whole: true, jobs: [job({ id: "new", accepted_ms: 5_000 })] });
    bridge.answer = (request) => (request.verb === "jobs" ? { reply: "jobs", jobs: [job({ id: "old", state: "done", ended_ms: 2, accepted_ms: 1 })], cursor: null } : { reply: "done" });
    await pool.loadOlder();
    pool.retry();
    await settle();
    tell(1, { whole: true, jobs: [job({ id: "new", accepted_ms: 5_000 })] });
    expect(pool.jobList.map((one) => one.id)).toEqual(["new", "old"]);
    expect(pool.hasOlder).toBe(false);
  });

  it("takes a job out of the lists while its deletion can be undone", () => {
    tell(0, { whole: true, jobs: [job()] });
    pool.hide("j_1", true);
    expect(pool.jobList).toEqual([]);
    pool.hide("j_1", false);
    expect(pool.jobList).toHaveLength(1);
  });

  it("asks the node for a job that the watch did not tell", async () => {
    tell(0, { whole: true, jobs: [] });
    bridge.answer = () => ({ reply: "job", ...job({ id: "far" }) });
    expect((await pool.find("far")).id).toBe("far");
    expect(bridge.asked).toEqual([{ verb: "job", job: "far" }]);
  });
});
