/** The node's settings as the page shows them: a change applies at once and comes back if refused. */
import { SvelteMap } from "svelte/reactivity";
import { ApiError, bridge } from "../bridge/bridge";
import type { ConfigValue } from "../bridge/types";

export class Settings {
  readonly values = new SvelteMap<string, ConfigValue>();
  /** Why the last change of a key was refused. */
  readonly refused = new SvelteMap<string, ApiError>();
  #loaded = $state(false);

  get loaded(): boolean {
    return this.#loaded;
  }

  async load(): Promise<void> {
    const { values } = await bridge().call({ verb: "config", key: null }, "config");
    this.values.clear();
    for (const value of values) this.values.set(value.key, value);
    this.#loaded = true;
  }

  /** A setting that this node does not have is not shown. */
  has(key: string): boolean {
    return this.values.has(key);
  }

  get(key: string): string {
    return this.values.get(key)?.value ?? "";
  }

  isDefault(key: string): boolean {
    const setting = this.values.get(key);
    return setting === undefined || setting.value === setting.default;
  }

  /** Sets a key, or with `null` puts it back to its default. */
  async set(key: string, value: string | null): Promise<void> {
    const before = this.values.get(key);
    if (before !== undefined) this.values.set(key, { ...before, value: value ?? before.default });
    try {
      const { values } = await bridge().call({ verb: "set_config", key, value }, "config");
      for (const one of values) this.values.set(one.key, one);
      this.refused.delete(key);
    } catch (thrown) {
      if (before !== undefined) this.values.set(key, before);
      this.refused.set(key, ApiError.from(thrown));
    }
  }
}

export const settings = new Settings();
