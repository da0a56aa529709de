/** What kind of module a job runs, in words: read once from the list of modules. */
import { SvelteMap } from "svelte/reactivity";
import { bridge } from "../../bridge/bridge";
import type { JobView, ModuleView } from "../../bridge/types";
import { kindWord } from "../../words/module";

const known = new SvelteMap<string, ModuleView>();
let asked: Promise<void> | null = null;

/** Empty until it is known, and for modules that nobody named. */
export function kindOf(job: JobView): string {
  const module = moduleOf(job);
  return module === undefined ? "" : kindWord(module.kind);
}

export function moduleOf(job: JobView): ModuleView | undefined {
  asked ??= read();
  return known.get(job.module) ?? known.get(job.module_name);
}

async function read(): Promise<void> {
  try {
    const { modules } = await bridge().call({ verb: "modules" }, "modules");
    for (const module of modules) {
      known.set(module.hash, module);
      known.set(module.name, module);
    }
  } catch {
    // The line says the module's name instead; the next page asks again.
    asked = null;
  }
}
