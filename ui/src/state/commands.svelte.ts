/**
 * Everything a person can do by name or by key. A view registers its commands
 * while it is shown; the palette lists them and the keyboard runs them.
 */
import { untrack } from "svelte";

export interface Command {
  id: string;
  /** As the palette shows it: a verb with its object. */
  title: string;
  /** Key strokes such as `n`, `mod+k` or, one after the other, `g o`. */
  keys?: readonly string[];
  /** Out of the palette: only a key. */
  quiet?: boolean;
  run: () => void;
}

/** How long the second key of a pair may take. */
const PAIR_MS = 1_500;

const isMac = /Mac|iPhone|iPad/.test(typeof navigator === "undefined" ? "" : navigator.platform);

export class Commands {
  #registered = $state.raw<readonly Command[]>([]);
  #first = "";
  #firstAt = 0;

  /** Newest first: what a view registers goes before what the window has. */
  get all(): readonly Command[] {
    return this.#registered;
  }

  /** Adds commands; returns what takes them away again. */
  register(commands: readonly Command[]): () => void {
    // An effect that registers must not run again because of what it registered.
    untrack(() => {
      this.#registered = [...commands, ...this.#registered];
    });
    return () =>
      untrack(() => {
        this.#registered = this.#registered.filter((command) => !commands.includes(command));
      });
  }

  has(id: string): boolean {
    return this.#registered.some((command) => command.id === id);
  }

  run(id: string): void {
    this.#registered.find((command) => command.id === id)?.run();
  }

  /** The keys of a command as people read them, such as ⌘K; empty without. */
  keysOf(id: string): string {
    const keys = this.#registered.find((command) => command.id === id)?.keys?.[0];
    return keys === undefined ? "" : showKeys(keys);
  }

  /** Runs what a key stroke means, if it means something here. */
  handle(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing) return;
    const stroke = strokeOf(event);
    if (stroke === "") return;
    if (takesText(event.target) && !stroke.startsWith("mod+") && stroke !== "escape") return;
    const pair = this.#first !== "" && event.timeStamp - this.#firstAt < PAIR_MS ? `${this.#first} ${stroke}` : "";
    this.#first = "";
    const command = (pair !== "" ? this.#of(pair) : undefined) ?? this.#of(stroke);
    if (command !== undefined) {
      event.preventDefault();
      command.run();
    } else if (this.#registered.some((one) => one.keys?.some((keys) => keys.startsWith(`${stroke} `)))) {
      this.#first = stroke;
      this.#firstAt = event.timeStamp;
    }
  }

  #of(keys: string): Command | undefined {
    return this.#registered.find((command) => command.keys?.includes(keys));
  }
}

/** `mod+k`, `?`, `escape`: what was pressed, in the words of {@link Command.keys}. */
export function strokeOf(event: KeyboardEvent): string {
  const key = event.key.toLowerCase();
  if (key === "shift" || key === "control" || key === "meta" || key === "alt" || event.altKey) return "";
  const mod = isMac ? event.metaKey : event.ctrlKey;
  if (!mod && (event.metaKey || event.ctrlKey)) return "";
  return mod ? `mod+${key}` : key;
}

const SHOWN: Readonly<Record<string, string>> = {
  mod: isMac ? "⌘" : "Ctrl",
  enter: isMac ? "↩" : "Enter",
  escape: "Esc",
  arrowup: "↑",
  arrowdown: "↓",
};

export function showKeys(keys: string): string {
  return keys
    .split(" ")
    .map((stroke) =>
      stroke
        .split("+")
        .map((key) => SHOWN[key] ?? key.toUpperCase())
        .join(isMac ? "" : " "),
    )
    .join(" ");
}

function takesText(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target instanceof HTMLTextAreaElement ||
      target instanceof HTMLSelectElement ||
      (target instanceof HTMLInputElement && !["checkbox", "radio", "range", "button"].includes(target.type)))
  );
}

export const commands = new Commands();
