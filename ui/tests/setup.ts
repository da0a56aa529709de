/** What jsdom lacks and the page uses; and each test leaves an empty page. Tests without a page need none of it. */
import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/svelte";
import { afterEach } from "vitest";

/** For what appears, on a machine that does much else. */
const PATIENCE_MS = 20_000;

if (typeof window !== "undefined") preparePage();

function preparePage(): void {
  configure({ asyncUtilTimeout: PATIENCE_MS });
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
  document.elementFromPoint ??= () => null;
  Element.prototype.scrollIntoView ??= () => {};
  Element.prototype.animate ??= (() => ({ finished: Promise.resolve(), cancel: () => {} })) as unknown as Element["animate"];

  afterEach(() => {
    cleanup();
    window.location.hash = "";
  });
}
