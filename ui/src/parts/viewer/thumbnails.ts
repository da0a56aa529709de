/**
 * Small pictures of results, as `blob:` addresses. They are decoded and made
 * small by the node; the page never decodes what a task wrote.
 */
import { bridge } from "../../bridge/bridge";

/** Pictures kept; each is at most a few dozen kilobytes. */
const KEPT = 800;
/** Asked for at the same time: more would only queue in the node. */
const AT_ONCE = 6;

export class Thumbnails {
  #known = new Map<string, Promise<string>>();
  #urls = new Map<string, string>();
  #waiting: (() => void)[] = [];
  #running = 0;

  /** The picture of one result; rejects with an `ApiError` where it is none. */
  get(job: string, index: number, pixels: number): Promise<string> {
    const key = `${job} ${index} ${pixels}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      // Moved to the end: what was asked for last is forgotten last.
      this.#known.delete(key);
      this.#known.set(key, known);
      return known;
    }
    const picture = this.#fetch(key, job, index, pixels);
    this.#known.set(key, picture);
    // A picture that could not be made may be there later.
    picture.catch(() => this.#known.delete(key));
    this.#forget();
    return picture;
  }

  /** Forgets the pictures of a task that runs again. */
  drop(job: string, index: number): void {
    for (const key of [...this.#known.keys()]) if (key.startsWith(`${job} ${index} `)) this.#revoke(key);
  }

  async #fetch(key: string, job: string, index: number, pixels: number): Promise<string> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      const bytes = await bridge().bytes({ verb: "thumbnail", job, index, pixels });
      const url = URL.createObjectURL(new Blob([bytes.slice()], { type: "image/png" }));
      this.#urls.set(key, url);
      return url;
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  #forget(): void {
    for (const key of this.#known.keys()) {
      if (this.#known.size <= KEPT) return;
      this.#revoke(key);
    }
  }

  #revoke(key: string): void {
    this.#known.delete(key);
    const url = this.#urls.get(key);
    if (url !== undefined) URL.revokeObjectURL(url);
    this.#urls.delete(key);
  }
}

export const thumbnails = new Thumbnails();
