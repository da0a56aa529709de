/** The time of day as the views show it: one timer for all, none while the window is hidden. */

const TICK_MS = 1_000;

class Clock {
  #now = $state(Date.now());
  #timer: ReturnType<typeof setInterval> | undefined;

  get now(): number {
    return this.#now;
  }

  start(): () => void {
    const run = (): void => {
      clearInterval(this.#timer);
      if (document.hidden) return;
      this.#now = Date.now();
      this.#timer = setInterval(() => {
        this.#now = Date.now();
      }, TICK_MS);
    };
    run();
    document.addEventListener("visibilitychange", run);
    return () => {
      clearInterval(this.#timer);
      document.removeEventListener("visibilitychange", run);
    };
  }
}

export const clock = new Clock();
