/**
 * WebKitGTK reports the language "C" where LANG=C, and `Intl` throws on it:
 * uPlot already does while it is imported. So this is the first import of all.
 */
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en-US", configurable: true });
  Object.defineProperty(navigator, "languages", { value: ["en-US"], configurable: true });
}

export {};
