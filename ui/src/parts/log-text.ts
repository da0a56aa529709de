/**
 * What a log line is made of: text, `key=value` fields, ANSI colours as our
 * palette has them, and control characters as symbols. Nothing in it is ever
 * markup.
 */

export interface Piece {
  text: string;
  kind: "text" | "field" | "control";
  /** One of the palette's tokens, without the dashes. */
  colour: string | null;
  bold: boolean;
}

/** 0–7 and their bright 8–15, in the order of ANSI; black and white follow the theme. */
const COLOURS = ["t3", "err", "ok", "warn", "accent", "spec", "accent", "t1"] as const;
const SGR = /\u001b\[([0-9;]*)m/g;
/** Any other escape sequence moves a cursor that is not there. */
// eslint-disable-next-line no-control-regex
const OTHER_ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;
const FIELD = /(?<=\s)[A-Za-z_][\w.]*=(?:"(?:[^"\\]|\\.)*"|[^\s"]+)(?=\s|$)/g;

export function logPieces(line: string): Piece[] {
  const pieces: Piece[] = [];
  let colour: string | null = null;
  let bold = false;
  let from = 0;
  const add = (text: string): void => {
    if (text !== "") pieces.push(...fields(text.replace(OTHER_ESCAPES, ""), colour, bold));
  };
  for (const match of line.matchAll(SGR)) {
    add(line.slice(from, match.index));
    from = match.index + match[0].length;
    for (const code of (match[1] ?? "").split(";").map(Number)) {
      if (code === 0) [colour, bold] = [null, false];
      else if (code === 1) bold = true;
      else if (code === 22) bold = false;
      else if (code === 39) colour = null;
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) colour = COLOURS[code % 10] ?? null;
    }
  }
  add(line.slice(from));
  return pieces;
}

/** Without colours and with symbols for control characters: what is searched and copied. */
export function plainText(line: string): string {
  return symbols(line.replace(SGR, "").replace(OTHER_ESCAPES, ""));
}

function fields(text: string, colour: string | null, bold: boolean): Piece[] {
  return split(text, FIELD).flatMap(([part, isField]) =>
    split(part, CONTROL).map(([piece, isControl]): Piece => ({
      text: isControl ? symbols(piece) : piece,
      kind: isControl ? "control" : isField ? "field" : "text",
      colour,
      bold,
    })),
  );
}

function symbols(text: string): string {
  return text.replace(CONTROL, (char) => {
    const code = char.charCodeAt(0);
    // Caret notation: every font has it, which is not so for the control pictures.
    if (code < 0x20 || code === 0x7f) return `^${String.fromCharCode(code ^ 0x40)}`;
    return `‹${code.toString(16).toUpperCase().padStart(4, "0")}›`;
  });
}

/** The text in pieces that match and pieces that do not. */
export function split(text: string, pattern: RegExp): [piece: string, matches: boolean][] {
  const pieces: [string, boolean][] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match[0] === "") continue;
    if (match.index > from) pieces.push([text.slice(from, match.index), false]);
    pieces.push([match[0], true]);
    from = match.index + match[0].length;
  }
  if (from < text.length) pieces.push([text.slice(from), false]);
  return pieces;
}
