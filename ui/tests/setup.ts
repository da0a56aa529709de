/** What jsdom lacks and the page uses; and each test leaves an empty page. Tests without a page need none of it. */
import "@testing-library/jest-dom/vitest";
import { cleanup } from "@testing-library/svelte";
import { afterEach } from "vitest";

if (typeof window !== "undefined") preparePage();

function preparePage(): void {
  class NoResize implements ResizeObserver {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  }
  globalThis.ResizeObserver ??= NoResize;
  window.matchMedia ??= (query: string): MediaQueryList =>
    ({
      matches: false,
      media: query,
      addEventListener: () => {},
      removeEventListener: () => {},
    }) as unknown as MediaQueryList;
  Element.prototype.scrollIntoView ??= () => {};
  Element.prototype.animate ??= (() => ({ finished: Promise.resolve(), cancel: () => {} })) as unknown as Element["animate"];

  afterEach(() => {
    cleanup();
    window.location.hash = "";
  });
}
