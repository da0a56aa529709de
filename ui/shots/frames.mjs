/**
 * How long the page's scripts keep a frame waiting while a job of 10,000 tasks
 * runs: figures for people, never judged. `npm run frames`. The demo makes the
 * job up in the same thread, so the page itself takes less.
 */
import { chromium } from "playwright-core";
import { BASE, CHROMIUM, serveDemo } from "./demo-server.mjs";

const JOB = "lattice-sweep";
const WATCHED_MS = 15_000;
/** At 60 pictures a second. */
const FRAME_MS = 1_000 / 60;

/** @typedef {{ name: string, ph: string, ts: number, dur?: number, tid: number, pid: number }} Traced */

const endServer = await serveDemo();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage({ viewport: { width: 1100, height: 720 } });
  await page.goto(`${BASE}?demo=lively#/jobs`);
  const path = await page.locator("[data-job] a", { hasText: JOB }).first().getAttribute("href");
  const session = await page.context().newCDPSession(page);
  /** @type {Traced[]} */
  const traced = [];
  session.on("Tracing.dataCollected", ({ value }) => traced.push(.../** @type {Traced[]} */ (/** @type {unknown} */ (value))));
  const ended = new Promise((resolve) => session.once("Tracing.tracingComplete", () => resolve(undefined)));
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["devtools.timeline", "disabled-by-default-devtools.timeline"] } });
  // Opening the job is part of it: all its cells come at once.
  await page.evaluate((to) => { window.location.hash = to ?? ""; }, path);
  await page.waitForTimeout(WATCHED_MS);
  await session.send("Tracing.end");
  await ended;
  say(traced);
} finally {
  await browser.close();
  endServer();
}

/** @param {Traced[]} all */
function say(all) {
  const scripts = all.filter((event) => event.dur !== undefined && ["FunctionCall", "FireAnimationFrame", "TimerFire", "EventDispatch", "RunMicrotasks", "EvaluateScript"].includes(event.name));
  const thread = mostCommon(scripts.map((event) => event.tid));
  // Those that lie in another of them are counted with it.
  const own = scripts.filter((event) => event.tid === thread).sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0));
  let end = 0;
  const outer = own.filter((event) => {
    if (event.ts < end) return false;
    end = event.ts + (event.dur ?? 0);
    return true;
  });
  /** @type {Map<number, number>} */
  const frames = new Map();
  for (const event of outer) {
    const frame = Math.floor(event.ts / 1_000 / FRAME_MS);
    frames.set(frame, (frames.get(frame) ?? 0) + (event.dur ?? 0) / 1_000);
  }
  const sorted = [...frames.values()].sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2);
  const sum = sorted.reduce((total, one) => total + one, 0);
  console.log(`${JOB}: ${sorted.length} frames with scripts in ${WATCHED_MS / 1_000} s; median ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms; ${((sum / WATCHED_MS) * 100).toFixed(1)} % of the time`);
}

/** @param {number[]} all */
function mostCommon(all) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const one of all) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}
