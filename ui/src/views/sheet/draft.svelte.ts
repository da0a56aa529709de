/** A job as it is being put together in the sheet: what was typed, what is wrong with it, and what would be submitted. */
import { bridge, expectReply } from "../../bridge/bridge";
import type { FileView } from "../../bridge/shell";
import type { Card, Fold, FunctionView, InputFile, ModuleRef, Split, Submit } from "../../bridge/types";
import { jobWords } from "../../words/job";
import { sheetWords } from "../../words/sheet";
import { filled, knownPlaceholders, splitArguments, unknownPlaceholders } from "./arguments";
import { type Asked, limitOptions, readCommand, writeCommand } from "./command";
import { combination, type Counted, countLines, countRange, countSweep, type Range, type Sweep, sweptValues } from "./counts";
import { readSize, readSpan } from "./limits";
import { wrongValue } from "./parameter";

export type SplitKind = "once" | "range" | "files" | "lines" | "sweep";


export class Draft {
  readonly name: string;
  readonly card: Card;
  readonly #file: FileView | null;
  readonly #known: ModuleRef | null;
  /** The ways to cut the input that this kind of module takes; none for a kernel that counts for itself. */
  readonly splits: readonly SplitKind[];

  split = $state<SplitKind>("once");
  args = $state("");
  range = $state<Range>({ start: "0", end: "100", step: "1" });
  files = $state.raw<readonly FileView[]>([]);
  lines = $state.raw<{ file: FileView; count: number } | null>(null);
  linesPerTask = $state("1");
  sweeps = $state<Sweep[]>([{ name: "", values: "" }]);
  stdinText = $state("");
  stdinFile = $state.raw<FileView | null>(null);
  /** Files for every task, under `/in`. */
  inputs = $state.raw<readonly FileView[]>([]);
  params = $state<Record<string, string>>({});
  invoke = $state("");
  /** One text per argument of the chosen function. */
  values = $state<string[]>([]);

  jobName = $state("");
  memory = $state("");
  time = $state("");
  retries = $state("");
  priority = $state("0");
  fold = $state<Fold | "">("");

  /** What the kernel's own plan says: set by {@link replan}. */
  plan = $state.raw<{ tasks: number; grid: [number, number] | null } | { wrong: string } | null>(null);
  #uploads = new Map<string, Promise<string>>();
  #planned = 0;

  constructor(name: string, card: Card, from: { file: FileView } | { module: ModuleRef }) {
    this.name = name;
    this.card = card;
    this.#file = "file" in from ? from.file : null;
    this.#known = "module" in from ? from.module : null;
    this.splits = splitsOf(card);
    this.split = this.splits[0] ?? "once";
    if (card.verdict.verdict === "run_functions") this.choose(card.functions[0]?.name ?? "");
    for (const parameter of card.kernel?.parameters ?? []) this.params[parameter.name] = parameter.default ?? "";
  }

  /** Begins with what the command of a former job asked for; its files must be given again. */
  begin(command: string): void {
    const asked = readCommand(command, this.name, this.card.kernel !== null);
    const of = (name: string): string => asked.options.find(([option]) => option === name)?.[1] ?? "";
    Object.assign(this.params, asked.params);
    const [start, end, step = "1"] = of("--range").split("..");
    if (start !== undefined && end !== undefined && this.splits.includes("range")) {
      this.split = "range";
      this.range = { start, end, step };
    }
    if (of("--each-line") !== "" && this.splits.includes("lines")) {
      this.split = "lines";
      this.linesPerTask = of("--lines-per-task") || "1";
    }
    const swept = asked.options.filter(([option]) => option === "--param").map(([, value]) => value.split("="));
    if (swept.length > 0 && this.splits.includes("sweep")) {
      this.split = "sweep";
      this.sweeps = swept.map(([name = "", ...values]) => ({ name, values: values.join("=") }));
    }
    this.args = asked.args.join(" ");
    this.memory = of("--memory");
    this.time = of("--task-timeout");
    this.retries = of("--retries");
    this.priority = of("--priority") || "0";
    this.jobName = of("--name");
    if (of("--invoke") !== "") {
      this.choose(of("--invoke"));
      asked.args.forEach((value, at) => {
        this.values[at] = value;
      });
    }
  }

