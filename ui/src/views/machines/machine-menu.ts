/** What a person may ask of this machine, as a menu. */
import type { MachineView } from "../../bridge/types";
import type { MenuItem } from "../../parts/Menu.svelte";
import { copy } from "../../state/copy";
import { pause, pauses, resume } from "../../state/contribute";
import { pool } from "../../state/pool.svelte";
import { machinePath, where } from "../../state/route.svelte";
import { words } from "../../words/en";

/** To go on where somebody paused it, else for how long to pause. */
export function pauseMenu(): MenuItem[] {
  return pool.contribution?.paused === true
    ? [{ label: words.machines.resume, run: () => void resume() }]
    : [
        { label: words.machines.pauseHour, run: () => void pause(pauses.hour) },
        { label: words.machines.pauseTomorrow, run: () => void pause(pauses.tomorrow) },
        { label: words.machines.pause, run: () => void pause(pauses.resumed) },
        ...(pool.machineList.some((one) => one.cores_working > 0) ? [{ label: words.machines.finishThenPause, run: () => void pause(pauses.finished) }] : []),
      ];
}

export function machineMenu(machine: MachineView): MenuItem[] {
  return [
    { label: words.machines.open, run: () => where.go(machinePath(machine.id)) },
    ...pauseMenu(),
    { label: words.machines.limits, run: () => where.go(machinePath(machine.id, "limits")), apart: true },
    { label: words.machines.logs, run: () => where.go("#/logs") },
    { label: words.machines.copyCommand, run: () => void copy(`skep machine show ${machine.name}`) },
  ];
}
