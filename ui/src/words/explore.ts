/** What the explored picture says. */
import { words } from "./en";
import { count, took } from "./format";

export const exploreWords = {
  label: "The picture. Arrow keys move, plus and minus zoom, 0 goes back to the start, F fills the screen.",
  re: "re",
  im: "im",
  zoom: "zoom",
  times: (zoom: number) => `${zoom < 100 ? String(Number(zoom.toPrecision(3))) : count(Math.round(zoom))}×`,
  closer: "Zoom in",
  wider: "Zoom out",
  fill: "Fill the screen",
  copyCommand: "Copy as command",
  save: "Save picture",
  size: (width: number, height: number) => `${count(width)} × ${count(height)}`,
  thisSize: (width: number, height: number) => `As shown, ${count(width)} × ${count(height)}`,
  pictureName: (name: string, width: number, height: number) => `${name} ${width}×${height}`,
  saving: "The picture is rendered as a job. Save it from its page.",
  open: "Open job",
  saveFailed: (why: string) => `The picture was not rendered: ${why}`,
  failed: (why: string) => `This view could not be rendered: ${why}`,
  /** Every second part stands out. */
  rendered: (tiles: number, ms: number) => ["Rendered ", count(tiles), ` ${tiles === 1 ? "tile" : "tiles"} in `, took(ms)] as const,
  rendering: "Rendering",
  cancelled: (n: number) => ` · ${words.plural(n, "tile")} of the last view cancelled`,
  running: "Running",
  queued: "Queued",
} as const;
