/** The sample that ships with Skep: a Mandelbrot picture of 256 tiles. */
import { bridge } from "../bridge/bridge";
import { plainJob } from "./submit";

const SAMPLE = "sample:mandelbrot";

/** Starts the sample; resolves to its job. Throws an `ApiError`. */
export async function runSample(): Promise<string> {
  const submit = { ...plainJob({ by: "name", name: SAMPLE }, SAMPLE), name: "mandelbrot" };
  const { job } = await bridge().call({ verb: "submit", ...submit }, "submitted");
  return job;
}
