/** Theme and density: the settings decide, "system" follows the desktop. */
import { settings } from "./settings.svelte";

export type Theme = "dark" | "light";

class Appearance {
  #systemDark = $state(true);
  readonly theme: Theme = $derived.by(() => {
    const wanted = settings.get("app.theme");
    if (wanted === "dark" || wanted === "light") return wanted;
    return this.#systemDark ? "dark" : "light";
  });
  readonly density = $derived(settings.get("app.density") === "compact" ? "compact" : "comfortable");

  /** Keeps the document's attributes true; returns what ends it. */
  start(): () => void {
    const query = window.matchMedia("(prefers-color-scheme: dark)");
    const read = (): void => {
      this.#systemDark = query.matches;
    };
    read();
    query.addEventListener("change", read);
    const end = $effect.root(() => {
      $effect.pre(() => {
        document.documentElement.dataset["theme"] = this.theme;
        document.documentElement.dataset["density"] = this.density;
      });
    });
    return () => {
      end();
      query.removeEventListener("change", read);
    };
  }
}

export const appearance = new Appearance();
