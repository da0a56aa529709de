/** Chooses how a result is shown: by its media type, else by its bytes. */

export type Look = "image" | "json" | "table" | "text" | "hex";

/** A signature, and where it begins. */
const IMAGES: readonly (readonly [number, readonly number[]])[] = [
  [0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]], // PNG
  [0, [0xff, 0xd8, 0xff]], // JPEG
  [0, [0x47, 0x49, 0x46, 0x38]], // GIF
  [8, [0x57, 0x45, 0x42, 0x50]], // WebP, after RIFF and its length
  [0, [0x42, 0x4d]], // BMP
];

/** More than so many lines are not looked at to find out what they are. */
const LOOKED_AT_LINES = 20;

export interface Shown {
  look: Look;
  /** Why it is shown as bytes although it should be something else. */
  why: string | null;
}

/** What bytes are; `mediaType` is what the kernel says of them, which is believed only if it fits. */
export function detect(bytes: Uint8Array, mediaType: string | null): Shown {
  const type = mediaType?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type.startsWith("image/") && type !== "image/svg+xml") {
    return isImage(bytes) ? fine("image") : { look: "hex", why: `not a picture although the module says ${type}` };
  }
  if (isImage(bytes)) return fine("image");
  const text = decodeText(bytes);
  if (text === null) {
    const expected = type.startsWith("text/") || type === "application/json";
    return { look: "hex", why: expected ? `not text although the module says ${type}` : null };
  }
  if (type === "text/csv" || type === "application/x-ndjson") return fine("table");
  if (isJson(text)) return fine("json");
  if (type === "application/json") return { look: "text", why: "not JSON although the module says so" };
  if (type === "" || type === "application/octet-stream") {
    if (isNdjson(text) || isCsv(text)) return fine("table");
  }
  return fine("text");
}

/** UTF-8 as text; null for bytes that are no text. */
export function decodeText(bytes: Uint8Array): string | null {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
  // A text has line ends and tabs, and perhaps colours; a NUL it has not.
  return text.includes("\0") ? null : text;
}

export function isImage(bytes: Uint8Array): boolean {
  return IMAGES.some(([at, signature]) => signature.every((byte, n) => bytes[at + n] === byte));
}

function isJson(text: string): boolean {
  // A bare number or word is text to people, though it parses.
  const first = text.trimStart()[0];
  if (first !== "{" && first !== "[") return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isNdjson(text: string): boolean {
  const lines = someLines(text);
  return lines.length >= 2 && lines.every((line) => line.startsWith("{") && isJson(line));
}

/** Several columns, as many in each line. */
function isCsv(text: string): boolean {
  const lines = someLines(text);
  if (lines.length < 2) return false;
  const commas = lines.map((line) => line.split(",").length);
  return (commas[0] ?? 0) > 1 && commas.every((n) => n === commas[0]);
}

function someLines(text: string): string[] {
  const lines = text.split("\n", LOOKED_AT_LINES + 1);
  // The last one may be cut or empty.
  const whole = lines.length > LOOKED_AT_LINES ? lines.slice(0, LOOKED_AT_LINES) : lines;
  return whole.map((line) => line.trim()).filter((line) => line !== "");
}

function fine(look: Look): Shown {
  return { look, why: null };
}
