/** Short messages at the edge of the window; one that undoes something says so for eight seconds. */

/** Long enough to read a sentence and reach the button. */
export const UNDO_MS = 8_000;
/** A failure is read twice. */
const ERROR_MS = 12_000;

export interface Toast {
  id: number;
  kind: "done" | "error";
  text: string;
  hint: string | null;
  action: { label: string; run: () => void } | null;
}

interface Pending {
  timer: ReturnType<typeof setTimeout>;
  commit: (() => void) | null;
}

export class Toasts {
  #shown = $state.raw<readonly Toast[]>([]);
  #pending = new Map<number, Pending>();
  #next = 0;

  get shown(): readonly Toast[] {
    return this.#shown;
  }

  /** Something was done; `undo` turns it back. */
  done(text: string, undo?: { label: string; run: () => void }): void {
    this.#add({ kind: "done", text, hint: null, action: undo ?? null }, UNDO_MS, null);
  }

  /**
   * Something cannot be turned back, so it is done when the time to undo has
   * passed, or when the window goes, whichever is first.
   */
  later(text: string, undo: { label: string; run: () => void }, commit: () => void): void {
    this.#add({ kind: "done", text, hint: null, action: undo }, UNDO_MS, commit);
  }

  error(text: string, hint: string | null = null): void {
    this.#add({ kind: "error", text, hint, action: null }, ERROR_MS, null);
  }

  act(id: number): void {
    const toast = this.#shown.find((one) => one.id === id);
    this.#remove(id, false);
    toast?.action?.run();
  }

  dismiss(id: number): void {
    this.#remove(id, true);
  }

  /** Everything that still waits is done now. */
  settle(): void {
    for (const id of [...this.#pending.keys()]) this.#remove(id, true);
  }

  #add(toast: Omit<Toast, "id">, ms: number, commit: (() => void) | null): void {
    const id = this.#next;
    this.#next += 1;
    this.#shown = [...this.#shown, { ...toast, id }];
    this.#pending.set(id, { timer: setTimeout(() => this.#remove(id, true), ms), commit });
  }

  #remove(id: number, commit: boolean): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    this.#shown = this.#shown.filter((toast) => toast.id !== id);
    if (commit) pending.commit?.();
  }
}

export const toasts = new Toasts();
