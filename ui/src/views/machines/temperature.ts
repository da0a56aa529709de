/** When a temperature deserves attention. */
import { settings } from "../../state/settings.svelte";

/** That close to its limit a temperature is marked. */
const NEAR_C = 5;

/** The limit in °C, or `null` without one. */
export function temperatureLimit(): number | null {
  const limit = Number.parseFloat(settings.get("contribute.temperature_limit_c"));
  return Number.isNaN(limit) ? null : limit;
}

export function nearLimit(temperature_c: number): boolean {
  const limit = temperatureLimit();
  return limit !== null && temperature_c >= limit - NEAR_C;
}
