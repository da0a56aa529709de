/** The door to the run sheet: the drop flow opens it, other views only ask for it. */
import type { ModuleRef } from "../bridge/types";

type Open = (module: ModuleRef, name: string, command?: string) => void;

class Sheet {
  #open = $state.raw<Open | null>(null);

  /** Whether somebody can open the sheet; without, no view offers it. */
  get ready(): boolean {
    return this.#open !== null;
  }

  /** The drop flow gives the function that opens it; returns what takes it away. */
  provide(open: Open): () => void {
    this.#open = open;
    return () => {
      if (this.#open === open) this.#open = null;
    };
  }

  /** With the command of a former job, the sheet begins with what that asked for. */
  open(module: ModuleRef, name: string, command?: string): void {
    this.#open?.(module, name, command);
  }
}

export const sheet = new Sheet();
