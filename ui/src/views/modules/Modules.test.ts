import { render, screen } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { ScriptedBridge } from "../../../tests/fixtures";
import { useBridge } from "../../bridge/bridge";
import type { ModuleView } from "../../bridge/types";
import Modules from "./Modules.svelte";

const module = (name: string, kind: ModuleView["kind"]): ModuleView => ({
  name, hash: name.padEnd(64, "0"), bytes: 1_000, origin: "pushed", pushed_ms: 0, title: "", kind, runs: 0, last_run_ms: null, task_ms: null,
});

describe("modules", () => {
  it("say in words what they are", async () => {
    const bridge = new ScriptedBridge();
    bridge.answer = (request) =>
      request.verb === "modules" ? { reply: "modules", modules: [module("a.wasm", "wasi_01_command"), module("b.wasm", "kernel"), module("c.wasm", null)] } : { reply: "done" };
    useBridge(bridge);
    render(Modules);
    const kindOf = async (name: string): Promise<string | null | undefined> => (await screen.findByText(name)).closest("tr")?.querySelectorAll("td")[0]?.textContent;
    expect(await kindOf("a.wasm")).toBe("program");
    expect(await kindOf("b.wasm")).toBe("kernel");
    expect(await kindOf("c.wasm")).toBe("");
  });
});
