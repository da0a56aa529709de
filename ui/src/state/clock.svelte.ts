/** The time of day as the views show it: one timer for all, none while the window is hidden. */

const TICK_MS = 1_000;

/** Runs it now and again while the window can be seen, and as soon as it can be seen again. */
export function whileSeen(run: () => void, every_ms: number): () => void {
  let timer: ReturnType<typeof setInterval> | undefined;
  const look = (): void => {
    clearInterval(timer);
    if (document.hidden) return;
    run();
    timer = setInterval(run, every_ms);
  };
  look();
  document.addEventListener("visibilitychange", look);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", look);
  };
}

class Clock {
  #now = $state(Date.now());

  get now(): number {
    return this.#now;
  }

  start(): () => void {
    return whileSeen(() => {
      this.#now = Date.now();
    }, TICK_MS);
  }
}

export const clock = new Clock();
