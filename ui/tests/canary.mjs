/** A type error that must be found: proof that `npm run check` can fail. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = mkdtempSync(join(import.meta.dirname, "canary-"));
try {
  writeFileSync(join(folder, "Canary.svelte"), '<script lang="ts">\n  const wrong: number = "text";\n</script>\n\n{wrong}\n');
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: "../../tsconfig.json", include: ["*.svelte"] }));
  const checked = spawnSync(
    process.execPath,
    [join(import.meta.dirname, "../node_modules/svelte-check/bin/svelte-check"), "--workspace", folder, "--tsconfig", join(folder, "tsconfig.json")],
    { encoding: "utf8" },
  );
  if (checked.status === 0 || !checked.stdout.includes("not assignable")) {
    console.error("svelte-check did not find the canary's type error");
    console.error(checked.stdout, checked.stderr);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
