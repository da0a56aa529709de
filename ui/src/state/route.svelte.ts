/** Where the window is: a hash path, so that links, the palette and Back share one mechanism. */

export type ViewName = "overview" | "jobs" | "job" | "machines" | "machine" | "logs" | "modules" | "settings" | "welcome";

export interface Route {
  view: ViewName;
  /** Of the job or machine; empty elsewhere. */
  id: string;
  /** The tab or section; empty for the first one. */
  tab: string;
  query: URLSearchParams;
}

/** Reads `#/jobs/ID/timeline?task=3`; what is unknown is the overview. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [first = "", second = "", third = ""] = path.split("/").map(decode);
  const route = (view: ViewName, id = "", tab = ""): Route => ({ view, id, tab, query: new URLSearchParams(query) });
  switch (first) {
    case "jobs":
      return second === "" ? route("jobs") : route("job", second, third);
    case "machines":
      return second === "" ? route("machines") : route("machine", second, third);
    case "logs":
    case "modules":
    case "welcome":
      return route(first);
    case "settings":
      return route("settings", "", second);
    default:
      return route("overview");
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A path from its parts, each escaped. */
export function pathTo(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

export const jobPath = (id: string, tab = ""): string => (tab === "" ? pathTo("jobs", id) : pathTo("jobs", id, tab));
export const machinePath = (id: string, tab = ""): string =>
  tab === "" ? pathTo("machines", id) : pathTo("machines", id, tab);

class Where {
  #now = $state.raw<Route>(parseRoute(""));

  get now(): Route {
    return this.#now;
  }

  /** Follows the address from now on; returns what ends it. */
  start(): () => void {
    const read = (): void => {
      this.#now = parseRoute(window.location.hash);
    };
    read();
    window.addEventListener("hashchange", read);
    return () => window.removeEventListener("hashchange", read);
  }

  go(path: string): void {
    window.location.hash = path;
  }

  /** Goes there without a step for Back, as tabs and filters do. */
  replace(path: string): void {
    window.history.replaceState(null, "", path);
    this.#now = parseRoute(path);
  }
}

export const where = new Where();
