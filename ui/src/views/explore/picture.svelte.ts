/**
 * A view being rendered: transient jobs, one coarse and some in full, whose
 * tiles are painted as they come. A new view cancels what is left of the last.
 */
import { ApiError, bridge } from "../../bridge/bridge";
import type { JobView, Submit, TaskState } from "../../bridge/types";
import { plainJob } from "../../state/submit";
import { centreFirst, partOf, placed, type Rect, type Size, tileOf, uncovered, type View } from "./plane";

/** The first pass has an eighth of the resolution. */
const COARSE = 8;
/** Above this, what the last view knew is worse than the coarse pass. */
const COARSE_BETTER = 4;
/** A person waits: before everything else, and the coarse pass before all. */
const PRIORITY = { coarse: 10, centre: 9, rest: 8 } as const;
/** States of tiles are asked for so often, while some are missing. */
const STATES_EVERY_MS = 200;
/** No tile of the kernel is larger. */
const TILE_PIXELS = 512;

interface Part {
  job: string;
  rect: Rect;
  scale: number;
  grid: readonly [number, number];
  tiles: { state: TaskState; bitmap: ImageBitmap | null }[];
  asked: Set<number>;
  end: () => void;
}

export interface Tile extends Rect {
  running: boolean;
}

export class Picture {
  readonly #job: JobView;
  /** Parameters of the kernel that a view does not change. */
  readonly #params: Record<string, string>;
  #size: Size = { width: 0, height: 0 };
  #view: View | null = null;
  #canvas = document.createElement("canvas");
  #parts: Part[] = [];
  #turn = 0;
  #began = 0;
  #whole = false;
  /** Parts in full that this view has. */
  #wanted = 0;
  #zoomed = 1;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Counts paintings, so that the page paints too. */
  version = $state(0);
  rendered = $state(0);
  took_ms = $state<number | null>(null);
  cancelled = $state(0);
  error = $state.raw<ApiError | null>(null);
  waiting = $state.raw<readonly Tile[]>([]);

  constructor(job: JobView, params: Record<string, string>) {
    this.#job = job;
    this.#params = params;
  }

  get canvas(): HTMLCanvasElement {
    return this.#canvas;
  }
  /** What the canvas shows. */
  get view(): View | null {
    return this.#view;
  }

