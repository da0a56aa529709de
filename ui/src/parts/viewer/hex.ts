/** Bytes as lines of a hex dump: where, sixteen of them, and what of it is text. */

export const HEX_COLUMNS = 16;

export interface HexLine {
  at: string;
  hex: string;
  text: string;
}

export function hexLine(bytes: Uint8Array, line: number): HexLine {
  const first = line * HEX_COLUMNS;
  const part = bytes.subarray(first, first + HEX_COLUMNS);
  const pairs = [...part].map((byte) => byte.toString(16).padStart(2, "0"));
  // A gap in the middle helps the eye to count.
  const hex = [pairs.slice(0, 8).join(" "), pairs.slice(8).join(" ")].join("  ").trimEnd();
  const text = [...part].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
  return { at: first.toString(16).padStart(8, "0"), hex, text };
}
