/** The demo node's settings: the same keys as the real table has. */
import { ApiError } from "../bridge";
import type { ConfigValue } from "../types";

const TABLE: readonly (readonly [key: string, value: string, help: string, accepts: string])[] = [
  ["node.name", "auto", "what this machine is called in lists; auto is the computer's own name", "a name, or auto"],
  ["contribute.on", "true", "whether this machine runs tasks", "true or false"],
  ["contribute.cores", "auto", "tasks at once", "auto or a number of cores from 1 to 16"],
  ["contribute.memory_share", "50%", "share of the memory that all tasks together may use", "5% to 95%"],
  ["contribute.when_in_use", "fewer", "what happens while someone uses this machine", "always, fewer or never"],
  ["contribute.idle_minutes", "3", "minutes without input after which nobody uses it", "1 to 120"],
  ["contribute.on_battery", "pause", "what happens on battery", "pause or work"],
  ["contribute.temperature_limit_c", "85", "above it fewer cores work, 10 °C over it none", "40 to 110, or off"],
  ["contribute.other_load_percent", "off", "load by other programs, of all cores, above which this machine pauses", "5 to 95, or off"],
  ["contribute.schedule", "always", "hours of the week in which it works", "always, or days with hours such as mon-fri 18-24"],
  ["contribute.keep_awake", "true", "stay awake on mains while there is work", "true or false"],
  ["limits.task_timeout", "10m", "how long a task may run", "1s to 30d"],
  ["limits.memory", "256MiB", "how much memory a task may use", "64KiB to 4GiB"],
  ["storage.results_days", "30", "days that results are kept", "1 to 3650"],
  ["storage.logs_days", "7", "days that logs are kept", "1 to 365"],
  ["storage.cache_quota", "20GB", "disk for compiled modules", "100MiB to 10000GiB"],
  ["log.level", "info", "how much is written to the log", "error, warn, info, debug or trace"],
  ["app.theme", "system", "colours of the window", "system, dark or light"],
  ["app.density", "comfortable", "height of rows", "comfortable or compact"],
  ["app.close_button", "hide", "what closing the window does", "hide or quit"],
  ["app.onboarded", "true", "whether the first steps were seen", "true or false"],
  ["notify.job_finished", "true", "tell when a job finished while the window is not in front", "true or false"],
  ["notify.job_failed", "true", "tell when a job failed", "true or false"],
];

export class DemoSettings {
  #values = new Map<string, ConfigValue>(
    TABLE.map(([key, value, help, accepts]) => [key, { key, value, default: value, layer: "default", help, accepts }]),
  );

  get(key: string): string {
    return this.#values.get(key)?.value ?? "";
  }

  list(key: string | null): ConfigValue[] {
    if (key === null) return [...this.#values.values()];
    return [this.#of(key)];
  }

  set(key: string, value: string | null): ConfigValue[] {
    const before = this.#of(key);
    const next = value ?? before.default;
    if (key === "contribute.cores" && next !== "auto" && !(Number(next) >= 1 && Number(next) <= 16)) {
      throw new ApiError("bad_setting", `${next} cores cannot be given: this machine has 16`, before.accepts);
    }
    const after = { ...before, value: next, layer: next === before.default ? "default" : "config" };
    this.#values.set(key, after);
    return [after];
  }

  #of(key: string): ConfigValue {
    const value = this.#values.get(key);
    if (value === undefined) throw new ApiError("unknown_setting", `there is no setting ${key}`);
    return value;
  }
}
