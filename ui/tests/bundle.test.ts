// @vitest-environment node
/** What ships is small, and holds nothing of the demo. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { afterAll, beforeAll, expect, it } from "vitest";

/** The budget of UI.md 5.11, all scripts together, gzip. */
const SCRIPT_BYTES_MAX = 250_000;
const BUILD_MS_MAX = 300_000;

let out = "";
let scripts: { name: string; text: string }[] = [];

beforeAll(async () => {
  out = mkdtempSync(join(tmpdir(), "skep-page-"));
  await build({ root: join(import.meta.dirname, ".."), mode: "production", logLevel: "error", build: { outDir: out, emptyOutDir: true } });
  scripts = readdirSync(join(out, "assets"))
    .filter((name) => name.endsWith(".js"))
    .map((name) => ({ name, text: readFileSync(join(out, "assets", name), "utf8") }));
}, BUILD_MS_MAX);

afterAll(() => rmSync(out, { recursive: true, force: true }));

it("has a small bundle", () => {
  const bytes = scripts.reduce((sum, script) => sum + gzipSync(script.text).byteLength, 0);
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(SCRIPT_BYTES_MAX);
});

it("leaves the demo out", () => {
  for (const { name, text } of scripts) {
    expect(name).not.toContain("demo");
    expect(text).not.toContain("mandelbrot-tiles");
  }
});

it("has no script or style in its page that the policy would block", () => {
  const page = readFileSync(join(out, "index.html"), "utf8");
  expect(page).not.toMatch(/<style|style="|<script(?![^>]*src=)/);
});
