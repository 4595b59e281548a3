/**
 * One number for every spread and length: how many entries share the attention, 1 / Σ p². Two lines divide the map.
 * Below σ = √(ln n / 2) the closed form n e^(−σ²) applies; above σ = √(2 ln n) the row hangs on its largest few.
 */
import type { RegimeRow, RegimeSweep } from "heed";
import { atMost, number } from "./checks.js";
import { defineExperiment, type RunOptions } from "./experiment.js";

/** Participation converges slowly near the lower line; well below it, within a quarter. */
const participationTolerance = 0.25;
const handful = 15;

export const phaseMap = defineExperiment({
  id: "phase-map",
  question: "How many entries share the attention, for every spread of the scores and every length?",
  parameters: {
    n: [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384],
    sigma: [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6],
    weights: "none",
    rows: 32,
    seed: 1,
  } satisfies RegimeSweep,
  run: (heed, parameters: RegimeSweep, options?: RunOptions) => heed.simulate("E5", parameters, options),
  claims: [
    {
      text: "Well below the lower line (σ at most half of it) their number is n e^(−σ²) within a quarter.",
      check: (rows: readonly RegimeRow[]) =>
        atMost(
          rows.filter(({ n, sigma }) => sigma <= 0.5 * Math.sqrt(Math.log(n) / 2)),
          ({ n, sigma, participation }) => Math.abs(participation / (n * Math.exp(-sigma * sigma)) - 1),
          participationTolerance,
          ({ n, sigma, participation }) =>
            `${number(participation)} of ${number(n * Math.exp(-sigma * sigma))} at n = ${n}, σ = ${number(sigma)}`,
        ),
    },
    {
      text: `Above the upper line at most ${handful} entries share the attention.`,
      check: (rows: readonly RegimeRow[]) =>
        atMost(
          rows.filter(({ n, sigma }) => sigma > Math.sqrt(2 * Math.log(n))),
          ({ participation }) => participation,
          handful,
          ({ n, sigma, participation }) => `${number(participation)} at n = ${n}, σ = ${number(sigma)}`,
        ),
    },
  ],
});