  get isKernelWithPlan(): boolean {
    return this.card.kernel?.split === "plan";
  }
  get isFunctions(): boolean {
    return this.card.verdict.verdict === "run_functions";
  }
  get takesArguments(): boolean {
    return this.card.kernel === null && !this.isFunctions && this.card.kind !== "bytes_function";
  }
  get function(): FunctionView | undefined {
    return this.card.functions.find((one) => one.name === this.invoke);
  }
  /** Arguments that are typed: with a range the last one comes from it. */
  get typedParams(): readonly string[] {
    const all = this.function?.params ?? [];
    return this.split === "range" ? all.slice(0, -1) : all;
  }

  readonly swept = $derived(this.sweeps.map((one) => ({ name: one.name.trim(), read: sweptValues(one.values) })));
  readonly words = $derived(splitArguments(this.args));
  readonly unknown = $derived(
    this.takesArguments ? unknownPlaceholders(this.words.words, knownPlaceholders(this.split, this.swept.map((one) => one.name))) : [],
  );

  readonly counted: Counted = $derived.by(() => {
    if (this.isKernelWithPlan) {
      if (this.plan === null) return { wrong: "" };
      return "wrong" in this.plan ? this.plan : { tasks: this.plan.tasks, item: String };
    }
    switch (this.split) {
      case "once":
        return { tasks: 1, item: () => "" };
      case "range":
        return countRange(this.range);
      case "files":
        return this.files.length === 0 ? { wrong: sheetWords.wrong.noFiles } : { tasks: this.files.length, item: (index) => this.files[index]?.name ?? "" };
      case "lines":
        return this.lines === null ? { wrong: sheetWords.wrong.noLines } : countLines(this.lines.count, this.linesPerTask);
      case "sweep":
        return this.#countSweep();
    }
  });

  /** What is wrong with the fields, by their name; a sheet without any can run. */
  readonly wrong = $derived.by((): Record<string, string> => {
    const wrong: Record<string, string> = {};
    if ("wrong" in this.counted && this.counted.wrong !== "") wrong["input"] = this.counted.wrong;
    for (const parameter of this.card.kernel?.parameters ?? []) {
      const why = wrongValue(parameter, this.params[parameter.name] ?? "");
      if (why !== null) wrong[`param ${parameter.name}`] = why;
    }
    if (this.takesArguments) {
      if (this.words.openQuote) wrong["args"] = sheetWords.wrong.openQuote;
      else if (this.unknown.length > 0) wrong["args"] = sheetWords.wrong.unknown(this.unknown);
    }
    if (this.isFunctions) {
      this.typedParams.forEach((type, at) => {
        if ((this.values[at] ?? "").trim() === "") wrong[`value ${at}`] = sheetWords.wrong.value(type);
      });
    }
    if (this.memory.trim() !== "" && readSize(this.memory) === null) wrong["memory"] = sheetWords.wrong.size;
    if (this.time.trim() !== "" && readSpan(this.time) === null) wrong["time"] = sheetWords.wrong.span;
    if (this.retries.trim() !== "" && !/^\d{1,6}$/.test(this.retries.trim())) wrong["retries"] = sheetWords.wrong.retries;
    if (!/^-?\d+$/.test(this.priority.trim()) || Math.abs(Number(this.priority)) > 10) wrong["priority"] = sheetWords.wrong.priority;
    return wrong;
  });
  /** What is wrong with the input, once somebody began to give it. */
  readonly inputProblem = $derived(
    this.split === "range" || (this.split === "lines" && this.lines !== null) || this.sweeps.some((one) => one.name !== "" || one.values !== "") ? this.wrong["input"] : undefined,
  );
  readonly tasks = $derived("tasks" in this.counted ? this.counted.tasks : null);
  readonly valid = $derived(this.tasks !== null && this.tasks > 0 && Object.keys(this.wrong).length === 0);
  /** Everything that the submission depends on, as one text: another text is another job. */
  readonly fingerprint = $derived(
    JSON.stringify([
      this.split, this.args, this.range, this.files.map((file) => file.id), this.lines?.file.id, this.linesPerTask, this.sweeps, this.stdinText, this.stdinFile?.id,
      this.inputs.map((file) => file.id), this.params, this.invoke, this.values, this.jobName, this.memory, this.time, this.retries, this.priority, this.fold,
    ]),
  );

