/** What kind of module it is, in a word or two. */
import type { ModuleKind } from "../bridge/types";

const kinds: Readonly<Record<ModuleKind, string>> = {
  kernel: "kernel",
  wasi_01_command: "program",
  wasi_02_command: "program",
  wasi_03_command: "program (WASI 0.3)",
  bytes_function: "bytes function",
  functions: "functions",
  wasi_01_library: "functions",
  program: "program",
  wasm_bindgen: "functions",
  web_page: "part of a web page",
  go_for_browsers: "Go for browsers",
  assembly_script: "functions",
  wasi_00: "program (WASI 0.0)",
  threads: "module with threads",
  feature: "module",
  component: "component",
  module: "module",
  precompiled: "machine code",
  not_wasm: "not a module",
  invalid: "broken module",
};

/** Empty where it is not known. */
export function kindWord(kind: ModuleKind | null): string {
  return kind === null ? "" : kinds[kind];
}
