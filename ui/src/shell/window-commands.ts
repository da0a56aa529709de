/** What can be done anywhere in the window, by name or by key. */
import { ApiError } from "../bridge/bridge";
import { pause, pauses, resume, setContribution } from "../state/contribute";
import type { Command } from "../state/commands.svelte";
import { pool } from "../state/pool.svelte";
import { jobPath, pathTo, where } from "../state/route.svelte";
import { runSample } from "../state/sample-job";
import { settings } from "../state/settings.svelte";
import { toasts } from "../state/toasts.svelte";
import { words } from "../words/en";

const say = words.palette;

/** `show` opens what floats above the window. */
export function windowCommands(show: (what: "palette" | "shortcuts") => void): Command[] {
  const go = (id: keyof typeof words.nav & string, keys: string): Command => ({
    id: `go-${id}`,
    title: say.goTo(words.nav[id]),
    keys: [keys],
    run: () => where.go(pathTo(id)),
  });
  return [
    { id: "palette", title: say.open, keys: ["mod+k"], quiet: true, run: () => show("palette") },
    go("overview", "g o"),
    go("jobs", "g j"),
    go("machines", "g m"),
    go("logs", "g l"),
    go("modules", "g d"),
    go("settings", "mod+,"),
    { id: "contribute", title: say.contribute, run: () => void setContribution(true) },
    { id: "contribute-off", title: say.contributeOff, run: () => void setContribution(false) },
    { id: "pause", title: say.pause, keys: ["p"], run: () => void (isPaused() ? resume() : pause(pauses.hour)) },
    { id: "pause-tomorrow", title: say.pauseTomorrow, run: () => void pause(pauses.tomorrow) },
    { id: "pause-resumed", title: say.pauseResumed, run: () => void pause(pauses.resumed) },
    { id: "sample", title: say.sample, run: () => void sample() },
    ...(["system", "dark", "light"] as const).map((theme): Command => ({
      id: `theme-${theme}`,
      title: say.theme[theme],
      run: () => void settings.set("app.theme", theme),
    })),
    { id: "shortcuts", title: say.shortcuts, keys: ["?"], run: () => show("shortcuts") },
    { id: "welcome", title: say.welcome, run: () => where.go("#/welcome") },
  ];
}

/** Whether a command makes sense at this moment: the palette leaves out the others. */
export function applies(command: Command): boolean {
  switch (command.id) {
    case "contribute":
      return pool.contribution?.on === false;
    case "contribute-off":
      return pool.contribution?.on === true;
    case "pause-tomorrow":
    case "pause-resumed":
      return !isPaused();
    default:
      return !(command.quiet ?? false);
  }
}

/** Pausing and going on are one command; its title says which it would be. */
export function titleOf(command: Command): string {
  return command.id === "pause" && isPaused() ? say.resume : command.title;
}

function isPaused(): boolean {
  return pool.contribution?.paused === true;
}

async function sample(): Promise<void> {
  try {
    where.go(jobPath(await runSample()));
  } catch (thrown) {
    const error = ApiError.from(thrown);
    toasts.error(words.overview.sampleFailed(error.message), error.hint);
  }
}
