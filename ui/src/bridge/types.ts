/**
 * The contract with the node. It is generated from the door's types; what the
 * window needs and the door is about to have stands below it until then. Times
 * are milliseconds since 1970 (UTC), sizes bytes, spans milliseconds; 64-bit
 * numbers are `number`, since counts, bytes and milliseconds stay below 2^53.
 */
import type * as door from "./contract";

export type {
  Attempt,
  BytesOf,
  Card,
  CellRun,
  Check,
  CheckState,
  ConfigValue,
  ErrorCode,
  FailureView,
  Fold,
  FoldState,
  FoldView,
  FunctionView,
  InputFile,
  JobState,
  JobView,
  KernelView,
  LimitChanges,
  Limits,
  LogFilter,
  LogLine,
  MachineMemory,
  MachineState,
  MachineView,
  ModuleRef,
  ModuleView,
  ParameterType,
  ParameterValue,
  ParameterView,
  Reason,
  ResultEntry,
  Sample,
  SampleSpan,
  Span,
  Split,
  Submit,
  SweptParameter,
  TaskCounts,
  TaskState,
  TaskView,
  Verdict,
} from "./contract";
export type { Error as ErrorView } from "./contract";

/** One line of "Why isn't it working?". */
export interface Rule {
  name: string;
  setting: string;
  now: string;
  met: boolean;
}

/** What a node without the contribution policy does not tell is absent. */
export type Contribution = door.Contribution & {
  state?: door.MachineState;
  paused?: boolean;
  paused_until_ms?: number | null;
  rules?: Rule[];
};

export type Status = Omit<door.Status, "contribution"> & { contribution: Contribution };

export type Changes = Omit<door.Changes, "contribution" | "status"> & { contribution: Contribution | null; status: Status | null };

export type PauseUntil = { kind: "for"; ms: number } | { kind: "tomorrow" } | { kind: "resumed" };

export type Request =
  | door.Request
  | { verb: "pause"; until: PauseUntil }
  | { verb: "resume" };

export type Reply =
  | Exclude<door.Reply, { reply: "status" | "contribution" }>
  | ({ reply: "status" } & Status)
  | ({ reply: "contribution" } & Contribution);

export type Event = Exclude<door.Event, { event: "changed" }> | ({ event: "changed" } & Changes);
