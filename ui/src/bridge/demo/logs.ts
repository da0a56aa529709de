/** The demo node's log: what a day of work leaves, and new lines while jobs run. */
import type { LogFilter, LogLine } from "../types";
import type { Chance } from "./chance";

const LEVELS = ["error", "warn", "info", "debug", "trace"];
/** Lines that are there from the start. */
const PAST_LINES = 4_000;
/** A day of them. */
const PAST_MS = 10 * 3_600_000;

export class DemoLog {
  readonly lines: LogLine[] = [];
  #chance: Chance;
  #jobs: readonly string[];

  constructor(chance: Chance, now: number, jobs: readonly string[]) {
    this.#chance = chance;
    this.#jobs = jobs;
    let at = now - PAST_MS;
    for (let n = 0; n < PAST_LINES; n += 1) {
      at += (chance() * 2 * PAST_MS) / PAST_LINES;
      this.lines.push(this.#line(Math.min(at, now - 50)));
    }
  }

  /** One more line, as if something had just happened. */
  add(now: number): LogLine {
    const line = this.#line(now);
    this.lines.push(line);
    return line;
  }

  read(filter: LogFilter, limit: number): LogLine[] {
    return this.lines.filter((line) => passes(line, filter)).slice(-limit);
  }

  #line(time_ms: number): LogLine {
    const pick = this.#chance();
    const task = Math.floor(this.#chance() * 480);
    const job = this.#jobs[Math.floor(this.#chance() * this.#jobs.length)] ?? null;
    const ms = (this.#chance() * 4 + 0.6).toFixed(2);
    const line = (level: string, target: string, message: string, of: string | null = job): LogLine => ({ time_ms: Math.round(time_ms), level, target, message, job: of });
    if (pick < 0.42) return line("info", "node::work", `task ${task} done run_s=${ms} output_bytes=${Math.floor(this.#chance() * 300_000)}`);
    if (pick < 0.6) return line("info", "node::chores", `tile ${task} zoom 1e-9`);
    if (pick < 0.74) return line("debug", "node::driver", `lease granted task=${task} attempt=1 chunk=4`);
    if (pick < 0.84) return line("info", "node::chores", `\u001b[32mok\u001b[0m wrote \u001b[1mtile-${task}.png\u001b[0m\u0007`);
    if (pick < 0.9) return line("trace", "node::door", "watch: 14 cells changed", null);
    if (pick < 0.945) return line("warn", "node::host", `temperature 82 °C is near the limit of 85 °C`, null);
    if (pick < 0.97) return line("warn", "node::work::slot", `\u001b[33mwarning\u001b[0m: no colour profile in image ${task}, sRGB assumed`);
    if (pick < 0.985) return line("error", "node::work::slot", "memory.grow refused at 64 MiB");
    return line("error", "node::work", `task ${task} failed kind=trap message="wasm trap: out of memory" attempt=1`);
  }
}

export function passes(line: LogLine, filter: LogFilter): boolean {
  if (filter.job !== null && line.job !== filter.job) return false;
  if (filter.level !== null && LEVELS.indexOf(line.level) > LEVELS.indexOf(filter.level)) return false;
  return filter.grep === null || line.message.includes(filter.grep);
}
