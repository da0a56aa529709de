/**
 * The demo back end: a lively pool of one machine without a node, for
 * screenshots, accessibility checks and work on the page. It is not part of
 * what ships. `?demo=SCENE` chooses what it begins with; `&still` stops time.
 */
import { ApiError, type Bridge, expectReply } from "../bridge";
import type { ShellReply, ShellRequest } from "../shell";
import type { Changes, Event, Reply, Request } from "../types";
import { MACHINE_ID } from "./cast";
import type { DemoJob } from "./job";
import { passes } from "./logs";
import { gridOf, pictureOf, tilePng, wholePng } from "./picture";
import { demoFiles } from "./files";
import { resultBytes, resultEntry } from "./results";
import { type Scene, World } from "./world";

/** As often as the node tells of changes. */
const TICK_MS = 250;
const FOLLOW_MS = 60;
/** A local answer takes a moment, as the real one does. */
const ANSWER_MS = 4;

const pauseFor = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function demoBridge(): Bridge {
  const query = new URLSearchParams(window.location.search);
  const scene = (query.get("demo") ?? "lively") as Scene;
  const still = query.has("still");
  const began = Date.now();
  const now = (): number => (still ? began : Date.now());
  const world = new World(scene, began);
  const theme = query.get("theme");
  if (theme !== null) world.settings.set("app.theme", theme);
  const files = demoFiles();
  let autostart = true;

  const answer = async (request: Request): Promise<Reply> => {
    if (scene === "loading") await new Promise(() => {});
    await pauseFor(ANSWER_MS);
    if (scene === "lost" && request.verb !== "config") throw new ApiError("unreachable", "the node does not answer");
    world.advance(now());
    switch (request.verb) {
      case "status":
        return { reply: "status", ...world.status(now()) };
      case "jobs":
        return { reply: "jobs", jobs: world.jobViews(now()).slice(0, request.limit), cursor: null };
      case "job":
        return { reply: "job", ...world.job(request.job).view(now()) };
      case "task":
        return { reply: "task", ...world.job(request.job).task(request.index, now()) };
      case "tasks": {
        const job = world.job(request.job);
        const end = Math.min(job.plan.tasks, request.from + request.limit);
        const tasks = [];
        for (let index = request.from; index < end; index += 1) tasks.push(job.task(index, now()));
        return { reply: "tasks", tasks, next: end < job.plan.tasks ? end : null };
      }
      case "results": {
        const job = world.job(request.job);
        const end = Math.min(job.plan.tasks, request.from + request.limit);
        const results = [];
        for (let index = request.from; index < end; index += 1) results.push(resultEntry(job, index));
        return { reply: "results", results, next: end < job.plan.tasks ? end : null, folded: job.ended && job.plan.view.fold !== null ? resultEntry(job, job.plan.tasks) : null };
      }
      case "submit": {
        const job = world.submit(request, now());
        return { reply: "submitted", job: job.id, tasks: job.plan.tasks, existed: false };
      }
      case "release":
        world.job(request.job).released = true;
        return { reply: "done" };
      case "cancel":
        world.job(request.job).cancel(now(), "person");
        return { reply: "done" };
      case "retry":
        world.job(request.job).retry(now(), request.changes);
        return { reply: "done" };
      case "remove_job":
        world.jobs.delete(request.job);
        return { reply: "done" };
      case "modules":
        return { reply: "modules", modules: world.modules };
      case "remove_module": {
        const at = world.modules.findIndex((module) => module.name === request.name);
        if (at < 0) throw new ApiError("no_such_module", `no module is called ${request.name}`);
        world.modules.splice(at, 1);
        return { reply: "done" };
      }
      case "inspect":
        return { reply: "card", ...files.card(request.module.by === "name" ? request.module.name : (world.nameOf(request.module.blob) ?? request.module.blob)) };
      case "plan": {
        const grid = gridOf(pictureOf(request.params));
        return { reply: "plan", tasks: grid[0] * grid[1], grid };
      }
      case "machines":
        return { reply: "machines", machines: [world.machine(now())] };
      case "machine":
        return { reply: "machine", ...world.machine(now()) };
      case "contribution":
        return { reply: "contribution", ...world.contribution() };
      case "contribute":
        world.contribute(request.on, now());
        return { reply: "contribution", ...world.contribution() };
      case "pause":
        world.pause(request.until.kind === "for" ? now() + request.until.ms : request.until.kind === "tomorrow" ? new Date(now()).setHours(31, 0, 0, 0) : null, now(), request.until.kind === "finished");
        return { reply: "contribution", ...world.contribution() };
      case "resume":
        world.resume(now());
        return { reply: "contribution", ...world.contribution() };
      case "doctor":
        return { reply: "checks", checks: [{ name: "executor", state: "good", text: "the executor starts", hint: null }] };
      case "logs":
        return { reply: "logs", lines: scene === "empty" ? [] : world.log.read(request.filter, request.limit) };
      case "config":
        return { reply: "config", values: world.settings.list(request.key) };
      case "set_config":
        return { reply: "config", values: world.settings.set(request.key, request.value) };
      case "spans": {
        const spans = world.job(request.job).spans;
        const from = Number(request.from ?? "0");
        const end = Math.min(spans.length, from + request.limit);
        return { reply: "spans", spans: spans.slice(from, end).map((span) => ({ ...span })), stops: world.stops, next: end < spans.length ? String(end) : null, dropped: 0 };
      }
      case "samples":
        return { reply: "samples", ...world.samples(request.span, now()) };
      default:
        throw new ApiError("usage", `the demo does not answer ${request.verb}`);
    }
  };

  const bytes = async (request: Request): Promise<Uint8Array> => {
    await pauseFor(ANSWER_MS);
    if (request.verb === "thumbnail" || request.verb === "read") {
      const job = world.job(request.job);
      if (job.plan.view.result_type === "image/png" && (request.verb === "thumbnail" || request.what.of === "result")) {
        const pixels = request.verb === "thumbnail" ? request.pixels : Number.POSITIVE_INFINITY;
        const picture = pictureOf(job.plan.view.params);
        return request.index === job.plan.tasks ? wholePng(picture, Math.min(pixels, 640)) : tilePng(picture, request.index, pixels);
      }
      if (request.verb === "thumbnail") throw new ApiError("not_an_image", "the result is no picture");
      return resultBytes(job, request.index, request.what);
    }
    return new TextEncoder().encode("PK: a report of the demo\n");
  };

  const watch = async (request: Request, on: (event: Event) => void): Promise<() => void> => {
    if (scene === "loading") return () => {};
    await pauseFor(ANSWER_MS);
    if (request.verb === "logs") {
      const timer = setInterval(() => {
        const line = world.log.add(now());
        if (!still && passes(line, request.filter)) on({ event: "log", ...line });
      }, TICK_MS * 3);
      return () => clearInterval(timer);
    }
    if (request.verb === "follow") return follow(world, world.job(request.job), now, on);
    if (request.verb !== "watch") throw new ApiError("usage", `${request.verb} does not go on`);
    const watched = request.verb === "watch" && request.job !== null ? world.job(request.job) : null;
    on({ event: "changed", ...snapshot(world, watched, now()) });
    if (scene === "lost") throw new ApiError("unreachable", "the node does not answer");
    if (still) return () => {};
    const told = new Map<string, string>();
    const timer = setInterval(() => {
      world.advance(now());
      on({ event: "changed", ...delta(world, watched, told, now()) });
    }, TICK_MS);
    return () => clearInterval(timer);
  };

  const shell = async (request: ShellRequest): Promise<ShellReply> => {
    await pauseFor(ANSWER_MS);
    switch (request.verb) {
      case "pick":
        return { reply: "files", files: files.pick(request.what) };
      case "inspect":
        return { reply: "card", ...files.card(request.file) };
      case "upload":
      case "upload_text":
        return { reply: "blob", blob: "5e".repeat(32), bytes: 1_840_000 };
      case "count_lines":
        return { reply: "lines", lines: 2_000 };
      case "save":
        return { reply: "saved", files: request.indexes?.length ?? 480, folder: "~/Pictures/mandelbrot-tiles" };
      case "save_report":
        return { reply: "saved", files: 1, folder: "~/Documents" };
      case "autostart":
        autostart = request.on ?? autostart;
        return { reply: "autostart", on: autostart };
      case "info":
        return { reply: "info", version: "0.1.0", platform: "linux", engine: "WebKitGTK 2.46", safe_graphics: false, tray: true };
      case "reveal":
      case "quit":
        return { reply: "done" };
    }
  };

  return {
    call: async (request, expect) => expectReply(await answer(request), expect),
    bytes,
    watch,
    shell,
    shellEvents: async (on) => {
      // Screenshots of the drag and scripted tests send what the desktop would.
      const listen = (event: globalThis.Event): void => on((event as CustomEvent).detail);
      window.addEventListener("demo-shell", listen);
      return () => window.removeEventListener("demo-shell", listen);
    },
  };
}

