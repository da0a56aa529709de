/** The command line that does what the sheet does, and what a job's command says. */
import type { Fold } from "../../bridge/types";
import { quoted, splitArguments } from "./arguments";
import { sizeWord, spanWord } from "./limits";

/** A job as the command line knows it. */
export interface Asked {
  /** Our own options, in the order they are written: `--range`, `0..8`. */
  options: [string, string][];
  module: string;
  params: Record<string, string>;
  args: string[];
}

/** Writes ours before the module, as *Copy as command* always does. */
export function writeCommand({ options, module, params, args }: Asked): string {
  const many = options.some(([name]) => SPLITS.includes(name));
  const words = ["skep", many ? "map" : "run", ...options.flat(), module];
  for (const [name, value] of Object.entries(params)) words.push(`--${name.replaceAll("_", "-")}`, value);
  // A first argument that looks like an option would be taken for ours.
  if (args[0]?.startsWith("-") === true) words.push("--");
  return [...words, ...args].map(quoted).join(" ");
}

const SPLITS: readonly string[] = ["--range", "--each-line", "--each-file", "--items", "--param"];

/** Reads back what {@link writeCommand}, or the node, wrote. Only a kernel has parameters between its name and the arguments. */
export function readCommand(command: string, module: string, kernel: boolean): Asked {
  const { words } = splitArguments(command);
  const asked: Asked = { options: [], module, params: {}, args: [] };
  let at = 2;
  while (at + 1 < words.length && words[at]?.startsWith("--") === true) {
    asked.options.push([words[at] ?? "", words[at + 1] ?? ""]);
    at += 2;
  }
  at += 1;
  for (; kernel && at + 1 < words.length && /^--[a-z]/.test(words[at] ?? ""); at += 2) {
    asked.params[(words[at] ?? "").slice(2).replaceAll("-", "_")] = words[at + 1] ?? "";
  }
  if (words[at] === "--") at += 1;
  asked.args = words.slice(at);
  return asked;
}

export interface AskedLimits {
  memory_bytes: number | null;
  task_timeout_ms: number | null;
  retries: number | null;
  priority: number;
  fold: Fold | null;
  name: string;
}

/** The options that limits are written as; what is as the settings say is left out. */
export function limitOptions(limits: AskedLimits): [string, string][] {
  const options: [string, string][] = [];
  if (limits.name !== "") options.push(["--name", limits.name]);
  if (limits.memory_bytes !== null) options.push(["--memory", sizeWord(limits.memory_bytes)]);
  if (limits.task_timeout_ms !== null) options.push(["--task-timeout", spanWord(limits.task_timeout_ms)]);
  if (limits.retries !== null) options.push(["--retries", String(limits.retries)]);
  if (limits.priority !== 0) options.push(["--priority", String(limits.priority)]);
  if (limits.fold !== null) options.push(["--fold", limits.fold]);
  return options;
}
