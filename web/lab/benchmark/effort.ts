/** How long each candidate of a table is measured, and how long a sample lasts. */
import type { Environment } from "./environment.js";
import type { Settings } from "./settings.js";
import type { Effort } from "./types.js";

/** Of a sample, so that the clock's step is 2 % of it at the most. */
const stepsPerSample = 50;
const leastSample = 5;

export function effortOf({ seconds }: Settings, { timerStep }: Pick<Environment, "timerStep">): Effort {
  return {
    budget: 1000 * seconds,
    least: 5,
    most: 31,
    warm: Math.min(400, 200 * seconds),
    sample: Math.max(leastSample, stepsPerSample * timerStep),
  };
}
