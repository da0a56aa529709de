/** A job as plain as can be: one module, once, with every limit as the settings say. */
import type { Submit } from "../bridge/types";

/** `name` is the module's file name, as the program sees itself called. */
export function plainJob(module: Submit["module"], name: string): Submit {
  return {
    client_id: crypto.randomUUID().replaceAll("-", ""),
    module,
    module_name: name,
    name: null,
    args: [],
    env: {},
    invoke: null,
    params: {},
    split: { kind: "once" },
    stdin: null,
    files: [],
    fold: null,
    limits: { memory_bytes: null, task_timeout_ms: null, fuel: null, output_bytes: null, retries: null },
    priority: 0,
    timeout_ms: null,
    chunk: null,
    trial: false,
    transient: false,
    on: [],
    collect: false,
  };
}
