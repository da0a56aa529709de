/** Takes the command out of a verdict's hint, so that it can be copied alone. */

export interface Fix {
  text: string;
  command: string | null;
}

/** The programs that hints name. */
const COMMAND = /(?:^|[:`\s])((?:[A-Z_]+=\S+ )*(?:cargo|go|tinygo|rustup|clang|wasmtime|git|emcc|zig|npx|wasm-tools) [^`]+?)[`.]?$/;

export function fixOf(hint: string): Fix {
  const quoted = /`([^`]+)`/.exec(hint);
  if (quoted?.[1] !== undefined && COMMAND.test(` ${quoted[1]}`)) return { text: sentence(hint.replace(quoted[0], "").trim()), command: quoted[1] };
  const bare = COMMAND.exec(hint);
  if (bare?.[1] === undefined) return { text: hint, command: null };
  return { text: sentence(hint.slice(0, bare.index).trim()), command: bare[1].trim() };
}

/** A capital at the beginning and one full stop or none at the end. */
function sentence(text: string): string {
  const bare = text.replace(/[:\s]*\.?$/, "");
  return bare === "" ? "" : `${bare.charAt(0).toUpperCase()}${bare.slice(1)}.`;
}
