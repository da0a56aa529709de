/** Serves the built demo on this machine, and says which browser looks at it. */
import { spawn } from "node:child_process";
import { join } from "node:path";

export const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const PORT = 4_391;
export const BASE = `http://localhost:${PORT}/`;

/** Resolves once it answers. @returns {Promise<() => void>} what ends it */
export async function serveDemo() {
  const server = spawn(
    process.execPath,
    [join(import.meta.dirname, "../node_modules/vite/bin/vite.js"), "preview", "--outDir", "dist-demo", "--port", String(PORT), "--strictPort"],
    { cwd: join(import.meta.dirname, ".."), stdio: "ignore" },
  );
  process.once("SIGTERM", () => {
    server.kill();
    process.exit(143);
  });
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      await fetch(BASE);
      return () => server.kill();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  server.kill();
  throw new Error(`nothing answers at ${BASE}`);
}
