/** Values of the contract for tests: plain, and changed where a test says so. */
import type { Bridge } from "../src/bridge/bridge";
import type { Changes, Contribution, Event, JobView, MachineView, Reply, Request } from "../src/bridge/types";

export function job(changed: Partial<JobView> = {}): JobView {
  return {
    id: "j_1", name: "tiles", state: "running",
    tasks: { total: 10, queued: 4, running: 2, done: 4, failed: 0, cancelled: 0, cached: 0 },
    reason: null, machines: ["m_1"], module: "ab".repeat(32), module_name: "tiles.wasm", priority: 0,
    accepted_ms: 1_000, started_ms: 1_000, ended_ms: null, fold: null, result_type: null, grid: null, trial: false,
    cancelled_by: null, first_failure: null, command: "skep map tiles.wasm 0..10", eta_ms: null, per_second: null,
    alone_ms: null, task_ms: null, explores: false, params: {},
    ...changed,
  };
}

export function machine(changed: Partial<MachineView> = {}): MachineView {
  return {
    id: "m_1", name: "studio-pc", state: "working", reason: "Working on tiles", cores: 8, cores_working: 2, cpu: 25,
    memory: { total: 8e9, used: 2e9, offered: 4e9 }, temperature_c: null, os: "Linux", version: "0.1.0", last_seen_ms: 0,
    processor: "Test", core_loads: [1, 1, 0, 0, 0, 0, 0, 0], on_battery: null, tasks_today: 4,
    ...changed,
  };
}

export function contribution(changed: Partial<Contribution> = {}): Contribution {
  return { on: true, state: "working", reason: "Working on tiles", cores: 6, cores_given: 6, memory_bytes: 4e9, paused: false, paused_until_ms: null, idle_source: "", rules: [], ...changed };
}

export function changes(changed: Partial<Changes> = {}): { event: "changed" } & Changes {
  return { event: "changed", whole: false, status: null, jobs: [], gone: [], machines: [], contribution: null, cells: [], spans: [], ...changed };
}

/** A bridge that answers as a test says and remembers what it was asked. */
export class ScriptedBridge implements Bridge {
  readonly asked: Request[] = [];
  readonly watches: { request: Request; on: (event: Event) => void; ended: boolean }[] = [];
  answer: (request: Request) => Reply | Error = () => ({ reply: "done" });

  call: Bridge["call"] = (async (request: Request) => {
    this.asked.push(request);
    const answer = this.answer(request);
    if (answer instanceof Error) throw answer;
    return answer;
  }) as Bridge["call"];

  bytes: Bridge["bytes"] = async () => new Uint8Array();

  watch: Bridge["watch"] = async (request, on) => {
    const answer = this.answer(request);
    if (answer instanceof Error) throw answer;
    const watch = { request, on, ended: false };
    this.watches.push(watch);
    return () => {
      watch.ended = true;
    };
  };

  shell: Bridge["shell"] = async () => ({ reply: "done" });
  shellEvents: Bridge["shellEvents"] = async () => () => {};
}
