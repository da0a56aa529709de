import { beforeEach, describe, expect, it } from "vitest";
import { ScriptedBridge } from "../../tests/fixtures";
import { ApiError, useBridge } from "../bridge/bridge";
import { Settings } from "./settings.svelte";

const cores = { key: "contribute.cores", value: "auto", default: "auto", layer: "default", help: "", accepts: "auto or 1 to 8" };

describe("settings", () => {
  let bridge: ScriptedBridge;
  let settings: Settings;
  beforeEach(async () => {
    bridge = new ScriptedBridge();
    useBridge(bridge);
    bridge.answer = () => ({ reply: "config", values: [cores] });
    settings = new Settings();
    await settings.load();
  });

  it("shows what the node has and nothing else", () => {
    expect(settings.get("contribute.cores")).toBe("auto");
    expect(settings.has("updates.channel")).toBe(false);
  });

  it("applies a change at once", async () => {
    bridge.answer = () => ({ reply: "config", values: [{ ...cores, value: "3", layer: "config" }] });
    const set = settings.set("contribute.cores", "3");
    expect(settings.get("contribute.cores")).toBe("3");
    await set;
    expect(bridge.asked.at(-1)).toEqual({ verb: "set_config", key: "contribute.cores", value: "3" });
    expect(settings.isDefault("contribute.cores")).toBe(false);
  });

  it("takes a refused change back and says why", async () => {
    bridge.answer = () => new ApiError("bad_setting", "99 cores cannot be given", "this machine has 8");
    await settings.set("contribute.cores", "99");
    expect(settings.get("contribute.cores")).toBe("auto");
    expect(settings.refused.get("contribute.cores")?.message).toBe("99 cores cannot be given");
    bridge.answer = () => ({ reply: "config", values: [cores] });
    await settings.set("contribute.cores", null);
    expect(settings.refused.size).toBe(0);
  });
});
