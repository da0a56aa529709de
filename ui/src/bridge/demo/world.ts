/** The demo's pool: one machine, its jobs, its log, and the time that passes. */
import { ApiError } from "../bridge";
import type { Contribution, JobView, MachineState, MachineView, ModuleView, Rule, Sample, Status, Stop, Submit } from "../types";
import { CORES, GIVEN_CORES, MACHINE_ID, castJobs, castModules } from "./cast";
import { type Chance, chance, hexDigits } from "./chance";
import { DemoJob } from "./job";
import { DemoLog } from "./logs";
import { gridOf, pictureOf } from "./picture";
import { DemoSettings } from "./settings";

/** What the demo begins with; the address's `?demo=` names one. */
export type Scene = "lively" | "empty" | "many" | "lost" | "loading" | "paused" | "off" | "slowed" | "welcome";

const GIB = 1024 ** 3;
const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const MONTH_HOURS = 720;
/** A tile of the sample: the whole picture is there within seconds. */
const SAMPLE_TASK_MS = 90;
const SUBMITTED_TASK_MS = 900;
const EXPLORE_TASK_MS = 60;

export class World {
  readonly scene: Scene;
  readonly settings = new DemoSettings();
  readonly modules: ModuleView[];
  readonly log: DemoLog;
  readonly jobs = new Map<string, DemoJob>();
  #chance: Chance = chance(20_260);
  #on: boolean;
  #paused = false;
  /** Takes nothing new, and pauses when nothing runs any more. */
  #finishing = false;
  #pausedUntil: number | null = null;
  /** The day of the month on which it was paused. */
  #pausedOn = 0;
  #started: number;
  /** When this machine did not work. */
  readonly stops: Stop[] = [];