  choose(name: string): void {
    this.invoke = name;
    this.values = (this.function?.params ?? []).map(() => "");
  }

  /** Another way to cut the input; an empty command line gets what the tasks differ by. */
  cut(next: SplitKind): void {
    this.split = next;
    if (!this.takesArguments || this.args.trim() !== "") return;
    this.args = next === "range" ? "{item}" : next === "files" ? "{file}" : "";
  }

  /** What a task's command line is: for the preview. */
  lineOf(index: number): string {
    const item = "tasks" in this.counted ? this.counted.item(index) : "";
    if (this.card.kernel !== null) return jobWords.grid.task(index).toLowerCase();
    if (this.isFunctions) {
      const values = this.typedParams.map((_, at) => this.values[at] ?? "");
      return `${this.invoke}(${(this.split === "range" ? [...values, item] : values).join(", ")})`;
    }
    const named = this.split === "sweep" ? Object.fromEntries(combination(this.#sweptParameters(), index)) : {};
    const stem = item.replace(/\.[^.]*$/, "");
    const values = { index: String(index), count: String(this.tasks ?? 0), item, line: item, file: `/in/${item}`, stem, ...named };
    const words = this.words.words.map((word) => filled(word, values));
    const program = this.name.replace(/\.wasm$/, "");
    return words.length === 0 && this.split !== "once" && item !== "" ? `${program} ← ${item}` : [program, ...words].join(" ");
  }

  /** Asks the kernel how many tasks its parameters make. */
  async replan(): Promise<void> {
    if (!this.isKernelWithPlan || Object.keys(this.wrong).some((field) => field.startsWith("param "))) return;
    this.#planned += 1;
    const turn = this.#planned;
    try {
      const { tasks, grid } = await bridge().call({ verb: "plan", module: await this.module(), params: this.#changedParams() }, "plan");
      if (turn === this.#planned) this.plan = { tasks, grid };
    } catch (thrown) {
      if (turn === this.#planned) this.plan = { wrong: thrown instanceof Error ? thrown.message : String(thrown) };
    }
  }

  /** Uploads what is named and says what to submit. */
  async submit(trial: boolean): Promise<Submit> {
    const memory_bytes = readSize(this.memory);
    const task_timeout_ms = readSpan(this.time);
    const stdin = this.split !== "once" || this.isFunctions || this.card.kernel !== null ? null : await this.#stdin();
    return {
      client_id: crypto.randomUUID().replaceAll("-", ""),
      module: await this.module(),
      module_name: this.name,
      name: this.jobName.trim() === "" ? null : this.jobName.trim(),
      args: this.isFunctions ? this.typedParams.map((_, at) => (this.values[at] ?? "").trim()) : this.takesArguments ? this.words.words : [],
      env: {},
      invoke: this.isFunctions ? this.invoke : null,
      params: this.#changedParams(),
      split: await this.#split(),
      stdin,
      files: await Promise.all(this.inputs.map((file) => this.#input(file))),
      fold: this.fold === "" ? null : this.fold,
      limits: { memory_bytes, task_timeout_ms, fuel: null, output_bytes: null, retries: this.retries.trim() === "" ? null : Number(this.retries) },
      priority: Number(this.priority),
      timeout_ms: null,
      chunk: null,
      trial,
      transient: false,
      on: [],
      collect: false,
    };
  }

  get command(): string {
    const asked: Asked = {
      options: [...this.#splitOptions(), ...limitOptions({
        name: this.jobName.trim(),
        memory_bytes: readSize(this.memory),
        task_timeout_ms: readSpan(this.time),
        retries: this.retries.trim() === "" ? null : Number(this.retries),
        priority: Number(this.priority) || 0,
        fold: this.fold === "" ? null : this.fold,
      })],
      module: this.#known?.by === "name" ? this.#known.name : this.name,
      params: this.#changedParams(),
      args: this.isFunctions ? this.typedParams.map((_, at) => this.values[at] ?? "") : this.takesArguments ? this.words.words : [],
    };
    if (this.isFunctions) asked.options.push(["--invoke", this.invoke]);
    for (const file of this.inputs) asked.options.push(["--in", file.name]);
    if (this.split === "once" && this.stdinFile !== null) asked.options.push(["--stdin", this.stdinFile.name]);
    return writeCommand(asked);
  }

  /** Only what differs from the kernel's own defaults. */
  #changedParams(): Record<string, string> {
    const parameters = this.card.kernel?.parameters ?? [];
    const changed = parameters.flatMap(({ name, default: otherwise }) => {
      const value = (this.params[name] ?? "").trim();
      return value === "" || value === otherwise ? [] : [[name, value] as const];
    });
    return Object.fromEntries(changed);
  }

  #sweptParameters(): { name: string; values: string[] }[] {
    return this.swept.map(({ name, read }) => ({ name, values: "values" in read ? read.values : [] }));
  }

  #countSweep(): Counted {
    const names = this.swept.map((one) => one.name);
    if (names.some((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))) return { wrong: sheetWords.wrong.sweepName };
    if (new Set(names).size < names.length) return { wrong: sheetWords.wrong.sweepTwice };
    for (const { name, read } of this.swept) if ("wrong" in read) return { wrong: `${name}: ${read.wrong}` };
    return countSweep(this.#sweptParameters());
  }

  #splitOptions(): [string, string][] {
    if (this.isKernelWithPlan) return [];
    switch (this.split) {
      case "once":
        return [];
      case "range": {
        const { start, end, step } = this.range;
        return [["--range", `${start.trim()}..${end.trim()}${step.trim() === "1" ? "" : `..${step.trim()}`}`]];
      }
      case "files":
        return this.files.map((file) => ["--each-file", file.name]);
      case "lines":
        return [["--each-line", this.lines?.file.name ?? "FILE"], ...(this.linesPerTask.trim() === "1" ? [] : [["--lines-per-task", this.linesPerTask.trim()] as [string, string]])];
      case "sweep":
        return this.sweeps.map((one) => ["--param", `${one.name.trim()}=${one.values.replace(/\s*,\s*/g, ",").trim()}`]);
    }
  }

  async #split(): Promise<Split> {
    if (this.isKernelWithPlan) return { kind: "once" };
    switch (this.split) {
      case "once":
        return { kind: "once" };
      case "range":
        return { kind: "range", start: this.range.start.trim(), end: this.range.end.trim(), step: this.range.step.trim() };
      case "files":
        return { kind: "files", files: await Promise.all(this.files.map((file) => this.#input(file))) };
      case "lines":
        return { kind: "lines", blob: this.lines === null ? "" : await this.#blob(this.lines.file), per_task: Number(this.linesPerTask) };
      case "sweep":
        return { kind: "sweep", parameters: this.#sweptParameters() };
    }
  }

  async #stdin(): Promise<string | null> {
    if (this.stdinFile !== null) return this.#blob(this.stdinFile);
    if (this.stdinText === "") return null;
    return expectReply(await bridge().shell({ verb: "upload_text", text: this.stdinText }), "blob").blob;
  }

  async module(): Promise<ModuleRef> {
    if (this.#known !== null) return this.#known;
    if (this.#file === null) throw new Error("a draft is of a file or of a known module");
    return { by: "blob", blob: await this.#blob(this.#file) };
  }

  async #input(file: FileView): Promise<InputFile> {
    return { name: file.name, blob: await this.#blob(file) };
  }

  /** A file is uploaded once, however often the sheet needs it. */
  #blob(file: FileView): Promise<string> {
    let upload = this.#uploads.get(file.id);
    if (upload === undefined) {
      upload = bridge().shell({ verb: "upload", file: file.id }).then((reply) => expectReply(reply, "blob").blob);
      this.#uploads.set(file.id, upload);
      upload.catch(() => this.#uploads.delete(file.id));
    }
    return upload;
  }
}

function splitsOf(card: Card): readonly SplitKind[] {
  if (card.kernel !== null) return card.kernel.split === "plan" ? [] : ["lines", "files", "range"];
  if (card.verdict.verdict === "run_functions") return ["once", "range"];
  if (card.kind === "bytes_function") return ["once", "files", "lines"];
  return ["once", "range", "files", "lines", "sweep"];
}