/** Tells of a job's results as they come. */
function follow(world: World, job: DemoJob, now: () => number, on: (event: Event) => void): () => void {
  const told = new Set<number>();
  const timer = setInterval(() => {
    world.advance(now());
    for (let index = 0; index < job.plan.tasks; index += 1) {
      if (job.stateOf(index) !== "done" || told.has(index)) continue;
      told.add(index);
      on({ event: "results", first: index, count: 1 });
    }
    on({ event: "progress", tasks: job.view(now()).tasks, reason: null });
  }, FOLLOW_MS);
  return () => clearInterval(timer);
}

function snapshot(world: World, watched: DemoJob | null, now: number): Changes {
  return {
    whole: true,
    status: world.status(now),
    jobs: world.jobViews(now),
    gone: [],
    machines: [world.machine(now)],
    contribution: world.contribution(),
    cells: watched?.cells() ?? [],
    spans: [],
  };
}

function delta(world: World, watched: DemoJob | null, told: Map<string, string>, now: number): Changes {
  const fresh = <V>(key: string, value: V): boolean => {
    const text = JSON.stringify(value);
    if (told.get(key) === text) return false;
    told.set(key, text);
    return true;
  };
  const changed = watched?.takeChanges() ?? { cells: [], spans: [] };
  const contribution = world.contribution();
  // Machines tell at most once a second; their loads change all the time.
  const second = String(Math.floor(now / 1_000));
  const gone = [...told.keys()].filter((key) => key.startsWith("j_") && !world.jobs.has(key));
  for (const id of gone) told.delete(id);
  return {
    whole: false,
    status: null,
    jobs: [...world.jobs.values()].filter((job) => job.plan.transient !== true && (!job.ended || !told.has(`${job.id} ended`))).flatMap((job) => {
      const view = job.view(now);
      if (job.ended) told.set(`${job.id} ended`, "");
      else told.delete(`${job.id} ended`);
      return fresh(view.id, view) ? [view] : [];
    }),
    gone,
    machines: fresh(MACHINE_ID, second) ? [world.machine(now)] : [],
    contribution: fresh("contribution", contribution) ? contribution : null,
    cells: changed.cells,
    spans: changed.spans,
  };
}

