/** The bridge to the Rust side of the app: two commands and one channel a watch. */
import { Channel, invoke } from "@tauri-apps/api/core";
import { ApiError, type Bridge, expectReply } from "./bridge";
import type { ShellEvent, ShellReply, ShellRequest } from "./shell";
import type { Event, Reply, Request } from "./types";

type Call = { api: Request } | { shell: ShellRequest | { verb: "unwatch"; id: number } };
type Watch = { api: Request } | { shell: "events" };

async function call<A>(request: Call): Promise<A> {
  try {
    return await invoke<A>("call", { request });
  } catch (thrown) {
    throw ApiError.from(thrown);
  }
}

async function watch<E>(request: Watch, on: (event: E) => void): Promise<() => void> {
  const channel = new Channel<E>();
  let ended = false;
  // Events may still be on their way when the watch ends.
  channel.onmessage = (event) => {
    if (!ended) on(event);
  };
  let id: number;
  try {
    id = await invoke<number>("watch", { request, channel });
  } catch (thrown) {
    throw ApiError.from(thrown);
  }
  return () => {
    if (ended) return;
    ended = true;
    // A watch that cannot be ended has ended with its node.
    call({ shell: { verb: "unwatch", id } }).catch(() => {});
  };
}

/** The desktop tells a page once; its parts share what it tells. */
function shellEvents(): Bridge["shellEvents"] {
  const listeners = new Set<(event: ShellEvent) => void>();
  let opened: Promise<unknown> | null = null;
  return async (on) => {
    listeners.add(on);
    // What waited for the page comes at once: by then all of it listens.
    opened ??= new Promise((resolve) => setTimeout(resolve, 0)).then(() =>
      watch<ShellEvent>({ shell: "events" }, (event) => {
        for (const listener of listeners) listener(event);
      }),
    );
    await opened;
    return () => listeners.delete(on);
  };
}

export function tauriBridge(): Bridge {
  return {
    call: async (request, expect) => expectReply(await call<Reply>({ api: request }), expect),
    bytes: async (request) => new Uint8Array(await call<ArrayBuffer>({ api: request })),
    watch: (request, on) => watch<Event>({ api: request }, on),
    shell: (request) => call<ShellReply>({ shell: request }),
    shellEvents: shellEvents(),
  };
}
