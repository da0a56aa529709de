/** What a job's page, its viewers and the run sheet say. */
import type { TaskState } from "../bridge/types";
import { words } from "./en";
import { binaryBytes, bytes, count, decimal, elapsed, remaining, shortHash, took } from "./format";

const { plural } = words;

/** A fact of one line: the number stands out, what it counts follows or goes before. */
export interface Fact {
  before?: string;
  value: string;
  after?: string;
}

export const jobWords = {
  tabs: { label: "Job", progress: "Progress", timeline: "Timeline", results: "Results", logs: "Logs", settings: "Settings" },
  notFound: "This job could not be read",
  sub: {
    started: (time: string) => `started ${time}`,
    sent: (time: string) => `sent ${time}`,
    trial: "trial",
  },

  facts: {
    done: (done: number, total: number): Fact => ({ value: count(done), after: `of ${count(total)} done` }),
    allDone: (total: number, time: string): Fact => ({ value: count(total), after: `done in ${time}` }),
    running: (n: number): Fact => ({ value: count(n), after: "running" }),
    failed: (n: number): Fact => ({ value: count(n), after: "failed" }),
    cancelled: (n: number): Fact => ({ value: count(n), after: "cancelled" }),
    elapsed: (ms: number): Fact => ({ value: elapsed(ms), after: "elapsed" }),
    left: (ms: number): Fact => ({ before: "about", value: remaining(ms), after: "left" }),
    rate: (n: number): Fact => ({ value: decimal(n), after: "/s" }),
  },
  waiting: "Waiting",

  actions: {
    cancel: "Cancel",
    cancelJob: (name: string) => `Cancel ${name}`,
    save: "Save results",
    saveOne: "Save result",
    retry: (n: number) => `Retry ${plural(n, "task")}`,
    raise: (size: string, n: number) => `Raise to ${size} and retry ${count(n)}`,
    allow: (time: string, n: number) => `Allow ${time} and retry ${count(n)}`,
    release: "Run the rest",
    more: (name: string) => `More actions for ${name}`,
    command: "Copy as command",
    again: "Run again…",
    remove: "Delete with its results",
    copy: "Copy",
    copied: "log",
    logs: "Show all lines",
    inspector: "Show or hide the inspector",
    table: "Show the tasks as a table or as cells",
    nextFailure: "Go to the next failed task",
    saved: (files: number, folder: string) => `Saved ${plural(files, "file")} in ${folder}.`,
    openFolder: "Open folder",
    saveFailed: (why: string) => `The results were not saved: ${why}`,
    retried: (n: number) => `${plural(n, "task")} will run again.`,
    releaseFailed: (why: string) => `The rest was not started: ${why}`,
  },

  grid: {
    title: "Tasks",
    roledescription: "task grid",
    keys: "Arrow keys move from task to task, Enter shows one, F goes to the next failure, T shows a table.",
    summary: (done: number, total: number, failed: number) =>
      `${count(done)} of ${count(total)} done${failed > 0 ? `, ${count(failed)} failed` : ""}`,
    each: (n: number) => `each cell is ${plural(n, "task")}`,
    task: (index: number) => `Task ${count(index)}`,
    tasks: (first: number, last: number) => `Tasks ${count(first)} to ${count(last)}`,
    retried: "ran more than once",
    colourBy: "Colour by",
    by: { state: "state", duration: "duration", attempt: "attempt" },
    under: (time: string) => `under ${time}`,
    between: (from: string, to: string) => `${from} to ${to}`,
    over: (time: string) => `over ${time}`,
    notRun: "Not run yet",
    attempts: ["First attempt", "Second attempt", "Third or later"],
    asTable: "Table",
    asCells: "Cells",
    view: "Show tasks as",
    columns: { index: "Task", state: "State", attempt: "Attempt", duration: "Took" },
  },

  lanes: {
    title: "By machine, last 60 s",
    cores: "cores in use",
    label: (machine: string, running: number, ended: number) =>
      `${machine}: ${count(running)} running, ${count(ended)} ended in the last minute`,
  },

  failures: {
    title: (n: number) => `${plural(n, "task")} failed`,
    group: (n: number, message: string) => `${plural(n, "task")}: ${message}`,
    lookedAt: (n: number) => `Of the first ${count(n)} that failed.`,
    reading: "Reading why",
    show: (index: number) => `Task ${index}`,
    fold: (message: string) => `Combining the results failed: ${message}`,
  },

  inspector: {
    label: "Details",
    job: "Job",
    task: (index: number) => `Task ${count(index)}`,
    close: "Close details",
    state: "State",
    machine: "Machine",
    input: "Input",
    duration: "Duration",
    attempt: "Attempt",
    failure: "Failure",
    exit: "Exit",
    progress: "Progress",
    waits: "Waits",
    earlier: "Before",
    earlierAttempt: (attempt: number, what: string) => `attempt ${attempt}: ${what}`,
    core: (machine: string, core: number) => `${machine}, core ${core}`,
    log: "Last log lines",
    noLog: "It wrote no log lines.",
    latest: "Latest results",
    noResults: "First results appear as tasks finish",
    images: (n: number) => plural(n, "image"),
    results: (n: number) => plural(n, "result"),
    tasks: "Tasks",
    typical: "Typical task",
    sent: "Sent",
    ended: "Ended",
    module: "Module",
    hash: "Hash",
    combine: "Combine",
    priority: "Priority",
    result: "Result",
    taskFailed: "This task could not be read",
    showResult: "Show result",
    perTask: (ms: number) => took(ms),
  },

  timeline: {
    label: "Timeline",
    empty: "Bars appear when the first task starts",
    live: "Live",
    follow: "Follow the right edge",
    fit: "Fit",
    closer: "Zoom in",
    wider: "Zoom out",
    canvas: (spans: number) => `Timeline of ${plural(spans, "attempt")}. Arrow keys move, plus and minus zoom, 0 fits.`,
    view: "Show the timeline as",
    bars: "Bars",
    table: "Table",
    waiting: (n: number) => `${count(n)} waiting`,
    rate: (n: string) => `${n}/s`,
    strip: "Waiting tasks and tasks done per second",
    dropped: (n: number) => `${plural(n, "older attempt")} no longer kept`,
    failed: "The timeline could not be read",
    waited: (ms: number) => `waited ${took(ms)}`,
    ran: (ms: number) => `ran ${took(ms)}`,
    running: (ms: number) => `runs for ${took(ms)}`,
    idle: (ms: number, why: string) => `Idle for ${took(ms)}: ${why}`,
    why: { nothing: "no task was waiting", others: "it worked on other jobs", paused: "it did not work", unknown: "tasks waited" },
    attempt: (n: number) => `attempt ${n}`,
    columns: { index: "Task", attempt: "Attempt", machine: "Machine", core: "Core", started: "Started", ran: "Ran", state: "State" },
  },

  results: {
    empty: "First results appear as tasks finish",
    none: "This job left no results",
    failed: "The results could not be read",
    explore: "Explore",
    tiles: "Tiles",
    show: "Show results as",
    image: "Images",
    picture: "Picture",
    folded: "Combined result",
    item: (index: number) => `Result of task ${count(index)}`,
    look: { image: "Image", json: "JSON", table: "Table", text: "Text", hex: "Bytes" },
    saveAll: "Save all",
    saveSelected: (n: number) => `Save ${count(n)} selected`,
    copy: "Copy",
    list: "Results",
    back: "All results",
    size: (n: number) => bytes(n),
    files: (n: number) => plural(n, "file"),
    selectAll: "Select all",
    select: (index: number) => `Select the result of task ${index}`,
    cut: (shown: number, all: number) => `The first ${bytes(shown)} of ${bytes(all)}. Save it to see the rest.`,
    badPicture: (why: string) => `The picture could not be shown: ${why}`,
    rows: (rows: number, columns: number) => `${plural(rows, "row")}, ${plural(columns, "column")}`,
    text: (lines: number) => plural(lines, "line"),
    entries: (n: number) => plural(n, "entry", "entries"),
    open: "Open",
    shut: "Close",
    combinedOf: (n: number) => `from ${plural(n, "task")}`,
    alt: (index: number) => `Result of task ${index}`,
    altFolded: "The combined picture",
  },

  logs: {
    empty: "No task of this job wrote a log line yet",
    choose: "Task",
    of: (index: number) => `Log of task ${count(index)}`,
    failed: "The log could not be read",
    follow: "The log of the last task that ended is shown. Choose another on the Progress tab.",
    latest: "Latest",
    previous: "Previous task",
    next: "Next task",
    copyCommand: "Copy as command",
    nothing: "It wrote no log lines.",
  },

  settings: {
    command: "As a command",
    copy: "Copy as command",
    again: "Run again…",
    what: "What runs",
    how: "How it runs",
    asSettings: "as the settings say",
    yes: "yes",
    no: "no",
    priorityNote: "-10 is last, 10 first",
  },
} as const;

export const foldWords: Readonly<Record<string, string>> = {
  none: "not combined",
  concat: "one after the other",
  json: "one JSON array",
  sum: "their sum",
  kernel: "by the kernel",
};

export function taskStateText(state: TaskState, attempt: number): string {
  const text = words.taskStates[state];
  return attempt > 1 ? `${text}, attempt ${attempt}` : text;
}

export { binaryBytes, bytes, count, decimal, plural, shortHash, took };
