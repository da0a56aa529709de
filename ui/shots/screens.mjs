/**
 * Every screen and state of the window, as the runner visits them: a scene of
 * the demo, a path, and what a person would do there before looking.
 */

/** @typedef {import("playwright-core").Page} Page */
/**
 * @typedef {object} Screen
 * @property {string} name
 * @property {string} [scene] of the demo; `lively` where absent
 * @property {string} path a hash path; `{job NAME}` is that job's
 * @property {(page: Page) => Promise<void>} [before]
 * @property {(page: Page) => Promise<void>} [after] leaves the page as the next screen expects it
 */

const escape = async (/** @type {Page} */ page) => {
  await page.keyboard.press("Escape");
};

/** Presses a button if it is there: at the next size the page is where the last one left it. */
const press = async (/** @type {Page} */ page, /** @type {string} */ name) => {
  const button = page.getByRole("button", { name, exact: true });
  const there = await button.waitFor({ timeout: 1_000 }).then(() => true, () => false);
  if (there) await button.click();
};

const MANDEL = { id: "f_mandel", name: "mandel.wasm", bytes: 1_840_000, is_module: true };
const PAGE = { id: "f_page", name: "page_bg.wasm", bytes: 412_000, is_module: true };
const LOOKED_AT = { hash: "9f3c", kind: "wasi_02_command", toolchain: null, memory_min: null, memory_max: null, uses: [], functions: [], kernel: null, warnings: [], known_as: null };
const RUNS = { ...LOOKED_AT, bytes: MANDEL.bytes, title: "Command-line program (WASI 0.2)", verdict: { verdict: "run" } };
const REFUSED = { ...LOOKED_AT, bytes: PAGE.bytes, title: "Part of a web page", verdict: { verdict: "refuse", code: "wrong_kind", message: "Built for a web page: it needs JavaScript around it." } };

/** What the desktop tells while a file is dragged over the window. */
const dragged = async (/** @type {Page} */ page, /** @type {string} */ phase, /** @type {object} */ file, /** @type {object | null} */ card) => {
  await page.evaluate((detail) => window.dispatchEvent(new CustomEvent("demo-shell", { detail })), { event: "drag", phase, files: [file], x: 0, y: 0, card, alt: false });
};

