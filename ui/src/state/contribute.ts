/** What a person may ask of this machine: to contribute, to pause, to go on. */
import { ApiError, bridge } from "../bridge/bridge";
import type { PauseUntil, Request } from "../bridge/types";
import { words } from "../words/en";
import { pool } from "./pool.svelte";
import { toasts } from "./toasts.svelte";

/** How long a pause may be asked for, the same in every menu. */
export const pauses = {
  hour: { kind: "for", ms: 3_600_000 },
  tomorrow: { kind: "tomorrow" },
  resumed: { kind: "resumed" },
  finished: { kind: "finished" },
} as const satisfies Record<string, PauseUntil>;

export function setContribution(on: boolean): Promise<void> {
  return ask({ verb: "contribute", on });
}

export function pause(until: PauseUntil): Promise<void> {
  return ask({ verb: "pause", until });
}

export function resume(): Promise<void> {
  return ask({ verb: "resume" });
}

async function ask(request: Request): Promise<void> {
  try {
    pool.took(await bridge().call(request, "contribution"));
  } catch (thrown) {
    const error = ApiError.from(thrown);
    toasts.error(words.header.contributeFailed(error.message), error.hint);
  }
}
