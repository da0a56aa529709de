/** The breadcrumb of a route. */
import { jobPath, machinePath, type Route } from "../state/route.svelte";
import { words } from "../words/en";

export interface Crumb {
  text: string;
  path: string;
}

/** Names come from whoever knows them; an id stands in until then. */
export function crumbs(
  route: Route,
  jobName: (id: string) => string | undefined,
  machineName: (id: string) => string | undefined,
): Crumb[] {
  switch (route.view) {
    case "job":
      return [
        { text: words.nav.jobs, path: "#/jobs" },
        { text: jobName(route.id) ?? route.id, path: jobPath(route.id) },
      ];
    case "machine":
      return [
        { text: words.nav.machines, path: "#/machines" },
        { text: machineName(route.id) ?? route.id, path: machinePath(route.id) },
      ];
    case "welcome":
      return [{ text: words.app, path: "#/welcome" }];
    default:
      return [{ text: words.nav[route.view], path: `#/${route.view}` }];
  }
}