/** @type {Screen[]} */
export const screens = [
  { name: "overview", path: "#/overview" },
  { name: "overview-empty", scene: "empty", path: "#/overview" },
  { name: "overview-loading", scene: "loading", path: "#/overview" },
  { name: "overview-lost", scene: "lost", path: "#/overview" },
  { name: "overview-paused", scene: "paused", path: "#/overview" },
  { name: "overview-off", scene: "off", path: "#/overview" },
  { name: "jobs", path: "#/jobs" },
  {
    name: "jobs-selected",
    path: "#/jobs",
    before: async (page) => {
      const boxes = page.getByRole("checkbox");
      await boxes.nth(4).click();
      await boxes.nth(6).click({ modifiers: ["Shift"] });
    },
    after: async (page) => {
      await page.getByRole("button", { name: "Clear selection" }).click();
    },
  },
  {
    name: "jobs-menu",
    path: "#/jobs",
    before: async (page) => {
      await page.getByRole("button", { name: "Actions for mandelbrot-tiles" }).click();
      await page.getByRole("menu").waitFor();
    },
    after: escape,
  },
  {
    name: "jobs-undo",
    path: "#/jobs",
    before: async (page) => {
      await page.getByRole("button", { name: "Actions for pi-monte-carlo" }).click();
      await page.getByRole("menuitem", { name: "Delete with its results" }).click();
      await page.getByRole("button", { name: "Undo" }).waitFor();
    },
    after: async (page) => {
      await page.getByRole("button", { name: "Undo" }).click();
    },
  },
  { name: "jobs-many", scene: "many", path: "#/jobs" },
  { name: "jobs-empty", scene: "empty", path: "#/jobs" },
  { name: "jobs-loading", scene: "loading", path: "#/jobs" },
  { name: "job-progress", path: "{job mandelbrot-tiles}" },
  { name: "job-timeline", path: "{job mandelbrot-tiles}/timeline" },
  { name: "job-results", path: "{job mandelbrot-tiles}/results" },
  { name: "job-logs", path: "{job mandelbrot-tiles}/logs" },
  { name: "job-settings", path: "{job mandelbrot-tiles}/settings" },
  { name: "job-large", path: "{job lattice-sweep}" },
  { name: "job-large-table", path: "{job lattice-sweep}/results" },
  { name: "job-json", path: "{job audit-bcrypt}/results" },
  { name: "job-queued", path: "{job render-night}" },
  { name: "job-failed", path: "{job photo-archive-webp}" },
  { name: "job-cancelled", path: "{job primes-upto}" },
  { name: "job-done", path: "{job mandel-poster}" },
  { name: "job-picture", path: "{job mandel-poster}/results" },
  {
    name: "job-task",
    path: "{job mandelbrot-tiles}",
    before: async (page) => {
      await page.keyboard.press("f");
      await page.keyboard.press("f");
    },
  },
  {
    name: "job-table",
    path: "{job mandelbrot-tiles}",
    before: async (page) => {
      await page.keyboard.press("t");
    },
  },
  {
    name: "job-timeline-table",
    path: "{job mandelbrot-tiles}/timeline",
    before: async (page) => {
      await page.getByRole("radio", { name: "Table" }).click();
    },
  },
  { name: "job-explore", path: "{job mandel-poster}/results?look=explore" },
  { name: "plate", path: "#/overview", before: (page) => dragged(page, "enter", MANDEL, RUNS), after: (page) => dragged(page, "leave", MANDEL, null) },
  { name: "plate-refused", path: "#/overview", before: (page) => dragged(page, "enter", PAGE, REFUSED), after: (page) => dragged(page, "leave", PAGE, null) },
  { name: "sheet-once", path: "#/overview", before: (page) => dragged(page, "drop", MANDEL, null), after: escape },
  ...["Range", "Files", "Lines", "Sweep"].map((split) => ({
    name: `sheet-${split.toLowerCase()}`,
    path: "#/overview",
    before: async (/** @type {Page} */ page) => {
      await dragged(page, "drop", MANDEL, null);
      await page.getByRole("radio", { name: split }).click();
    },
    after: escape,
  })),
  {
    name: "sheet-kernel",
    path: "#/modules",
    before: async (page) => {
      await page.getByRole("button", { name: /^Run .*mandelbrot/ }).first().click();
      await page.getByText("counted by the kernel").waitFor();
    },
    after: escape,
  },
  { name: "sheet-refused", path: "#/overview", before: (page) => dragged(page, "drop", PAGE, null), after: escape },
  { name: "machines", path: "#/machines" },
  { name: "machines-table", path: "#/machines?view=table" },
  { name: "machines-slowed", scene: "slowed", path: "#/machines" },
  { name: "machines-paused", scene: "paused", path: "#/machines" },
  { name: "machines-loading", scene: "loading", path: "#/machines" },
  { name: "machine-now", path: "#/machines/m_studio" },
  { name: "machine-history", path: "#/machines/m_studio/history" },
  { name: "machine-history-empty", scene: "empty", path: "#/machines/m_studio/history" },
  { name: "machine-limits", path: "#/machines/m_studio/limits" },
  { name: "logs", path: "#/logs" },
  {
    name: "logs-search",
    path: "#/logs",
    before: async (page) => {
      const field = page.getByRole("searchbox", { name: "Search the log" });
      await field.fill("/refused|warning/");
      await field.press("Enter");
    },
    after: async (page) => {
      await page.getByRole("searchbox", { name: "Search the log" }).fill("");
    },
  },
  { name: "logs-empty", scene: "empty", path: "#/logs" },
  { name: "modules", path: "#/modules" },
  { name: "settings-general", path: "#/settings/general" },
  { name: "settings-machine", path: "#/settings/machine" },
  { name: "settings-machine-paused", scene: "paused", path: "#/settings/machine" },
  {
    name: "settings-schedule",
    path: "#/settings/machine",
    before: async (page) => {
      await page.getByRole("grid").scrollIntoViewIfNeeded();
    },
  },
  { name: "settings-notifications", path: "#/settings/notifications" },
  { name: "settings-advanced", path: "#/settings/advanced" },
  { name: "settings-about", path: "#/settings/about" },
  {
    name: "palette",
    path: "#/overview",
    before: async (page) => {
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.type("man");
    },
    after: escape,
  },
  {
    name: "shortcuts",
    path: "#/overview",
    before: async (page) => {
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
    },
    after: escape,
  },
  { name: "welcome", scene: "welcome", path: "#/welcome" },
  {
    name: "welcome-gives",
    scene: "welcome",
    path: "#/welcome",
    before: async (page) => {
      await press(page, "Set up this machine");
    },
  },
  {
    name: "welcome-see",
    scene: "welcome",
    path: "#/welcome",
    before: async (page) => {
      await press(page, "Set up this machine");
      await press(page, "Contribute");
      await press(page, "Run the sample");
      await page.getByRole("img", { name: "The Mandelbrot set, drawn by this machine" }).waitFor();
    },
  },
];