  /** Renders a view, from what is known of the last one on. */
  async show(view: View, size: Size): Promise<void> {
    const parts = this.#carry(view, size);
    this.leave();
    const turn = this.#turn;
    [this.rendered, this.took_ms, this.error, this.#began] = [0, null, null, performance.now()];
    [this.#whole, this.#wanted] = [false, parts.length];
    this.#timer = setInterval(() => void this.#states(), STATES_EVERY_MS);
    const coarse = { width: Math.ceil(size.width / COARSE), height: Math.ceil(size.height / COARSE) };
    const all = { left: 0, top: 0, ...size };
    try {
      // The pass that a person sees first has the node to itself until it is accepted.
      const first = await this.#submitted(view, coarse, PRIORITY.coarse);
      await Promise.all([
        this.#render(turn, first, all, COARSE),
        ...parts.map(async (part, at) => {
          if (turn !== this.#turn) return;
          const job = await this.#submitted(partOf(view, size, part), part, at === 0 ? PRIORITY.centre : PRIORITY.rest);
          await this.#render(turn, job, part, 1);
        }),
      ]);
    } catch (thrown) {
      if (turn === this.#turn) this.error = ApiError.from(thrown);
    }
  }

  /** Cancels what has not come, and counts it. */
  leave(): void {
    this.#turn += 1;
    clearInterval(this.#timer);
    let left = 0;
    for (const part of this.#parts) {
      const missing = part.tiles.filter((tile) => tile.state !== "done").length;
      left += part.scale === 1 ? missing : 0;
      if (missing > 0) {
        bridge().call({ verb: "cancel", job: part.job }, "done").catch(() => {
          // It may have ended in this moment, which is as good.
        });
      }
      part.end();
      for (const tile of part.tiles) tile.bitmap?.close();
    }
    if (this.#parts.length > 0) this.cancelled = left;
    this.#parts = [];
    this.waiting = [];
  }

  /** Moves what is known to where it lies in the new view; says which parts of that are to be rendered. */
  #carry(view: View, size: Size): Rect[] {
    const before = this.#view;
    const [old, oldSize] = [this.#canvas, this.#size];
    const next = document.createElement("canvas");
    [next.width, next.height] = [size.width, size.height];
    [this.#canvas, this.#size, this.#view] = [next, size, view];
    this.version += 1;
    if (before === null || old.width === 0) {
      this.#zoomed = Number.POSITIVE_INFINITY;
      return centreFirst(size);
    }
    const place = placed(before, view, oldSize);
    const sameSize = oldSize.width === size.width && oldSize.height === size.height;
    const [x, y] = [Math.round(place.x), Math.round(place.y)];
    const pan = sameSize && before.zoom === view.zoom && Math.abs(x - place.x) < 0.01 && Math.abs(y - place.y) < 0.01;
    next.getContext("2d")?.drawImage(old, pan ? x : place.x, pan ? y : place.y, oldSize.width * place.scale, oldSize.height * place.scale);
    this.#zoomed = sameSize ? place.scale : Number.POSITIVE_INFINITY;
    return pan && this.#whole ? uncovered(size, x, y) : centreFirst(size);
  }

  async #submitted(view: View, pixels: Size, priority: number): Promise<string> {
    return (await bridge().call({ verb: "submit", ...this.#submit(view, pixels, priority) }, "submitted")).job;
  }

  async #render(turn: number, job: string, rect: Rect, scale: number): Promise<void> {
    const early: number[] = [];
    let came = (index: number): void => void early.push(index);
    // Following keeps a transient job alive; the end of it lets the job go.
    const [{ grid, tasks }, end] = await Promise.all([
      bridge().call({ verb: "job", job }, "job"),
      bridge().watch({ verb: "follow", job, output: false }, (event) => {
        if (turn !== this.#turn || event.event !== "results") return;
        for (let index = event.first; index < event.first + event.count; index += 1) came(index);
      }),
    ]);
    const shape = grid ?? [1, tasks.total];
    const part: Part = {
      job,
      rect,
      scale,
      grid: shape,
      tiles: Array.from({ length: tasks.total }, () => ({ state: "queued" as TaskState, bitmap: null })),
      asked: new Set(),
      end,
    };
    came = (index) => void this.#fetch(turn, part, index);
    if (turn !== this.#turn) {
      part.end();
      await bridge().call({ verb: "cancel", job }, "done");
      return;
    }
    this.#parts.push(part);
    early.forEach(came);
    this.#tell();
    // Tiles that came before the first event would be missed.
    await this.#look(turn, part);
  }

  async #fetch(turn: number, part: Part, index: number): Promise<void> {
    const tile = part.tiles[index];
    if (tile === undefined || part.asked.has(index)) return;
    part.asked.add(index);
    try {
      const bytes = await bridge().bytes({ verb: "thumbnail", job: part.job, index, pixels: TILE_PIXELS });
      const bitmap = await createImageBitmap(new Blob([bytes.slice()], { type: "image/png" }));
      if (turn !== this.#turn) {
        bitmap.close();
        return;
      }
      [tile.bitmap, tile.state] = [bitmap, "done"];
      this.#paint(part, index);
      this.#count();
    } catch (thrown) {
      if (turn === this.#turn) this.error = ApiError.from(thrown);
    }
  }

  #paint(part: Part, index: number): void {
    const context = this.#canvas.getContext("2d");
    const bitmap = part.tiles[index]?.bitmap;
    if (context === null || bitmap == null) return;
    const size = { width: Math.ceil(part.rect.width / part.scale), height: Math.ceil(part.rect.height / part.scale) };
    const tile = tileOf(size, part.grid, index);
    const [x, y] = [part.rect.left + tile.left * part.scale, part.rect.top + tile.top * part.scale];
    // A coarse tile fills only where nothing better is known, unless all that is known is much coarser.
    const under = part.scale > 1 && this.#zoomed <= COARSE_BETTER;
    context.globalCompositeOperation = under ? "destination-over" : "source-over";
    context.drawImage(bitmap, x, y, tile.width * part.scale, tile.height * part.scale);
    context.globalCompositeOperation = "source-over";
    if (part.scale > 1 && !under) {
      for (const full of this.#parts.filter((one) => one.scale === 1)) full.tiles.forEach((_, at) => this.#paint(full, at));
    }
    this.version += 1;
  }

  #count(): void {
    const parts = this.#parts.filter((part) => part.scale === 1);
    const full = parts.flatMap((part) => part.tiles);
    const done = full.filter((tile) => tile.state === "done").length;
    this.rendered = done;
    if (parts.length === this.#wanted && done === full.length && done > 0) {
      this.took_ms ??= performance.now() - this.#began;
      this.#whole = true;
      clearInterval(this.#timer);
    }
    this.#tell();
  }

  async #states(): Promise<void> {
    const turn = this.#turn;
    for (const part of this.#parts.filter((one) => one.scale === 1 && one.tiles.some((tile) => tile.state !== "done"))) {
      try {
        await this.#look(turn, part);
      } catch {
        // The outlines are a nicety; the tiles come by another way.
        return;
      }
    }
  }

  async #look(turn: number, part: Part): Promise<void> {
    const { tasks } = await bridge().call({ verb: "tasks", job: part.job, from: 0, limit: part.tiles.length }, "tasks");
    if (turn !== this.#turn) return;
    for (const task of tasks) {
      const tile = part.tiles[task.index];
      if (tile === undefined || tile.state === "done") continue;
      if (task.state === "done") void this.#fetch(turn, part, task.index);
      else tile.state = task.state;
      if (task.failure !== null) this.error = new ApiError(task.failure.kind, task.failure.message);
    }
    this.#tell();
  }

  #tell(): void {
    this.waiting = this.#parts
      .filter((part) => part.scale === 1)
      .flatMap((part) =>
        part.tiles.flatMap((tile, index) => {
          if (tile.state === "done") return [];
          const place = tileOf(part.rect, part.grid, index);
          return [{ ...place, left: place.left + part.rect.left, top: place.top + part.rect.top, running: tile.state === "running" }];
        }),
      );
  }

  #submit(view: View, pixels: Size, priority: number): Submit {
    return {
      ...renderJob(this.#job, this.#params, view, pixels),
      priority,
      transient: true,
      fold: "none",
    };
  }
}

/** The job that renders a view in so many pixels. */
export function renderJob(job: JobView, params: Readonly<Record<string, string>>, view: View, pixels: Size): Submit {
  return {
    ...plainJob({ by: "blob", blob: job.module }, job.module_name),
    params: { ...params, ...viewParams(view, pixels) },
  };
}

export function viewParams(view: View, pixels: Size): Record<string, string> {
  return {
    width: String(Math.round(pixels.width)),
    height: String(Math.round(pixels.height)),
    centre_re: String(view.re),
    centre_im: String(view.im),
    zoom: String(view.zoom),
  };
}
