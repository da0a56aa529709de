/** Text that a program wrote, as it may be shown: without escape sequences, control characters as symbols. */

// CSI and OSC sequences as terminals know them: colours, titles, links.
const SEQUENCES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\))/g;
const CONTROL_PICTURES = 0x2400;

export function plain(text: string): string {
  let shown = "";
  for (const char of text.replaceAll("\r\n", "\n").replace(SEQUENCES, "")) {
    const code = char.codePointAt(0) ?? 0;
    shown += code < 0x20 && char !== "\n" && char !== "\t" ? String.fromCodePoint(CONTROL_PICTURES + code) : char;
  }
  return shown;
}
