/** What the page asks of the desktop around it, and what that tells the page. */
import type { Card } from "./types";

/** A file that a person chose or drags; the page never sees where it lies. */
export interface FileView {
  id: string;
  name: string;
  bytes: number;
  is_module: boolean;
}

export type ShellRequest =
  | { verb: "pick"; what: "module" | "files" | "text" }
  | { verb: "inspect"; file: string }
  | { verb: "upload"; file: string }
  | { verb: "upload_text"; text: string }
  | { verb: "count_lines"; file: string }
  | { verb: "save"; job: string; indexes: number[] | null; folded: boolean }
  /** Asks where, and writes the report there. */
  | { verb: "save_report" }
  | { verb: "reveal"; what: "logs" | "data" | "saved" }
  | { verb: "autostart"; on: boolean | null }
  | { verb: "quit"; how: "finish" | "now" }
  | { verb: "info" };

export interface ShellInfo {
  version: string;
  platform: string;
  /** The web view's name and version. */
  engine: string;
  safe_graphics: boolean;
  tray: boolean;
}

export type ShellReply =
  | { reply: "files"; files: FileView[] }
  | ({ reply: "card" } & Card)
  | { reply: "blob"; blob: string; bytes: number }
  | { reply: "lines"; lines: number }
  | { reply: "saved"; files: number; folder: string }
  | { reply: "cancelled" }
  | { reply: "autostart"; on: boolean }
  | { reply: "done" }
  | ({ reply: "info" } & ShellInfo);

export type ShellEvent =
  | {
      event: "drag";
      phase: "enter" | "over" | "leave" | "drop";
      files: FileView[];
      x: number;
      y: number;
      /** Comes with a second enter, once the file was inspected. */
      card: Card | null;
      alt: boolean;
    }
  | { event: "navigate"; route: string }
  | { event: "run_module" }
  | { event: "node"; state: "there" | "gone" | "starting"; text: string };
