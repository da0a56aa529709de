/** Who plays in the demo: the jobs of a lively day on one machine, and the modules they ran. */
import type { FailureView, JobView, ModuleKind, ModuleView } from "../types";
import { type Chance, hexDigits } from "./chance";
import { DemoJob, type DemoJobPlan } from "./job";
import { gridOf, pictureOf } from "./picture";

export const MACHINE_ID = "m_studio";
export const CORES = 16;
export const GIVEN_CORES = 12;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

const OUT_OF_MEMORY: FailureView = {
  kind: "memory_limit",
  message: "out of memory at 64 MiB",
  exit_code: null,
  backtrace: ["0: mandel::render", "1: _start"],
};
const NOT_A_JPEG: FailureView = {
  kind: "exit_code",
  message: "the input is not a JPEG",
  exit_code: 65,
  backtrace: [],
};

interface Role {
  name: string;
  module: string;
  tasks: number;
  task_ms: number;
  cores: readonly number[];
  /** How long ago it was sent. */
  ago_ms: number;
  result_type?: string;
  grid?: [number, number];
  fold?: JobView["fold"];
  failing?: ReadonlyMap<number, FailureView>;
  retried?: ReadonlySet<number>;
  explores?: boolean;
  alone_ms?: number;
  params?: Record<string, string>;
  cancelled_after_ms?: number;
  held?: { code: string; text: string };
  command?: string;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);

const ROLES: readonly Role[] = [
  { name: "mandelbrot-tiles", module: "mandel.wasm", tasks: 480, task_ms: 5_000, cores: range(0, 8), ago_ms: 192 * SECOND_MS, result_type: "image/png", grid: [24, 20], failing: new Map([[57, OUT_OF_MEMORY], [203, OUT_OF_MEMORY]]), retried: new Set([188]), params: { width: "2880", height: "1360", palette: "lagoon" }, command: "skep map mandel.wasm 0..480" },
  { name: "audit-bcrypt", module: "bcrypt-audit.wasm", tasks: 2_000, task_ms: 3_400, cores: [8, 9], ago_ms: 12 * MINUTE_MS, result_type: "application/json", command: "skep map bcrypt-audit.wasm --lines words.txt" },
  { name: "lattice-sweep", module: "lattice.wasm", tasks: 10_000, task_ms: 1_900, cores: [10, 11], ago_ms: 67 * MINUTE_MS, result_type: "text/csv", failing: new Map(range(0, 7).map((n) => [n * 431 + 88, NOT_A_JPEG])), command: "skep map lattice.wasm --param T=1.0..3.5..0.025 --param seed=0..100" },
  { name: "render-night", module: "raymarch.wasm", tasks: 960, task_ms: 9_000, cores: [], ago_ms: 4 * MINUTE_MS, held: { code: "no_core", text: "Waiting for a core: 12 of 12 are working" }, command: "skep map raymarch.wasm 0..960" },
  { name: "mandel-poster", module: "sample:mandelbrot", tasks: 256, task_ms: 2_400, cores: range(0, 12), ago_ms: 84 * MINUTE_MS, result_type: "image/png", grid: gridOf(pictureOf({})), fold: { kind: "kernel", state: "done", message: null }, explores: true, params: {}, command: "skep run sample:mandelbrot" },
  { name: "pi-monte-carlo", module: "pi.wasm", tasks: 400, task_ms: 4_000, cores: range(0, 12), ago_ms: 2.1 * HOUR_MS, result_type: "application/json", fold: { kind: "sum", state: "done", message: null }, command: "skep map pi.wasm 0..400 --fold sum" },
  { name: "photo-archive-webp", module: "image-convert.wasm", tasks: 614, task_ms: 1_500, cores: range(0, 12), ago_ms: 3.4 * HOUR_MS, failing: new Map([[41, NOT_A_JPEG], [388, NOT_A_JPEG]]), command: "skep map image-convert.wasm --files photos/" },
  { name: "word-count-logs", module: "sample:word_count", tasks: 64, task_ms: 7_100, cores: range(0, 12), ago_ms: 4.2 * HOUR_MS, result_type: "application/json", fold: { kind: "kernel", state: "done", message: null }, command: "skep run sample:word_count --files logs/" },
  { name: "primes-upto", module: "primes.wasm", tasks: 1_200, task_ms: 6_000, cores: range(0, 12), ago_ms: 5.5 * HOUR_MS, cancelled_after_ms: 4 * MINUTE_MS, command: "skep map primes.wasm 0..1200" },
  { name: "matmul-4096", module: "matmul.wasm", tasks: 256, task_ms: 3_300, cores: range(0, 12), ago_ms: 26 * HOUR_MS, command: "skep map matmul.wasm 0..256" },
];

