import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Toasts, UNDO_MS } from "./toasts.svelte";

describe("messages", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const undo = (run: () => void = () => {}) => ({ label: "Undo", run });

  it("go by themselves", () => {
    const toasts = new Toasts();
    toasts.done("Copied");
    expect(toasts.shown.map((toast) => toast.text)).toEqual(["Copied"]);
    vi.advanceTimersByTime(UNDO_MS);
    expect(toasts.shown).toEqual([]);
  });

  it("do what cannot be undone when the time to undo has passed", () => {
    const toasts = new Toasts();
    const commit = vi.fn();
    toasts.later("Deleted", undo(), commit);
    vi.advanceTimersByTime(UNDO_MS - 1);
    expect(commit).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(commit).toHaveBeenCalledOnce();
  });

  it("do not do what was undone", () => {
    const toasts = new Toasts();
    const commit = vi.fn();
    const back = vi.fn();
    toasts.later("Deleted", undo(back), commit);
    toasts.act(toasts.shown[0]?.id ?? -1);
    vi.advanceTimersByTime(UNDO_MS * 2);
    expect(back).toHaveBeenCalledOnce();
    expect(commit).not.toHaveBeenCalled();
  });

  it("do it once when dismissed, and when the window goes", () => {
    const toasts = new Toasts();
    const first = vi.fn();
    const second = vi.fn();
    toasts.later("A", undo(), first);
    toasts.later("B", undo(), second);
    toasts.dismiss(toasts.shown[0]?.id ?? -1);
    toasts.settle();
    toasts.settle();
    vi.advanceTimersByTime(UNDO_MS * 2);
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 1]);
  });
});
