/** What a person may ask of this machine, as a menu. */
import type { MachineView } from "../../bridge/types";
import type { MenuItem } from "../../parts/Menu.svelte";
import { copy } from "../../state/copy";
import { HOUR_MS, canPause, pause, resume } from "../../state/contribute";
import { pool } from "../../state/pool.svelte";
import { machinePath, where } from "../../state/route.svelte";
import { words } from "../../words/en";

export function machineMenu(machine: MachineView): MenuItem[] {
  const paused = pool.contribution?.paused ?? false;
  const pauses: MenuItem[] = paused
    ? [{ label: words.machines.resume, run: () => void resume() }]
    : [
        { label: words.machines.pauseHour, run: () => void pause({ kind: "for", ms: HOUR_MS }) },
        { label: words.machines.pauseTomorrow, run: () => void pause({ kind: "tomorrow" }) },
        { label: words.machines.pause, run: () => void pause({ kind: "resumed" }) },
      ];
  return [
    { label: words.machines.open, run: () => where.go(machinePath(machine.id)) },
    ...(canPause() ? pauses : []),
    { label: words.machines.limits, run: () => where.go(machinePath(machine.id, "limits")), apart: true },
    { label: words.machines.logs, run: () => where.go("#/logs") },
    { label: words.machines.copyCommand, run: () => void copy(`skep machine show ${machine.name}`) },
  ];
}
