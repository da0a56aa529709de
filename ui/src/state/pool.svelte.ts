/**
 * What the page knows of the pool: one watch keeps it true. While the node is
 * away the last known state stays, and `link` says since when.
 */
import { SvelteMap } from "svelte/reactivity";
import { ApiError, type Bridge } from "../bridge/bridge";
import type { CellRun, Changes, Contribution, JobView, MachineView, Span, Status } from "../bridge/types";

export type Link =
  | { state: "connecting" }
  | { state: "live" }
  | { state: "lost"; since_ms: number; why: string };

/** Who draws the tasks of the watched job gets each batch as it comes. */
export interface JobListener {
  /** The first batch after a (re)start has `whole` set: forget what was before. */
  tasks(batch: { whole: boolean; cells: CellRun[]; spans: Span[] }): void;
}

/** How long after a lost watch the next one is tried. */
const RETRY_MS = 2_000;
/** Jobs in a page of older ones. */
const OLDER_PAGE = 200;
/** A watch begins with this many newest jobs: fewer are all there are. */
const SNAPSHOT_JOBS = 100;

export class Pool {
  readonly jobs = new SvelteMap<string, JobView>();
  readonly machines = new SvelteMap<string, MachineView>();
  #status = $state.raw<Status | null>(null);
  #contribution = $state.raw<Contribution | null>(null);
  #link = $state.raw<Link>({ state: "connecting" });
  /** Ids of jobs whose deletion can still be undone: out of the lists already. */
  #hidden = $state.raw<ReadonlySet<string>>(new Set());

  /** Newest first. */
  readonly jobList = $derived(
    [...this.jobs.values()]
      .filter((job) => !this.#hidden.has(job.id))
      .sort((a, b) => b.accepted_ms - a.accepted_ms || (a.id < b.id ? 1 : -1)),
  );
  readonly running = $derived(this.jobList.filter(isLive));
  readonly ended = $derived(
    this.jobList.filter((job) => !isLive(job)).sort((a, b) => (b.ended_ms ?? 0) - (a.ended_ms ?? 0)),
  );
  readonly machineList = $derived([...this.machines.values()].sort((a, b) => a.name.localeCompare(b.name)));

  /** Set by the first watch; false once the oldest page was read. */
  #hasOlder = $state(true);
  #cursor: string | null = null;

  #bridge: Bridge | null = null;
  #end: (() => void) | null = null;
  /** Counts watches, so that what a former one still says is not believed. */
  #turn = 0;
  #job: string | null = null;
  #listener: JobListener | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  get status(): Status | null {
    return this.#status;
  }
  get contribution(): Contribution | null {
    return this.#contribution;
  }
  get link(): Link {
    return this.#link;
  }

  start(bridge: Bridge): void {
    this.#bridge = bridge;
    void this.#open();
  }

  stop(): void {
    this.#turn += 1;
    clearTimeout(this.#timer);
    this.#end?.();
    this.#end = null;
  }

  /** Opens the watch again at once. */
  retry(): void {
    void this.#open();
  }

  /** Watches the tasks of one job too, until the returned function is called. */
  watchJob(id: string, listener: JobListener): () => void {
    this.#job = id;
    this.#listener = listener;
    void this.#open();
    return () => {
      if (this.#listener !== listener) return;
      this.#job = null;
      this.#listener = null;
      void this.#open();
    };
  }

  /** The desktop says so when the node it talks to goes or comes back. */
  nodeGone(why: string): void {
    if (this.#link.state !== "lost") this.#link = { state: "lost", since_ms: Date.now(), why };
  }

  hide(id: string, hidden: boolean): void {
    const next = new Set(this.#hidden);
    if (hidden) next.add(id);
    else next.delete(id);
    this.#hidden = next;
  }

  /** A job by its id, from the watch or, an older one, from the node. */
  async find(id: string): Promise<JobView> {
    const known = this.jobs.get(id);
    if (known !== undefined) return known;
    if (this.#bridge === null) throw new ApiError("no_node", "the pool is not there yet");
    const job = await this.#bridge.call({ verb: "job", job: id }, "job");
    this.jobs.set(job.id, job);
    return job;
  }

  /** Whether there are jobs older than those that are known. */
  get hasOlder(): boolean {
    return this.#hasOlder;
  }

  /** Reads the next page of older jobs, which the watch does not tell. */
  async loadOlder(): Promise<void> {
    if (this.#bridge === null) return;
    const { jobs, cursor } = await this.#bridge.call({ verb: "jobs", cursor: this.#cursor, limit: OLDER_PAGE }, "jobs");
    for (const job of jobs) if (!this.jobs.has(job.id)) this.jobs.set(job.id, job);
    this.#cursor = cursor;
    this.#hasOlder = cursor !== null;
  }

  /** What a verb answered is newer than the last change. */
  took(contribution: Contribution): void {
    this.#contribution = contribution;
  }

  async #open(): Promise<void> {
    const bridge = this.#bridge;
    if (bridge === null) return;
    this.#turn += 1;
    const turn = this.#turn;
    clearTimeout(this.#timer);
    const former = this.#end;
    this.#end = null;
    try {
      const end = await bridge.watch({ verb: "watch", job: this.#job }, (event) => {
        if (turn === this.#turn && event.event === "changed") this.#apply(event);
      });
      if (turn === this.#turn) this.#end = end;
      else end();
    } catch (thrown) {
      if (turn === this.#turn) {
        this.nodeGone(ApiError.from(thrown).message);
        this.#timer = setTimeout(() => void this.#open(), RETRY_MS);
      }
    } finally {
      former?.();
    }
  }

  #apply(changes: Changes): void {
    if (changes.whole) {
      const oldest_ms = Math.min(...changes.jobs.map((job) => job.accepted_ms));
      keepOnly(this.jobs, new Set(changes.jobs.map((job) => job.id)), (job) => job.id === this.#job || (!isLive(job) && job.accepted_ms < oldest_ms));
      if (changes.jobs.length < SNAPSHOT_JOBS) this.#hasOlder = false;
      keepOnly(this.machines, new Set(changes.machines.map((machine) => machine.id)), () => false);
    }
    if (this.#link.state !== "live") this.#link = { state: "live" };
    if (changes.status !== null) this.#status = changes.status;
    const contribution = changes.contribution ?? changes.status?.contribution ?? null;
    if (contribution !== null) this.#contribution = contribution;
    for (const job of changes.jobs) this.jobs.set(job.id, job);
    for (const id of changes.gone) {
      this.jobs.delete(id);
      this.machines.delete(id);
    }
    for (const machine of changes.machines) this.machines.set(machine.id, machine);
    if (changes.whole || changes.cells.length > 0 || changes.spans.length > 0) {
      this.#listener?.tasks({ whole: changes.whole, cells: changes.cells, spans: changes.spans });
    }
  }
}

export function isLive(job: JobView): boolean {
  return job.state === "queued" || job.state === "running" || job.state === "folding";
}

function keepOnly<V>(map: SvelteMap<string, V>, kept: Set<string>, spared: (value: V) => boolean): void {
  for (const [id, value] of map) if (!kept.has(id) && !spared(value)) map.delete(id);
}

export const pool = new Pool();
