import { describe, expect, it } from "vitest";
import { jobPath, machinePath, parseRoute, pathTo } from "./route.svelte";

describe("paths", () => {
  it.each([
    ["", "overview", "", ""],
    ["#/jobs", "jobs", "", ""],
    ["#/jobs/j_7Q2", "job", "j_7Q2", ""],
    ["#/jobs/j_7Q2/timeline", "job", "j_7Q2", "timeline"],
    ["#/machines/studio%20pc/limits", "machine", "studio pc", "limits"],
    ["#/settings/about", "settings", "", "about"],
    ["#/nowhere", "overview", "", ""],
    ["#/jobs/%E0%A4%A", "job", "%E0%A4%A", ""],
  ])("%s leads to %s", (hash, view, id, tab) => {
    expect(parseRoute(hash)).toMatchObject({ view, id, tab });
  });

  it("carries a query", () => {
    expect(parseRoute("#/logs?job=j_1&q=a%20b").query.get("q")).toBe("a b");
  });

  it("escapes names", () => {
    expect(parseRoute(pathTo("machines", "a/b?c")).id).toBe("a/b?c");
    expect(jobPath("j_1", "logs")).toBe("#/jobs/j_1/logs");
    expect(machinePath("m_1")).toBe("#/machines/m_1");
  });
});
