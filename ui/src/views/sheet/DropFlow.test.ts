import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { job, ScriptedBridge } from "../../../tests/fixtures";
import { useBridge } from "../../bridge/bridge";
import type { FileView, ShellEvent, ShellReply, ShellRequest } from "../../bridge/shell";
import type { Card, Reply, Request } from "../../bridge/types";
import { commands } from "../../state/commands.svelte";
import { pool } from "../../state/pool.svelte";
import DropFlow from "./DropFlow.svelte";

const FILE: FileView = { id: "f_1", name: "mandel.wasm", bytes: 1_840_000, is_module: true };
const PROGRAM: Card = {
  hash: "9f".repeat(32), bytes: FILE.bytes, kind: "wasi_02_command", title: "Command-line program (WASI 0.2)", verdict: { verdict: "run" }, toolchain: "Rust 1.91",
  memory_min: null, memory_max: null, uses: ["files"], functions: [], kernel: null, warnings: [], known_as: null,
};
const REFUSED: Card = {
  ...PROGRAM, title: "Part of a web page",
  verdict: { verdict: "refuse", code: "wrong_kind", message: "Built for a web page.", hint: "Rebuild it: `cargo build --release --target wasm32-wasip1`." },
};
const FUNCTIONS: Card = {
  ...PROGRAM, kind: "functions", title: "Module with functions", verdict: { verdict: "run_functions" },
  functions: [{ name: "power", params: ["i32", "i64"], results: ["i64"] }],
};

class Desktop extends ScriptedBridge {
  card = PROGRAM;
  tell: (event: ShellEvent) => void = () => {};
  readonly wished: ShellRequest[] = [];

  override shell = async (request: ShellRequest): Promise<ShellReply> => {
    this.wished.push(request);
    switch (request.verb) {
      case "pick":
        return { reply: "files", files: [FILE] };
      case "inspect":
        return { reply: "card", ...this.card };
      case "upload":
        return { reply: "blob", blob: `blob of ${request.file}`, bytes: 1 };
      default:
        return { reply: "done" };
    }
  };
  override shellEvents = async (on: (event: ShellEvent) => void): Promise<() => void> => {
    this.tell = on;
    return () => {};
  };
  get submitted(): Extract<Request, { verb: "submit" }>[] {
    return this.asked.filter((request) => request.verb === "submit");
  }
}

function answer(request: Request): Reply {
  switch (request.verb) {
    case "modules":
      return { reply: "modules", modules: [] };
    case "submit":
      return { reply: "submitted", job: "j_new", tasks: 1, existed: false };
    default:
      return { reply: "done" };
  }
}

const drag = (phase: "enter" | "over" | "leave" | "drop", more: { card?: Card | null; alt?: boolean; files?: FileView[] } = {}): ShellEvent => ({
  event: "drag", phase, files: more.files ?? [FILE], x: 0, y: 0, card: more.card ?? null, alt: more.alt ?? false,
});

