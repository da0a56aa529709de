/** Reads CSV (RFC 4180) and lines of JSON into rows of text. */

export interface Table {
  head: string[];
  rows: string[][];
}

export function readTable(text: string): Table {
  return text.trimStart().startsWith("{") ? readNdjson(text) : readCsv(text);
}

/** The first record is the head. Quoted fields may hold commas, line ends and doubled quotes. */
export function readCsv(text: string): Table {
  const records: string[][] = [];
  let record: string[] = [];
  let field = "";
  let quoted = false;
  const endRecord = (): void => {
    record.push(field);
    field = "";
    if (record.length > 1 || record[0] !== "") records.push(record);
    record = [];
  };
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (quoted) {
      if (char !== '"') field += char;
      else if (text[at + 1] === '"') {
        field += '"';
        at += 1;
      } else quoted = false;
    } else if (char === '"' && field === "") quoted = true;
    else if (char === ",") {
      record.push(field);
      field = "";
    } else if (char === "\n") endRecord();
    else if (char !== "\r") field += char;
  }
  endRecord();
  const [head = [], ...rows] = records;
  return { head, rows };
}

/** A column for every key that occurs, in the order of first sight. */
export function readNdjson(text: string): Table {
  const values = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line): unknown => JSON.parse(line));
  const head = new Set<string>();
  for (const value of values) if (isRecord(value)) for (const key of Object.keys(value)) head.add(key);
  const keys = [...head];
  return { head: keys, rows: values.map((value) => keys.map((key) => (isRecord(value) ? asText(value[key]) : ""))) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asText(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