  constructor(scene: Scene, now: number) {
    this.scene = scene;
    this.#started = now - 9 * 3_600_000;
    this.#on = scene !== "off";
    this.#paused = scene === "paused";
    this.#pausedOn = new Date(now).getDate();
    if (scene === "paused") this.#pausedUntil = now + 37 * MINUTE_MS;
    if (scene === "welcome") this.settings.set("app.onboarded", "false");
    const bare = scene === "empty" || scene === "welcome";
    this.modules = castModules(this.#chance, now).filter((module) => !bare || module.origin === "sample");
    if (!bare) for (const job of castJobs(this.#chance, now)) this.jobs.set(job.id, job);
    if (scene === "many") this.#addMany(now);
    if (!this.#working()) this.#hold(now);
    this.log = new DemoLog(this.#chance, now, [...this.jobs.keys()].slice(0, 5));
  }

  advance(now: number): void {
    if (this.#pausedUntil !== null && now >= this.#pausedUntil) this.resume(now);
    const given = new Set(this.#working() && !this.#finishing ? Array.from({ length: this.#given() }, (_, core) => core) : []);
    for (const job of this.jobs.values()) job.advance(now, given);
    if (this.#finishing && this.#cores() === 0) this.pause(null, now);
  }

  contribute(on: boolean, now: number): void {
    this.#on = on;
    this.#hold(now);
    this.settings.set("contribute.on", String(on));
  }

  /** Pauses; `finish`: once what runs has ended. */
  pause(until_ms: number | null, now: number, finish = false): void {
    this.#finishing = finish && this.#cores() > 0;
    if (this.#finishing) return;
    this.#paused = true;
    this.#pausedUntil = until_ms;
    this.#pausedOn = new Date(now).getDate();
    this.#hold(now);
  }

  resume(now: number): void {
    this.#finishing = false;
    this.#paused = false;
    this.#pausedUntil = null;
    this.#hold(now);
  }

  job(id: string): DemoJob {
    const job = this.jobs.get(id);
    if (job === undefined) throw new ApiError("no_such_job", `no job has the id ${id}`);
    return job;
  }

  /** What a job that ran this module called it. */
  nameOf(module: string): string | undefined {
    return [...this.jobs.values()].find((job) => job.plan.view.module === module)?.plan.view.module_name;
  }

  submit(submit: Submit, now: number): DemoJob {
    const samples = submit.module_name.includes("mandelbrot");
    const picture = pictureOf(submit.params);
    const grid = samples ? gridOf(picture) : null;
    const tasks = grid !== null ? grid[0] * grid[1] : tasksOf(submit);
    const job = new DemoJob(
      {
        view: {
          id: `j_${hexDigits(this.#chance, 6)}`,
          name: submit.name ?? submit.module_name,
          module: submit.module.by === "blob" ? submit.module.blob : hexDigits(this.#chance, 64),
          module_name: submit.module_name,
          priority: submit.priority,
          accepted_ms: now,
          fold: submit.fold === null || submit.fold === "none" ? null : { kind: submit.fold, state: "queued", message: null },
          result_type: samples ? "image/png" : "text/plain",
          grid,
          trial: submit.trial,
          cancelled_by: null,
          first_failure: null,
          command: `skep run ${submit.module_name}`,
          alone_ms: null,
          task_ms: null,
          reason: null,
          params: Object.fromEntries(Object.entries(submit.params).map(([name, value]) => [name, value ?? ""])),
          explores: samples,
        },
        machine: MACHINE_ID,
        transient: submit.transient,
        tasks,
        task_ms: submit.transient ? EXPLORE_TASK_MS : samples ? SAMPLE_TASK_MS : SUBMITTED_TASK_MS,
        cores: Array.from({ length: GIVEN_CORES }, (_, core) => core),
        chance: this.#chance,
      },
    );
    this.jobs.set(job.id, job);
    return job;
  }

  jobViews(now: number): JobView[] {
    return [...this.jobs.values()].filter((job) => job.plan.transient !== true).map((job) => job.view(now)).sort((a, b) => b.accepted_ms - a.accepted_ms);
  }

  machine(now: number): MachineView {
    const working = this.#cores();
    return {
      id: MACHINE_ID,
      name: "studio-pc",
      state: this.#state(),
      reason: this.#reason(),
      cores: CORES,
      cores_working: working,
      cpu: (working / CORES) * 100,
      memory: { total: 64 * GIB, used: 28.2 * GIB, offered: 32 * GIB },
      temperature_c: this.scene === "slowed" ? 87 : working > 0 ? 61 : 44,
      os: "Linux",
      version: "0.1.0",
      last_seen_ms: now,
      processor: "AMD Ryzen 9 7950X",
      core_loads: Array.from({ length: CORES }, (_, core) => (core < working ? 0.72 + 0.28 * this.#chance() : 0.02 + 0.14 * this.#chance())),
      on_battery: false,
      tasks_today: [...this.jobs.values()].reduce((sum, job) => sum + job.view(now).tasks.done, 0) % 4_000,
    };
  }

  contribution(): Contribution {
    return {
      on: this.#on,
      state: this.#state(),
      reason: this.#reason(),
      cores: this.#given(),
      cores_given: GIVEN_CORES,
      memory_bytes: 32 * GIB,
      paused: this.#paused || this.#finishing,
      paused_until_ms: this.#pausedUntil,
      idle_source: "the X server :0",
      rules: this.#rules(),
    };
  }

  status(now: number): Status {
    const jobs = this.jobViews(now);
    const count = (state: JobView["state"]): number => jobs.filter((job) => job.state === state).length;
    return {
      version: "0.1.0",
      pid: 4_711,
      data_folder: "~/.local/share/skep",
      started_ms: this.#started,
      jobs_queued: count("queued"),
      jobs_running: count("running"),
      tasks_queued: jobs.reduce((sum, job) => sum + job.tasks.queued, 0),
      tasks_running: jobs.reduce((sum, job) => sum + job.tasks.running, 0),
      contribution: this.contribution(),
      machines: [this.machine(now)],
      storage: null,
    };
  }

  samples(span: "day" | "month", now: number): { every_ms: number; samples: Sample[] } {
    const every_ms = span === "day" ? MINUTE_MS : 60 * MINUTE_MS;
    const points = this.scene === "empty" || this.scene === "welcome" ? 0 : span === "day" ? DAY_MINUTES : MONTH_HOURS;
    const next = chance(7);
    let wander = 0;
    const samples = Array.from({ length: points }, (_, n): Sample => {
      const time_ms = Math.floor(now / every_ms) * every_ms - (points - 1 - n) * every_ms;
      wander = 0.98 * wander + (next() - 0.5) * 0.05;
      const phase = n / points;
      const shape = 0.62 + 0.4 * Math.sin(phase * 11.8 - 2.6) + 0.16 * Math.sin(phase * 31);
      const off = phase > 0.53 && phase < 0.58;
      const cores = off ? 0 : Math.max(0, Math.min(GIVEN_CORES, GIVEN_CORES * (shape + wander)));
      return { time_ms, cores_working: cores, tasks: Math.round(cores * 3.1), cpu: (cores / CORES) * 100 + 4, temperature_c: 42 + cores * 2.1 + wander * 3, memory_used: (17 + cores * 1.1) * GIB };
    });
    return { every_ms, samples };
  }

  /** Stops or starts the running jobs as the policy says now. */
  #hold(now: number): void {
    const last = this.stops.at(-1);
    if (last?.to_ms === null) last.to_ms = now;
    if (!this.#working()) this.stops.push({ machine: MACHINE_ID, from_ms: now, to_ms: null, reason: this.#reason() });
    const reason = this.#working() ? null : { code: "machines_paused", text: `waiting for a machine that is paused: ${this.#against()}` };
    for (const job of this.jobs.values()) if (job.plan.cores.length > 0) job.hold(reason, now);
  }

  /** Cores that may work now; while it is off, those that there would be. */
  #given(): number {
    if (this.#paused) return 0;
    return this.scene === "slowed" ? GIVEN_CORES - 3 : GIVEN_CORES;
  }

  #working(): boolean {
    return this.#on && !this.#paused;
  }

  #cores(): number {
    return [...this.jobs.values()].reduce((sum, job) => sum + job.running, 0);
  }

  #state(): MachineState {
    if (!this.#on || this.#paused) return "paused";
    if (this.#finishing) return "draining";
    if (this.scene === "slowed") return "slowed";
    return this.#cores() > 0 ? "working" : "ready";
  }

  #reason(): string {
    if (!this.#working()) return `Paused: ${this.#against()}`;
    if (this.#finishing) return "Finishing what runs, then pausing";
    if (this.scene === "slowed") return "Slowed down: to stay below 85 °C";
    const job = [...this.jobs.values()].find((one) => one.running > 0);
    return job === undefined ? "Waiting for work" : `Working on ${job.plan.view.name}`;
  }

  #against(): string {
    return this.#on ? this.#ends() : "Contribute is off";
  }

  /** When the pause ends, as the wall shows it. */
  #ends(): string {
    if (this.#pausedUntil === null) return "until you resume it";
    const ends = new Date(this.#pausedUntil);
    const two = (n: number): string => String(n).padStart(2, "0");
    const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
    const day = ends.getDate() === this.#pausedOn ? "" : `${days[ends.getDay()] ?? ""} `;
    return `until ${day}${two(ends.getHours())}:${two(ends.getMinutes())}`;
  }

  #rules(): Rule[] {
    const rule = (name: string, setting: string, now: string, met: boolean): Rule => ({ name, setting, now, met });
    return [
      rule("Contribute", this.#on ? "on" : "off", this.#on ? "on" : "off", this.#on),
      rule("Pause", "when you ask for it", this.#finishing ? "when what runs has ended" : this.#paused ? this.#ends() : "not paused", !this.#paused && !this.#finishing),
      rule("Schedule", "always", "tue 14:32", true),
      rule("Battery", "pause", "no battery", true),
      rule("Power saver", "pause", "off", true),
      rule("Temperature", "fewer cores above 85 °C, none from 95 °C", this.scene === "slowed" ? "87 °C" : "61 °C", this.scene !== "slowed"),
      rule("In use", "half of the cores until 3 min after the last input", "last input 14 min ago", true),
      rule("Other programs", "off", "not watched", true),
      rule("Stay awake", "while there is work, on mains", this.#cores() > 0 ? "kept awake" : "may fall asleep", true),
    ];
  }

  #addMany(now: number): void {
    const all = new Set(Array.from({ length: CORES }, (_, core) => core));
    for (let n = 0; n < 2_000; n += 1) {
      const role = this.submit(submitOf(`batch-${2_000 - n}`), now - (28 + n * 0.4) * 3_600_000);
      role.advance(now, all);
    }
  }
}

function submitOf(name: string): Submit {
  return { client_id: "", module: { by: "name", name: "pi.wasm" }, module_name: "pi.wasm", name, args: [], env: {}, invoke: null, params: {}, split: { kind: "range", start: "0", end: "24", step: "1" }, stdin: null, files: [], fold: null, limits: { memory_bytes: null, task_timeout_ms: null, fuel: null, output_bytes: null, retries: null }, priority: 0, timeout_ms: null, chunk: null, trial: false, transient: false, on: [], collect: false };
}

function tasksOf(submit: Submit): number {
  const split = submit.split;
  switch (split.kind) {
    case "once":
      return 1;
    case "range":
      return Math.max(1, Math.ceil((Number(split.end) - Number(split.start)) / Number(split.step)));
    case "files":
      return split.files.length;
    case "sweep":
      return split.parameters.reduce((product, one) => product * one.values.length, 1);
    default:
      return 100;
  }
}