describe("the drop flow", () => {
  let desktop: Desktop;
  const user = userEvent.setup();

  beforeEach(async () => {
    desktop = new Desktop();
    desktop.answer = answer;
    useBridge(desktop);
    render(DropFlow);
    await waitFor(() => expect(commands.has("run-module")).toBe(true));
  });

  const sheet = () => screen.findByRole("dialog", { name: "Run mandel.wasm" });
  const runButton = async (name: RegExp) => within(await sheet()).findByRole("button", { name });

  it("says during the drag what a drop would do", async () => {
    desktop.tell(drag("enter"));
    expect(await screen.findByText("Looking at mandel.wasm")).toBeVisible();
    desktop.tell(drag("enter", { card: PROGRAM }));
    expect(await screen.findByText(/Command-line program \(WASI 0\.2\), 1\.8 MB\. Drop to set up\./)).toBeVisible();
    desktop.tell(drag("leave"));
    await waitFor(() => expect(screen.queryByText(/Drop to set up/)).toBeNull());
  });

  it("runs a program with no inputs by drop and Enter", async () => {
    desktop.tell(drag("drop", { card: PROGRAM }));
    const run = await runButton(/^Run/);
    await waitFor(() => expect(run).toHaveFocus());
    await user.keyboard("{Enter}");
    await waitFor(() => expect(desktop.submitted).toHaveLength(1));
    expect(desktop.submitted[0]).toMatchObject({ module: { by: "blob", blob: "blob of f_1" }, module_name: "mandel.wasm", split: { kind: "once" }, trial: false });
    await waitFor(() => expect(window.location.hash).toBe("#/jobs/j_new"));
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("sets a module that is dropped on its job up as that job was", async () => {
    pool.jobs.set("j_1", job({ id: "j_1", name: "tiles", module: PROGRAM.hash, command: "skep map --range 3..9 mandel.wasm {item}" }));
    const row = document.createElement("div");
    row.dataset["job"] = "j_1";
    document.body.append(row);
    const under = vi.spyOn(document, "elementFromPoint").mockReturnValue(row);
    desktop.tell(drag("enter", { card: PROGRAM }));
    desktop.tell(drag("over"));
    expect(await screen.findByText(/Drop to run tiles again\./)).toBeVisible();
    desktop.tell(drag("drop", { card: PROGRAM }));
    expect(within(await sheet()).getByText("6 tasks:")).toBeVisible();
    under.mockReturnValue(null);
    row.remove();
  });

  it("runs at once with Alt held", async () => {
    desktop.tell(drag("drop", { card: PROGRAM, alt: true }));
    await waitFor(() => expect(desktop.submitted).toHaveLength(1));
  });

  it("cuts a range, shows its tasks and writes the same as a command", async () => {
    commands.run("run-module");
    const dialog = within(await sheet());
    await user.click(await dialog.findByRole("radio", { name: "Range" }));
    const upTo = dialog.getByRole("textbox", { name: "up to" });
    await user.clear(upTo);
    expect(dialog.getByRole("alert")).toHaveTextContent("whole numbers");
    expect(await runButton(/^Run/)).toBeDisabled();
    await user.type(upTo, "5");
    expect(dialog.getByText("5 tasks:")).toBeVisible();
    expect(dialog.getByText("mandel 4")).toBeVisible();
    expect(dialog.getByLabelText("Command")).toHaveTextContent("skep map --range 0..5 mandel.wasm {item}");
    await user.keyboard("{Control>}{Enter}{/Control}");
    await waitFor(() => expect(desktop.submitted).toHaveLength(1));
    expect(desktop.submitted[0]).toMatchObject({ args: ["{item}"], split: { kind: "range", start: "0", end: "5", step: "1" } });
  });

  it("marks a placeholder that stands for nothing", async () => {
    commands.run("run-module");
    const dialog = within(await sheet());
    await user.type(await dialog.findByRole("textbox", { name: /^Arguments/ }), "--of {{itme}");
    expect(dialog.getByRole("alert")).toHaveTextContent("{itme} stands for nothing here.");
    expect(await runButton(/^Run/)).toBeDisabled();
  });

  it("makes a form of a function's signature", async () => {
    desktop.card = FUNCTIONS;
    commands.run("run-module");
    const dialog = within(await sheet());
    await user.type(await dialog.findByRole("textbox", { name: "Argument 1: i32" }), "3");
    await user.type(dialog.getByRole("textbox", { name: "Argument 2: i64" }), "4");
    expect(dialog.getByText("power(3, 4)")).toBeVisible();
    await user.click(await runButton(/^Run/));
    await waitFor(() => expect(desktop.submitted[0]).toMatchObject({ invoke: "power", args: ["3", "4"] }));
  });

  it("says why a module cannot run, and what mends it", async () => {
    desktop.tell(drag("drop", { card: REFUSED }));
    const dialog = within(await sheet());
    expect(dialog.getByText("Built for a web page.")).toBeVisible();
    expect(dialog.getByText("cargo build --release --target wasm32-wasip1")).toBeVisible();
    expect(dialog.queryByRole("button", { name: /^Run/ })).toBeNull();
    expect(dialog.getByRole("button", { name: "Try another file" })).toBeVisible();
  });

  it("closes with Escape and gives the focus back", async () => {
    const before = document.createElement("button");
    document.body.append(before);
    before.focus();
    commands.run("run-module");
    await sheet();
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(before).toHaveFocus();
    before.remove();
  });

  it("keeps Tab inside", async () => {
    desktop.tell(drag("drop", { card: PROGRAM }));
    const run = await runButton(/^Run/);
    await waitFor(() => expect(run).toHaveFocus());
    // jsdom lays nothing out, so nothing has an offset parent: give all of them one.
    vi.spyOn(HTMLElement.prototype, "offsetParent", "get").mockReturnValue(document.body);
    await user.tab();
    expect(within(await sheet()).getByRole("button", { name: "Close" })).toHaveFocus();
    await user.tab({ shift: true });
    expect(run).toHaveFocus();
  });
});
