/** Starts what lives as long as the window: address, look, clock, settings, the pool's watch. */
import { ApiError, type Bridge } from "../bridge/bridge";
import { words } from "../words/en";
import { appearance } from "./appearance.svelte";
import { clock } from "./clock.svelte";
import { commands } from "./commands.svelte";
import { pool } from "./pool.svelte";
import { where } from "./route.svelte";
import { settings } from "./settings.svelte";
import { toasts } from "./toasts.svelte";

export function start(bridge: Bridge): void {
  where.start();
  appearance.start();
  clock.start();
  pool.start(bridge);
  void loadSettings();
  window.addEventListener("keydown", (event) => commands.handle(event));
  window.addEventListener("pagehide", () => toasts.settle());
  void bridge.shellEvents((event) => {
    switch (event.event) {
      case "navigate":
        where.go(event.route);
        break;
      case "run_module":
        commands.run("run-module");
        break;
      case "node":
        if (event.state === "there") {
          pool.retry();
          void loadSettings();
        } else {
          pool.nodeGone(event.text === "" ? words.link.starting : event.text);
        }
        break;
      case "drag":
        // The drop flow listens for itself.
        break;
    }
  });
}

async function loadSettings(): Promise<void> {
  try {
    await settings.load();
    if (settings.has("app.onboarded") && settings.get("app.onboarded") === "false") where.go("#/welcome");
  } catch (thrown) {
    const error = ApiError.from(thrown);
    toasts.error(words.settings.notRead(error.message), error.hint);
  }
}
