/**
 * Visits every screen of the demo in a real browser, under the policy that the
 * app sets: takes its picture, lets axe look for barriers, and checks that no
 * text is cut off when it is twice as large. `node shots/run.mjs NAME…` visits
 * only screens whose names begin so; the pictures are in shots/out. `--quick`
 * sees each screen twice instead of five times: dark and large, light and
 * small. `--readme` takes the two pictures of the README.
 */
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";
import { BASE, CHROMIUM, serveDemo } from "./demo-server.mjs";
import { screens } from "./screens.mjs";

/** @typedef {import("playwright-core").Browser} Browser */
/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("./screens.mjs").Screen} Screen */

const OUT = join(import.meta.dirname, "out");
/** As the app sets it, with this origin for its own scheme. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'";
const LARGE = { width: 1100, height: 720 };
const SMALL = { width: 820, height: 560 };
/** What is drawn with the next frames, charts and lists that measure themselves, is there by then. */
const SETTLE_MS = 350;
/** Skeletons appear only after 150 ms. */
const LOAD_MS = 700;

const flags = process.argv.slice(2).filter((word) => word.startsWith("--"));
const quick = flags.includes("--quick");
const readme = flags.includes("--readme");
/** The screen that shows what Skep is. */
const README_SCREEN = "job-progress";
const wanted = readme ? [README_SCREEN] : process.argv.slice(2).filter((word) => !word.startsWith("--"));
const visited = screens.filter((screen) => wanted.length === 0 || wanted.some((name) => screen.name.startsWith(name)));
let problems = 0;
const report = (/** @type {string} */ problem) => {
  problems += 1;
  console.error(problem);
};

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
const endServer = await serveDemo();
try {
  if (quick) {
    await visitAll("dark", [], [["", LARGE, true]]);
    await visitAll("light", [], [["-small", SMALL, true]]);
  } else {
    for (const theme of ["dark", "light"]) {
      await visitAll(theme, [], [["", LARGE, true], ["-small", SMALL, false]]);
    }
    await visitAll("dark", ["--blink-settings=defaultFontSize=32,minimumFontSize=0"], [["-text200", SMALL, true]]);
  }
  if (readme) {
    for (const theme of ["dark", "light"]) {
      copyFileSync(join(OUT, `${README_SCREEN}-${theme}.png`), join(import.meta.dirname, `../../.github/window-${theme}.png`));
    }
  }
} finally {
  endServer();
}
if (problems > 0) {
  console.error(`${problems} problems`);
  process.exitCode = 1;
} else {
  console.log(`${visited.length} screens: no barrier found, no text cut off`);
}

/**
 * @param {string} theme
 * @param {string[]} options of the browser
 * @param {[suffix: string, size: { width: number, height: number }, axe: boolean][]} sizes
 */
async function visitAll(theme, options, sizes) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", ...options] });
  try {
    for (const scene of new Set(visited.map((screen) => screen.scene ?? "lively"))) {
      await visitScene(browser, scene, theme, sizes);
    }
  } finally {
    await browser.close();
  }
}

/**
 * @param {Browser} browser
 * @param {string} scene
 * @param {string} theme
 * @param {[suffix: string, size: { width: number, height: number }, axe: boolean][]} sizes
 */
async function visitScene(browser, scene, theme, sizes) {
  const context = await browser.newContext({ viewport: LARGE, colorScheme: theme === "dark" ? "dark" : "light" });
  const page = await context.newPage();
  await page.route("**/*", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), "content-security-policy": POLICY } });
  });
  let where = `${theme} ${scene}`;
  page.on("pageerror", (error) => report(`${where}: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") report(`${where}: ${message.text()}`);
  });
  // Time stands still but where a job is run to be looked at.
  const still = scene === "welcome" ? "" : "&still";
  await page.goto(`${BASE}?demo=${scene}${still}&theme=${theme}#/overview`);
  await page.waitForTimeout(LOAD_MS);
  const jobs = await jobPaths(page);
  for (const screen of visited.filter((one) => (one.scene ?? "lively") === scene)) {
    for (const [suffix, size, axe] of sizes) {
      where = `${screen.name}-${theme}${suffix}`;
      try {
        await page.setViewportSize(size);
        await page.evaluate((path) => { window.location.hash = path; }, screen.path.replace(/\{job (.*?)\}/, (_, name) => jobs.get(name) ?? "#/jobs"));
        await page.waitForTimeout(SETTLE_MS);
        await screen.before?.(page);
        await page.waitForTimeout(SETTLE_MS);
        await page.screenshot({ path: join(OUT, `${where}.png`) });
        await findCut(page, where);
        if (axe) await findBarriers(page, where);
        await screen.after?.(page);
      } catch (error) {
        report(`${where}: ${String(error).split("\n")[0]}`);
      }
    }
  }
  await context.close();
}

/** @param {Page} page @returns {Promise<Map<string, string>>} the path of each job, by name */
async function jobPaths(page) {
  await page.evaluate(() => { window.location.hash = "#/jobs"; });
  await page.waitForTimeout(SETTLE_MS);
  const links = await page.locator("[data-job] a").evaluateAll((all) => all.map((link) => [link.textContent ?? "", link.getAttribute("href") ?? ""]));
  return new Map(/** @type {[string, string][]} */ (links));
}

/** @param {Page} page @param {string} where */
async function findBarriers(page, where) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  for (const { id, nodes, help } of violations) {
    report(`${where}: ${id}: ${help}: ${nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${(node.any[0]?.message ?? "").slice(0, 140)}`).join(" | ")}`);
  }
}

/**
 * Text that its box hides and that cannot be scrolled to. What is shortened on
 * purpose ends in an ellipsis and has its whole text elsewhere.
 * @param {Page} page @param {string} where
 */
async function findCut(page, where) {
  const cut = await page.evaluate(() => {
    const found = [];
    if (document.documentElement.scrollWidth > window.innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} px wide`);
    for (const element of document.querySelectorAll("body *")) {
      const style = getComputedStyle(element);
      const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== "");
      if (!own || element.closest(".hidden, [aria-hidden='true'], svg, textarea") || style.visibility === "hidden") continue;
      const box = element.getBoundingClientRect();
      if (box.width === 0 || box.height === 0) continue;
      for (let parent = element.parentElement; parent; parent = parent.parentElement) {
        const around = getComputedStyle(parent);
        if (around.overflowX === "auto" || around.overflowX === "scroll" || around.textOverflow === "ellipsis") break;
        if (around.overflowX !== "hidden" && around.overflowX !== "clip") continue;
        const frame = parent.getBoundingClientRect();
        if (box.right > frame.right + 1 || box.left < frame.left - 1) found.push(`${element.tagName.toLowerCase()}.${element.className}: "${element.textContent?.trim().slice(0, 40)}"`);
        break;
      }
      if ((style.overflowX === "hidden" || style.overflowX === "clip") && style.textOverflow !== "ellipsis" && element.scrollWidth > element.clientWidth + 1) {
        found.push(`${element.tagName.toLowerCase()}.${element.className}: "${element.textContent?.trim().slice(0, 40)}"`);
      }
    }
    return [...new Set(found)].slice(0, 5);
  });
  for (const one of cut) report(`${where}: cut off: ${one}`);
}
