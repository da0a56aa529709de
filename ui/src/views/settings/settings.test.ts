import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ScriptedBridge } from "../../../tests/fixtures";
import { ApiError, useBridge } from "../../bridge/bridge";
import { settings } from "../../state/settings.svelte";
import SwitchSetting from "./SwitchSetting.svelte";
import WeekGrid from "./WeekGrid.svelte";
import { HOURS, fullWeek } from "./schedule";

const awake = { key: "contribute.keep_awake", value: "true", default: "true", layer: "default", help: "", accepts: "true or false" };

describe("a setting", () => {
  let bridge: ScriptedBridge;
  beforeEach(async () => {
    bridge = new ScriptedBridge();
    useBridge(bridge);
    bridge.answer = () => ({ reply: "config", values: [awake] });
    await settings.load();
  });

  it("is sent when switched, and shows the way back", async () => {
    render(SwitchSetting, { name: "contribute.keep_awake", label: "Stay awake" });
    bridge.answer = () => ({ reply: "config", values: [{ ...awake, value: "false", layer: "config" }] });
    await userEvent.click(screen.getByRole("switch", { name: "Stay awake" }));
    expect(bridge.asked.at(-1)).toEqual({ verb: "set_config", key: "contribute.keep_awake", value: "false" });
    await userEvent.click(await screen.findByRole("button", { name: 'Put "Stay awake" back to its default' }));
    expect(bridge.asked.at(-1)).toEqual({ verb: "set_config", key: "contribute.keep_awake", value: null });
  });

  it("says in place why a change was refused", async () => {
    render(SwitchSetting, { name: "contribute.keep_awake", label: "Stay awake" });
    bridge.answer = () => new ApiError("not_allowed", "the pool's owner decides this");
    await userEvent.click(screen.getByRole("switch", { name: "Stay awake" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("the pool's owner decides this");
    expect(screen.getByRole("switch", { name: "Stay awake" })).toBeChecked();
  });

  it("that the environment decides cannot be changed here", async () => {
    bridge.answer = () => ({ reply: "config", values: [{ ...awake, layer: "environment" }] });
    await settings.load();
    render(SwitchSetting, { name: "contribute.keep_awake", label: "Stay awake" });
    expect(screen.getByRole("switch", { name: "Stay awake" })).toBeDisabled();
    expect(screen.getByText("Set by an environment variable")).toBeVisible();
  });

  it("that the node does not have is not shown", () => {
    render(SwitchSetting, { name: "updates.automatic", label: "Update" });
    expect(screen.queryByText("Update")).toBeNull();
  });
});

describe("the week", () => {
  it("moves with the arrows and changes an hour with space", async () => {
    const onchange = vi.fn();
    render(WeekGrid, { week: fullWeek(), onchange });
    screen.getByRole("button", { name: "Work on Mon at 00:00" }).focus();
    await userEvent.keyboard("{ArrowRight}{ArrowDown}");
    expect(screen.getByRole("button", { name: "Work on Tue at 01:00" })).toHaveFocus();
    await userEvent.keyboard(" ");
    const week = onchange.mock.calls[0]?.[0] as boolean[];
    expect(week.flatMap((on, at) => (on ? [] : [at]))).toEqual([HOURS + 1]);
  });

  it("has one stop for the Tab key", () => {
    render(WeekGrid, { week: fullWeek(), onchange: () => {} });
    expect(screen.getAllByRole("button").filter((cell) => cell.tabIndex === 0)).toHaveLength(1);
  });
});
