import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { changes, job, machine, ScriptedBridge } from "../../../tests/fixtures";
import { useBridge } from "../../bridge/bridge";
import { cancelJob } from "../../state/job-actions";
import { pool } from "../../state/pool.svelte";
import { toasts } from "../../state/toasts.svelte";
import JobRow from "./JobRow.svelte";
import Jobs from "./Jobs.svelte";
import { filterJobs } from "./filter";
import { Selection } from "./selection.svelte";

describe("which jobs are shown", () => {
  const jobs = [
    job({ id: "a", name: "Tiles" }),
    job({ id: "b", name: "pi", module_name: "pi.wasm", state: "failed", ended_ms: 1, tasks: { total: 2, queued: 0, running: 0, done: 1, failed: 1, cancelled: 0, cached: 0 } }),
    job({ id: "c", name: "words", state: "done", ended_ms: 1, module_name: "count.wasm" }),
  ];
  const ids = (...filter: [Parameters<typeof filterJobs>[1], string]): string[] => filterJobs(jobs, ...filter).map((one) => one.id);
  it("by state", () => expect([ids("all", ""), ids("running", ""), ids("failed", ""), ids("done", "")]).toEqual([["a", "b", "c"], ["a"], ["b"], ["c"]]));
  it("by name or module, whatever the case", () => expect([ids("all", " tiles "), ids("all", "COUNT")]).toEqual([["a"], ["c"]]));
});

describe("selection", () => {
  const order = ["a", "b", "c", "d"];
  it("takes a range with shift, in both directions", () => {
    const selection = new Selection();
    selection.toggle("d", order, false);
    selection.toggle("b", order, true);
    expect([...selection.ids].sort()).toEqual(["b", "c", "d"]);
  });
  it("turns a range off like its end", () => {
    const selection = new Selection();
    for (const id of order) selection.toggle(id, order, false);
    selection.toggle("a", order, false);
    selection.toggle("c", order, true);
    expect([...selection.ids]).toEqual(["d"]);
  });
});

describe("the list", () => {
  let bridge: ScriptedBridge;
  beforeEach(async () => {
    bridge = new ScriptedBridge();
    useBridge(bridge);
    pool.start(bridge);
    await Promise.resolve();
    await Promise.resolve();
  });

  const tell = (changed: Parameters<typeof changes>[0]): void => bridge.watches.at(-1)?.on(changes({ whole: true, machines: [machine()], ...changed }));

  it("says so when there are no jobs", () => {
    tell({ jobs: [] });
    render(Jobs);
    expect(screen.getByText("No jobs yet")).toBeVisible();
  });

  it("offers the way back when a filter lets nothing through", async () => {
    tell({ jobs: [job()] });
    render(Jobs);
    await userEvent.type(screen.getByRole("searchbox", { name: "Filter jobs" }), "nothing like it");
    await userEvent.click(screen.getByRole("button", { name: "Show all jobs" }));
    expect(screen.getByRole("table", { name: "Jobs" })).toBeVisible();
  });

  it("names each row's menu and opens its job", () => {
    render(JobRow, { job: job(), at: 0, selected: false, onselect: () => {} });
    expect(screen.getByRole("button", { name: "Actions for tiles" })).toHaveAttribute("aria-haspopup", "menu");
    expect(screen.getByRole("link", { name: "tiles" })).toHaveAttribute("href", "#/jobs/j_1");
  });

  it("cancels at once and undoes it by a retry", async () => {
    await cancelJob(job());
    expect(bridge.asked).toEqual([{ verb: "cancel", job: "j_1" }]);
    const shown = toasts.shown.at(-1);
    expect(shown?.action?.label).toBe("Undo");
    toasts.act(shown?.id ?? -1);
    expect(bridge.asked.at(-1)).toMatchObject({ verb: "retry", job: "j_1" });
  });
});
