/** The door to the run sheet: the drop flow opens it, other views only ask for it. */
import type { ModuleRef } from "../bridge/types";

type Open = (module: ModuleRef, name: string) => void;

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

  open(module: ModuleRef, name: string): void {
    this.#open?.(module, name);
  }
}

export const sheet = new Sheet();