/** The jobs of a lively pool, each where it is by now. */
export function castJobs(chance: Chance, now: number): DemoJob[] {
  const jobs = ROLES.map((role) => fromRole(role, chance, now));
  return [...jobs, ...older(chance, now)];
}

/** A thousand jobs of the last weeks, for lists that are long. */
function older(chance: Chance, now: number): DemoJob[] {
  const names = ["mandel-draft", "pi-check", "thumbnails", "word-count", "lattice-test", "noise-field", "hash-table"];
  return range(0, 14).map((n) => {
    const at = ROLES[Math.floor(chance() * ROLES.length)];
    return fromRole({ name: `${names[n % names.length]}-${20 - n}`, module: at?.module ?? "pi.wasm", tasks: 8 + Math.floor(chance() * 120), task_ms: 400 + chance() * 3_000, cores: range(0, 12), ago_ms: (30 + n * 7) * HOUR_MS, command: "skep map pi.wasm 0..64" }, chance, now);
  });
}

function fromRole(role: Role, chance: Chance, now: number): DemoJob {
  const plan: DemoJobPlan = {
    view: {
      id: `j_${hexDigits(chance, 6)}`,
      name: role.name,
      module: hexDigits(chance, 64),
      module_name: role.module,
      priority: 0,
      accepted_ms: now - role.ago_ms,
      fold: role.fold ?? null,
      result_type: role.result_type ?? null,
      grid: role.grid ?? null,
      trial: false,
      cancelled_by: null,
      first_failure: null,
      command: role.command ?? "",
      alone_ms: role.alone_ms ?? null,
      task_ms: role.task_ms,
      reason: null,
      params: role.params ?? {},
      explores: role.explores ?? false,
    },
    machine: MACHINE_ID,
    tasks: role.tasks,
    task_ms: role.task_ms,
    cores: role.cores,
    ...(role.failing === undefined ? {} : { failing: role.failing }),
    ...(role.retried === undefined ? {} : { retried: role.retried }),
    item: (index) => (role.grid === undefined ? String(index) : `tile ${index} (x ${index % role.grid[0]}, y ${Math.floor(index / role.grid[0])})`),
    chance,
  };
  const job = new DemoJob(plan);
  if (role.held !== undefined) job.held = role.held;
  const all = new Set(range(0, CORES));
  if (role.cancelled_after_ms === undefined) {
    job.advance(now, all);
  } else {
    job.advance(now - role.ago_ms + role.cancelled_after_ms, all);
    job.cancel(now - role.ago_ms + role.cancelled_after_ms, "person");
  }
  job.takeChanges();
  return job;
}

export function castModules(chance: Chance, now: number): ModuleView[] {
  const module = (name: string, kind: ModuleKind, title: string, bytes: number, runs: number, ago_h: number, task_ms: number | null, origin = "pushed"): ModuleView => ({
    name,
    hash: hexDigits(chance, 64),
    bytes,
    origin,
    pushed_ms: origin === "sample" ? null : now - (ago_h + 30) * HOUR_MS,
    title,
    kind,
    last_run_ms: runs === 0 ? null : now - ago_h * HOUR_MS,
    runs,
    task_ms,
  });
  return [
    module("sample:mandelbrot", "kernel", "Mandelbrot set", 214_000, 6, 1.4, 2_400, "sample"),
    module("sample:word_count", "kernel", "Word count", 176_000, 2, 4.2, 7_100, "sample"),
    module("mandel.wasm", "wasi_02_command", "Command-line program (WASI 0.2)", 1_840_000, 3, 0.05, 5_000),
    module("bcrypt-audit.wasm", "wasi_01_command", "Command-line program (WASI 0.1)", 612_000, 1, 0.2, 3_400),
    module("lattice.wasm", "wasi_01_command", "Command-line program (WASI 0.1)", 88_400, 4, 1.1, 1_900),
    module("image-convert.wasm", "wasi_01_command", "Command-line program (WASI 0.1)", 3_120_000, 9, 3.4, 1_500),
    module("raymarch.wasm", "wasi_02_command", "Command-line program (WASI 0.2)", 940_000, 1, 0.07, null),
    module("pi.wasm", "functions", "Module with functions", 1_900, 12, 2.1, 4_000),
  ];
}
