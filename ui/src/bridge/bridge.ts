/** The one way out of the page: every view asks the node and the desktop through a `Bridge`. */
import type { ShellEvent, ShellReply, ShellRequest } from "./shell";
import type { Event, Reply, Request } from "./types";

export interface Bridge {
  /** Asks the node; throws {@link ApiError}. */
  call<R extends Reply["reply"]>(request: Request, expect: R): Promise<Extract<Reply, { reply: R }>>;
  /** Asks for a verb whose answer is bytes; throws {@link ApiError}. */
  bytes(request: Request): Promise<Uint8Array>;
  /** Events of a verb that goes on; resolves, once it began, to what ends it. */
  watch(request: Request, on: (event: Event) => void): Promise<() => void>;
  /** Asks the desktop; throws {@link ApiError}. */
  shell(request: ShellRequest): Promise<ShellReply>;
  shellEvents(on: (event: ShellEvent) => void): Promise<() => void>;
}

/** Why a request was not answered: a code for programs, the rest for people. */
export class ApiError extends Error {
  readonly code: string;
  readonly hint: string | null;

  constructor(code: string, message: string, hint: string | null = null) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.hint = hint;
  }

  /** From whatever a command rejected with. */
  static from(thrown: unknown): ApiError {
    if (thrown instanceof ApiError) return thrown;
    if (typeof thrown === "object" && thrown !== null && "message" in thrown) {
      const { code, message, hint } = thrown as { code?: unknown; message: unknown; hint?: unknown };
      return new ApiError(
        typeof code === "string" ? code : "internal",
        String(message),
        typeof hint === "string" ? hint : null,
      );
    }
    return new ApiError("internal", String(thrown));
  }
}

/** A reply of another kind than the verb promises is a mistake in Skep. */
export function expectReply<A extends { reply: string }, R extends A["reply"]>(
  answer: A,
  expect: R,
): Extract<A, { reply: R }> {
  if (answer.reply === expect) return answer as Extract<A, { reply: R }>;
  throw new ApiError("internal", `expected the reply ${expect}, got ${answer.reply}`);
}

let opened: Bridge | null = null;

/** Opens the bridge of this build; the demo's is not part of what ships. */
export async function openBridge(): Promise<Bridge> {
  if (import.meta.env.MODE === "demo") {
    const { demoBridge } = await import("./demo/demo");
    return useBridge(demoBridge());
  }
  const { tauriBridge } = await import("./tauri");
  return useBridge(tauriBridge());
}

/** Puts a bridge in place; tests bring their own. */
export function useBridge(next: Bridge): Bridge {
  opened = next;
  return next;
}

export function bridge(): Bridge {
  if (opened === null) throw new Error("the bridge is not open yet");
  return opened;
}
