/** Checks what is typed for a kernel's parameter as the node will, so that a mistake shows at once. */
import type { ParameterView } from "../../bridge/types";
import { count } from "../../words/format";

/** Why the value is refused; null if it is taken. */
export function wrongValue(parameter: ParameterView, value: string): string | null {
  const text = value.trim();
  if (text === "") return parameter.default === null ? "It needs a value." : null;
  switch (parameter.type) {
    case "integer":
      if (!/^[+-]?\d+$/.test(text)) return "A whole number.";
      return outOfRange(parameter, text);
    case "number":
      if (!Number.isFinite(Number(text))) return "A number.";
      return outOfRange(parameter, text);
    case "bool":
      return text === "true" || text === "false" ? null : "true or false.";
    case "choice":
      return parameter.choices.includes(text) ? null : `One of ${parameter.choices.join(", ")}.`;
    case "string":
      return null;
  }
}

/** The range as a label says it: 16 to 32,768. Empty without one. */
export function rangeText(parameter: ParameterView): string {
  if (parameter.type === "choice") return `${parameter.choices.length} choices`;
  if (parameter.min === null || parameter.max === null) return "";
  return `${shown(parameter.min)} to ${shown(parameter.max)}`;
}

/** `max_iterations` as people read it. */
export function parameterTitle(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function outOfRange({ min, max }: ParameterView, text: string): string | null {
  if (min !== null && Number(text) < Number(min)) return `At least ${shown(min)}.`;
  if (max !== null && Number(text) > Number(max)) return `At most ${shown(max)}.`;
  return null;
}

/** Numbers too large for separators stay as the kernel writes them. */
function shown(number: string): string {
  const value = Number(number);
  return Number.isInteger(value) && Math.abs(value) < 1e9 ? count(value) : number;
}
