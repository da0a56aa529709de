import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Spans } from "../timeline/spans";
import { Cells } from "./cells";
import TaskGrid from "./TaskGrid.svelte";
import TaskTable from "./TaskTable.svelte";

const cells = (): Cells => {
  const made = new Cells(120);
  made.apply([{ first: 0, count: 40, state: "done", retried: false }, { first: 40, count: 1, state: "failed", retried: true }], true);
  return made;
};

function grid(onopen = vi.fn()) {
  const shown = render(TaskGrid, {
    cells: cells(), version: 1, spans: new Spans(), spansVersion: 0, colourBy: "state", edges: [], selected: null, summary: "40 of 120 done, 1 failed", onopen,
  });
  return { ...shown, onopen, field: screen.getByRole("application", { name: "40 of 120 done, 1 failed" }) };
}

describe("the task grid", () => {
  beforeEach(() => {
    // jsdom lays nothing out: the page's usual width.
    vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(552);
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
  });

  it("says which cell the keys are on", async () => {
    const { field, container } = grid();
    field.focus();
    const mirror = container.querySelector("[aria-live]");
    await waitFor(() => expect(mirror).toHaveTextContent("Task 0: Done"));
    await fireEvent.keyDown(field, { key: "ArrowRight" });
    expect(mirror).toHaveTextContent("Task 1: Done");
    await fireEvent.keyDown(field, { key: "ArrowDown" });
    expect(mirror).toHaveTextContent(/^Task 41: Queued$/);
    await fireEvent.keyDown(field, { key: "ArrowLeft" });
    expect(mirror).toHaveTextContent("Task 40: Failed, attempt 2");
    await fireEvent.keyDown(field, { key: "End" });
    expect(mirror).toHaveTextContent("Task 119");
  });

  it("opens the task under the keys, and only there", async () => {
    const { field, onopen } = grid();
    field.focus();
    await fireEvent.keyDown(field, { key: "ArrowRight" });
    expect(onopen).not.toHaveBeenCalled();
    await fireEvent.keyDown(field, { key: "Enter" });
    expect(onopen).toHaveBeenCalledExactlyOnceWith(1);
  });

  it("leaves other keys to the page", async () => {
    const { field } = grid();
    field.focus();
    const event = new KeyboardEvent("keydown", { key: "t", bubbles: true, cancelable: true });
    field.dispatchEvent(event);
    expect(event.defaultPrevented).toBe(false);
  });

  it("is silent while the keys are elsewhere", () => {
    const { container } = grid();
    expect(container.querySelector("[aria-live]")).toHaveTextContent("");
  });
});

it("has the same tasks as a table", () => {
  render(TaskTable, { cells: cells(), version: 1, spans: new Spans(), spansVersion: 0, selected: null, onopen: vi.fn() });
  expect(screen.getByRole("table", { name: "Tasks" })).toHaveAttribute("aria-rowcount", "121");
  expect(screen.getAllByRole("columnheader").map((head) => head.textContent)).toEqual(["Task", "State", "Attempt", "Took"]);
});
