/** What a person may ask of this machine: to contribute, to pause, to go on. */
import { ApiError, bridge } from "../bridge/bridge";
import type { Request } from "../bridge/types";
import { words } from "../words/en";
import { pool } from "./pool.svelte";
import { toasts } from "./toasts.svelte";

export const HOUR_MS = 3_600_000;

type PauseUntil = Extract<Request, { verb: "pause" }>["until"];

export function setContribution(on: boolean): Promise<void> {
  return ask({ verb: "contribute", on });
}

/** Whether the node knows of pauses: without its contribution policy it does not. */
export function canPause(): boolean {
  return pool.contribution?.paused !== undefined;
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
