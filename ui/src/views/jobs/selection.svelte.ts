/** Which rows of a list are selected: one by one, or with shift a range. */
import { SvelteSet } from "svelte/reactivity";

export class Selection {
  readonly ids = new SvelteSet<string>();
  #last: string | null = null;

  /** Turns one row on or off; with `range`, all from the last one to it become like it. */
  toggle(id: string, order: readonly string[], range: boolean): void {
    const on = !this.ids.has(id);
    const from = this.#last === null ? -1 : order.indexOf(this.#last);
    const to = order.indexOf(id);
    const touched = range && from >= 0 ? order.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
    for (const one of touched) {
      if (on) this.ids.add(one);
      else this.ids.delete(one);
    }
    this.#last = id;
  }

  clear(): void {
    this.ids.clear();
    this.#last = null;
  }
}
