/** Splits what a person types as a shell would, and finds the placeholders in it. */

/** As a POSIX shell without expansion; an open quote ends at the end. */
export function splitArguments(line: string): { words: string[]; openQuote: boolean } {
  const words: string[] = [];
  let word = "";
  let started = false;
  let quote: "'" | '"' | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] ?? "";
    if (quote === "'") {
      if (char === "'") quote = null;
      else word += char;
    } else if (quote === '"') {
      if (char === '"') quote = null;
      else if (char === "\\" && '"\\$`'.includes(line[at + 1] ?? " ")) {
        at += 1;
        word += line[at] ?? "";
      } else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      started = true;
    } else if (char === "\\") {
      at += 1;
      word += line[at] ?? "";
      started = true;
    } else if (/\s/.test(char)) {
      if (started) words.push(word);
      word = "";
      started = false;
    } else {
      word += char;
      started = true;
    }
  }
  if (started) words.push(word);
  return { words, openQuote: quote !== null };
}

/** A word as a POSIX shell reads it back. */
export function quoted(word: string): string {
  if (word !== "" && /^[A-Za-z0-9\-_./:=,+@%{}…*]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Which placeholders stand for something, by how the input is cut. */
export function knownPlaceholders(split: "once" | "range" | "files" | "lines" | "sweep", sweep: readonly string[]): string[] {
  const always = ["index", "count"];
  switch (split) {
    case "once":
      return always;
    case "range":
      return [...always, "item"];
    case "lines":
      return [...always, "item", "line"];
    case "files":
      return [...always, "item", "file", "stem"];
    case "sweep":
      return [...always, "item", ...sweep];
  }
}

/** Placeholders in the words that stand for nothing, each once. */
export function unknownPlaceholders(words: readonly string[], known: readonly string[]): string[] {
  const found = words.flatMap((word) => [...word.matchAll(/\{([A-Za-z_][A-Za-z0-9_]*)\}/g)].map((match) => match[1] ?? ""));
  return [...new Set(found)].filter((name) => !known.includes(name));
}

/** A word with its placeholders replaced. */
export function filled(word: string, values: Readonly<Record<string, string>>): string {
  return word.replace(/\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (whole, name: string) => values[name] ?? whole);
}
