/**
 * The contract with the node, as the page uses it. Times are milliseconds
 * since 1970 (UTC), sizes bytes, spans milliseconds. 64-bit numbers are
 * `number`: counts, bytes and milliseconds stay below 2^53.
 */

export type JobState = "queued" | "running" | "folding" | "done" | "failed" | "cancelled";
export type TaskState = "queued" | "running" | "done" | "failed" | "cancelled";
export type MachineState = "working" | "ready" | "paused" | "slowed" | "draining" | "offline";
export type Fold = "none" | "concat" | "json" | "sum" | "kernel";

export interface TaskCounts {
  total: number;
  queued: number;
  running: number;
  done: number;
  failed: number;
  cancelled: number;
  cached: number;
}

/** Why something waits or does not work: a code for programs, one sentence for people. */
export interface Reason {
  code: string;
  text: string;
}

export interface FailureView {
  kind: string;
  message: string;
  exit_code: number | null;
  backtrace: string[];
}

export interface FoldView {
  kind: Fold;
  state: "queued" | "running" | "done" | "failed";
  message: string | null;
}

export interface JobView {
  id: string;
  name: string;
  state: JobState;
  tasks: TaskCounts;
  reason: Reason | null;
  machines: string[];
  module: string;
  module_name: string;
  priority: number;
  accepted_ms: number;
  started_ms: number | null;
  ended_ms: number | null;
  fold: FoldView | null;
  result_type: string | null;
  grid: [number, number] | null;
  trial: boolean;
  cancelled_by: string | null;
  first_failure: [number, FailureView] | null;
  command: string;
  eta_ms: number | null;
  per_second: number | null;
  /** What this computer alone would have taken; set when ended and known. */
  alone_ms: number | null;
  /** A typical task of it. */
  task_ms: number | null;
  /** Its parameters name a centre and a zoom and its plan has a grid. */
  explores: boolean;
}

export interface Attempt {
  attempt: number;
  machine: string | null;
  what: string;
}

export interface TaskView {
  index: number;
  state: TaskState;
  item: string | null;
  attempt: number;
  machine: string | null;
  run_ms: number | null;
  failures: number;
  losses: number;
  elsewhere: number;
  failure: FailureView | null;
  reason: Reason | null;
  progress_per_mille: number | null;
  attempts: Attempt[];
  log_tail: string[];
}

export interface MachineView {
  id: string;
  name: string;
  state: MachineState;
  /** One sentence, always. */
  reason: string;
  cores: number;
  cores_working: number;
  /** Busy share of all cores, per cent. */
  cpu: number | null;
  memory: { total: number; used: number; offered: number };
  temperature_c: number | null;
  os: string;
  version: string;
  last_seen_ms: number;
  processor: string;
  /** 0 to 1 per core, of all programs. */
  core_loads: number[];
  on_battery: boolean | null;
  tasks_today: number;
}

export interface ModuleView {
  name: string;
  hash: string;
  bytes: number;
  /** `sample` or `pushed`. */
  origin: string;
  pushed_ms: number | null;
  title: string;
  kind: string;
  last_run_ms: number | null;
  runs: number;
  task_ms: number | null;
}

export interface FunctionView {
  name: string;
  params: string[];
  results: string[];
}

export type ParameterType = "integer" | "number" | "string" | "bool" | "choice";

export interface ParameterView {
  name: string;
  type: ParameterType;
  default: string | null;
  min: string | null;
  max: string | null;
  choices: string[];
  help: string;
}

export interface KernelView {
  title: string;
  help: string;
  parameters: ParameterView[];
  result: string | null;
  /** `plan`: it counts its own tasks; `input`: it needs a split. */
  split: string;
  fold: Fold;
  batch: boolean;
}

export interface ErrorView {
  code: string;
  message: string;
  hint?: string;
}

export type Verdict =
  | { verdict: "run" }
  | { verdict: "run_functions" }
  | ({ verdict: "refuse" } & ErrorView);

/** What the inspector says of a module. */
export interface Card {
  hash: string;
  bytes: number;
  kind: string;
  title: string;
  verdict: Verdict;
  toolchain: string | null;
  memory_min: number | null;
  memory_max: number | null;
  /** Of `files`, `clock`, `random`, `network`: what it can ask for. */
  uses: string[];
  functions: FunctionView[];
  kernel: KernelView | null;
  warnings: string[];
  known_as: string | null;
}

/** One line of "Why isn't it working?". */
export interface Rule {
  name: string;
  setting: string;
  now: string;
  met: boolean;
}

export interface Contribution {
  on: boolean;
  state: MachineState;
  reason: string;
  cores: number;
  memory_bytes: number;
  paused: boolean;
  paused_until_ms: number | null;
  rules: Rule[];
}

export interface Status {
  version: string;
  pid: number;
  data_folder: string;
  started_ms: number;
  jobs_queued: number;
  jobs_running: number;
  tasks_queued: number;
  tasks_running: number;
  contribution: Contribution;
  machines: MachineView[];
  /** Set while the disk is full. */
  storage: string | null;
}

export interface Check {
  name: string;
  state: "good" | "attention" | "bad";
  text: string;
  hint: string | null;
}

export interface LogLine {
  time_ms: number;
  level: string;
  target: string;
  message: string;
  job: string | null;
}

export interface ConfigValue {
  key: string;
  value: string;
  default: string;
  /** `default`, `config`, `environment` or `flag`. */
  layer: string;
  help: string;
  accepts: string;
}

export interface ResultEntry {
  index: number;
  state: TaskState;
  attempt: number;
  machine: string | null;
  bytes: number;
  hash: string | null;
  exit_code: number | null;
  text: string | null;
  base64: string | null;
  files: [string, number][];
  failure: FailureView | null;
}

