/** How the page is built, served for development, and unit-tested. */
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** A machine that builds at the same time makes a component wait for seconds. */
const TEST_PATIENCE_MS = 60_000;
/** The port that `build.devUrl` of `tauri.conf.json` names. */
const DEV_PORT = 1420;

export default defineConfig({
  plugins: [svelte()],
  clearScreen: false,
  server: { port: DEV_PORT, strictPort: true },
  build: {
    // Safari 16 is the oldest web view that the packages run on.
    target: ["safari16", "chrome111"],
    // The page's policy allows fonts and pictures from its own files only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // Svelte's server build would be taken under vitest otherwise.
  resolve: process.env["VITEST"] ? { conditions: ["browser"] } : {},
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
    setupFiles: ["tests/setup.ts"],
    testTimeout: TEST_PATIENCE_MS,
  },
});
