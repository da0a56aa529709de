/** Every sentence that the window says, in one place. */
import type { JobState, MachineState, TaskState } from "../bridge/types";
import { count } from "./format";

const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

const jobStates: Readonly<Record<JobState, string>> = {
  queued: "Queued",
  running: "Running",
  folding: "Combining",
  done: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};

const taskStates: Readonly<Record<TaskState, string>> = {
  queued: "Queued",
  running: "Running",
  done: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};

const machineStates: Readonly<Record<MachineState, string>> = {
  working: "Working",
  ready: "Ready",
  paused: "Paused",
  slowed: "Slowed down",
  draining: "Finishing",
  offline: "Offline",
};

export const words = {
  app: "Skep",
  plural,
  jobStates,
  taskStates,
  machineStates,

  nav: {
    label: "Main",
    overview: "Overview",
    jobs: "Jobs",
    machines: "Machines",
    logs: "Logs",
    modules: "Modules",
    settings: "Settings",
    pool: "Pool",
  },

  header: {
    breadcrumb: "Where you are",
    search: "Search or run a command",
    contribute: "Contribute",
    off: "Not contributing",
    contributing: (given: number, cores: number) => `Contributing ${count(given)} of ${plural(cores, "core")}`,
    runModule: "Run module",
    contributeFailed: (why: string) => `Contribute was not changed: ${why}`,
  },

  footer: {
    label: "Pool",
    connecting: "Connecting",
    cores: (working: number, cores: number) => `${count(working)} of ${plural(cores, "core")} working`,
    queued: (n: number) => `${plural(n, "task")} waiting`,
    version: (version: string) => `v${version}`,
    machines: (working: number, paused: number, idle: number) => {
      const parts = [];
      if (working > 0) parts.push(`${plural(working, "machine")} working`);
      if (paused > 0) parts.push(working > 0 ? `${count(paused)} paused` : `${plural(paused, "machine")} paused`);
      if (idle > 0) parts.push(parts.length > 0 ? `${count(idle)} ready` : `${plural(idle, "machine")} ready`);
      return parts.join(", ");
    },
  },

  link: {
    lost: (why: string) => `Can't reach the pool: ${why}.`,
    lastKnown: (ago: string) => `Showing the last known state, ${ago}.`,
    retry: "Retry",
  },

  overview: {
    title: "Overview",
    running: "Running",
    finished: "Finished",
    allJobs: "All jobs",
  },

  jobs: {
    title: "Jobs",
    empty: "No jobs yet",
    done: (done: number, total: number) => `${count(done)} of ${count(total)} done`,
  },

  settings: {
    title: "Settings",
    notRead: (why: string) => `The settings could not be read: ${why}`,
  },

  toast: {
    label: "Messages",
    dismiss: "Dismiss message",
    undo: "Undo",
  },
} as const;