/** A run of neighbouring tasks in the same state. */
export interface CellRun {
  first: number;
  count: number;
  state: TaskState;
  retried: boolean;
}

/** One attempt on one core. */
export interface Span {
  index: number;
  attempt: number;
  machine: string;
  core: number;
  started_ms: number;
  ended_ms: number | null;
  state: TaskState;
}

export interface Sample {
  time_ms: number;
  cores_working: number;
  tasks: number;
  /** Per cent. */
  cpu: number | null;
  temperature_c: number | null;
  memory_used: number;
}

/** What a watch tells: first everything, then what changed. */
export interface Changes {
  whole: boolean;
  status: Status | null;
  jobs: JobView[];
  gone: string[];
  machines: MachineView[];
  contribution: Contribution | null;
  cells: CellRun[];
  spans: Span[];
}

export type ModuleRef = { by: "blob"; blob: string } | { by: "name"; name: string };

export interface InputFile {
  name: string;
  blob: string;
}

export type Split =
  | { kind: "once" }
  | { kind: "range"; start: string; end: string; step: string }
  | { kind: "items"; blob: string }
  | { kind: "lines"; blob: string }
  | { kind: "files"; files: InputFile[] }
  | { kind: "sweep"; parameters: { name: string; values: string[] }[] };

export interface Limits {
  memory_bytes: number | null;
  task_timeout_ms: number | null;
  fuel: number | null;
  output_bytes: number | null;
  retries: number | null;
}

export interface LimitChanges {
  memory_bytes: number | null;
  task_timeout_ms: number | null;
  retries: number | null;
}

export interface Submit {
  /** 32 hex digits: sent twice, it makes one job. */
  client_id: string;
  module: ModuleRef;
  module_name: string;
  name: string | null;
  args: string[];
  env: Record<string, string>;
  invoke: string | null;
  params: Record<string, string>;
  split: Split;
  stdin: string | null;
  files: InputFile[];
  fold: Fold | null;
  limits: Limits;
  priority: number;
  timeout_ms: number | null;
  chunk: number | null;
  trial: boolean;
  transient: boolean;
  collect: boolean;
}

export type BytesOf = { of: "result" } | { of: "log" } | { of: "file"; name: string };

export interface LogFilter {
  level: string | null;
  grep: string | null;
  job: string | null;
}

export type Request =
  | { verb: "status" }
  | { verb: "inspect"; module: ModuleRef }
  | ({ verb: "submit" } & Submit)
  | { verb: "release"; job: string }
  | { verb: "jobs"; cursor: string | null; limit: number }
  | { verb: "job"; job: string }
  | { verb: "follow"; job: string; output: boolean }
  | { verb: "cancel"; job: string }
  | { verb: "retry"; job: string; changes: LimitChanges }
  | { verb: "remove_job"; job: string }
  | { verb: "tasks"; job: string; from: number; limit: number }
  | { verb: "task"; job: string; index: number }
  | { verb: "results"; job: string; from: number; limit: number }
  | { verb: "read"; job: string; index: number; what: BytesOf }
  | { verb: "push_module"; name: string; blob: string }
  | { verb: "modules" }
  | { verb: "remove_module"; name: string }
  | { verb: "machines" }
  | { verb: "machine"; machine: string }
  | { verb: "contribution" }
  | { verb: "contribute"; on: boolean }
  | { verb: "pause"; until: { kind: "for"; ms: number } | { kind: "tomorrow" } | { kind: "resumed" } }
  | { verb: "resume" }
  | { verb: "doctor" }
  | { verb: "logs"; filter: LogFilter; limit: number; follow: boolean }
  | { verb: "config"; key: string | null }
  | { verb: "set_config"; key: string; value: string | null }
  | { verb: "watch"; job: string | null }
  | { verb: "spans"; job: string; from: string | null; limit: number }
  | { verb: "samples"; machine: string; span: "day" | "month" }
  | { verb: "plan"; module: ModuleRef; params: Record<string, string> }
  | { verb: "thumbnail"; job: string; index: number; pixels: number }
  | { verb: "report" };

export type Reply =
  | { reply: "done" }
  | ({ reply: "status" } & Status)
  | { reply: "blob"; blob: string; bytes: number }
  | ({ reply: "card" } & Card)
  | { reply: "submitted"; job: string; tasks: number; existed: boolean }
  | { reply: "jobs"; jobs: JobView[]; cursor: string | null }
  | ({ reply: "job" } & JobView)
  | { reply: "following" }
  | { reply: "tasks"; tasks: TaskView[]; next: number | null }
  | ({ reply: "task" } & TaskView)
  | { reply: "results"; results: ResultEntry[]; next: number | null; folded: ResultEntry | null }
  | { reply: "bytes"; bytes: number }
  | ({ reply: "module" } & ModuleView)
  | { reply: "modules"; modules: ModuleView[] }
  | { reply: "machines"; machines: MachineView[] }
  | ({ reply: "machine" } & MachineView)
  | ({ reply: "contribution" } & Contribution)
  | { reply: "checks"; checks: Check[] }
  | { reply: "logs"; lines: LogLine[] }
  | { reply: "config"; values: ConfigValue[] }
  | { reply: "spans"; spans: Span[]; next: string | null; dropped: number }
  | { reply: "samples"; every_ms: number; samples: Sample[] }
  | { reply: "plan"; tasks: number; grid: [number, number] | null };

export type Event =
  | { event: "progress"; tasks: TaskCounts; reason: string | null }
  | { event: "results"; first: number; count: number }
  | { event: "output"; stream: string; base64: string }
  | { event: "output_differs" }
  | { event: "task_progress"; index: number; per_mille: number }
  | ({ event: "log" } & LogLine)
  | ({ event: "changed" } & Changes);
