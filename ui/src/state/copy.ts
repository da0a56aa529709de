/** Copies text and says so. */
import { words } from "../words/en";
import { toasts } from "./toasts.svelte";

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A web view may refuse the clipboard to pages; the old way still works there.
    if (!copyBySelection(text)) {
      toasts.error(words.copy.failed, text);
      return;
    }
  }
  toasts.done(words.copy.done(text));
}

function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "hidden";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}
