import { describe, expect, it, vi } from "vitest";
import { Commands, showKeys, strokeOf } from "./commands.svelte";

const press = (commands: Commands, key: string, more: KeyboardEventInit = {}, target: HTMLElement = document.body): KeyboardEvent => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  target.addEventListener("keydown", (seen) => commands.handle(seen as KeyboardEvent), { once: true });
  target.dispatchEvent(event);
  return event;
};

describe("keys", () => {
  it("runs a command by its key and keeps the browser out of it", () => {
    const commands = new Commands();
    const run = vi.fn();
    commands.register([{ id: "a", title: "A", keys: ["n", "mod+o"], run }]);
    expect(press(commands, "n").defaultPrevented).toBe(true);
    press(commands, "o", { ctrlKey: true });
    expect(run).toHaveBeenCalledTimes(2);
  });

  it("runs pairs, one key after the other", () => {
    const commands = new Commands();
    const go = vi.fn();
    const other = vi.fn();
    commands.register([{ id: "go", title: "", keys: ["g j"], run: go }, { id: "j", title: "", keys: ["j"], run: other }]);
    press(commands, "g");
    press(commands, "j");
    expect(go).toHaveBeenCalledOnce();
    expect(other).not.toHaveBeenCalled();
    press(commands, "j");
    expect(other).toHaveBeenCalledOnce();
  });

  it("leaves letters to fields, but not commands with a modifier", () => {
    const commands = new Commands();
    const letter = vi.fn();
    const palette = vi.fn();
    commands.register([{ id: "n", title: "", keys: ["n"], run: letter }, { id: "k", title: "", keys: ["mod+k"], run: palette }]);
    const field = document.body.appendChild(document.createElement("input"));
    press(commands, "n", {}, field);
    press(commands, "k", { ctrlKey: true }, field);
    expect(letter).not.toHaveBeenCalled();
    expect(palette).toHaveBeenCalledOnce();
    field.remove();
  });

  it("prefers what was registered last, until it goes", () => {
    const commands = new Commands();
    const first = vi.fn();
    const second = vi.fn();
    commands.register([{ id: "1", title: "", keys: ["/"], run: first }]);
    const leave = commands.register([{ id: "2", title: "", keys: ["/"], run: second }]);
    press(commands, "/");
    leave();
    press(commands, "/");
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 1]);
  });

  it("reads strokes and shows them", () => {
    expect(strokeOf(new KeyboardEvent("keydown", { key: "K", ctrlKey: true }))).toBe("mod+k");
    expect(strokeOf(new KeyboardEvent("keydown", { key: "n", altKey: true }))).toBe("");
    expect(showKeys("g o")).toBe("G O");
    expect(showKeys("mod+k")).toBe("Ctrl K");
  });
});
