/** The sample that ships with Skep: a Mandelbrot picture of 256 tiles. */
import { bridge } from "../bridge/bridge";
import type { Submit } from "../bridge/types";

const SAMPLE = "sample:mandelbrot";

/** Starts the sample; resolves to its job. Throws an `ApiError`. */
export async function runSample(): Promise<string> {
  const submit: Submit = {
    client_id: crypto.randomUUID().replaceAll("-", ""),
    module: { by: "name", name: SAMPLE },
    module_name: SAMPLE,
    name: "mandelbrot",
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
    collect: false,
  };
  const { job } = await bridge().call({ verb: "submit", ...submit }, "submitted");
  return job;
}
