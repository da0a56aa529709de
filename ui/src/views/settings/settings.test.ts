import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { contribution, machine, ScriptedBridge } from "../../../tests/fixtures";
import { ApiError, useBridge } from "../../bridge/bridge";
import { pool } from "../../state/pool.svelte";
import { settings } from "../../state/settings.svelte";
import SwitchSetting from "./SwitchSetting.svelte";
import ThisMachine from "./ThisMachine.svelte";
import WeekGrid from "./WeekGrid.svelte";
import WhyPanel from "./WhyPanel.svelte";
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

describe("why it isn't working", () => {
  const hot = { name: "Temperature", setting: "fewer cores above 85 °C", now: "97 °C", met: false };
  const calm = { name: "Battery", setting: "pause", now: "no battery", met: true };
  let bridge: ScriptedBridge;
  beforeEach(() => {
    bridge = new ScriptedBridge();
    useBridge(bridge);
  });

  it("is the node's sentence and every rule with its present value", () => {
    pool.took(contribution({ state: "paused", reason: "Paused: it reached 95 °C", cores: 0, rules: [hot, calm] }));
    render(WhyPanel);
    expect(screen.getByText("Paused: it reached 95 °C")).toBeVisible();
    const rows = screen.getAllByRole("listitem");
    expect(rows.map((row) => row.textContent?.replace(/\s+/g, " ").trim())).toEqual(["Temperature fewer cores above 85 °C 97 °C", "Battery pause no battery"]);
    expect(screen.getByRole("img", { name: "Keeps it from working" })).toBeVisible();
    expect(screen.getByRole("img", { name: "Allows work" })).toBeVisible();
  });

  it.each([
    ["Pause for 1 hour", { kind: "for", ms: 3_600_000 }],
    ["Pause until tomorrow", { kind: "tomorrow" }],
    ["Pause until I resume", { kind: "resumed" }],
  ])("%s asks for that, and then offers to resume", async (label, until) => {
    pool.took(contribution());
    render(WhyPanel);
    const paused = contribution({ state: "paused", paused: true, reason: "Paused: until you resume it", cores: 0 });
    bridge.answer = () => ({ reply: "contribution", ...paused });
    await userEvent.click(screen.getByRole("button", { name: "Pause this machine" }));
    await userEvent.click(await screen.findByText(label));
    expect(bridge.asked.at(-1)).toEqual({ verb: "pause", until });
    expect(await screen.findByText("Paused: until you resume it")).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Resume" }));
    expect(bridge.asked.at(-1)).toEqual({ verb: "resume" });
  });

  it("offers no pause where nothing is contributed", () => {
    pool.took(contribution({ on: false, state: "paused", reason: "Paused: Contribute is off" }));
    render(WhyPanel);
    expect(screen.queryByRole("button")).toBeNull();
  });
});

describe("the limits of this machine", () => {
  const limit = { key: "contribute.temperature_limit_c", value: "85", default: "85", layer: "default", help: "", accepts: "" };
  const cores = { key: "contribute.cores", value: "auto", default: "auto", layer: "default", help: "", accepts: "" };

  const show = async (temperature_c: number | null): Promise<void> => {
    const bridge = new ScriptedBridge();
    bridge.answer = () => ({ reply: "config", values: [limit, cores] });
    useBridge(bridge);
    await settings.load();
    pool.machines.set("m_1", machine({ temperature_c }));
    pool.took(contribution({ state: "paused", reason: "Paused: until you resume it", cores: 0, cores_given: 6, paused: true }));
    render(ThisMachine);
  };

  it("offer a limit of temperature only where it can be read, and say so", async () => {
    await show(null);
    expect(screen.getByText("This machine has no temperature sensor that can be read")).toBeVisible();
    expect(screen.queryByRole("slider", { name: "Temperature limit" })).toBeNull();
  });

  it("show the cores that are given, also while it is paused", async () => {
    await show(50);
    expect(screen.getByRole("slider", { name: "Temperature limit" })).toBeVisible();
    expect(screen.getByRole("slider", { name: "Cores" })).toHaveAttribute("aria-valuenow", "6");
    expect(screen.getAllByText("Paused: until you resume it")).toHaveLength(2);
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
